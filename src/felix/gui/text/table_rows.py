"""Tables in a text that grows: cells stand below each other by tab stops, which move as longer cells come.

Whole tables as pictures are `table_canvas`'s, once an answer has ended. Here no character is moved: each table has
tags of its own, and all that changes is how these are drawn. A table that is too wide keeps its bars instead.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Sequence
from itertools import accumulate, zip_longest

from felix.gui.text.line_marks import ROW, Span, cells

GAP = 2
"""Between two columns, in widths of an "n"."""


class TableRows:
    """Of one Text."""

    def __init__(self, text: tk.Text) -> None:
        self._text = text
        self._tables: list[list[str]] = []
        """The longest words of each column."""
        self._is_open = False

    def clear(self) -> None:
        """The text is empty."""
        for number in range(len(self._tables)):
            self._text.tag_delete(*(tag(number) for tag in (_row, _bar, _stop)))
        self._tables.clear()
        self._is_open = False

    def take(self, line: str, spans: Sequence[Span]) -> tuple[str, ...]:
        """Whatever line comes next: the tag of its table, if it is a row of one."""
        was_open, self._is_open = self._is_open, any(span.tag == ROW for span in spans)
        if not self._is_open:
            return ()
        if not was_open:
            self._tables.append([])
        number = len(self._tables) - 1
        before = self._tables[number]
        self._tables[number] = [max(pair, key=self._width) for pair in zip_longest(before, cells(line), fillvalue="")]
        if self._tables[number] != before:
            self._set_stops(number)
        return (_row(number),)

    @property
    def bar(self) -> str:
        """Tag of what stands between two cells of the latest table."""
        return _bar(len(self._tables) - 1)

    @property
    def stop(self) -> str:
        """Tag of the tab before it."""
        return _stop(len(self._tables) - 1)

    def fit(self) -> None:
        """The type, or the room, has another size."""
        for number in range(len(self._tables)):
            self._set_stops(number)

    def _set_stops(self, number: int) -> None:
        text, widest, em = self._text, self._tables[number], self._width("n")
        room = text.winfo_width() - 2 * int(str(text.cget("padx")))
        stops = list(accumulate(self._width(words) + GAP * em for words in widest))
        fits = room <= 1 or stops[-1] - GAP * em <= room
        text.tag_configure(_row(number), tabs=stops[:-1] or "", lmargin2=GAP * em)
        text.tag_configure(_bar(number), elide=fits)
        text.tag_configure(_stop(number), elide=not fits)

    def _width(self, words: str) -> int:
        return int(self._text.tk.call("font", "measure", self._text.cget("font"), words))


def _row(number: int) -> str:
    return f"table:{number}"


def _bar(number: int) -> str:
    return f"bar:{number}"


def _stop(number: int) -> str:
    return f"stop:{number}"
