"""The regions of the window and the keyboard's way from one to the next."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the window, and how it takes the keyboard."""

    frame: tk.Misc
    focus: Callable[[], object]


def walk(regions: Sequence[Region], root: tk.Misc, by: int) -> None:
    """Give the keyboard to the next region in view, or with -1 to the one before; after the last comes the first."""
    visible = [region for region in regions if region.frame.winfo_viewable()]
    if not visible:
        return
    focused = str(root.tk.call("focus"))
    here = next((n for n, region in enumerate(visible) if _holds(region.frame, focused)), -1 if by > 0 else 0)
    visible[(here + by) % len(visible)].focus()


def focus_first(frame: tk.Misc) -> None:
    """Give the keyboard to the first part of a frame that takes it."""
    target = frame.tk_focusNext()
    if target is not None and _holds(frame, str(target)):
        target.focus_set()


def _holds(frame: tk.Misc, path: str) -> bool:
    return f"{path}.".startswith(f"{frame}.")
