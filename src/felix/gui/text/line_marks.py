"""The little formatting that a card shows while text streams: one finished line at a time, no character moved.

Whole Markdown needs whole blocks and a new drawing; a card has neither. Headings, lists, emphasis and code become tags
over the text as it stands, and the markup itself is hidden, so a selection and the reader's place survive.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from felix.gui.text.shown_text import BULLETS, MARKUP

ROW = "table_row"
"""Tag of a line in a table."""
CELL = "cell"
"""What stands between two cells, the bar: hidden, with a tab in its place."""
OF_CODE = ("code_line", "code_edge")
"""Tags of a line in a block of code and of the fence around it; its line break carries them too."""

_HEADING = re.compile(r"(#{1,6})[ \t]+(?=\S)")
_BULLET = re.compile(r"[ \t]{0,8}([-*+]) (?=\S)")
_NUMBER = re.compile(r"[ \t]{0,8}\d{1,3}[.)][ \t](?=\S)")
_QUOTE = re.compile(r"[ \t]{0,3}>[ \t]?(?=\S)")
_FENCE = re.compile(r"[ \t]{0,3}(```|~~~)")
_INLINE = re.compile(
    r"(?P<code>`+)(?P<c>[^`\n]+)(?P=code)"
    r"|(?P<b>\*\*)(?=\S)(?P<s>.+?)(?<=\S)(?P=b)"
    r"|(?<![\w*])(?P<i>\*)(?=[^\s*])(?P<e>[^*\n]+?)(?<=[^\s*])\*(?![\w*])"
)
_BOLD = ("h2", "h3")
"""Tags of lines that are bold as a whole."""
_MARK = re.compile("[*`]")
_MAY_HOLD_MARKS = re.compile(r"[*_`#~+|>-]|\d[.)]")
_ROW = re.compile(r"[ \t]{0,3}\|(?=.*(?<!\\)\|.*(?<!\\)\|[ \t]*$)")
"""Two cells at least; one bar before, one behind."""
_BAR = re.compile(r"[ \t]*(?<!\\)\|[ \t]*")
_UNDER_HEAD = re.compile(r"[ \t]{0,3}\|([ \t]*:?-+:?[ \t]*\|)+[ \t]*")


class Span(NamedTuple):
    """Characters `start` to `end` of a line carry `tag`, a tag of the kit's Text or of `shown_text`."""

    start: int
    end: int
    tag: str


class Opening(NamedTuple):
    """How a line begins: the tag of the whole line, where its words begin, and the span of what stands before them."""

    tag: str
    end: int
    mark: Span | None


class LineMarks:
    """Marks one line after the other of one answer; it remembers whether a code block or a table is open."""

    def __init__(self) -> None:
        self._fence = ""
        self._is_in_table = False

    @property
    def is_in_code(self) -> bool:
        """Whether the next line stands in a block of code, or ends it."""
        return bool(self._fence)

    def spans(self, line: str) -> list[Span]:
        """The tags of one whole line, without its line break, in the order in which they are to be put on."""
        if self._fence:
            if line.strip().startswith(self._fence):
                self._fence = ""
                return [Span(0, len(line), "code_edge")]
            return [Span(0, len(line), "code_line")]
        was_in_table, self._is_in_table = self._is_in_table, bool(_ROW.match(line))
        if self._is_in_table:
            return _row(line, is_first=not was_in_table)
        if not _MAY_HOLD_MARKS.search(line):
            return []
        if fence := _FENCE.match(line):
            self._fence = fence[1]
            return [Span(0, len(line), "code_edge")]
        opening = self.opening(line)
        if opening is None:
            return _inline(line, 0)
        mark = [] if opening.mark is None else [opening.mark]
        return [Span(0, len(line), opening.tag), *mark, *_inline(line, opening.end, bold=opening.tag not in _BOLD)]

    def opening(self, line: str) -> Opening | None:
        """What a line is, as soon as its first word has begun: a heading, an item of a list, a quote, or None."""
        if self._fence:
            return None
        if heading := _HEADING.match(line):
            return Opening("h2" if len(heading[1]) <= 2 else "h3", heading.end(), Span(0, heading.end(), MARKUP))
        if bullet := _BULLET.match(line):
            tag = next(tag for tag, mark in BULLETS.items() if mark[0] == bullet[1])
            return Opening("li", bullet.end(), Span(bullet.start(1), bullet.end(1) + 1, tag))
        if number := _NUMBER.match(line):
            return Opening("li", number.end(), None)
        if quote := _QUOTE.match(line):
            return Opening("quoted", quote.end(), Span(0, quote.end(), MARKUP))
        return None

    def closed(self, line: str) -> list[Span]:
        """The emphasis and code of an unfinished line that cannot change any more, whatever comes."""
        if self._fence or _FENCE.match(line):
            return []
        opening = self.opening(line)
        start, bold = (0, True) if opening is None else (opening.end, opening.tag not in _BOLD)
        return _inline(line, start, bold=bold, only_certain=True)


def _row(line: str, *, is_first: bool) -> list[Span]:
    """A line of a table; bars come last, from the last to the first: what stands in their place moves those behind."""
    if _UNDER_HEAD.fullmatch(line):
        return [Span(0, len(line), ROW), Span(0, len(line), MARKUP)]
    first, *inner, last = (bar.span() for bar in _BAR.finditer(line))
    head = [Span(first[1], last[0], "b")] if is_first else []
    edges = [Span(*last, MARKUP), Span(*first, MARKUP)]
    bars = [Span(*bar, CELL) for bar in reversed(inner)]
    return [Span(0, len(line), ROW), *head, *_inline(line, first[1], bold=not is_first), *edges, *bars]


def cells(line: str) -> list[str]:
    """The words of a row's cells, without the marks that are not shown."""
    return [] if _UNDER_HEAD.fullmatch(line) else [_MARK.sub("", cell) for cell in _BAR.split(line)[1:-1]]


def _inline(line: str, start: int, *, bold: bool = True, only_certain: bool = False) -> list[Span]:
    """Bold, italic and code from `start` on. In a heading, bold is only taken away: the line is bold already.

    Certain is what ends before the line does and has no open mark before it, which might still find its partner.
    """
    spans: list[Span] = []
    seen = start
    for found in _INLINE.finditer(line, start):
        if only_certain and (found.end() == len(line) or _MARK.search(line, seen, found.start())):
            break
        seen = found.end()
        kind = found.lastgroup
        mark, inner, tag = {"c": ("code", "c", "code"), "s": ("b", "s", "b"), "e": ("i", "e", "i")}[kind or "c"]
        width = len(found[mark])
        spans.append(Span(found.start(), found.start() + width, MARKUP))
        spans.append(Span(found.end() - width, found.end(), MARKUP))
        if bold or tag != "b":
            spans.append(Span(*found.span(inner), tag))
    return spans
