"""The rows of the runs list on one canvas, of which only those in view are drawn: ten thousand cost what twenty do.

A click on a day's heading, or Left and Right, fold and unfold it.
"""

from __future__ import annotations

import time
import tkinter as tk
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

from PIL import ImageTk

from felix.events import RunId
from felix.gui.kit import Kit, drawing
from felix.gui.pointer_tip import PointerTip
from felix.gui.runs.runs_layout import RunsLayout
from felix.gui.runs.runs_words import Group, Live, age_of, found_in, grouped, look_of, name_of, second_line, tip_of
from felix.gui.shortcuts import leave_run
from felix.ledger.reader import RunRow

HEAD, ROW, GAP = 27, 42, 6
"""Heights of a day's heading and of a run, and what stands between two days; larger type needs more."""
INSET, GLYPH_X, TEXT_X, RIGHT = 6, 21, 34, 8
"""`RIGHT` is what stays free between a row's words and the end of its ground."""
BAR = 10
"""What the scrollbar takes of the width, while there is one."""
HEADING_X = 14
_LIVE_AGE = "write"
_MOST_WIDTHS = 4_000
"""Shortened texts that are kept: about all that somebody scrolls through in a while."""


class RunsCanvas:
    """`frame` is placed by the caller. It draws what `show` was given and tells what the user does with it."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        *,
        on_open: Callable[[RunRow], object],
        on_menu: Callable[[RunRow, int, int], object],
    ) -> None:
        """`on_menu` gets a row and a place on the screen."""
        self._kit, self._on_open, self._on_menu = kit, on_open, on_menu
        self.frame = kit.frame(parent, "side")
        self.canvas = canvas = kit.canvas(self.frame, "side", width=1, height=1, takefocus=True)
        self._bar = kit.scrollbar(self.frame, self._scroll_by_bar, "side")
        canvas.pack(side="left", fill="both", expand=True)
        self.rows: Sequence[RunRow] = ()
        """In the order in which they stand."""
        self.folded: set[str] = set()
        """Keys of the days whose rows are not shown."""
        self._is_whole = False
        """All rows are shown, whatever is folded: they are what a search has found."""
        self._groups: list[Group] = []
        self._layout = RunsLayout()
        self._top = 0
        self._shown: RunId | None = None
        self._live: Live | None = None
        self._cursor: RunId | None = None
        self._hovered = -1
        self._grounds: dict[int, int] = {}
        """Index to canvas item, of the rows in view."""
        self._photos: dict[tuple[str, int, bool], ImageTk.PhotoImage] = {}
        self._shortened: dict[tuple[str, str, int], str] = {}
        self.on_move: Callable[[], object] = lambda: None
        """Told when the rows stand elsewhere now."""
        self.on_fold: Callable[[], object] = lambda: None
        """Told when the user has folded or unfolded a day."""
        self._tip = PointerTip(canvas, kit)
        for sequence, handler in (
            ("<Configure>", lambda _event: self._resized()),
            ("<Motion>", self._point),
            ("<Leave>", lambda _event: self._leave()),
            ("<Button-1>", self._press),
            ("<Button-3>", self._context),
            ("<Control-Button-1>", self._context),
            ("<MouseWheel>", lambda event: self._wheel(-event.delta)),
            ("<Button-4>", lambda _event: self._wheel(-120)),
            ("<Button-5>", lambda _event: self._wheel(120)),
            ("<FocusIn>", lambda _event: self._focused()),
            ("<FocusOut>", lambda _event: self._ground_all()),
            ("<Up>", lambda _event: self.step(-1)),
            ("<Down>", lambda _event: self.step(1)),
            ("<Prior>", lambda _event: self.step(-self._page)),
            ("<Next>", lambda _event: self.step(self._page)),
            ("<Home>", lambda _event: self.step(-len(self.rows))),
            ("<End>", lambda _event: self.step(len(self.rows))),
            ("<Left>", lambda _event: self._fold_here(is_folded=True)),
            ("<Right>", lambda _event: self._fold_here(is_folded=False)),
            ("<Return>", lambda _event: self._open()),
            ("<KP_Enter>", lambda _event: self._open()),
            ("<space>", lambda _event: self._open()),
            ("<Shift-F10>", lambda _event: self._context_by_key()),
        ):
            canvas.bind(sequence, handler)
        leave_run(canvas)
        for key in ("<Menu>", "<App>"):
            try:
                canvas.bind(key, lambda _event: self._context_by_key())
            except tk.TclError:
                continue  # a key of another platform
        kit.on_theme_change(self._repaint, owner=canvas)
        kit.on_font_change(self._resize_type, owner=canvas)

    # -- what it shows -------------------------------------------------------------------------------------------------

    def show(self, rows: Sequence[RunRow], *, from_top: bool = False, is_whole: bool = False) -> None:
        """Draw these, arranged; the view stays where it is unless the list is another one altogether.

        With `is_whole` no day is folded.
        """
        self.rows, self._is_whole = rows, is_whole
        self._groups = grouped(rows, time.time())
        if from_top:
            self._top = 0
        self._measure()

    def grow_older(self) -> None:
        """Time has passed: other ages, and at midnight other days."""
        self._groups = grouped(self.rows, time.time())
        self._measure()

    def fold(self, keys: Iterable[str]) -> None:
        """Fold these days and no others."""
        self.folded = set(keys)
        self._measure()

    def set_shown(self, run: RunId | None) -> None:
        """Mark the run that is on screen."""
        if run != self._shown:
            self._shown = self._cursor = run
            self._draw()

    def set_live(self, live: Live | None) -> None:
        """What the run that goes on has reached; None when there is none."""
        if live != self._live:
            self._live = live
            self._draw()

    @property
    def current(self) -> RunRow | None:
        """The row the keyboard is at; None when it is at a day that is folded."""
        index = self.index_of(self._cursor)
        return None if index is None or self._layout.is_hidden(index) else self.rows[index]

    def go_to(self, run: RunId | None) -> None:
        """Put the keyboard at a row, and the row in view."""
        self._cursor = run
        index = self.index_of(run)
        if index is None:
            self._ground_all()
        else:
            self.see(index)

    def index_of(self, run: RunId | None) -> int | None:
        return next((index for index, row in enumerate(self.rows) if row.run == run), None) if run else None

    def neighbour(self, run: RunId) -> RunId | None:
        """The run that stands below, or at the end of the list above."""
        index = self.index_of(run)
        if index is None or len(self.rows) < 2:
            return None
        return self.rows[index + 1 if index + 1 < len(self.rows) else index - 1].run

    def see(self, index: int) -> None:
        """Scroll no further than needed to have a row in view, with its heading when it is the first under one."""
        top, height = self._layout.box_of(index)
        group = self._groups[self._layout.number_of(index)]
        above = self._head if index == group.first and not self._layout.is_hidden(index) else 0
        self._scroll_to(max(min(self._top, top - above), top + height - self._room))
        self._draw()

    def name_box(self, run: RunId) -> tuple[int, int, int, int] | None:
        """Left, top, width and height of a row's name on the canvas; None when it is out of view."""
        index = self.index_of(run)
        if index is None or self._layout.is_hidden(index):
            return None
        y = self._layout.box_of(index)[0] - self._top
        if y < 0 or y + self._row > self._room:
            return None
        left = self._kit.px(TEXT_X) - self._kit.px(9)
        return left, y, self._edge - left, self._row - 1

    def step(self, by: int) -> str:
        """Move the keyboard by so many rows, as far as there are any."""
        if self.rows:
            here = self.index_of(self._cursor)
            index = 0 if here is None else self._layout.stepped(here, by)
            self._cursor = self.rows[index].run
            self.see(index)
        return "break"

    # -- places --------------------------------------------------------------------------------------------------------

    @property
    def _width(self) -> int:
        return self.canvas.winfo_width()

    @property
    def _edge(self) -> int:
        """Where the grounds of the rows end."""
        return self._width - self._kit.px(BAR if self._bar.winfo_manager() else INSET)

    @property
    def _room(self) -> int:
        return self.canvas.winfo_height()

    @property
    def _page(self) -> int:
        return max(1, self._room // self._row - 1)

    def _line(self, font: str) -> int:
        return int(self._kit.font(font).metrics("linespace"))

    def _measure(self) -> None:
        px = self._kit.px
        self._head = max(px(HEAD), self._line("Tiny") + px(13))
        self._row = max(px(ROW), self._line("Base") + self._line("Small") + px(9))
        folded = () if self._is_whole else self.folded
        self._layout = RunsLayout(self._groups, folded, head=self._head, row=self._row, gap=px(GAP), top=px(2))
        self._show_bar(is_needed=self._layout.height > self._room)
        self._scroll_to(self._top)
        self._draw()

    def _index_at(self, y: int) -> int:
        """The row at a height of the canvas, -1 between rows."""
        return self._layout.row_at(y + self._top)

    def _heading_at(self, y: int) -> Group | None:
        """The heading at a height of the canvas that can be folded or unfolded."""
        return None if self._is_whole else self._layout.heading_at(y + self._top)

    def _show_bar(self, *, is_needed: bool) -> None:
        if is_needed != bool(self._bar.winfo_manager()):
            self._photos.clear()  # the grounds end elsewhere
            if is_needed:
                self._bar.place(relx=1, rely=0, relheight=1, anchor="ne")
            else:
                self._bar.place_forget()

    # -- scrolling -----------------------------------------------------------------------------------------------------

    def _scroll_to(self, top: int) -> None:
        before, self._top = self._top, max(0, min(top, self._layout.height - self._room))
        if self._top != before:
            self.on_move()
        height = max(1, self._layout.height)
        self._bar.set(self._top / height, min(1.0, (self._top + self._room) / height))

    def _scroll_by_bar(self, kind: str, amount: str, unit: str = "") -> None:
        if kind == "moveto":
            self._scroll_to(round(float(amount) * self._layout.height))
        else:
            self._scroll_to(self._top + int(amount) * (self._room if unit == "pages" else self._row))
        self._draw()

    def _wheel(self, delta: int) -> str:
        if self.canvas.tk.call("tk", "windowingsystem") == "aqua":
            delta *= 120  # macOS counts notches
        self._tip.hide()
        self._scroll_to(self._top + round(delta / 120 * 1.5 * self._row))
        self._draw()
        return "break"

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _resized(self) -> None:
        self._photos.clear()
        self._shortened.clear()
        self._measure()

    def _resize_type(self) -> None:
        self._shortened.clear()
        self._photos.clear()
        self._measure()

    def _repaint(self) -> None:
        self._photos.clear()
        self._draw()

    def _draw(self) -> None:
        """Everything in view, anew."""
        canvas = self.canvas
        canvas.delete("all")
        self._grounds.clear()
        if self._width <= 1:
            return
        now, bottom, tops = time.time(), self._top + self._room, self._layout.tops
        for number in range(max(0, bisect_right(tops, self._top) - 1), len(self._groups)):
            group, y = self._groups[number], tops[number]
            if y > bottom:
                break
            is_folded = self._layout.is_folded(number)
            self._draw_heading(group, y - self._top, is_folded=is_folded)
            if is_folded:
                continue
            y += self._head
            skipped = max(0, (self._top - y) // self._row)
            for index in range(group.first + skipped, group.first + group.count):
                at = y + (index - group.first) * self._row
                if at > bottom:
                    break
                self._draw_row(index, at - self._top, now)

    def _draw_heading(self, group: Group, y: int, *, is_folded: bool) -> None:
        kit, middle = self._kit, y + round(self._head * 0.6)
        if is_folded:
            ground = self._ground(group.first)
            top = middle - self._folded_height // 2
            self._grounds[group.first] = self.canvas.create_image(kit.px(INSET), top, anchor="nw", image=ground)
        self.canvas.create_text(
            kit.px(HEADING_X), middle, text=group.heading, anchor="w", font="Tiny", fill=kit["text2"]
        )
        if self._is_whole:
            return
        right = self._edge - kit.px(RIGHT)
        icon = kit.icon("chevron-right" if is_folded else "chevron-down", 9, "text2")
        self.canvas.create_image(right - kit.px(5), middle, image=icon)
        if is_folded:
            self.canvas.create_text(
                right - kit.px(16), middle, text=f"{group.count:,}", anchor="e", font="Tiny", fill=kit["text2"]
            )

    def _draw_row(self, index: int, y: int, now: float) -> None:
        kit, canvas, row = self._kit, self.canvas, self.rows[index]
        live = self._live if self._live and self._live.run == row.run else None
        is_shown = row.run == self._shown
        look = look_of(row)
        self._grounds[index] = canvas.create_image(kit.px(INSET), y, anchor="nw", image=self._ground(index))
        first = y + kit.px(4) + self._line("Base") // 2
        second = y + self._row - kit.px(5) - self._line("Small") // 2
        if live:
            picture = kit.progress_ring(live.fraction, outer="sel" if is_shown else "side")
        else:
            picture = kit.icon(look.icon, 13, f"state:{look.state}")
        canvas.create_image(kit.px(GLYPH_X), first, image=picture)
        right = self._edge - kit.px(RIGHT)
        room = right - kit.px(TEXT_X)
        if row.is_pinned:
            canvas.create_image(right - kit.px(5), first, image=kit.icon("pin-angle-fill", 11))
            room -= kit.px(14)
        font = "Strong" if is_shown else "Base"
        name = self._short(name_of(row), font, room)
        canvas.create_text(kit.px(TEXT_X), first, text=name, anchor="w", font=font, fill=kit["text"])
        age = live.elapsed if live else age_of(row, now)
        canvas.create_text(
            right, second, text=age, anchor="e", font="Small", fill=kit[_LIVE_AGE] if live else kit["text2"]
        )
        room = right - kit.px(TEXT_X) - kit.font("Small").measure(age) - kit.px(8)
        if not live and (pieces := found_in(row)):
            self._draw_found(pieces, second, room)
            return
        is_told = look.word and not live
        canvas.create_text(
            kit.px(TEXT_X), second, text=self._short(second_line(row, live), "Small", room), anchor="w", font="Small",
            fill=kit[f"ink:{look.state}"] if is_told else kit["text2"],
        )  # fmt: skip

    def _draw_found(self, pieces: list[tuple[str, bool]], y: int, room: int) -> None:
        """Where the search found the run, as far as there is room, hits in strong type."""
        kit, x = self._kit, self._kit.px(TEXT_X)
        for text, is_hit in pieces:
            font = "SmallStrong" if is_hit else "Small"
            shown = self._short(text, font, room)
            self.canvas.create_text(x, y, text=shown, anchor="w", font=font, fill=kit["text" if is_hit else "text2"])
            if shown != text:
                return
            width = kit.font(font).measure(text)
            x, room = x + width, room - width

    def _short(self, text: str, font: str, room: int) -> str:
        """As much of `text` as there is room for; "…" stands for the rest."""
        key = (text, font, room)
        if key not in self._shortened:
            if len(self._shortened) > _MOST_WIDTHS:
                self._shortened.clear()
            self._shortened[key] = self._kit.fitted(text, font, room)
        return self._shortened[key]

    def _ground(self, index: int) -> str:
        """What lies under a row: nothing, or a rounded box when it is shown, pointed at or has the keyboard.

        Where its day is folded, it lies under the heading when that is so of any run of the day.
        """
        runs, height = self.rows[index : index + 1], self._row - 1
        if self._layout.is_hidden(index):
            group = self._groups[self._layout.number_of(index)]
            runs, height = self.rows[group.first : group.first + group.count], self._folded_height
        is_shown = any(row.run == self._shown for row in runs)
        fill = "sel" if is_shown else "hover" if index == self._hovered else "side"
        is_here = any(row.run == self._cursor for row in runs)
        has_keyboard = is_here and str(self.canvas.tk.call("focus")) == str(self.canvas)
        if fill == "side" and not has_keyboard:
            return ""
        return str(self._photo(fill, height, has_ring=has_keyboard))

    @property
    def _folded_height(self) -> int:
        """Of the box under the heading of a day that is folded."""
        return self._head - self._kit.px(5)

    def _photo(self, fill: str, height: int, *, has_ring: bool) -> ImageTk.PhotoImage:
        kit, key = self._kit, (fill, height, has_ring)
        if key not in self._photos:
            size = (max(1, self._edge - kit.px(INSET)), height)
            border = kit["primary"] if has_ring else None
            box = drawing.rounded(size, kit.px(6), kit[fill], kit["side"], border=border, border_width=kit.px(2))
            self._photos[key] = kit.photo(box)
        return self._photos[key]

    def _ground_all(self) -> None:
        for index, item in self._grounds.items():
            self.canvas.itemconfigure(item, image=self._ground(index))

    # -- the user ------------------------------------------------------------------------------------------------------

    def _focused(self) -> None:
        if self.current is None and self.rows:
            self._cursor = self.rows[0].run
        self._ground_all()

    def _hover(self, index: int) -> None:
        if index == self._hovered:
            return
        before, self._hovered = self._hovered, index
        for each in (before, index):
            if each in self._grounds:
                self.canvas.itemconfigure(self._grounds[each], image=self._ground(each))

    def _point(self, event: tk.Event[tk.Misc]) -> None:
        index = self._index_at(event.y)
        self._hover(index)
        self.canvas.configure(cursor="hand2" if index >= 0 or self._heading_at(event.y) else "")
        self._tip.show(tip_of(self.rows[index]) if index >= 0 else "", event.x_root, event.y_root)

    def _leave(self) -> None:
        self._tip.hide()
        self._hover(-1)
        self.canvas.configure(cursor="")

    def _press(self, event: tk.Event[tk.Misc]) -> None:
        self._tip.hide()
        self.canvas.focus_set()
        if (index := self._index_at(event.y)) >= 0:
            self._cursor = self.rows[index].run
            self._on_open(self.rows[index])
            self._ground_all()
        elif (group := self._heading_at(event.y)) is not None:
            self._toggle(group)

    def _open(self) -> str:
        if (row := self.current) is not None:
            self._on_open(row)
        else:
            self._fold_here(is_folded=False)
        return "break"

    def _fold_here(self, *, is_folded: bool) -> str:
        """Fold or unfold the day that the keyboard is in."""
        index = self.index_of(self._cursor)
        if index is not None and not self._is_whole:
            group = self._groups[self._layout.number_of(index)]
            if (group.key in self.folded) != is_folded:
                self._cursor = self.rows[group.first].run
                self._toggle(group)
                self.see(group.first)
        return "break"

    def _toggle(self, group: Group) -> None:
        self.folded ^= {group.key}
        self.on_move()
        self._measure()
        self.on_fold()

    def _context(self, event: tk.Event[tk.Misc]) -> str:
        self._tip.hide()
        self.canvas.focus_set()
        if (index := self._index_at(event.y)) >= 0:
            self._cursor = self.rows[index].run
            self._ground_all()
            self._on_menu(self.rows[index], event.x_root, event.y_root)
        return "break"

    def _context_by_key(self) -> str:
        row = self.current
        box = self.name_box(row.run) if row else None
        if row and box:
            self._on_menu(row, self.canvas.winfo_rootx() + box[0], self.canvas.winfo_rooty() + box[1] + box[3])
        return "break"
