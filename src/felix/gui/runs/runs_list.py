"""The left wing's content: a search field, a button for a new run, the rows, and a line to take a deletion back.

It shows what it is given and tells what the user wants of it; what a run is, and where runs are kept, it does not know.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from tkinter import ttk as plain

from felix.events import RunId
from felix.gui.kit import Kit
from felix.gui.runs.runs_canvas import RunsCanvas
from felix.gui.runs.runs_words import Live, name_of
from felix.ledger.reader import RunRow

AGES_MS = 60_000
"""Between two looks at how long ago the runs were: the youngest age is told in minutes."""
SEARCH_MS = 60
"""After the last key: a word typed at speed is one search."""


@dataclass(frozen=True, slots=True)
class RunActs:
    """What the user does; all are called on Tk's thread and return at once."""

    on_open: Callable[[RunRow], object]
    on_new: Callable[[], object]
    on_search: Callable[[str], object]
    on_rename: Callable[[RunRow, str], object]
    """With an empty name the run is called by its task again."""
    on_pin: Callable[[RunRow], object]
    """Pin it, or when it is pinned, no longer."""
    on_delete: Callable[[RunRow], object]
    on_undo: Callable[[], object]
    on_copy: Callable[[RunRow], object]


@dataclass(frozen=True, slots=True)
class Command:
    """A line of a run's menu."""

    label: str
    act: Callable[[RunRow], object]
    keys: str = ""


