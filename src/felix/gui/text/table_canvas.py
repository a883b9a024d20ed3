"""A table of a text: one Canvas in the line, rules only, its header small and strong, numbers to the right.

Columns get the width they want as long as all fit; else the wide ones share what is left and their cells wrap.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import Literal

from felix.events import AgentId
from felix.gui.kit import Kit
from felix.gui.text.markdown import Align, Cell, Table
from felix.gui.text.shown_text import printable

CELL_X, CELL_Y = 8, 5
NARROWEST = 36
"""Logical pixels of a column's text; more columns than fit run out at the right."""
MOST_LINES = 8
"""Of a cell; the rest is "…"."""
PILL_GAP = 4


class TableCanvas:
    """`widget` goes into the text; `draw` follows a new width, theme or type size."""

    def __init__(self, parent: tk.Misc, kit: Kit, table: Table, on_citation: Callable[[AgentId], None]) -> None:
        self.widget = kit.canvas(parent, "card")
        self.table = table
        self._kit, self._on_citation = kit, on_citation
        self._agents: dict[int, AgentId] = {}
        self.widget.bind("<Button-1>", self._press)
        self.widget.bind("<Motion>", self._point)

    def draw(self, width: int) -> None:
        """Everything anew, `width` pixels wide."""
        canvas, kit = self.widget, self._kit
        canvas.delete("all")
        self._agents.clear()
        columns = self._columns(width)
        y = 1
        for number, row in enumerate(self.table.rows):
            bottom = y
            left = 0
            for cell, align, column in zip(row, self.table.aligns, columns, strict=False):
                bottom = max(bottom, self._cell(cell, align, left, y, column, is_header=number == 0))
                left += column
            y = bottom + kit.px(CELL_Y)
            canvas.create_line(0, y, width, y, fill=kit["line2" if number == 0 else "line"])
        canvas.configure(width=width, height=y + 1)

    def agent_at(self, x: int, y: int) -> AgentId | None:
        """The agent whose citation is there."""
        under = self.widget.find_overlapping(x, y, x, y)
        return next((self._agents[item] for item in under if item in self._agents), None)

    def _columns(self, width: int) -> list[int]:
        """Widths in pixels, cell padding included."""
        pad = 2 * self._kit.px(CELL_X)
        wanted = [0] * len(self.table.aligns)
        for number, row in enumerate(self.table.rows):
            for column, cell in enumerate(row[: len(wanted)]):
                wanted[column] = max(wanted[column], self._wish(cell, is_header=number == 0) + pad)
        spare = width - sum(wanted)
        if spare >= 0:
            return [each + spare // len(wanted) for each in wanted]
        return _shared(wanted, width, self._kit.px(NARROWEST) + pad)

    def _wish(self, cell: Cell, *, is_header: bool) -> int:
        pills = sum(self._pill_width(each.agent_id) for each in cell.citations)
        return self._kit.font(_font(cell, is_header=is_header)).measure(printable(cell.text)) + pills + 1

    def _pill_width(self, agent_id: AgentId) -> int:
        name = self._kit.citation_pill(agent_id)
        return int(self.widget.tk.call("image", "width", name)) + self._kit.px(PILL_GAP)

    def _cell(self, cell: Cell, align: Align, left: int, top: int, column: int, *, is_header: bool) -> int:
        """Draw one cell; the y below it."""
        canvas, kit = self.widget, self._kit
        pad, font = kit.px(CELL_X), _font(cell, is_header=is_header)
        inner = max(kit.px(NARROWEST), column - 2 * pad)
        line = kit.font(font).metrics("linespace")
        anchor: Literal["nw", "n", "ne"] = "nw"
        x = left + pad
        if align == "right":
            x, anchor = left + column - pad, "ne"
        elif align == "center":
            x, anchor = left + column // 2, "n"
        y = top + kit.px(CELL_Y)
        bottom, end = y + line, x
        if cell.text:
            ink = kit["text2" if is_header else "text"]
            words = printable(cell.text)
            item = canvas.create_text(x, y, text=words, anchor=anchor, width=inner, font=font, fill=ink)
            canvas.itemconfigure(item, justify=align)
            _shorten(canvas, item, words, line * MOST_LINES)
            x1, _, x2, bottom = canvas.bbox(item)
            end = x2 if align == "left" else x1
        for citation in cell.citations:
            width = self._pill_width(citation.agent_id)
            is_beside = align == "left" and bottom - y < 2 * line and end + width <= left + column - pad
            if not is_beside and end != left + pad:
                y, end = bottom + 2, left + pad
            pill = canvas.create_image(
                end + kit.px(PILL_GAP if end != left + pad else 0), y + line // 2, anchor="w",
                image=kit.citation_pill(citation.agent_id),
            )  # fmt: skip
            self._agents[pill] = citation.agent_id
            end += width
            bottom = max(bottom, canvas.bbox(pill)[3])
        return bottom

    def _press(self, event: tk.Event[tk.Misc]) -> None:
        if agent_id := self.agent_at(event.x, event.y):
            self._on_citation(agent_id)

    def _point(self, event: tk.Event[tk.Misc]) -> None:
        self.widget.configure(cursor="hand2" if self.agent_at(event.x, event.y) else "")


def _font(cell: Cell, *, is_header: bool) -> str:
    return "SmallStrong" if is_header else "Strong" if cell.is_strong else "Base"


def _shared(wanted: list[int], width: int, least: int) -> list[int]:
    """Widths that add up to `width` if they can: narrow columns keep theirs, the others share the rest evenly."""
    result, open_columns, left = list(wanted), set(range(len(wanted))), width
    while open_columns:
        share = max(least, left // len(open_columns))
        content = {column for column in open_columns if wanted[column] <= share}
        if not content:
            for column in open_columns:
                result[column] = share
            break
        left -= sum(wanted[column] for column in content)
        open_columns -= content
    return result


def _shorten(canvas: tk.Canvas, item: int, text: str, height: int) -> None:
    """End the text of `item` with "…" where it would be higher than `height`."""
    if canvas.bbox(item)[3] - canvas.bbox(item)[1] <= height + 2:
        return
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        canvas.itemconfigure(item, text=text[:middle].rstrip() + "…")
        if canvas.bbox(item)[3] - canvas.bbox(item)[1] <= height + 2:
            low = middle
        else:
            high = middle - 1
    canvas.itemconfigure(item, text=text[:low].rstrip() + "…")
