"""The window: Tk and ttkbootstrap, and the only place that imports them."""

from __future__ import annotations

import argparse

__all__ = ["open_window"]


def open_window(options: argparse.Namespace) -> int:
    """Open the window and stay until it is closed; the process' exit status.

    `options` has `task`, `workflow`, `start` (run at once), `demo` and `settings` (a path, or None).
    """
    from felix.gui.opening import run

    return run(options)
