"""The panel under the model chip: search, every endpoint with its models, and what else can be asked for.

A frame over the window rather than a window of its own, so that it needs nothing of a window manager. The keyboard is
in the search field all the time: typing searches, the arrow keys move in the list.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from tkinter import ttk as plain

from felix.gui.composer.endpoint_watch import EndpointWatch
from felix.gui.composer.model_choices import Choice, Row
from felix.gui.composer.model_list import ModelList
from felix.gui.kit import Kit

WIDTH, HEIGHT, LEAST = 560, 520, 300
"""At the type's own size; `LEAST` is the height for which it rather opens above the chip."""
MARGIN = 8


@dataclass(frozen=True, slots=True)
class PanelActs:
    """What the panel asks for."""

    choose: Callable[[Choice], object]
    warning: Callable[[Choice], str]
    """What becomes of other models when this one is loaded; empty: nothing."""
    look: Callable[[], object]
    """Ask all endpoints again."""
    open_file: Callable[[], object]
    endpoints: Callable[[], object]
    demo: Callable[[], object]


class ModelPanel:
    """Opened by its constructor under `anchor`; `close` takes it away and gives the keyboard back."""

    def __init__(
        self,
        anchor: plain.Button,
        kit: Kit,
        watch: EndpointWatch,
        rows: Callable[[str], list[Row]],
        acts: PanelActs,
        *,
        on_close: Callable[[], object],
    ) -> None:
        """`rows` gives what is to be listed for a query."""
        self._anchor, self._kit, self._watch, self._rows, self._acts = anchor, kit, watch, rows, acts
        self._on_close = on_close
        self._root = anchor.winfo_toplevel()
        self.frame = kit.frame(self._root, "card", padding=4, box="card", border="line2")
        self._query = tk.StringVar(self.frame)
        self._build()
        self._trace = self._query.trace_add("write", lambda *_names: self._search())
        self._bindings = [
            (sequence, self._root.bind(sequence, handler, add="+"))
            for sequence, handler in (("<Button-1>", self._pressed), ("<Configure>", self._resized))
        ]
        self._is_open = True
        self.list.show(rows(""), from_top=True)
        self.fit()
        self.frame.lift()
        self.entry.focus_set()

    def _build(self) -> None:
        kit, frame = self._kit, self.frame
        head = kit.frame(frame, "card", padding=(6, 6, 6, 6))
        head.pack(fill="x")
        self._again = kit.button(
            head, icon="arrow-clockwise", on="card", padding=(7, 6), command=self._acts.look,
            tooltip="Ask all servers again",
        )  # fmt: skip
        self._again.pack(side="right", padx=(kit.px(4), 0))
        self.entry = kit.entry(
            head, "card", icon="search", placeholder="Search models and servers", textvariable=self._query
        )
        self.entry.pack(side="left", fill="x", expand=True)
        kit.rule(frame).pack(fill="x")
        foot = kit.frame(frame, "card", padding=(4, 4, 4, 2))
        foot.pack(side="bottom", fill="x")
        self.file_button = kit.button(
            foot, "Open model file…", "file-earmark-plus", on="card", font="Small", padding=(8, 4),
            tooltip="A GGUF file on this machine, without any server", command=self._then(self._acts.open_file),
        )  # fmt: skip
        self.demo_button = kit.button(
            foot, "Demo model", "mask", on="card", font="Small", padding=(8, 4),
            tooltip="Scripted text; nothing is sent anywhere", command=self._then(self._acts.demo),
        )  # fmt: skip
        self.endpoints_button = kit.button(
            foot, "Endpoints…", "plug", on="card", font="Small", padding=(8, 4),
            tooltip="Add, change and examine servers in the settings", command=self._then(self._acts.endpoints),
        )  # fmt: skip
        self.file_button.pack(side="left")
        self.demo_button.pack(side="left")
        self.endpoints_button.pack(side="right")
        kit.rule(frame).pack(side="bottom", fill="x")
        self.warning = kit.label(frame, font="Small", color="ink:stop", on="card", padding=(12, 5, 12, 6))
        self.list = ModelList(
            frame, kit, busy=self._watch.busy_words, fault=self._fault, on_choose=self._choose, on_act=self._act,
            on_current=self._warn,
        )  # fmt: skip
        self.list.frame.pack(fill="both", expand=True, pady=kit.px(3))
        self._nothing = kit.label(frame, "No model has all of these words in its name.", "Small", "text2", "card")
        for key, act in (
            ("<Up>", lambda: self.list.step(-1)),
            ("<Down>", lambda: self.list.step(1)),
            ("<Prior>", lambda: self.list.step(-self.list.page)),
            ("<Next>", lambda: self.list.step(self.list.page)),
            ("<Return>", self.list.choose),
            ("<KP_Enter>", self.list.choose),
            ("<Shift-Return>", self.list.act),
        ):
            self.entry.bind(key, lambda _event, act=act: act())  # type: ignore[misc]
        for widget in (self.entry, self._again, self.file_button, self.demo_button, self.endpoints_button):
            widget.bind("<Escape>", self._escaped)
            widget.bind("<FocusOut>", lambda _event: self._root.after_idle(self._look_at_focus), add="+")

    # -- what it shows -------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Something has become known of an endpoint, or time has passed for a model that is being loaded."""
        if self._is_open:
            rows = self._rows(self._query.get())
            if rows == self.list.rows:
                self.list.refresh()
            else:
                self.list.show(rows)
                self._say_nothing()

    def fit(self) -> None:
        """Take the room that there is now: under the chip, or above it where there is more."""
        kit, root, anchor, margin = self._kit, self._root, self._anchor, self._kit.px(MARGIN)
        share = max(1.0, kit.font_percent / 100)
        room = root.winfo_width() - 2 * margin, root.winfo_height() - 2 * margin
        width = min(round(kit.px(WIDTH) * share), room[0])
        left = anchor.winfo_rootx() - root.winfo_rootx()
        top = anchor.winfo_rooty() - root.winfo_rooty()
        below = root.winfo_height() - margin - top - anchor.winfo_height() - kit.px(4)
        above = top - margin - kit.px(4)
        wanted = round(kit.px(HEIGHT) * share)
        is_above = below < min(wanted, round(kit.px(LEAST) * share)) and above > below
        height = max(1, min(wanted, above if is_above else below))
        self.frame.place(
            x=max(margin, min(left, root.winfo_width() - margin - width)),
            y=top - kit.px(4) - height if is_above else top + anchor.winfo_height() + kit.px(4),
            width=width,
            height=height,
        )
        self.warning.configure(wraplength=width - kit.px(36))

    def _search(self) -> None:
        self.list.show(self._rows(self._query.get()), from_top=True)
        self._say_nothing()

    def _say_nothing(self) -> None:
        if self.list.rows:
            self._nothing.place_forget()
        else:
            self._nothing.place(relx=0.5, rely=0.45, anchor="center")

    def _fault(self, base_url: str, model: str) -> str:
        return self._watch.faults.get((base_url, model), "")

    def _warn(self, choice: Choice | None) -> None:
        """Say what choosing or loading this one does to others, and a fault in full."""
        fault = self._fault(choice.base_url, choice.model) if choice else ""
        words = fault or (self._acts.warning(choice) if choice else "")
        if words:
            self._kit.set_label(self.warning, text=words, color="ink:fail" if fault else "ink:stop")
            self.warning.pack(side="bottom", fill="x", before=self.list.frame)
        else:
            self.warning.pack_forget()

    # -- the user ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """A second call does nothing."""
        if not self._is_open:
            return
        self._is_open = False
        for sequence, binding in self._bindings:
            self._unbind(sequence, binding)
        had_focus = str(self._root.tk.call("focus")).startswith(str(self.frame))
        self._query.trace_remove("write", self._trace)
        self.frame.destroy()
        if had_focus and self._anchor.winfo_exists():
            self._anchor.focus_set()
        self._on_close()

    def _unbind(self, sequence: str, binding: str) -> None:
        """As `unbind(sequence, binding)`, which in Python before 3.13 takes all others of that sequence along."""
        script = str(self._root.tk.call("bind", self._root, sequence))
        left = "\n".join(line for line in script.split("\n") if binding not in line)
        self._root.tk.call("bind", self._root, sequence, left)
        self._root.deletecommand(binding)

    def _choose(self, choice: Choice) -> None:
        self.close()
        self._acts.choose(choice)

    def _act(self, choice: Choice) -> None:
        if choice.can_load:
            self._watch.load(choice.base_url, choice.model)
        else:
            self._watch.unload(choice.base_url, choice.model)

    def _then(self, act: Callable[[], object]) -> Callable[[], None]:
        def close_and_act() -> None:
            self.close()
            act()

        return close_and_act

    def _escaped(self, _event: tk.Event[tk.Misc]) -> str:
        if self.entry.get():
            self._query.set("")
            self.entry.focus_set()
        else:
            self.close()
        return "break"  # to the window it would mean Stop

    def _pressed(self, event: tk.Event[tk.Misc]) -> None:
        if not self._holds(str(event.widget)) and str(event.widget) != str(self._anchor):
            self.close()

    def _look_at_focus(self) -> None:
        """The keyboard has gone elsewhere in this window; where another window has it, it may come back."""
        if not self._is_open:
            return
        focus = str(self._root.tk.call("focus"))
        if focus and not self._holds(focus) and focus != str(self._anchor):
            self.close()

    def _holds(self, path: str) -> bool:
        return path == str(self.frame) or path.startswith(f"{self.frame}.")

    def _resized(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self._root and self._is_open:
            self._root.after_idle(self._fit_again)

    def _fit_again(self) -> None:
        if self._is_open:
            self.fit()
