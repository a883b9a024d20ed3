"""A text that grows while it is read: appended to without a stutter, followed only while the reader is at its end.

Tk lays the last line of a text out anew at every insert, so a line without an end would freeze the window. Here a long line is
broken where the screen breaks it anyway, by a line break that carries a tag of its own; copy and search do not see it, and when the
line has ended it goes away again. The text itself stands in the run's state and is never read back.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterable
from tkinter import ttk
from typing import Any

from felix.gui.kit import Kit
from felix.gui.line_marks import LineMarks
from felix.gui.shown_text import BULLETS, MARKUP, POINT, SOFT, TAIL, printable, true_text

BREAK_AFTER = 120
"""Characters in the last line from which on it is broken where the screen breaks it: half the cost of 400 in a narrow pane."""
HARD_BREAK = 2_000
"""Characters of one line that come at once are broken at a blank, or without one."""
HEAL_BELOW = 1_200
"""A line is made whole again up to this length, which costs at most 2 ms to lay out: then it fits any width."""
MOST_HEALED = 400
"""Breaks taken away when an answer ends, the newest: 10 ms."""
MARK_BELOW = 4_000
"""A longer line stays plain."""
MOST_LINES, MOST_CHARS = 20_000, 2_000_000
"""What is kept on screen; the head goes in blocks of a tenth."""
BLINK_S = 0.53
CARET = "\u2009▍"
EARLIER = "Earlier text is kept – Copy has it all\n"
BAR_WIDTH = 10
LINE_GAP = 3
"""Between two lines, as the kit's Text has it."""
PILL_S = 0.5
"""The pill counts its lines at most this often."""


