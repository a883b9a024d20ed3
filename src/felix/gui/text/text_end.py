"""The end of a Tk Text, where a model's text is put: written so that Tk never has a long line to lay out.

Tk lays the last line out anew at every insert, so a line without an end would freeze the window. Here a long line is
broken where the screen breaks it anyway, by a line break that carries a tag of its own. Copy and search do not see it,
and when the answer has ended it goes away again, so that the line fits any width.
"""

from __future__ import annotations

import tkinter as tk
from itertools import pairwise
from typing import Any

from felix.gui.text.line_marks import CELL, OF_CODE, ROW, LineMarks, Opening, Span
from felix.gui.text.shown_text import BULLETS, POINT, SOFT, TAIL, Joined, put
from felix.gui.text.table_rows import TableRows

BREAK_AFTER = 90
"""Characters in the last line from which on it is broken where the screen breaks it: less than half the cost of 400."""
HARD_BREAK = 2_000
"""Characters of one line that come at once are broken at a blank, or without one."""
HEAL_BELOW = 1_200
"""A line is made whole again up to this length, which costs at most 2 ms to lay out."""
MOST_HEALED = 400
"""Breaks taken away when an answer ends, the newest: 10 ms."""
MARK_BELOW = 4_000
"""A longer line stays plain."""
LONGEST_OPENING = 14
"""Characters in which a line shows whether it is a heading or an item."""
NARROWEST = 80
"""Pixels below which a Text has not been laid out yet, so that it cannot be asked where its lines break."""
HANGING = "li_more"
"""Of the first character behind a break of ours in an item of a list, whose line stands under the words."""
WHOLE_LINE = (*OF_CODE, ROW)
"""Tags that a line's break carries too."""
Tags = tuple[str, ...]


