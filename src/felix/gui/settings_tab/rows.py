"""The form of the Settings tab: a section is a title and cards of rows, with a name, a hint and something to set each.

The hint line is also where a fault is told, in place, so that nothing jumps when it comes and goes but the words.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk as plain

from felix.gui.kit import Kit

UNDO_MS = 8_000
"""How long a reset can be taken back."""
_LEAST_HINT, _UNWRAPPED = 120, 720
_MOST_CONTROL = 0.64
"""Of a row's width, beside its words."""


class Row:
    """One setting. What sets it is made in `control`, a frame at the right."""

    def __init__(self, parent: tk.Misc, kit: Kit, name: str, hint: str, *, lines: int = 1) -> None:
        """`lines` is the room kept for what may be told: a fault must not move what somebody is about to click."""
        self._kit, self._hint, self._lines = kit, hint, lines
        self._width, self._wrapped = kit.px(_UNWRAPPED), 0
        self.frame = kit.frame(parent, "card", padding=(12, 6, 10, 7))
        self.frame.columnconfigure(0, weight=1)
        self.frame.rowconfigure(0, weight=1)
        words = kit.frame(self.frame, "card")
        words.grid(row=0, column=0, sticky="ew", padx=(0, kit.px(16)))
        self._name = kit.label(words, name, on="card")
        self._name.pack(anchor="w")
        self._line = kit.label(words, hint, "Small", "text2", "card")
        self._line.pack(anchor="w")
        words.bind("<Configure>", self._widened)
        self.control = kit.frame(self.frame, "card")
        self.control.grid(row=0, column=1, sticky="e")
        self._is_stacked = False
        for frame in (self.frame, self.control):
            frame.bind("<Configure>", lambda _event: self._arrange(), add="+")
        self.fault = ""
        self._hint_color = "text2"

    def set_name(self, name: str) -> None:
        self._name.configure(text=name)

    def set_hint(self, hint: str, *, is_warning: bool = False) -> None:
        """What stands below the name while there is no fault."""
        self._hint, self._hint_color = hint, "ink:stop" if is_warning else "text2"
        if not self.fault:
            self.set_fault("")

    def set_fault(self, sentence: str) -> None:
        """Tell what is wrong in the place of the hint; empty shows the hint again."""
        self.fault = sentence
        self._kit.set_label(self._line, text=sentence or self._hint, color="ink:fail" if sentence else self._hint_color)
        self._wrap()

    @property
    def shown(self) -> str:
        """The words in the hint line now."""
        return str(self._line.cget("text"))

    def _arrange(self) -> None:
        """In large type what sets a value may need most of the width: it then stands below the words."""
        is_stacked = self.control.winfo_reqwidth() > _MOST_CONTROL * self.frame.winfo_width()
        if is_stacked != self._is_stacked:
            self._is_stacked = is_stacked
            if is_stacked:
                self.control.grid(row=1, column=0, columnspan=2, pady=(self._kit.px(4), 0))
            else:
                self.control.grid(row=0, column=1, columnspan=1, pady=0)

    def _widened(self, event: tk.Event[tk.Misc]) -> None:
        self._width = event.width
        self._wrap()

    def _wrap(self) -> None:
        """Wrap what does not fit on a line; what does is left alone, as each change lays the whole page out again."""
        width = max(_LEAST_HINT, self._width)
        font = self._kit.font("Small")
        self.frame.rowconfigure(0, minsize=self._name.winfo_reqheight() + self._lines * font.metrics("linespace"))
        longest = max(map(font.measure, self.shown.split("\n")))
        wrap = width if longest > width else 0
        if wrap != self._wrapped:
            self._wrapped = wrap
            self._line.configure(wraplength=wrap)


