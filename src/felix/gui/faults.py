"""Faults of the program itself: each goes to the log, and the window says one quiet sentence; nothing pops up.

All three ways out of Python's hands are wired: a callback of Tk, a thread, and an exception where none can be raised.
"""

from __future__ import annotations

import logging
import sys
import threading
import tkinter as tk
from collections.abc import Callable
from types import TracebackType

SENTENCE = "Something went wrong inside Felix – Show log"

_log = logging.getLogger(__name__)


class FaultWatch:
    """Wires the hooks until `close` puts the old ones back. Other threads only leave a mark, which `look` finds."""

    def __init__(self, root: tk.Tk, on_fault: Callable[[], None]) -> None:
        self._root, self._on_fault = root, on_fault
        self._raised_elsewhere = False
        self._previous = (threading.excepthook, sys.unraisablehook)
        root.report_callback_exception = self._in_tk
        threading.excepthook = self._in_thread
        sys.unraisablehook = self._unraisable

    def look(self) -> None:
        """Say what another thread could only leave a mark about."""
        if self._raised_elsewhere:
            self._raised_elsewhere = False
            self._on_fault()

    def close(self) -> None:
        threading.excepthook, sys.unraisablehook = self._previous

    def _in_tk(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _log.error("A callback of the window failed", exc_info=(kind, error, trace))
        self._on_fault()

    def _in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and args.exc_type is not SystemExit:
            _log.error("A thread failed", exc_info=(args.exc_type, args.exc_value, args.exc_traceback))
            self._raised_elsewhere = True  # no call of Tk from here

    def _unraisable(self, args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is not None:
            where = getattr(args.object, "__qualname__", type(args.object).__name__)
            _log.error("An exception could not be raised in %s", where, exc_info=args.exc_value)
            self._raised_elsewhere = True
