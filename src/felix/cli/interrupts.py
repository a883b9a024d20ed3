"""Ctrl-C in a command that has something to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable


class Interrupts:
    """Ctrl-C, or a polite kill: the first stops what goes on and keeps what is there, the second quits."""

    def __init__(self, stop: Callable[[], object]) -> None:
        """`stop` is called on the main thread, between any two lines of it."""
        self._ask_to_stop = stop
        self.has_stopped = False
        """The first has come."""
        self._before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}

    def _stop(self, number: int, frame: object) -> None:
        self.restore()
        self.has_stopped = True
        self._ask_to_stop()

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
