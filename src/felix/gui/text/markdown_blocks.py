"""Where a Markdown text can be cut, so that its parts may be read one by one, and which of them are better not read.

A list, a quote, a table or a fence never reaches over a border; fences that stand alone need no parser at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from markdown_it.token import Token

LONGEST_SOURCE = 300_000
"""Characters. More stands as plain text; a long answer of a local model has 80,000."""
LONGEST_LINE = 20_000
"""Characters of one line: beyond it a text is no Markdown that anybody wrote."""
DEAREST_BLOCK_US = 40_000
"""Estimated time for the structure of one block; a dearer one stays plain."""

_FENCE = re.compile(r"\s*(?:>\s*)*(`{3,}(?=[^`]*$)|~{3,})")
_GOES_ON = re.compile(r"\s|[-*+]\s|\d{1,9}[.)]")
"""A line that may belong to the list above it although a blank line stands between."""
_HEADING = re.compile(r"#{1,6}\s")


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch that can be read apart: no list, quote, table or fence reaches over its borders."""

    first: int
    """Its line in the source, from 0."""
    text: str
    kind: Literal["markdown", "fence", "plain"]
    tokens: Sequence[Token] = ()


def is_plain(source: str) -> bool:
    """True when nobody should look for Markdown in `source`, because reading it could take too long."""
    if len(source) > LONGEST_SOURCE:
        return True
    return any(len(line) > LONGEST_LINE for line in source.split("\n"))


def blocks(source: str) -> Iterator[Block | None]:
    """The stretches of `source` in order; None is a moment to pause, or a stretch of nothing but blanks."""
    lines = source.split("\n")
    start, fence, was_blank = 0, "", False

    def block(end: int) -> Block | None:
        text = "\n".join(lines[start:end])
        if not text.strip():
            return None
        if text.startswith(("```", "~~~")) and not fence and _FENCE.match(lines[start]):
            return Block(start, text, "fence")
        return Block(start, text, "markdown" if _cost_us(text) <= DEAREST_BLOCK_US else "plain")

    for number, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and line.strip(" >") == mark[1]:
                fence = ""
                if lines[start].startswith(mark[1]):
                    yield block(number + 1)
                    start = number + 1
        else:
            if _HEADING.match(line) or (was_blank and line and not _GOES_ON.match(line)):
                yield block(number)
                start = number
            fence = mark[1] if mark else ""
        was_blank = not line.strip()
        if number % 1000 == 999:
            yield None
    fence = ""  # one that was never closed ends with the text
    yield block(len(lines))


def _cost_us(text: str) -> float:
    """What markdown-it's block rules need for `text`, about, as measured."""
    return 0.7 * len(text) + 30 * text.count("\n") + 25 * text.count("|")


def unfenced(text: str) -> tuple[str, str]:
    """(code, language) of a fence that stands alone."""
    head, _, rest = text.strip("\n").partition("\n")
    mark = re.match(r"`+|~+", head)
    language = head[mark.end() :].strip() if mark else ""
    body, newline, last = rest.rpartition("\n")
    closes = mark is not None and last.strip().startswith(mark[0]) and not last.strip(" `~")
    if closes:
        return body, language
    return body + newline + last, language
