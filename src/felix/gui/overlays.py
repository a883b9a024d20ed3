"""The panels over the page – the shortcut list, the log – of which one at most is open.

A panel takes the page and nothing else: header, task, Stop, helix and status bar stay in sight and in reach.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from pathlib import Path

from felix.gui import shortcuts
from felix.gui.kit import Kit, ScrolledFrame
from felix.gui.log_window import LogWindow
from felix.gui.overlay import Overlay, Room

STEP = 40
"""What an arrow key scrolls, in logical pixels."""


class Overlays:
    """`room` says where a panel may stand; `fit` asks again."""

    def __init__(self, root: tk.Misc, kit: Kit, room: Callable[[], Room]) -> None:
        self._root, self._kit, self._room = root, kit, room
        self._open: Overlay | None = None

    @property
    def is_open(self) -> bool:
        return self._open is not None

    def show_shortcuts(self) -> None:
        """Open the list of keys instead of whatever is open."""
        self.close()
        self._open = Overlay(
            self._root, self._kit, "Shortcuts", width=820, height=440, room=self._room, on_close=self._closed
        )
        scrolled = shortcuts.fill(self._open.body, self._kit)
        step = self._kit.px(STEP)
        for key, pixels in (("<Up>", -step), ("<Down>", step), ("<Prior>", -4 * step), ("<Next>", 4 * step)):
            self._open.close_button.bind(key, partial(_scroll, scrolled, pixels))

    def show_log(self, path: Path) -> None:
        """Open the log instead of whatever is open."""
        self.close()
        self._open = LogWindow(self._root, self._kit, path, room=self._room, on_close=self._closed).overlay

    def show(self, make: Callable[[Callable[[], Room], Callable[[], None]], Overlay]) -> None:
        """Open what `make` makes, of the room and of what it calls when it closes, instead of whatever is open."""
        self.close()
        self._open = make(self._room, self._closed)

    def close(self) -> bool:
        """Close the panel; False when none was open."""
        if self._open is None:
            return False
        self._open.close()
        return True

    def fit(self) -> None:
        """The window has another size, or the task another height."""
        if self._open is not None:
            self._open.fit()

    def _closed(self) -> None:
        self._open = None


def _scroll(scrolled: ScrolledFrame, pixels: int, _event: tk.Event[tk.Misc]) -> None:
    scrolled.scroll(pixels)
