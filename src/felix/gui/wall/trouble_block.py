"""Why a thought is not what it should be, above what came of it: a bar, a title, a sentence, and what can be done."""

from __future__ import annotations

import re
import tkinter as tk
from collections.abc import Callable, Mapping
from tkinter import ttk as plain
from typing import NamedTuple

from felix.gui.kit import Kit

_APART = re.compile(r" – |; ")
"""Between what happened and what to do about it."""


class Act(NamedTuple):
    """What helps: the shape of its button, if any, and what that does."""

    icon: str | None
    do: Callable[[], object]


class TroubleBlock:
    """For one state, `fail` or `stop`; it takes no room while hidden."""

    def __init__(self, parent: tk.Misc, kit: Kit, state: str, acts: Mapping[str, Act]) -> None:
        """`acts` are by the words of their buttons; which of them stand there is said by `offer`."""
        ground = f"tint:{state}"
        self._kit = kit
        self._frame = kit.frame(parent, ground)
        bar = kit.frame(self._frame, f"state:{state}")
        bar.configure(width=kit.px(3))
        bar.pack(side="left", fill="y")
        inner = kit.frame(self._frame, ground, (9, 6))
        inner.pack(side="left", fill="both", expand=True)
        self._title = kit.label(inner, font="SmallStrong", color=f"ink:{state}", on=ground)
        self._title.pack(anchor="w")
        self._sentence = kit.label(inner, font="Small", on=ground, padding=(0, 1, 0, 0))
        self._row = kit.frame(inner, ground, padding=(0, 4, 0, 1))
        self._acts, self._buttons = acts, dict[str, plain.Button]()
        self._offered: tuple[str, ...] = ()
        self._ground = ground
        inner.bind("<Configure>", lambda event: self._sentence.configure(wraplength=max(80, event.width - kit.px(20))))

    def show(self, title: str, sentence: str, *, before: tk.Misc, is_tight: bool = False) -> None:
        """Stand above `before`, a packed sibling. Where it is tight, only what happened is said; pointing tells all."""
        self._title.configure(text=title)
        self._sentence.configure(text=_APART.split(sentence, maxsplit=1)[0] if is_tight else sentence)
        self._kit.tooltip(self._sentence, sentence if is_tight else "")
        self._sentence.pack(anchor="w") if sentence else self._sentence.pack_forget()
        px = self._kit.px
        self._frame.pack(fill="x", padx=px(9), pady=(px(9), px(2)), before=before)

    def offer(self, words: tuple[str, ...]) -> None:
        """Have these buttons, the first of them plainly one."""
        if words == self._offered:
            return
        self._offered = words
        for button in self._buttons.values():
            button.pack_forget()
        for number, each in enumerate(words):
            button = self._buttons.get(each) or self._button(each)
            self._kit.set_button(button, kind="ghost" if number else "outline")
            button.pack(side="left", padx=(0, self._kit.px(4)))
        self._row.pack(anchor="w") if words else self._row.pack_forget()

    def _button(self, words: str) -> plain.Button:
        button = self._buttons[words] = self._kit.button(
            self._row, words, self._acts[words].icon, on=self._ground, font="Small", padding=(8, 3, 8, 4),
            icon_size=11, color="text", command=self._acts[words].do,
        )  # fmt: skip
        return button

    def hide(self) -> None:
        """Take no room."""
        self._frame.pack_forget()
