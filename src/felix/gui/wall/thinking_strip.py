"""The heading of thinking that streams, kept in view while its text runs on below: a button that folds it."""

from __future__ import annotations

from collections.abc import Callable
from tkinter import ttk

from felix.gui.kit import Kit
from felix.gui.text.stream_text import StreamText

INSET = 12
"""The text's own padding: the strip is as wide as the block, so that the line behind it does not show beside it."""


class ThinkingStrip:
    """Lies over the first line of `stream`; built when it is first needed."""

    def __init__(self, stream: StreamText, kit: Kit, *, on_fold: Callable[[], object]) -> None:
        self._stream, self._kit, self._on_fold = stream, kit, on_fold
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
            # the whole of one line, with the edge above it: no part of a line looks out from below
            height = int(str(self._stream.text.cget("pady"))) + self._stream.line_height
            frame.place(x=inset, y=0, relwidth=1.0, width=-2 * inset, height=height)

    def _built(self) -> tuple[ttk.Frame, ttk.Button]:
        if self._frame is None or self._button is None:
            self._frame = self._kit.frame(self._stream.frame, "think_bg")
            self._button = self._kit.button(
                self._frame,
                "…",
                "chevron-down",
                on="think_bg",
                font="Small",
                padding=(4, 0, 8, 0),
                icon_size=10,
                color="ink:think",
                command=self._on_fold,
            )
            self._button.configure(takefocus=False)  # the keyboard has T
            self._button.pack(side="left", fill="y")
        return self._frame, self._button
