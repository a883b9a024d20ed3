"""Faults of the program itself: each goes to the log, and the window says one quiet sentence; nothing pops up.

All ways out of Python's hands are wired to the log: a callback of Tk, a thread, an exception where none can be raised.
And whatever is logged as an error, by whichever thread, is told in the window.
"""

from __future__ import annotations

import logging
import sys
import threading
import tkinter as tk
from collections.abc import Callable
from types import TracebackType

SENTENCE = "Something went wrong inside Felix – Show log"
LOOK_MS = 1_000

_log = logging.getLogger(__name__)


class _Mark(logging.Handler):
    """Remembers that an error was logged. On any thread, so it calls nobody."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.is_set = False

    def emit(self, record: logging.LogRecord) -> None:
        self.is_set = True


class FaultWatch:
    """Wires the hooks until `close` puts the old ones back; `on_fault` is called on Tk's thread."""

    def __init__(self, root: tk.Tk, on_fault: Callable[[], None]) -> None:
        self._root, self._on_fault = root, on_fault
        self._previous = (threading.excepthook, sys.unraisablehook)
        root.report_callback_exception = _in_tk
        threading.excepthook = _in_thread
        sys.unraisablehook = _unraisable
        self._mark = _Mark()
        logging.getLogger("felix").addHandler(self._mark)
        self._after = root.after(LOOK_MS, self._look)

    def close(self) -> None:
        self._root.after_cancel(self._after)
        logging.getLogger("felix").removeHandler(self._mark)
        threading.excepthook, sys.unraisablehook = self._previous

    def _look(self) -> None:
        if self._mark.is_set:
            self._mark.is_set = False
            self._on_fault()
        self._after = self._root.after(LOOK_MS, self._look)


def _in_tk(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    _log.error("A callback of the window failed", exc_info=(kind, error, trace))


def _in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and args.exc_type is not SystemExit:
        _log.error("A thread failed", exc_info=(args.exc_type, args.exc_value, args.exc_traceback))


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    if args.exc_value is not None:
        where = getattr(args.object, "__qualname__", type(args.object).__name__)
        _log.error("An exception could not be raised in %s", where, exc_info=args.exc_value)
