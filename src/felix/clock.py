"""The time of a run: Unix seconds that go on evenly, whatever is done to the computer's clock or to the computer.

Three things happen to a program that runs for hours: its computer sleeps, it is halted, and the clock on the wall is
set. The first two are noticed by a `Pulse`, the third goes unnoticed by whoever reads a `SteadyClock`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

BEAT_S = 0.5
"""A pulse is felt at least this often."""

STILL_S = 5.0
"""More than this between two beats, and the process stood still: no work of Felix's own takes as long."""

# Both go on while the computer sleeps, on Linux and macOS; where there is neither, as on Windows, `monotonic` does.
_SLEEPLESS: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def elapsed() -> float:
    """Seconds since some moment, the computer's sleep included; nobody can set it."""
    return time.monotonic() if _SLEEPLESS is None else time.clock_gettime(_SLEEPLESS)


class SteadyClock:
    """Calling it gives Unix seconds: those at which it was made, and what has passed since."""

    def __init__(
        self,
        not_before: float = 0.0,
        *,
        wall: Callable[[], float] = time.time,
        passing: Callable[[], float] = elapsed,
    ) -> None:
        self._passing = passing
        self._lead = max(wall(), not_before) - passing()

    def __call__(self) -> float:
        return self._lead + self._passing()


@dataclass(frozen=True, slots=True)
class Halt:
    """The process stood still. A thread that only looks from time to time cannot tell more."""

    seconds: float
    felt_s: float
    """How much of them the monotonic clock has counted: on Linux and macOS it stops while the computer sleeps."""

    @property
    def was_asleep(self) -> bool:
        """The computer slept; False when it cannot be told from the process having been halted."""
        return self.seconds - self.felt_s > STILL_S


class Pulse:
    """Tells whoever feels it often whether the process has stood still since they last did."""

    def __init__(self, passing: Callable[[], float] = elapsed, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._passing, self._monotonic = passing, monotonic
        self._at = passing(), monotonic()

    def feel(self) -> Halt | None:
        """What has happened since the last time, if that is long ago."""
        before, self._at = self._at, (self._passing(), self._monotonic())
        passed, felt = self._at[0] - before[0], self._at[1] - before[1]
        return Halt(passed, felt) if passed > STILL_S else None
