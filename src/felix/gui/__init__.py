"""The window: Tk and ttkbootstrap, and the only place that imports them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from felix.sharing import Serve

__all__ = ["open_window"]


def open_window(options: argparse.Namespace, serve: Serve | None = None) -> int:
    """Open the window and stay until it is closed; the process' exit status.

    `options` has `task`, `workflow`, `start` (run at once), `demo` and `settings` (a path, or None). `serve` shows its
    runs to others, when its user says so.
    """
    from felix.gui.opening import run

    return run(options, serve)
