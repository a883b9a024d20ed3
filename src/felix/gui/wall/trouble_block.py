"""Why a thought is not what it should be, above what came of it: a bar, a title, a sentence, and what can be done."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping
from tkinter import ttk as plain
from typing import NamedTuple

from felix.gui.kit import Kit


class Act(NamedTuple):
    """What helps: the shape of its button, if any, and what that does."""

    icon: str | None
    do: Callable[[], object]


class TroubleBlock:
    """For one state, `fail` or `stop`; it takes no room while hidden.

    In a small card it is one line: the title, and at its right what helps most. Pointing tells the sentence.
    """

    def __init__(self, parent: tk.Misc, kit: Kit, state: str, acts: Mapping[str, Act]) -> None:
        """`acts` are by the words of their buttons; which of them stand there is said by `offer`."""
        ground = f"tint:{state}"
        self._kit = kit
        self._frame = kit.frame(parent, ground)
        bar = kit.frame(self._frame, f"state:{state}")
        bar.configure(width=kit.px(3))
        bar.pack(side="left", fill="y")
        self._inner = inner = kit.frame(self._frame, ground)
        inner.pack(side="left", fill="both", expand=True)
        self._line = kit.frame(inner, ground)
        self._line.pack(fill="x")
        self._title = kit.label(self._line, font="SmallStrong", color=f"ink:{state}", on=ground)
        self._title.pack(side="left")
        self._sentence = kit.label(inner, font="Small", on=ground, padding=(0, 1, 0, 0))
        self._row = kit.frame(inner, ground, padding=(0, 4, 0, 1))
        self._acts, self._buttons = acts, dict[str, plain.Button]()
        self._offered: tuple[str, ...] = ()
        self._ground = ground
        self._is_line = False
        self._first: plain.Button | None = None
        """In the line; it does what is offered first."""
        inner.bind("<Configure>", lambda event: self._sized(event.width))

    def show(self, title: str, sentence: str, *, before: tk.Misc, is_line: bool = False) -> None:
        """Stand above `before`, a packed sibling."""
        px = self._kit.px
        self._is_line = is_line
        self._title.configure(text=title)
        self._sentence.configure(text=sentence)
        for part in (self._inner, self._line, self._title):
            self._kit.tooltip(part, sentence if is_line else "")
        if sentence and not is_line:
            self._sentence.pack(anchor="w", after=self._line)
        else:
            self._sentence.pack_forget()
        self._inner.configure(padding=(px(7), 0, px(3), 0) if is_line else (px(9), px(6)))
        self._frame.pack(fill="x", padx=px(9), pady=px(2) if is_line else (px(9), px(2)), before=before)
        self._place_buttons()

    def offer(self, words: tuple[str, ...]) -> None:
        """Have these buttons, the first of them plainly one."""
        if words != self._offered:
            self._offered = words
            self._place_buttons()

    def hide(self) -> None:
        """Take no room."""
        self._frame.pack_forget()

    def _place_buttons(self) -> None:
        for button in self._buttons.values():
            button.pack_forget()
        self._row.pack_forget()
        if self._is_line:
            self._fit_first()
            return
        if self._first is not None:
            self._first.pack_forget()
        for number, each in enumerate(self._offered):
            button = self._buttons.get(each) or self._button(each)
            self._kit.set_button(button, kind="ghost" if number else "outline")
            button.pack(side="left", padx=(0, self._kit.px(4)))
        if self._offered:
            self._row.pack(anchor="w")

    def _fit_first(self) -> None:
        """Words at the right of the title, else a shape; without room for that, nothing: the menu has it."""
        if not self._offered:
            if self._first is not None:
                self._first.pack_forget()
            return
        words = self._offered[0]
        if self._first is None:
            self._first = self._kit.button(
                self._line, words, on=self._ground, font="SmallStrong", padding=(6, 1, 6, 2), icon_size=11,
                color="text", command=self._do_first, tooltip=lambda: self._offered[0] if self._offered else "",
            )  # fmt: skip
        room = self._inner.winfo_width() - self._title.winfo_reqwidth() - self._kit.px(14)
        for text in (words, ""):
            self._kit.set_button(self._first, text=text, icon=self._acts[words].icon)
            if self._first.winfo_reqwidth() <= room:
                self._first.pack(side="right")
                return
        self._first.pack_forget()

    def _do_first(self) -> None:
        if self._offered:
            self._acts[self._offered[0]].do()

    def _sized(self, width: int) -> None:
        self._sentence.configure(wraplength=max(80, width - self._kit.px(20)))
        if self._is_line:
            self._fit_first()

    def _button(self, words: str) -> plain.Button:
        button = self._buttons[words] = self._kit.button(
            self._row, words, self._acts[words].icon, on=self._ground, font="Small", padding=(8, 3, 8, 4),
            icon_size=11, color="text", command=self._acts[words].do,
        )  # fmt: skip
        return button