class StreamText:
    """`frame` is placed by the caller; `text` is the one Text in it. Tk's thread only."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        *,
        on: str = "card",
        font: str = "Base",
        padx: int = 12,
        pady: int = 4,
        measure: int | None = None,
        most_lines: int = MOST_LINES,
        most_chars: int = MOST_CHARS,
        on_copy_all: Callable[[], object] | None = None,
    ) -> None:
        """`measure` is the widest a line may be, in logical pixels; the text is centred then.

        `on_copy_all` is called when Ctrl+C is pressed and nothing is selected.
        """
        self._kit, self._on, self._font = kit, on, font
        self._padx, self._measure = kit.px(padx), kit.px(measure) if measure else None
        self._most_lines, self._most_chars = most_lines, most_chars
        self._on_copy_all = on_copy_all
        self.frame = kit.frame(parent, on)
        self.text = kit.text(self.frame, on, font, padx, pady)
        self.text.place(x=0, y=0, relwidth=1.0, relheight=1.0)
        self._bar = kit.scrollbar(self.frame, self.scroll, on)
        self._bar_is_shown = False
        self._view = self._shown_view = ("0.0", "1.0")
        self._pill: ttk.Label | None = None
        self._pill_words, self._pill_at = "", 0.0
        self.is_latched = False
        """True while the reader has scrolled away from the end: nothing but the reader moves the view."""
        self._is_holding = False
        self._caret_is_on = self._caret_is_steady = False
        self._is_lit, self._blink_at = True, 0.0
        self._tail = self._ground = ""
        self._width = 0
        self.text.configure(yscrollcommand=self._scrolled)
        self._make_tags()
        self._bind()
        self._reset()

    # -- the text ------------------------------------------------------------------------------------------------------

    def append(self, source: str, *tags: str, marks: LineMarks | None = None) -> None:
        """Put text at the end, with `tags`; with `marks`, lines are formatted as they end. One insert, one `see`.

        The cost is that of the new characters. A caller with much to show gives it in slices of 64,000 characters.
        """
        if not source:
            return
        self._insert(printable(source), tags, marks)
        self._limit()
        self._follow()

    def end_line(self, *tags: str, marks: LineMarks | None = None) -> None:
        """Make sure that what comes next begins a line."""
        if self._line_length:
            self.append("\n", *tags, marks=marks)
        self._begin_line(0)

    def close_line(self, marks: LineMarks | None = None) -> None:
        """The answer has ended: its last line is formatted although no line break follows it."""
        self._finish_line(marks)
        self._heal()
        self._begin_line(self._line_length)

    def clear(self) -> None:
        """Nothing is on screen; the view follows again."""
        self.text.delete("1.0", "end")
        for mark in self.text.mark_names():
            if mark not in ("insert", "current"):
                self.text.mark_unset(mark)
        self._reset()
        self._hide_pill()

    def place(self, mark: str) -> None:
        """Name the present end of the text, so that something can be put there later. The name stays before what is appended."""
        self.text.mark_set(mark, "tip")
        self.text.mark_gravity(mark, "left")

    def insert(self, mark: str, source: str, *tags: str) -> None:
        """Put whole lines or a part of one at a mark in the middle; the mark stays before them."""
        self.text.insert(mark, *_pieces(printable(source), tags))
        self._follow()

    def delete(self, start: str, end: str) -> None:
        """Take away what stands between two marks."""
        self.text.delete(start, end)
        self._follow()

    def truncate(self, mark: str) -> None:
        """Take away everything from a mark at a line's beginning to the end; the next text goes there."""
        self.text.delete(mark, "tip")
        self._begin_line(0)
        self._follow()

    def set_ground(self, tag: str) -> None:
        """Let the last line carry `tag` to the right edge while it is written; empty for none."""
        if tag == self._ground:
            return
        if self._ground:
            self.text.tag_remove(self._ground, "tip", "end")
        self._ground = tag
        if tag:
            self.text.tag_add(tag, "tip", "end")

    def set_tail(self, words: str, *tags: str) -> None:
        """Show `words` behind the text until something else is said; they are no part of it."""
        if words == self._tail:
            return
        self._tail, self._caret_is_on = words, False
        self._replace_tail(words, (*tags, TAIL))

    def set_caret(self, *, shown: bool, steady: bool = False) -> None:
        """The caret behind the text, blinking or `steady`."""
        self._caret_is_steady = steady
        if shown == self._caret_is_on:
            return
        self._caret_is_on, self._tail = shown, ""
        self._replace_tail(CARET if shown else "", ("caret", TAIL))
        self._light(True)

    # -- the view ------------------------------------------------------------------------------------------------------

    @property
    def is_at_end(self) -> bool:
        """Whether the last line can be seen."""
        return self.text.dlineinfo("end-1c") is not None

    def scroll(self, *how: Any) -> None:
        """A scroll of the user's: `yview` arguments. Away from the end it sets the latch, at the end it releases it."""
        self.text.yview(*how)
        self.look()

    def look(self) -> None:
        """The reader has moved the view: follow from now on if its end can be seen, else stay."""
        self.is_latched = not self.is_at_end
        if self.is_latched:
            self.text.mark_set("left_at", "tip")
            self.text.mark_gravity("left_at", "left")
            self._pill_at = 0.0
        else:
            self._hide_pill()

    def latch(self) -> None:
        """Stay where the view is, whatever comes."""
        if not self.is_latched:
            self.is_latched = True
            self.text.mark_set("left_at", "tip")
            self.text.mark_gravity("left_at", "left")

    def to_end(self) -> None:
        """Show the latest and follow again."""
        self.is_latched = False
        self._hide_pill()
        self.text.see("end")

    def tick(self, now: float) -> bool:
        """Blink, and say at most twice a second what came below. True while the caret needs further frames."""
        if self._caret_is_on and not self._caret_is_steady and now - self._blink_at >= BLINK_S:
            self._blink_at = now
            self._light(not self._is_lit)
        if self._view != self._shown_view:
            self._show_bar()
        if self.is_latched and now - self._pill_at >= PILL_S:
            self._pill_at = now
            self._count_new_lines()
        return self._caret_is_on and not self._caret_is_steady

    # -- copying -------------------------------------------------------------------------------------------------------

    def selected(self) -> str:
        """What the user has selected, as the model wrote it; empty without a selection."""
        ranges = [str(index) for index in self.text.tag_ranges("sel")]
        return "".join(true_text(self.text, *pair) for pair in zip(ranges[::2], ranges[1::2], strict=True))

    def copy(self) -> None:
        """The selection to the clipboard; without one, `on_copy_all`."""
        if chosen := self.selected():
            self.text.clipboard_clear()
            self.text.clipboard_append(chosen)
        elif self._on_copy_all:
            self._on_copy_all()

    # -- lines ---------------------------------------------------------------------------------------------------------

    def _reset(self) -> None:
        self.is_latched = self._caret_is_on = False
        self._tail = self._ground = ""
        self._chars, self._earlier_is_said = 0, False
        self.text.mark_set("tip", "end-1c")
        self.text.mark_gravity("tip", "right")
        self._begin_line(0)

    def _begin_line(self, length: int) -> None:
        """The open line has `length` characters, which stand before the tip without a break of ours."""
        self._line: list[str] = []
        self._line_length = self._piece_length = length
        self._softs: list[int] = []
        self._line_is_known = length == 0
        self.text.mark_set("line", f"tip - {length} c" if length else "tip")
        self.text.mark_gravity("line", "left")

    def _insert(self, shown: str, tags: tuple[str, ...], marks: LineMarks | None) -> None:
        first, line_break, rest = shown.partition("\n")
        self._add_to_line(first, tags)
        if not line_break:
            self._break_softly(tags)
            return
        self._finish_line(marks)
        whole, line_break, last = rest.rpartition("\n")
        pairs: list[Any] = ["\n", tags]
        if line_break:
            for line in whole.split("\n"):
                pairs += _marked(line, tags, marks.spans(line) if len(line) < MARK_BELOW else ()) if marks else _pieces(line, tags)
                pairs += ("\n", tags)
        self.text.insert("tip", *pairs)
        self._chars += len(rest) - len(last) + 1
        self._begin_line(0)
        self._add_to_line(last, tags)
        self._break_softly(tags)

    def _add_to_line(self, piece: str, tags: tuple[str, ...]) -> None:
        if not piece:
            return
        if self._piece_length + len(piece) <= HARD_BREAK:
            self.text.insert("tip", piece, tags)
            self._piece_length += len(piece)
        else:
            pairs, self._piece_length = [], self._piece_length
            start = 0
            while start < len(piece):
                end = _cut(piece, start, HARD_BREAK - self._piece_length)
                pairs += (piece[start:end], tags)
                self._piece_length += end - start
                start = end
                if start < len(piece):
                    pairs += ("\n", (*tags, SOFT))
                    self._softs.append(self._line_length + start)
                    self._piece_length = 0
            self.text.insert("tip", *pairs)
        self._line_length += len(piece)
        self._chars += len(piece)
        if self._line_is_known and self._line_length < MARK_BELOW:
            self._line.append(piece)
        else:
            self._line_is_known = False
            self._line.clear()

    def _break_softly(self, tags: tuple[str, ...]) -> None:
        """Once the last piece of the open line is long, end it where its last line on screen begins."""
        if self._piece_length <= BREAK_AFTER or self._width < self._kit.px(80):
            return
        at = self.text.index("tip display linestart")
        left = int(self.text.tk.call(str(self.text), "count", "-chars", at, "tip"))
        if 0 < left < self._piece_length:
            self.text.insert(at, "\n", (*tags, SOFT))
            self._softs.append(self._line_length - left)
            self._piece_length = left

    def _finish_line(self, marks: LineMarks | None) -> None:
        """The open line has ended: formatted, and for that whole again if it is not long."""
        if marks is None or not self._line_is_known:
            return
        spans = marks.spans("".join(self._line))
        if spans and self._line_length <= HEAL_BELOW:
            for number, place in reversed(list(enumerate(self._softs))):
                self.text.delete(f"line + {place + number} c")
            self._softs.clear()
        for start, end, tag in spans:
            first, last = self._place_in_line(start), self._place_in_line(end)
            if tag in BULLETS:
                self.text.insert(last, POINT, (*self.text.tag_names(first), tag))
                self.text.delete(first, last)
            else:
                self.text.tag_add(tag, first, last)

    def _heal(self) -> None:
        """Make lines of ordinary length whole again. They were broken where the screen breaks them, so nothing moves."""
        breaks = [str(index) for index in self.text.tag_ranges(SOFT)[::2]][-MOST_HEALED:]
        run: list[str] = []
        for index in reversed(breaks):
            if run and _line_of(index) + 1 != _line_of(run[-1]):
                self._take_away(run)
                run = []
            run.append(index)
        self._take_away(run)

    def _take_away(self, breaks: list[str]) -> None:
        """Breaks of one line of the model's, from the last to the first."""
        if sum(int(index.partition(".")[2]) for index in breaks) <= HEAL_BELOW:
            for index in breaks:
                self.text.delete(index)

    def _place_in_line(self, offset: int) -> str:
        return f"line + {offset + sum(place < offset for place in self._softs)} c"

    def _limit(self) -> None:
        """Take the oldest tenth off the screen when there is too much; the state keeps it."""
        lines = _line_of(str(self.text.index("end-1c")))
        if lines <= self._most_lines * 1.1 and self._chars <= self._most_chars * 1.1:
            return
        if self._chars > self._most_chars * 1.1:
            excess = max(1, lines * (self._chars - self._most_chars) // self._chars)
        else:
            excess = lines - self._most_lines
        if excess >= lines:
            return
        first = "2.0" if self._earlier_is_said else "1.0"
        end = f"{excess + 1}.0"
        self._chars -= int(self.text.tk.call(str(self.text), "count", "-chars", first, end))
        self.text.delete(first, end)
        if not self._earlier_is_said:
            self._earlier_is_said = True
            self.text.insert("1.0", EARLIER, ("earlier", TAIL))

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        if not (self.is_latched or self._is_holding):
            self.text.see("end")

    def _replace_tail(self, words: str, tags: tuple[str, ...]) -> None:
        self.text.mark_gravity("tip", "left")
        self.text.delete("tip", "end-1c")
        if words:
            self.text.insert("end-1c", words, (*tags, self._ground) if self._ground else tags)
        self.text.mark_gravity("tip", "right")
        self._follow()

    def _light(self, lit: bool) -> None:
        self._is_lit = lit
        self.text.tag_configure("caret", foreground=self._kit["state:write" if lit else self._on])

    def _count_new_lines(self) -> None:
        lines = _line_of(str(self.text.index("tip"))) - _line_of(str(self.text.index("left_at")))
        if lines < 200:  # what the screen calls a line costs a layout, so it is counted only where there are few
            lines = int(self.text.tk.call(str(self.text), "count", "-displaylines", "left_at", "tip") or 0)
        words = "Jump to latest" if lines < 1 else "1 new line" if lines == 1 else f"{lines:,} new lines"
        if words != self._pill_words:
            if self._pill is None:
                self._pill = self._kit.badge(self.frame, "", "write", on=self._on, solid=True)
                self._pill.configure(cursor="hand2")
                self._pill.bind("<Button-1>", lambda _event: self.to_end())
            if not self._pill_words:
                self._pill.place(relx=0.5, rely=1.0, y=-self._kit.px(10), anchor="s")
                self._pill.lift()
            self._pill_words = words
            self._kit.set_badge(self._pill, words, "write", "arrow-down")

    def _hide_pill(self) -> None:
        if self._pill is not None and self._pill_words:
            self._pill_words = ""
            self._pill.place_forget()

    def _scrolled(self, first: str, last: str) -> None:
        # The bar is drawn by `tick`: a ttk scrollbar set at each append would cost more than the append.
        self._view = (first, last)

    def _show_bar(self) -> None:
        self._shown_view = self._view
        first, last = self._view
        fits = float(first) <= 0.0 and float(last) >= 1.0
        if fits == self._bar_is_shown:
            self._bar_is_shown = not fits
            if fits:
                self._bar.place_forget()
            else:
                self._bar.place(relx=1.0, x=-1, y=2, relheight=1.0, height=-4, width=self._kit.px(BAR_WIDTH), anchor="ne")
        if not fits:
            self._bar.set(first, last)

    def _make_tags(self) -> None:
        text = self.text
        for tag in (SOFT, TAIL, *BULLETS):
            text.tag_configure(tag)
        text.tag_configure(MARKUP, elide=True)
        text.tag_configure("earlier", justify="center", foreground=self._kit["text2"], font="Small")
        self._kit.on_theme_change(lambda: text.tag_configure("earlier", foreground=self._kit["text2"]), owner=text)
        text.tag_raise("sel")

    # -- the user's hand -----------------------------------------------------------------------------------------------

    def _bind(self) -> None:
        text = self.text
        for key, how in (
            ("<Up>", ("scroll", -1, "units")),
            ("<Down>", ("scroll", 1, "units")),
            ("<Prior>", ("scroll", -1, "pages")),
            ("<Next>", ("scroll", 1, "pages")),
            ("<Home>", ("moveto", 0)),
            ("<Control-Home>", ("moveto", 0)),
        ):
            text.bind(key, lambda _event, how=how: self._press(how))
        for key in ("<End>", "<Control-End>"):
            text.bind(key, lambda _event: self._press(None))
        text.bind("<MouseWheel>", lambda event: self._wheel(-1 if event.delta > 0 else 1))
        text.bind("<Button-4>", lambda _event: self._wheel(-1))
        text.bind("<Button-5>", lambda _event: self._wheel(1))
        text.bind("<Button-1>", lambda _event: self._hold(True), add="+")
        text.bind("<ButtonRelease-1>", lambda _event: self._hold(False), add="+")
        text.bind("<ButtonRelease-2>", lambda _event: self.look(), add="+")
        text.bind("<<Copy>>", lambda _event: self._copied())
        self.frame.bind("<Configure>", lambda event: self._fit(event.width, event.height))
        text.bind("<Configure>", lambda _event: self._follow())
        self._kit.on_font_change(lambda: self._fit(self._width, self.frame.winfo_height()), owner=text)
        # X's own clipboard, for the middle button: without a handler of ours it would hold the soft breaks.
        for kind in ("UTF8_STRING", "STRING"):
            text.selection_handle(self._primary, selection="PRIMARY", type=kind)

    def _press(self, how: tuple[Any, ...] | None) -> str:
        self.to_end() if how is None else self.scroll(*how)
        return "break"

    def _wheel(self, direction: int) -> str | None:
        if self.text.yview() == (0.0, 1.0):
            return None  # all fits: the wheel belongs to whatever scrolls around this text
        self.scroll("scroll", 3 * direction, "units")
        return "break"

    def _hold(self, holding: bool) -> None:
        """While the button is down the text stands still: a selection in the making must not slip away."""
        self._is_holding = holding
        if not holding and not self.is_latched and not self.is_at_end:
            if self.text.tag_ranges("sel"):
                self.latch()
            else:
                self.text.see("end")

    def _copied(self) -> str:
        self.copy()
        return "break"

    def _primary(self, offset: str, most: str) -> str:
        return self.selected()[int(offset) : int(offset) + int(most)]

    def _fit(self, width: int, height: int) -> None:
        """Give the text a height of whole lines, so that none is cut at either edge, and lines that can be read."""
        line = self._kit.font(self._font).metrics("linespace") + LINE_GAP
        edges = 2 * int(str(self.text.cget("pady")))
        whole = edges + max(1, (height - edges) // line) * line
        self.text.place_configure(relheight=0.0, height=whole)
        if self._measure and width != self._width:
            self.text.configure(padx=max(self._padx, (width - self._measure) // 2))
        self._width = width


def _line_of(index: str) -> int:
    return int(index.partition(".")[0])


def _cut(text: str, start: int, room: int) -> int:
    """Where a stretch of at most `room` characters from `start` ends: after a blank, if there is one in its second half."""
    end = start + max(0, room)
    if end >= len(text):
        return len(text)
    blank = text.rfind(" ", start + room // 2, end)
    return blank + 1 if blank > 0 else end


def _pieces(line: str, tags: tuple[str, ...]) -> list[Any]:
    """Arguments of Text.insert for text that stands still: lines longer than Tk likes are broken."""
    if len(line) <= HARD_BREAK:
        return [line, tags] if line else []
    pairs: list[Any] = []
    start = since = 0
    while start < len(line):
        line_break = line.find("\n", start, start + HARD_BREAK)
        if line_break >= 0:
            start = line_break + 1
            continue
        end = _cut(line, start, HARD_BREAK)
        if end < len(line):
            pairs += (line[since:end], tags, "\n", (*tags, SOFT))
            since = end
        start = end
    if since < len(line):
        pairs += (line[since:], tags)
    return pairs


def _marked(line: str, tags: tuple[str, ...], spans: Iterable[tuple[int, int, str]]) -> list[Any]:
    """Arguments of Text.insert for one whole line with its formatting."""
    spans = list(spans)
    if not spans:
        return _pieces(line, tags)
    edges = sorted({0, len(line), *(edge for start, end, _ in spans for edge in (start, end))})
    pairs: list[Any] = []
    for start, end in zip(edges, edges[1:], strict=False):
        on = tuple(tag for a, b, tag in spans if a <= start and end <= b)
        pairs += (POINT if any(tag in BULLETS for tag in on) else line[start:end], (*tags, *on))
    return pairs
