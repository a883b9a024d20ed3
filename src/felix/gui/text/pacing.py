"""The typing effect: when text that came in batches is shown, character by character, without ever falling behind.

Every character has a deadline – the moment the next batch is expected – and what waits is spread evenly up to it. A
constant rate would drift away from a fast server and stutter behind a slow one; a deadline can do neither.
"""

from __future__ import annotations

import math

FIRST_GUESS_S = 0.1
"""The interval assumed before a second batch has come: the default of `streaming_batch_interval`."""
SHORTEST_S, LONGEST_S = 0.016, 1.0
"""A gap is counted as at least a frame, and as at most a second: after a pause the text must not crawl."""
WEIGHT = 0.2
"""Of the newest gap in the mean: five batches of another rhythm, and the typing has it."""


class Pacer:
    """How many of the characters that wait are due. `now` is `time.monotonic()` in all calls."""

    __slots__ = ("_last", "_mean", "enabled", "waiting")

    def __init__(self, *, enabled: bool = True) -> None:
        self.enabled = enabled
        """False: everything is due at once."""
        self.waiting = 0
        """Characters that came and were not due yet."""
        self._mean = FIRST_GUESS_S
        self._last: float | None = None

    def arrive(self, now: float, count: int) -> None:
        """`count` more characters have come."""
        if count <= 0:
            return
        if self._last is not None and now > self._last:
            gap = min(max(now - self._last, SHORTEST_S), LONGEST_S)
            self._mean += (gap - self._mean) * WEIGHT
        self._last = now
        self.waiting += count

    @property
    def deadline(self) -> float:
        """When the last character that waits must be on screen."""
        return (self._last or 0.0) + self._mean

    def due(self, now: float, dt: float) -> int:
        """How many to show now, `dt` seconds after the last call; they no longer wait. At least one, if any waits."""
        if not self.enabled:
            return self.flush()
        dt = max(dt, 0.001)
        left = max(dt, self.deadline - now)
        count = min(self.waiting, math.ceil(self.waiting * dt / left))
        self.waiting -= count
        return count

    def flush(self) -> int:
        """Everything that waits, at once: the answer has ended."""
        count, self.waiting = self.waiting, 0
        return count

    def reset(self) -> None:
        """Nothing waits and nothing is known: a new answer begins."""
        self.waiting, self._mean, self._last = 0, FIRST_GUESS_S, None
