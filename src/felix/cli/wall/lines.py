"""Text in lines of so many cells: wrapped at words, and of a long one only the end, which is what is being written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style

from felix.ledger.speech import GrowingText
from felix.terminal import safe

Line = list[Segment]

_BLOCK = 512
"""Characters: the beginning of what is looked at moves in steps as long as this, or every word would change the lines
of a paragraph that has no end."""
_WORDS = re.compile(r"\S+\s*|\s+")
_UNSEEN = re.compile("[\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]")
"""No width of their own, but terminals disagree about that of what they join."""


def shown(text: str) -> str:
    """Model text as cells: harmless, with spaces for tabs."""
    return _UNSEEN.sub("", safe(text)).expandtabs(4)


def in_a_line(text: str) -> str:
    return shown(" ".join(text.split()))


def fit(text: str, width: int) -> str:
    """`text` in exactly `width` cells: with … where it is cut, with spaces where it is short."""
    if width <= 0:
        return ""
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1) + "…"
    return set_cell_size(text, width)


def fit_end(text: str, width: int) -> str:
    """The end of `text` in at most `width` cells, with … where its beginning is cut off."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) >= width:
        text = text[1:]
    return f"…{text}"


def wrap(text: str, width: int) -> Iterator[str]:
    """The lines of `text`, none of them wider than `width`, which is at least 2."""
    cells: Callable[[str], int] = len if text.isascii() else cell_len
    for paragraph in text.split("\n"):
        if cells(paragraph) <= width:
            yield paragraph
            continue
        line, used = "", 0
        for match in _WORDS.finditer(paragraph):
            word = match[0]
            bare = word.rstrip()
            if used and used + cells(bare) > width:
                yield line.rstrip()
                line, used, word = "", 0, word.lstrip() if not bare else word
            if cells(bare) > width:
                *whole, word = chop_cells(word, width)
                yield from whole
            line, used = line + word, used + cells(word)
        yield line.rstrip()


def tail(text: GrowingText, start: int, width: int, height: int) -> list[str]:
    """The last lines of what stands from `start` on, `height` at most."""
    needed = height * width
    begin = max(start, (len(text) - needed) // _BLOCK * _BLOCK)
    piece = text.since(begin).rstrip("\n")
    piece = shown(piece[piece.rfind("\n", 0, max(0, len(piece) - needed)) + 1 :])
    return list(wrap(piece, width))[-height:] if piece else []


def width_of(line: Line) -> int:
    return sum(segment.cell_length for segment in line)


def padded(line: Line, width: int) -> Line:
    """`line` in exactly `width` cells."""
    return Segment.adjust_line_length(line, width, pad=True)


def styled(text: str, style: Style | None = None) -> Line:
    return [Segment(text, style)]


def sides(left: Line, right: Line, width: int) -> Line:
    """Two ends of a line; where both have no room, the right one goes."""
    gap = width - width_of(left) - width_of(right)
    return padded([*left, Segment(" " * gap), *right] if gap > 0 else left, width)
