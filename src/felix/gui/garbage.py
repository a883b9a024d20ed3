"""Garbage is collected on Tk's thread only.

A Tk object that Python's cyclic collector frees on another thread aborts the whole process (`Tcl_AsyncDelete`), so the
automatic collector is off while the window is open and Tk's own loop collects instead.
"""

from __future__ import annotations

import gc
import tkinter as tk
from collections.abc import Callable

EVERY_MS = 500
YOUNG = 2_000
"""Young objects that make a collection worth while; Python's own 700 is for programs without a frame rate."""
MIDDLE = 10
"""Young collections per middle one, as in Python."""
OLD = 20
"""Middle collections per full one. Full ones walk everything, so they also wait until no run is live."""


class MainThreadCollector:
    """Collects from an `after` tick until `close`, which puts the automatic collector back."""

    def __init__(self, root: tk.Misc, is_busy: Callable[[], bool]) -> None:
        self._root, self._is_busy = root, is_busy
        self._was_enabled = gc.isenabled()
        gc.disable()
        self._after = root.after(EVERY_MS, self._tick)

    def _tick(self) -> None:
        young, middle, old = gc.get_count()
        if old >= OLD and not self._is_busy():
            gc.collect(2)
        elif middle >= MIDDLE:
            gc.collect(1)
        elif young >= YOUNG:
            gc.collect(0)
        self._after = self._root.after(EVERY_MS, self._tick)

    def close(self) -> None:
        self._root.after_cancel(self._after)
        if self._was_enabled:
            gc.enable()