class Card:
    """A rounded frame of rows, with room for a line of words and buttons above it."""

    def __init__(self, parent: tk.Misc, kit: Kit) -> None:
        self._kit = kit
        self._outer = kit.frame(parent, "page")
        self.head = kit.frame(self._outer, "page")
        """Takes no room while nothing is in it."""
        self.head.pack(fill="x")
        self.frame = kit.frame(self._outer, "card", padding=3, box="card")
        self.frame.pack(fill="x", pady=(0, kit.px(16)))
        self.rows: list[Row] = []
        self._outer.pack(fill="x")

    def row(self, name: str, hint: str = "", *, lines: int = 1) -> Row:
        """Another row at the end, with room for so many lines of hint or fault."""
        if self.frame.winfo_children():
            self._kit.rule(self.frame).pack(fill="x", padx=self._kit.px(11))
        row = Row(self.frame, self._kit, name, hint, lines=lines)
        row.frame.pack(fill="x")
        self.rows.append(row)
        return row

    def show(self, *, is_shown: bool, after: Card | None = None) -> None:
        """Take room or none; `after` is the card above it."""
        if is_shown == bool(self._outer.winfo_manager()):
            return
        if not is_shown:
            self._outer.pack_forget()
        elif after:
            self._outer.pack(fill="x", after=after._outer)
        else:
            self._outer.pack(fill="x")


class Section:
    """A title with Reset at its right, and a card of rows, or more."""

    def __init__(
        self, parent: tk.Misc, kit: Kit, title: str, *, on_reset: Callable[[], Callable[[], None]] | None
    ) -> None:
        """`on_reset` puts the defaults in force and returns what takes that back; None for a section that has none."""
        self.title = title
        self._kit, self._on_reset = kit, on_reset
        self._undo: Callable[[], None] | None = None
        self._after = ""
        self.frame = kit.frame(parent, "page")
        head = kit.frame(self.frame, "page")
        head.pack(fill="x", pady=(0, kit.px(6)))
        kit.label(head, title, "H3").pack(side="left")
        self.card = Card(self.frame, kit)
        self.reset_button: plain.Button | None = None
        if on_reset:
            self.reset_button = kit.button(head, "Reset", font="Small", padding=(6, 1, 6, 2), command=self._pressed)
            self.reset_button.pack(side="right")
            kit.tooltip(self.reset_button, self._tip)
        self.frame.bind("<Destroy>", lambda _event: self._stop_waiting())

    @property
    def rows(self) -> Sequence[Row]:
        """Those of the first card."""
        return self.card.rows

    def row(self, name: str, hint: str = "", *, lines: int = 1) -> Row:
        """Another row at the end of the first card."""
        return self.card.row(name, hint, lines=lines)

    def another_card(self) -> Card:
        """A card below the others."""
        return Card(self.frame, self._kit)

    def list(self, heading: str, lines: Sequence[tuple[str, str]]) -> None:
        """Lines that are only read, such as the keys of the window, under a heading."""
        kit, card = self._kit, self.card.frame
        if card.winfo_children():
            kit.rule(card).pack(fill="x", padx=kit.px(11))
        table = kit.frame(card, "card", padding=(12, 8, 10, 9))
        table.pack(fill="x")
        table.columnconfigure(0, weight=1)
        kit.label(table, heading, "Small", "text2", "card").grid(row=0, column=0, sticky="w", pady=(0, kit.px(2)))
        for number, (left, right) in enumerate(lines, start=1):
            kit.label(table, left, on="card").grid(row=number, column=0, sticky="w", pady=kit.px(2))
            kit.label(table, right, "Small", "text2", "card").grid(row=number, column=1, sticky="e")

    def show_is_default(self, *, is_default: bool) -> None:
        """Whether there is anything to reset."""
        if self.reset_button and self._undo is None:
            self.reset_button.state(["disabled" if is_default else "!disabled"])

    def _pressed(self) -> None:
        assert self._on_reset and self.reset_button
        undo, self._undo = self._undo, None
        if undo:
            self._stop_waiting()
            self._kit.set_button(self.reset_button, text="Reset")
            undo()
            return
        self._undo = self._on_reset()
        self._kit.set_button(self.reset_button, text="Undo reset", icon="arrow-counterclockwise")
        self.reset_button.state(["!disabled"])
        self._after = self.reset_button.after(UNDO_MS, self._too_late)

    def forget_undo(self) -> None:
        """Something was set since the reset: taking it back would take that along."""
        if self._undo and self.reset_button:
            self._stop_waiting()
            self._undo = None
            self._kit.set_button(self.reset_button, text="Reset", icon="")

    def _too_late(self) -> None:
        self._after = ""
        self.forget_undo()
        assert self.reset_button
        self.reset_button.state(["disabled"])

    def _stop_waiting(self) -> None:
        if self._after and self.reset_button:
            self.reset_button.after_cancel(self._after)
        self._after = ""

    def _tip(self) -> str:
        return "Bring back what was set before" if self._undo else f"Set all of {self.title} to what Felix came with"