class RunsList:
    """`frame` is placed by the caller."""

    def __init__(self, parent: tk.Misc, kit: Kit, acts: RunActs) -> None:
        self._kit, self._acts = kit, acts
        self.commands: list[Command] = []
        """Further lines of the menu, before Delete."""
        self.frame = kit.frame(parent, "side")
        top = kit.frame(self.frame, "side", padding=(10, 10, 10, 6))
        top.pack(fill="x")
        self.new_button = kit.button(
            top, icon="plus-lg", kind="outline", on="side", padding=(8, 7), tooltip="New run (Ctrl+N)",
            command=acts.on_new,
        )  # fmt: skip
        self.new_button.pack(side="right", padx=(kit.px(6), 0))
        self._words = tk.StringVar(top)
        self.search = kit.entry(top, "side", 8, icon="search", placeholder="Search runs", textvariable=self._words)
        self.search.pack(side="left", fill="x", expand=True)
        kit.tooltip(self.search, "Search in tasks, thoughts and answers (Ctrl+Shift+F)")
        self._clear = kit.button(
            self.search, icon="x-lg", on="field", padding=(4, 4), icon_size=10, tooltip="Show all runs (Esc)",
            command=self.end_search, takefocus=False, cursor="arrow",
        )  # fmt: skip
        self.canvas = RunsCanvas(self.frame, kit, on_open=acts.on_open, on_menu=self._post)
        self.canvas.frame.pack(fill="both", expand=True)
        self._nothing = kit.frame(self.canvas.frame, "side")
        kit.label(self._nothing, on="side", icon="clock-history", icon_size=22, icon_color="text2").pack()
        self._why = kit.label(self._nothing, "", "Strong", on="side", padding=(0, 8, 0, 2), justify="center")
        self._why.pack()
        self._hint = kit.label(self._nothing, "", "Small", "text2", "side", justify="center")
        self._hint.pack()
        self._undo = kit.frame(self.frame, "side")
        kit.rule(self._undo).pack(fill="x")
        self.undo_close = kit.button(
            self._undo, icon="x-lg", on="side", padding=(6, 5), icon_size=10, tooltip="Hide this",
            command=self._too_late,
        )  # fmt: skip
        self.undo_close.pack(side="right", padx=(0, kit.px(6)))
        self._told = kit.label(self._undo, "", "Small", on="side", padding=(14, 6, 0, 7))
        self._told.pack(side="left")
        self.undo_button = kit.button(
            self._undo, "Undo", on="side", font="Small", color="primary", padding=(8, 3), command=self._take_back
        )
        self.undo_button.pack(side="right", padx=kit.px(2))
        kit.tooltip(self.undo_button, "Take it back (Ctrl+Z)")
        self.on_too_late: Callable[[], object] = lambda: None
        """Told when a deletion can no longer be taken back here."""
        self._unkept = ""
        self._shown_search = ""
        self._after: dict[str, str] = {}
        """Timers by what they are for."""
        self._live: RunId | None = None
        self._menu = kit.menu(self.frame)
        self._field: plain.Entry | None = None
        self._renamed: RunRow | None = None
        self.canvas.on_move = lambda: self._end_rename(is_kept=True)
        trace = self._words.trace_add("write", lambda *_: self._typed())
        self.frame.bind("<Destroy>", lambda _event: self._forget(trace))
        self.canvas.frame.bind("<Configure>", lambda event: self._fit(event.width), add="+")
        self._bind_keys()
        self._fit(kit.px(240))
        self._after["ages"] = self.frame.after(AGES_MS, self._age)

    def _bind_keys(self) -> None:
        canvas, search = self.canvas.canvas, self.search
        for widget, key, handler in (
            (canvas, "<Delete>", self._delete),
            (canvas, "<F2>", self.rename),
            (canvas, "<<Copy>>", self._acts.on_copy),
        ):
            widget.bind(key, partial(self._with_current, handler))
        canvas.bind("<Control-z>", lambda _event: self._take_back())
        search.bind("<Escape>", self._escape)
        for key in ("<Down>", "<Next>"):
            search.bind(key, lambda _event: self._into_rows())
        for key in ("<Return>", "<KP_Enter>"):
            search.bind(key, lambda _event: self._open_first())

    # -- what it shows -------------------------------------------------------------------------------------------------

    def show(self, rows: Sequence[RunRow], search: str) -> None:
        """These runs, arranged, which are all there are or what `search` has found."""
        is_other = search != self._shown_search
        self._shown_search = search
        self.canvas.show(rows, from_top=is_other, is_whole=bool(search))
        self._place_field()
        if rows:
            self._nothing.place_forget()
        else:
            self._say_nothing()
            self._nothing.place(relx=0.5, rely=0.42, anchor="center")

    def say_unkept(self, why: str) -> None:
        """Tell where runs would stand why none is kept; empty: they are."""
        self._unkept = why
        self._say_nothing()

    def _say_nothing(self) -> None:
        """Why there is no row."""
        if search := self._shown_search:
            why, hint = f"No run has “{search}”", "Tasks, thoughts and answers were searched."
        elif self._unkept:
            why, hint = "No run is kept", self._unkept
        else:
            why, hint = "No runs yet", "Every run is kept here:\nsearch it, replay it, run it again."
        self._why.configure(text=why)
        self._hint.configure(text=hint)

    @property
    def rows(self) -> Sequence[RunRow]:
        return self.canvas.rows

    @property
    def searched(self) -> str:
        """What stands in the search field."""
        return self._words.get().strip()

    def set_live(self, live: Live | None) -> None:
        """Which run goes on, and what it has reached."""
        self._live = live.run if live else None
        self.canvas.set_live(live)

    def set_shown(self, run: RunId | None) -> None:
        """Which run is on screen."""
        self.canvas.set_shown(run)

    def say_deleted(self, count: int) -> None:
        """Offer to take back that so many runs are gone; 0 takes the offer away."""
        if not count:
            self._undo.pack_forget()
            return
        self._told.configure(text="Deleted" if count == 1 else f"{count} runs deleted")
        self._undo.pack(side="bottom", fill="x", before=self.canvas.frame)

    def focus_search(self) -> None:
        """Put the keyboard in the search field, all of it selected."""
        self.search.focus_set()
        self.search.selection_range(0, "end")

    def focus_rows(self) -> None:
        """Put the keyboard at the rows."""
        self.canvas.canvas.focus_set()

    def end_search(self) -> None:
        """Show all runs again."""
        self._words.set("")

    # -- searching -----------------------------------------------------------------------------------------------------

    def _typed(self) -> None:
        if self._words.get():
            self._clear.place(relx=1, rely=0.5, x=-self._kit.px(4), anchor="e")
        else:
            self._clear.place_forget()
        self._cancel("search")
        self._after["search"] = self.frame.after(SEARCH_MS, self._search)

    def _search(self) -> None:
        self._after.pop("search", None)
        self._acts.on_search(self.searched)

    def _escape(self, _event: tk.Event[tk.Misc]) -> str | None:
        if not self._words.get():
            return None  # nothing to end here: Escape means something else then
        self.end_search()
        return "break"

    def _into_rows(self) -> str:
        self.focus_rows()
        return "break"

    def _open_first(self) -> str:
        if self.rows and self._shown_search == self.searched:
            self._acts.on_open(self.rows[0])
        return "break"

    # -- acts on a row -------------------------------------------------------------------------------------------------

    def _with_current(self, act: Callable[[RunRow], object], _event: tk.Event[tk.Misc]) -> str:
        if (row := self.canvas.current) is not None:
            act(row)
        return "break"

    def _delete(self, row: RunRow) -> None:
        if row.run != self._live:
            neighbour = self.canvas.neighbour(row.run)
            self._acts.on_delete(row)
            self.canvas.go_to(neighbour)

    def _take_back(self) -> None:
        if self._undo.winfo_manager():
            self.say_deleted(0)
            self._acts.on_undo()
            self.focus_rows()

    def _too_late(self) -> None:
        self.say_deleted(0)
        self.on_too_late()

    def _post(self, row: RunRow, x: int, y: int) -> None:
        menu = self._menu
        menu.delete(0, "end")
        lines = [
            Command("Open", self._acts.on_open, "Enter"),
            Command("Rename…", self.rename, "F2"),
            Command("No longer pinned" if row.is_pinned else "Pin to the top", self._acts.on_pin),
            Command("Copy task", self._acts.on_copy, "Ctrl+C"),
            *self.commands,
        ]
        for line in lines:
            menu.add_command(label=line.label, accelerator=line.keys, command=partial(line.act, row))
        menu.add_separator()
        menu.add_command(label="Delete", accelerator="Del", command=partial(self._delete, row))
        if row.run == self._live:
            menu.entryconfigure("end", label="Delete (stop it first)", state="disabled")
        menu.tk_popup(x, y)

    def rename(self, row: RunRow) -> None:
        """A field in the place of the row's name: Enter or leaving it renames, Escape does not."""
        self._end_rename(is_kept=True)
        index = self.canvas.index_of(row.run)
        if index is None:
            return
        self.canvas.see(index)
        field = self._field = self._kit.entry(self.canvas.canvas, "side")
        self._renamed = row
        field.insert(0, name_of(row))
        field.selection_range(0, "end")
        self._place_field()
        for key in ("<Return>", "<KP_Enter>", "<FocusOut>"):
            field.bind(key, lambda _event: self._end_rename(is_kept=True))
        field.bind("<Escape>", lambda _event: self._end_rename(is_kept=False))
        field.focus_set()

    def _place_field(self) -> None:
        """Put the field where its row is, which may have moved as other runs came and went."""
        if self._field is not None and self._renamed is not None:
            box = self.canvas.name_box(self._renamed.run)
            if box is None:
                self._end_rename(is_kept=True)
            else:
                self._field.place(x=box[0], y=box[1] + self._kit.px(2), width=box[2])

    def _end_rename(self, *, is_kept: bool) -> str:
        field, row = self._field, self._renamed
        if field is not None and row is not None:
            self._field = self._renamed = None  # first: the field loses the focus as it goes
            name = " ".join(field.get().split())
            had_focus = str(field.tk.call("focus")) == str(field)
            field.destroy()
            if had_focus:
                self.focus_rows()
            if is_kept and name != name_of(row):
                self._acts.on_rename(row, name)
        return "break"

    # -- room ----------------------------------------------------------------------------------------------------------

    def _fit(self, width: int) -> None:
        wrap = max(self._kit.px(120), width - self._kit.px(24))
        for label in (self._why, self._hint):
            label.configure(wraplength=wrap)

    def _age(self) -> None:
        self._after["ages"] = self.frame.after(AGES_MS, self._age)
        self.canvas.grow_older()

    def _cancel(self, what: str) -> None:
        if timer := self._after.pop(what, ""):
            self.frame.after_cancel(timer)

    def _forget(self, trace: str) -> None:
        self._words.trace_remove("write", trace)
        for what in list(self._after):
            self._cancel(what)
