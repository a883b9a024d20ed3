"""The panel at the right: as wide as it is dragged, narrower in a narrow window, gone when there is no room for it."""

from __future__ import annotations

from collections.abc import Callable
from tkinter import ttk as plain

from felix.gui.header import divider
from felix.gui.kit import Kit
from felix.gui.session import Side

WIDE, NARROW, MOST = 284, 204, 420
COLUMN_LEAST = 520
"""What stays for the middle of the window."""
HIDDEN_BELOW = 960
"""Width of a window that shows the panel only when asked."""


class Wing:
    """`frame` holds the panel's content; `fit` must follow every change of the window's width."""

    def __init__(self, page: plain.Frame, kit: Kit, *, on_change: Callable[[], None]) -> None:
        """`page` is a grid whose first column is the middle. `on_change` hears when the panel comes, goes, or is
        dragged to another width."""
        self._page, self._kit, self._on_change = page, kit, on_change
        self._wanted: bool | None = None
        self._chosen: int | None = None
        self._window_width = self._beside = 0
        self._is_narrow = False
        self._divider = divider(page, kit, on_drag=self._drag)
        self.frame = kit.frame(page, "side")
        self.frame.grid_propagate(False)
        self.frame.pack_propagate(False)
        self.is_open = False

    @property
    def side(self) -> Side:
        """What the user chose; to be put back with `restore`."""
        return Side(self._chosen, self._wanted)

    @property
    def taken(self) -> int:
        """Pixels of the window's width that it leaves to nobody else."""
        return int(str(self.frame.cget("width"))) + self._divider.winfo_reqwidth() if self.is_open else 0

    def restore(self, side: Side) -> None:
        """Have it as it was; shown from the next `fit` on."""
        self._chosen, self._wanted = side.width, side.is_open

    def toggle(self) -> None:
        """Show or hide it, whatever the width."""
        self._wanted = not self.is_open
        self.fit(self._window_width, is_narrow=self._is_narrow, beside=self._beside)

    def fit(self, window_width: int, *, is_narrow: bool, beside: int = 0) -> None:
        """Take the room of a window of that width, of which the other wing takes `beside`."""
        kit = self._kit
        self._window_width, self._is_narrow, self._beside = window_width, is_narrow, beside
        was_open, self.is_open = (
            self.is_open,
            self._wanted is True or (self._wanted is None and window_width >= kit.px(HIDDEN_BELOW)),
        )
        if self.is_open:
            most = min(kit.px(MOST), window_width - beside - kit.px(COLUMN_LEAST))
            width = self._chosen or kit.px(NARROW if is_narrow else WIDE)
            self.frame.configure(width=max(kit.px(NARROW), min(most, width)))
        if self.is_open == was_open:
            return
        if self.is_open:
            self._divider.grid(row=0, column=1, sticky="ns")
            self.frame.grid(row=0, column=2, sticky="ns")
        else:
            self._divider.grid_remove()
            self.frame.grid_remove()
        self._on_change()

    def _drag(self, x_root: int) -> None:
        self._chosen = self._page.winfo_rootx() + self._page.winfo_width() - x_root
        self.fit(self._window_width, is_narrow=self._is_narrow, beside=self._beside)
        self._on_change()
