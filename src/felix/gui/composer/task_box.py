"""The text field for the task: grows from two lines to six, takes a paste of any length, and can be locked.

Tk lays out a logical line as a whole, so one endless line makes every key press slow. Long lines are therefore broken
where they enter, with a mark that no text holds and that `text` and copying take out again.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.gui.kit import Kit
from felix.gui.text.shown_text import editable

FEWEST, MOST = 2, 6
"""Lines."""
LONGEST = 1_000
"""Characters of a logical line; at 400 to 2,000 Tk answers a key within a frame."""
MOST_FITTED = 20
"""Breaks of a paste that are put where the screen breaks the line anyway; each costs a layout of some milliseconds."""
NARROWEST = 80
"""Pixels below which the box has not been laid out yet."""
SOFT = "\u2060\u200b\n"
"""The mark of a break that is not the user's: two characters without width that never stand together in a text."""
PLACEHOLDER = "Describe a task or a question. Several agents work on it at once, and you watch each of them think."
_EDITING = (
    *("<<Undo>>", "<<Redo>>", "<<Clear>>", "<Key-BackSpace>", "<Key-Delete>"),
    *(f"<Control-{key}>" for key in "dhikot"),
)
"""What writes without being a character."""


class TaskBox:
    """A Text of the task. `on_change` is called, when Tk is idle, after the text or the size it needs changed."""

    def __init__(
        self, parent: tk.Misc, kit: Kit, *, on_change: Callable[[], None], placeholder: str = PLACEHOLDER
    ) -> None:
        self._kit = kit
        self._fewest, self._most = FEWEST, MOST
        self._on_change = on_change
        self._idle: str | None = None
        self.is_locked = False
        self.widget = kit.text(
            parent, "card", "Base", padx=9, pady=6, editable=True, height=FEWEST, maxundo=200, autoseparators=True,
            takefocus=True,
        )  # fmt: skip
        self._hint = kit.label(self.widget, placeholder, "Base", "text2", "card", cursor="xterm")
        self._hint.bind("<Button-1>", lambda _event: self.widget.focus_set())
        self._is_large = False
        widget = self.widget
        for sequence in _EDITING:
            widget.bind(sequence, self._guard)
        widget.bind("<Key>", self._guard_key)
        widget.bind("<<Paste>>", self._paste)
        widget.bind("<<PasteSelection>>", self._paste_selection)
        widget.bind("<<Copy>>", lambda _event: self._copy())
        widget.bind("<<Cut>>", self._cut)
        widget.bind("<Tab>", self._leave)
        widget.bind("<Shift-Tab>", self._leave)
        if widget.tk.call("tk", "windowingsystem") == "x11":
            widget.bind("<ISO_Left_Tab>", self._leave)
        widget.bind("<<Modified>>", self._modified)
        widget.bind("<Destroy>", lambda _event: self._forget())
        widget.bind("<Configure>", lambda _event: self._schedule(), add="+")
        for sequence in ("<FocusIn>", "<FocusOut>"):
            widget.bind(sequence, lambda _event: self._schedule(), add="+")
        self._place_hint()

    @property
    def text(self) -> str:
        """What the user wrote, without the breaks of ours."""
        return self.widget.get("1.0", "end-1c").replace(SOFT, "")

    @text.setter
    def text(self, text: str) -> None:
        self.widget.delete("1.0", "end")
        self._put(text)
        self.widget.edit_reset()
        self.widget.see("insert")
        self._schedule()

    def set_large(self, *, is_large: bool) -> None:
        """The larger type and room of the first screen."""
        self._is_large = is_large
        font = "Read" if is_large else "Base"
        self.widget.configure(font=font)
        self._kit.set_label(self._hint, font=font)
        self._schedule()

    def ask_for(self, placeholder: str, *, fewest: int, most: int) -> None:
        """Say what is to be written here, and how many lines it may take."""
        self._kit.set_label(self._hint, text=placeholder)
        self._fewest, self._most = fewest, most
        self._schedule()

    def refresh(self) -> None:
        """Fit the size to the text again: a locked box is as small as can be."""
        self._schedule()

    def _guard(self, _event: tk.Event[tk.Misc]) -> str | None:
        return "break" if self.is_locked else None

    def _guard_key(self, event: tk.Event[tk.Misc]) -> str | None:
        # A locked text still lets the cursor move, selects and copies: only what would write is held back.
        is_command = bool(int(event.state) & 0x4) or not event.char or event.keysym == "Escape"
        if not self.is_locked or is_command:
            return None
        return "break"

    def _leave(self, event: tk.Event[tk.Misc]) -> str:
        backwards = event.keysym == "ISO_Left_Tab" or bool(int(event.state) & 0x1)
        self.widget.event_generate("<<PrevWindow>>" if backwards else "<<NextWindow>>")
        return "break"

    def _paste(self, _event: tk.Event[tk.Misc]) -> str:
        self._insert_from("CLIPBOARD")
        return "break"

    def _paste_selection(self, event: tk.Event[tk.Misc]) -> str:
        if not self.is_locked:
            self.widget.mark_set("insert", f"@{event.x},{event.y}")
            self._insert_from("PRIMARY", keep_selection=True)
        return "break"

    def _insert_from(self, selection: str, *, keep_selection: bool = False) -> None:
        if self.is_locked:
            return
        try:
            text = self.widget.selection_get(selection=selection)
        except tk.TclError:
            return  # nothing there, or nothing that is text
        widget = self.widget
        widget.configure(autoseparators=False)
        widget.edit_separator()
        if not keep_selection and widget.tag_ranges("sel"):
            widget.delete("sel.first", "sel.last")
        self._put(text)
        widget.edit_separator()
        widget.configure(autoseparators=True)
        widget.see("insert")

    def _put(self, text: str) -> None:
        """Insert at the cursor; what has to be broken is broken where nobody sees it, as far as that is affordable."""
        widget, left = self.widget, MOST_FITTED if self.widget.winfo_width() > NARROWEST else 0
        rest = editable(text).replace(SOFT, "")
        while left and (start := _long_line(rest)) is not None:
            left -= 1
            end = start + LONGEST
            widget.insert("insert", rest[:end])
            at = widget.index("insert display linestart")
            over = len(widget.get(at, "insert"))
            if 0 < over < LONGEST:
                widget.delete(at, "insert")
            else:
                over = 0
            widget.insert("insert", SOFT)
            rest = rest[end - over :]
        widget.insert("insert", _broken(rest))

    def _copy(self) -> str:
        if self.widget.tag_ranges("sel"):
            self.widget.clipboard_clear()
            self.widget.clipboard_append(self.widget.get("sel.first", "sel.last").replace(SOFT, ""))
        return "break"

    def _cut(self, _event: tk.Event[tk.Misc]) -> str:
        self._copy()
        if not self.is_locked and self.widget.tag_ranges("sel"):
            self.widget.edit_separator()
            self.widget.delete("sel.first", "sel.last")
            self.widget.edit_separator()
        return "break"

    def _modified(self, _event: tk.Event[tk.Misc]) -> None:
        if self.widget.edit_modified():
            self.widget.edit_modified(False)
            self._schedule()

    def _schedule(self) -> None:
        if self._idle is None:
            self._idle = self.widget.after_idle(self._settle)

    def _forget(self) -> None:
        if self._idle is not None:
            self.widget.after_cancel(self._idle)
            self._idle = None

    def _settle(self) -> None:
        self._idle = None
        self._place_hint()
        # Two thousand characters fill as many lines as there can be; the rest need not be laid out to know that.
        counted = self.widget.count("1.0", "1.0 + 2000 chars", "displaylines")
        lines = counted[0] if counted else 1
        fewest = self._fewest + self._is_large
        grows = self._is_large or (not self.is_locked and str(self.widget.tk.call("focus")) == str(self.widget))
        height = max(fewest, min(self._most, lines)) if grows else fewest
        if int(self.widget.cget("height")) != height:
            self.widget.configure(height=height)
            if self.is_locked:
                self.widget.yview_moveto(0)  # how a task begins says what it is about
            else:
                self.widget.see("insert")
        self._on_change()

    def _place_hint(self) -> None:
        if self.widget.compare("end-1c", "==", "1.0"):
            self._hint.configure(wraplength=max(100, self.widget.winfo_width() - self._kit.px(12)))
            self._hint.place(x=0, y=0)  # Tk counts from inside a Text's own padding
        else:
            self._hint.place_forget()


def _long_line(text: str) -> int | None:
    """Where the first line begins that is too long."""
    start = 0
    for line in text.split("\n"):
        if len(line) > LONGEST:
            return start
        start += len(line) + 1
    return None


def _broken(text: str) -> str:
    """The text as it goes into the widget: what Tk can show, and no endless line."""
    text = editable(text).replace(SOFT, "")
    if max(map(len, text.split("\n"))) <= LONGEST:
        return text
    return "\n".join(_broken_line(line) for line in text.split("\n"))


def _broken_line(line: str) -> str:
    pieces = []
    while len(line) > LONGEST:
        blank = line.rfind(" ", LONGEST // 2, LONGEST)
        cut = blank + 1 if blank > 0 else LONGEST
        pieces.append(line[:cut])
        line = line[cut:]
    return SOFT.join([*pieces, line])