class TextEnd:
    """Puts text before the mark `tip`, which stays the end whatever caret or sentence stands behind it."""

    def __init__(self, text: tk.Text) -> None:
        self._text = text
        self.tables = TableRows(text)
        self.chars = 0
        """Put here since `clear`; the caller takes off what it deletes."""
        self.clear()

    def clear(self) -> None:
        """The Text is empty."""
        self.chars = 0
        self.tables.clear()
        self._text.mark_set("tip", "end-1c")
        self._text.mark_gravity("tip", "right")
        self.begin()

    @property
    def is_in_line(self) -> bool:
        """Whether something stands in the last line."""
        return self._length > 0

    @property
    def _is_item(self) -> bool:
        return self._opening is not None and self._opening.tag == "li"

    def begin(self, length: int = 0) -> None:
        """The open line has `length` characters, which stand before the tip without a break of ours."""
        self._line: list[str] = []
        self._length = self._piece = length
        self._softs: list[int] = []
        self._is_known = length == 0
        self._opening: Opening | None = None
        self._closed = 0
        self._may_close = False
        self._joined = Joined()
        self._text.mark_set("line", f"tip - {length} c" if length else "tip")
        self._text.mark_gravity("line", "left")

    def put(self, shown: str, tags: Tags, marks: LineMarks | None) -> None:
        """Put text that is `repaired`; lines that end are formatted by `marks`."""
        first, line_break, rest = shown.partition("\n")
        self._add(first, tags, marks)
        if line_break:
            of_line = self._format(marks)
            whole, line_break, last = rest.rpartition("\n")
            pairs: list[Any] = ["\n", (*tags, *of_line)]
            if line_break:
                for line in whole.split("\n"):
                    pairs += self._marked(line, tags, marks)
            put(self._text, "tip", *pairs)
            self.chars += len(rest) - len(last) + 1
            self.begin()
            first = last
            self._add(last, tags, marks)
        if first and marks is not None:
            self._format_begun(first, marks)
        self._break_softly(tags)

    def finish(self, marks: LineMarks | None) -> None:
        """The answer has ended: its last line is formatted although no line break follows it, and lines are healed."""
        self._format(marks)
        self._heal()
        self.begin(self._length)

    def take_back(self, count: int) -> None:
        """Delete the last `count` characters of the model's; ours among them go too."""
        text = self._text
        while count > 0 and text.compare("tip", ">", "1.0"):
            count -= not {SOFT, TAIL}.intersection(text.tag_names("tip - 1 c"))
            text.delete("tip - 1 c")
            self.chars -= 1
        self.begin(len(text.get("tip linestart", "tip")))

    def _add(self, piece: str, tags: Tags, marks: LineMarks | None) -> None:
        """Put a part of a line."""
        if not piece:
            return
        if self._opening is not None:
            tags = (*tags, self._opening.tag)
        pairs: list[Any] = []
        start = 0
        while self._piece + len(piece) - start > HARD_BREAK:
            end = _cut(piece, start, HARD_BREAK - self._piece)
            pairs += (piece[start:end], tags, "\n", (*tags, SOFT))
            self._softs.append(self._length + end)
            start, self._piece = end, 0
        is_code = marks is not None and marks.is_in_code
        put(self._text, "tip", *pairs, piece[start:], tags, joined=self._joined, is_code=is_code)
        self._piece += len(piece) - start
        self._length += len(piece)
        self.chars += len(piece)
        if self._is_known and self._length < MARK_BELOW:
            self._line.append(piece)
        else:
            self._is_known = False
            self._line.clear()

    def _break_softly(self, tags: Tags) -> None:
        """Once the last piece of the open line is long, end it where its last line on screen begins."""
        if self._piece <= BREAK_AFTER or self._text.winfo_width() < NARROWEST:
            return
        at = self._text.index("tip display linestart")
        left = len(self._text.get(at, "tip"))  # Tk's own `count` takes an emoji for two
        if 0 < left < self._piece:
            if self._is_item:
                self._text.tag_add(HANGING, at)
            self._text.insert(at, "\n", (*tags, SOFT))
            self._softs.append(self._length - left)
            self._piece = left

    def _format_begun(self, piece: str, marks: LineMarks) -> None:
        """Format what is certain of the open line, to which `piece` was added: how it begins, and what has closed."""
        if not self._is_known or self._length > HEAL_BELOW:
            return
        is_young = self._opening is None and self._length - len(piece) <= LONGEST_OPENING
        may_close = self._may_close or "*" in piece or "`" in piece
        if not (is_young or may_close):
            return
        line = "".join(self._line)
        if is_young and (opening := marks.opening(line)):
            self._opening = opening
            self._text.tag_add(opening.tag, "line", "tip")
            if opening.mark is not None:
                self._put_on(opening.mark)
        if not may_close:
            return
        self._may_close = line.endswith(("*", "`"))
        spans = marks.closed(line)
        if len(spans) > self._closed:
            self._heal_line()
            self._piece = self._length
            for span in spans[self._closed :]:
                self._put_on(span)
            self._closed = len(spans)

    def _format(self, marks: LineMarks | None) -> Tags:
        """The open line has ended: tags instead of markup. What they hide moves the breaks, so these go first.

        Returns the tags of the line break that follows it.
        """
        if marks is None or not self._is_known:
            return ()
        spans = marks.spans("".join(self._line))
        if len(spans) > self._closed and self._length <= HEAL_BELOW:
            self._heal_line()
        table = self.tables.take("".join(self._line), spans)
        for tag in table:
            self._text.tag_add(tag, "line", self._index(self._length))
        for span in spans:
            if self._opening is None or span != self._opening.mark:
                self._put_on(span)
        return table + tuple(span.tag for span in spans if span.tag in WHOLE_LINE)

    def _marked(self, line: str, tags: Tags, marks: LineMarks | None) -> list[Any]:
        """Arguments of Text.insert for one whole line with its formatting, and its line break."""
        spans = marks.spans(line) if marks is not None and len(line) < MARK_BELOW else []
        tags = (*tags, *self.tables.take(line, spans))
        if not spans:
            return [*pieces(line, tags), "\n", tags]
        edges = sorted({0, len(line), *(edge for start, end, _ in spans for edge in (start, end))})
        pairs: list[Any] = []
        bars = {span.start for span in spans if span.tag == CELL}
        for start, end in pairwise(edges):
            if start in bars:
                pairs += ("\t", (*tags, ROW, TAIL, self.tables.stop))
            on = tuple(self.tables.bar if tag == CELL else tag for a, b, tag in spans if a <= start and end <= b)
            pairs += (POINT if any(tag in BULLETS for tag in on) else line[start:end], (*tags, *on))
        return [*pairs, "\n", (*tags, *(span.tag for span in spans if span.tag in WHOLE_LINE))]

    def _heal_line(self) -> None:
        for number, place in reversed(list(enumerate(self._softs))):
            self._text.delete(f"line + {place + number} c")
        self._softs.clear()

    def _put_on(self, span: Span) -> None:
        first, last = self._index(span.start), self._index(span.end)
        if span.tag in BULLETS:
            self._text.insert(last, POINT, (*self._text.tag_names(first), span.tag))
            self._text.delete(first, last)
        elif span.tag == CELL:
            self._text.insert(first, "\t", (*self._text.tag_names(first), TAIL, self.tables.stop))
            self._text.tag_add(self.tables.bar, f"{first} + 1 c", f"{last} + 1 c")
        else:
            self._text.tag_add(span.tag, first, last)

    def _index(self, offset: int) -> str:
        """Tk's index of a character of the open line."""
        return f"line + {offset + sum(place <= offset for place in self._softs)} c"

    def _heal(self) -> None:
        """Make lines of ordinary length whole again. They were broken where the screen breaks them: nothing moves."""
        breaks = [str(index) for index in self._text.tag_ranges(SOFT)[::2]][-MOST_HEALED:]
        run: list[str] = []
        for index in reversed(breaks):
            if run and line_of(index) + 1 != line_of(run[-1]):
                self._take_away(run)
                run = []
            run.append(index)
        self._take_away(run)

    def _take_away(self, breaks: list[str]) -> None:
        """Breaks of one line of the model's, from the last to the first."""
        if sum(int(index.partition(".")[2]) for index in breaks) <= HEAL_BELOW:
            for index in breaks:
                self._text.delete(index)


def line_of(index: str) -> int:
    """The line of an index that Tk gave."""
    return int(index.partition(".")[0])


def pieces(text: str, tags: Tags) -> list[Any]:
    """Arguments of Text.insert for text that stands still: lines longer than Tk likes are broken."""
    if len(text) <= HARD_BREAK:
        return [text, tags] if text else []
    pairs: list[Any] = []
    start = since = 0
    while start < len(text):
        line_break = text.find("\n", start, start + HARD_BREAK)
        if line_break >= 0:
            start = line_break + 1
            continue
        end = _cut(text, start, HARD_BREAK)
        if end < len(text):
            pairs += (text[since:end], tags, "\n", (*tags, SOFT))
            since = end
        start = end
    if since < len(text):
        pairs += (text[since:], tags)
    return pairs


def _cut(text: str, start: int, room: int) -> int:
    """Where a stretch of at most `room` characters ends: after a blank, if there is one in its second half."""
    end = start + max(0, room)
    if end >= len(text):
        return len(text)
    blank = text.rfind(" ", start + room // 2, end)
    return blank + 1 if blank > 0 else end
