"""A text that grows while it is read: appended to without a stutter, followed only while the reader is at its end.

The reader's eye is theirs: whoever scrolls away stays where they are, whatever comes, folds or ends below, until they
come back. What the model wrote stands in the run's state; from here it is never read back.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk
from typing import Any

from felix.gui.kit import LINE_GAP, Kit, line_spacing
from felix.gui.text.line_marks import LineMarks
from felix.gui.text.shown_text import BULLETS, MARKUP, SOFT, TAIL, put, repaired, to_clipboard, true_text
from felix.gui.text.text_end import TextEnd, line_of, pieces

MOST_LINES, MOST_CHARS = 20_000, 2_000_000
"""What is kept on screen; the head goes in blocks of a tenth."""
BLINK_S = 0.53
SHIFT = 0x1
CARET = "\u2009▍"
EARLIER = "Earlier text is kept – Copy has it all\n"
BAR_WIDTH = 10
LAST = "last"
"""Of the line break that Tk keeps at the end: smaller than any text, it makes no line higher."""
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
        self._view: tuple[float, float] = (0.0, 1.0)
        self._shown_view = self._view
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
        self._end = TextEnd(self.text)
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
        self._end.put(repaired(source), tags, marks)
        self._limit()
        self._follow()

    def end_line(self, *tags: str, marks: LineMarks | None = None) -> None:
        """Make sure that what comes next begins a line."""
        if self._end.is_in_line:
            self.append("\n", *tags, marks=marks)

    def close_line(self, marks: LineMarks | None = None) -> None:
        """The answer has ended: its last line is formatted although no line break follows it."""
        self._end.finish(marks)

    def clear(self) -> None:
        """Nothing is on screen; the view follows again."""
        self.text.delete("1.0", "end")
        for mark in self.text.mark_names():
            if mark not in ("insert", "current"):
                self.text.mark_unset(mark)
        self._reset()
        self._hide_pill()

    def place(self, mark: str) -> None:
        """Name the present end of the text, for `insert` and `delete`. What is appended comes behind the mark."""
        self.text.mark_set(mark, "tip")
        self.text.mark_gravity(mark, "left")

    def insert(self, mark: str, source: str, *tags: str) -> None:
        """Put whole lines or a part of one at a mark in the middle; the mark stays before them."""
        put(self.text, mark, *pieces(repaired(source), tags))
        self._follow()

    def delete(self, start: str, end: str) -> None:
        """Take away what stands between two marks."""
        self.text.delete(start, end)
        self._follow()

    def take_back(self, count: int) -> None:
        """Take the last `count` characters away again: the model's text is shorter than it seemed."""
        self._end.take_back(count)
        self._follow()

    def truncate(self, mark: str) -> None:
        """Take away everything from a mark at a line's beginning to the end; the next text goes there."""
        self.text.delete(mark, "tip")
        self._end.begin()
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
        self._light(lit=True)

    # -- the view ------------------------------------------------------------------------------------------------------

    @property
    def line_height(self) -> int:
        """Pixels of a line on screen: all of them are as high."""
        return self._kit.font(self._font).metrics("linespace") + LINE_GAP

    @property
    def is_at_end(self) -> bool:
        """Whether the last line can be seen."""
        return self.text.dlineinfo("end-1c") is not None

    def scroll(self, *how: Any) -> None:
        """A scroll of the user's: `yview` arguments. Away from the end it sets the latch, at the end it releases it."""
        self.text.yview(*how)
        if how[0] == "moveto" and not self.is_at_end:
            self.text.yview("@0,0")  # whole lines, wherever the bar was let go
        self.look()

    def look(self) -> None:
        """The reader has moved the view: follow from now on if its end can be seen, else stay."""
        self.is_latched = not self.is_at_end
        if self.is_latched:
            self.text.mark_set("left_at", "tip")
            self.text.mark_gravity("left_at", "left")
            self._count_new_lines()
        else:
            self._hide_pill()
        self._view = self.text.yview()
        self._show_bar()

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
            self._light(lit=not self._is_lit)
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
            to_clipboard(self.text, chosen)
        elif self._on_copy_all:
            self._on_copy_all()

    # -- the whole -----------------------------------------------------------------------------------------------------

    def _reset(self) -> None:
        self.is_latched = self._caret_is_on = False
        self._tail = self._ground = ""
        self._earlier_is_said = False
        self._end.clear()
        self.text.tag_add(LAST, "end-1c", "end")

    def _limit(self) -> None:
        """Take the oldest tenth off the screen when there is too much; the state keeps it."""
        lines = line_of(str(self.text.index("end-1c")))
        if lines <= self._most_lines * 1.1 and self._end.chars <= self._most_chars * 1.1:
            return
        if self._end.chars > self._most_chars * 1.1:
            excess = max(1, lines * (self._end.chars - self._most_chars) // self._end.chars)
        else:
            excess = lines - self._most_lines
        if excess >= lines:
            return
        first = "2.0" if self._earlier_is_said else "1.0"
        end = f"{excess + 1}.0"
        self._end.chars -= len(self.text.get(first, end))
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

    def _light(self, *, lit: bool) -> None:
        self._is_lit = lit
        ground = self.text.tag_cget(self._ground, "background") if self._ground else ""
        self.text.tag_configure("caret", foreground=self._kit["state:write"] if lit else ground or self._kit[self._on])

    def _count_new_lines(self) -> None:
        lines = line_of(str(self.text.index("tip"))) - line_of(str(self.text.index("left_at")))
        if lines < 200:  # what the screen calls a line costs a layout, so it is counted only where there are few
            lines = int(self.text.tk.call(str(self.text), "count", "-displaylines", "left_at", "tip") or 0)
        if lines < 1 and not (self._caret_is_on or self._tail):
            self._hide_pill()  # nothing comes any more: the reader only reads
            return
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

    def _scrolled(self, first: float, last: float) -> None:
        self._view = (float(first), float(last))
        # While text comes, `tick` draws the bar: a ttk scrollbar set at each append would cost more than the append.
        if not self._caret_is_on:
            self._show_bar()

    def _show_bar(self) -> None:
        self._shown_view = self._view
        first, last = self._view
        fits = first <= 0.0 and last >= 1.0
        if fits == self._bar_is_shown:
            self._bar_is_shown = not fits
            if fits:
                self._bar.place_forget()
            else:
                self._bar.place(
                    relx=1.0, x=-1, y=2, relheight=1.0, height=-4, width=self._kit.px(BAR_WIDTH), anchor="ne"
                )
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
            text.bind(key, partial(self._press, how))
        for key in ("<End>", "<Control-End>"):
            text.bind(key, partial(self._press, None))
        text.bind("<MouseWheel>", lambda event: self._wheel(-1 if event.delta > 0 else 1))
        text.bind("<Button-4>", lambda _event: self._wheel(-1))
        text.bind("<Button-5>", lambda _event: self._wheel(1))
        text.bind("<Button-1>", lambda _event: self._hold(holding=True), add="+")
        text.bind("<ButtonRelease-1>", lambda _event: self._hold(holding=False), add="+")
        text.bind("<ButtonRelease-2>", lambda _event: self.look(), add="+")
        text.bind("<<Copy>>", lambda _event: self._copied())
        self.frame.bind("<Configure>", lambda event: self._fit(event.width, event.height))
        text.bind("<Configure>", lambda _event: self._resized())
        self._kit.on_font_change(lambda: self._fit(self._width, self.frame.winfo_height()), owner=text)
        # X's own clipboard, for the middle button: without a handler of ours it would hold the soft breaks.
        for kind in ("UTF8_STRING", "STRING"):
            text.selection_handle(self._primary, selection="PRIMARY", type=kind)

    def _press(self, how: tuple[Any, ...] | None, event: tk.Event[tk.Text]) -> str | None:
        if int(event.state) & SHIFT:
            return None  # that selects
        if how is None:
            self.to_end()
        else:
            self.scroll(*how)
        return "break"

    def _wheel(self, direction: int) -> str | None:
        if self.text.yview() == (0.0, 1.0):
            return None  # all fits: the wheel belongs to whatever scrolls around this text
        self.scroll("scroll", 3 * direction, "units")
        return "break"

    def _hold(self, *, holding: bool) -> None:
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
        chosen = self.selected().replace("\0", "␀")  # at which Python's Tk would end the text
        return chosen[int(offset) : int(offset) + int(most)]

    def _resized(self) -> None:
        self._end.tables.fit()
        self._follow()

    def _fit(self, width: int, height: int) -> None:
        """Give the text a height of whole lines, so that none is cut at either edge, and lines that can be read."""
        line = self.line_height
        edges = 2 * int(str(self.text.cget("pady")))
        whole = edges + max(1, (height - edges) // line) * line
        self.text.place_configure(relheight=0.0, height=whole)
        self.text.tag_configure(
            LAST, font="Small", **line_spacing(max(0, line - self._kit.font("Small").metrics("linespace")))
        )
        if self._measure and width != self._width:
            self.text.configure(padx=max(self._padx, (width - self._measure) // 2))
        self._width = width
        self._end.tables.fit()
