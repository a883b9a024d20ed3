"""The panel at the left that holds the runs list: beside the work in a wide window, over it in a narrow one."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk as plain

from felix.gui.header import divider
from felix.gui.kit import Kit
from felix.gui.session import Side
from felix.gui.wing import COLUMN_LEAST

WIDE, LEAST, MOST = 240, 200, 360
ZONE = 6
"""Width of the divider, by which it is dragged."""


class RunsWing:
    """`frame` holds the list. `fit` must follow every change of the window's width."""

    def __init__(self, page: plain.Frame, kit: Kit, *, on_change: Callable[[], None]) -> None:
        """`page` is a grid whose first two columns are the wing's. `on_change` hears when the panel comes, goes, or is
        dragged to another width."""
        self._page, self._kit, self._on_change = page, kit, on_change
        self.side = Side()
        """What the user chose; to be put back with `restore`."""
        self._is_pulled = False
        """Open over the work, in a narrow window."""
        self._window_width = 0
        self._beside = 0
        self.is_narrow = False
        self._shown = ""
        self.frame = kit.frame(page, "side")
        self.frame.pack_propagate(False)
        self._divider = divider(page, kit, on_drag=self._drag, is_left_of_page=True)

    @property
    def is_open(self) -> bool:
        return self._shown != ""

    @property
    def is_over(self) -> bool:
        """Whether it covers a part of the work."""
        return self._shown == "over"

    @property
    def taken(self) -> int:
        """Pixels of the window's width that it leaves to nobody else."""
        return self._width + self._kit.px(ZONE) if self._shown == "beside" else 0

    def restore(self, side: Side) -> None:
        """Have it as it was."""
        self.side = side
        self._arrange()

    def toggle(self) -> None:
        """Show or hide it."""
        if self.is_narrow:
            self._is_pulled = not self._is_pulled
        else:
            self.side = Side(self.side.width, not self.is_open)
        self._arrange()

    def open(self) -> None:
        """Have it in sight."""
        if not self.is_open:
            self.toggle()

    def close_over(self) -> bool:
        """Take it away from over the work; False when it is not there."""
        if not self.is_over:
            return False
        self._is_pulled = False
        self._arrange()
        return True

    def fit(self, window_width: int, *, is_narrow: bool, beside: int) -> None:
        """Take the room of a window of that width, of which the other wing takes `beside`."""
        if is_narrow != self.is_narrow:
            self._is_pulled = False
        self._window_width, self.is_narrow, self._beside = window_width, is_narrow, beside
        self._arrange()

    @property
    def _width(self) -> int:
        px = self._kit.px
        room = self._window_width - px(60) if self.is_narrow else self._window_width - self._beside - px(COLUMN_LEAST)
        return max(px(LEAST), min(px(MOST), room, self.side.width or px(WIDE)))

    def _arrange(self) -> None:
        width, px = self._width, self._kit.px
        if self.is_narrow:
            shown = "over" if self._is_pulled else ""
        else:
            shown = "beside" if self.side.is_open is not False else ""
        was, self._shown = self._shown, shown
        if was != shown:
            for widget in (self.frame, self._divider):
                widget.grid_forget()
                widget.place_forget()
        match shown:
            case "beside":
                self.frame.configure(width=width)
                self.frame.grid(row=0, column=0, sticky="ns")
                self._divider.grid(row=0, column=1, sticky="ns")
            case "over":
                self.frame.place(x=0, y=0, width=width, relheight=1)
                self._divider.place(x=width, y=0, width=px(ZONE), relheight=1)
                tk.Misc.lift(self.frame)
                tk.Misc.lift(self._divider)
            case _:
                pass
        if was != shown:
            self._on_change()

    def _drag(self, x_root: int) -> None:
        self.side = Side(x_root - self._page.winfo_rootx(), self.side.is_open)
        self._arrange()
        self._on_change()
