"""The heading of thinking that streams, kept in view while its text runs on below: a button that folds it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from felix.gui.kit import Kit

INSET = 12
"""The text's own padding: the strip is as wide as the block, so that the line behind it does not show beside it."""


class ThinkingStrip:
    """Lies over the top of `parent`; built when it is first needed."""

    def __init__(self, parent: tk.Misc, kit: Kit, *, on_fold: Callable[[], object]) -> None:
        self._parent, self._kit, self._on_fold = parent, kit, on_fold
        self._frame: ttk.Frame | None = None
        self._button: ttk.Button | None = None
        self._words = ""

    def show(self, words: str) -> None:
        """Say these words; empty takes the strip away."""
        if words == self._words:
            return
        was_shown, self._words = bool(self._words), words
        frame, button = self._built()
        if not words:
            frame.place_forget()
            return
        button.configure(text=words)
        if not was_shown:
            inset = self._kit.px(INSET)
            frame.place(x=inset, y=0, relwidth=1.0, width=-2 * inset)

    def _built(self) -> tuple[ttk.Frame, ttk.Button]:
        if self._frame is None or self._button is None:
            self._frame = self._kit.frame(self._parent, "think_bg")
            self._button = self._kit.button(
                self._frame,
                "…",
                "chevron-down",
                on="think_bg",
                font="Small",
                padding=(4, 3, 8, 4),
                icon_size=10,
                color="ink:think",
                command=self._on_fold,
            )
            self._button.configure(takefocus=False)  # the keyboard has T
            self._button.pack(side="left")
        return self._frame, self._button
