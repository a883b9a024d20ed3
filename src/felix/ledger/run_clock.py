"""The time of a run without its gaps: what passed while nothing could come of it is cut out of replays and timelines.

A gap is a pause in which nobody spoke, the time for which a run was closed or Felix had died, and that in which the
computer slept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from felix.events import (
    Event,
    PauseChanged,
    Record,
    RunFinished,
    RunReopened,
    StoodStill,
    SynthesisComplete,
    ThoughtAsked,
    ThoughtComplete,
    ThoughtId,
    Trace,
    span_in_words,
)

Why = Literal["paused", "closed", "asleep", "halted"]

TOLD_S = 1.0
"""A gap shorter than this is not worth a word."""

STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400)
"""Of the axis below a run, so that its times are round."""

_HAIR_S = 1e-4
"""Places in a run are sums of floats: what lies this little behind one belongs to it."""
_WORDS: dict[Why, str] = {
    "paused": "Paused for {}",
    "closed": "Went on after {}",
    "asleep": "The computer slept for {}",
    "halted": "Felix stood still for {}",
}


class Gap(NamedTuple):
    """From, to, in Unix seconds; to infinity as long as it lasts. Ordered by its first field."""

    start: float
    end: float
    why: Why

    @property
    def words(self) -> str:
        """`Paused for 10 min`; empty for one that nobody would notice."""
        spent_s = self.end - self.start
        if math.isinf(spent_s):
            return "Paused"
        return _WORDS[self.why].format(span_in_words(spent_s)) if spent_s >= TOLD_S else ""


@dataclass(frozen=True, slots=True)
class RunClock:
    """Unix seconds to seconds of a run and back: its gaps do not count."""

    began_at: float
    gaps: tuple[Gap, ...] = ()
    """In order, none within another."""

    def position(self, at: float) -> float:
        """Seconds since the run began; 0 before that."""
        return max(0.0, at - self.began_at - sum(max(0.0, min(at, end) - start) for start, end, _ in self.gaps))

    def at(self, position_s: float) -> float:
        """Unix seconds of a place in the run; of one with a gap, when it went on."""
        at = self.began_at + position_s
        for start, end, _ in self.gaps:
            if at < start - _HAIR_S:
                break
            at += end - start
        return at


def clock_of(durable: Iterable[Record], *, goes_on: bool = False) -> RunClock:
    """The clock of a run, given by its durable records; with `goes_on` a pause that is on has no end yet."""
    seen = _Seen()
    for record in durable:
        seen.take(record)
    if goes_on:
        seen.wake(math.inf)
    return RunClock(seen.began_at, tuple(_joined(seen.gaps)))


class _Seen:
    """What is known of a run so far."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []
        self._last = 0.0
        """Of the last record; no time before that of the one before, whatever the clock did."""
        self.began_at = 0.0
        self._alive = 0.0
        """When something was last done, as far as it is known: the end of what a crash cut off is written later."""
        self._before: Event | None = None
        self._is_paused = False
        self._idle_since: float | None = None
        self._asked: set[ThoughtId] = set()
        """What the user wants of agents while the run is paused, as long as it is being said."""

    def take(self, record: Record) -> None:
        event, at = record.event, max(record.at, self._last)
        if self._before is None:
            self.began_at = self._alive = at
        if isinstance(event, ThoughtComplete | SynthesisComplete) and event.trace is not None:
            self._alive = max(self._alive, min(at, _last_at(event.trace)))
        is_late = isinstance(event, ThoughtComplete | SynthesisComplete | RunFinished) and event.status == "interrupted"
        if is_late:
            self._add(max(self._alive, self.gaps[-1].end if self.gaps else self.began_at), at, "closed")
        elif isinstance(event, RunReopened) and isinstance(self._before, RunFinished):
            self._add(self._last, at, "closed")
        else:
            self._alive = max(self._alive, at)
        match event:
            case StoodStill():
                self._add(max(self.began_at, at - event.seconds), at, "asleep" if event.was_asleep else "halted")
            case PauseChanged():
                self._is_paused = event.state == "paused"
            case ThoughtAsked():
                self._asked.add(event.thought_id)
            case ThoughtComplete():
                self._asked.discard(event.thought_id)
            case RunFinished():
                self._is_paused = False
            case _:
                pass
        is_idle = self._is_paused and not self._asked
        if is_idle and self._idle_since is None:
            self._idle_since = at
        elif not is_idle:
            self.wake(at)
        self._last, self._before = at, event

    def wake(self, at: float) -> None:
        """Something is done again."""
        if self._idle_since is not None:
            self._add(self._idle_since, at, "paused")
            self._idle_since = None

    def _add(self, start: float, end: float, why: Why) -> None:
        if end > start:
            self.gaps.append(Gap(start, end, why))


def _joined(gaps: list[Gap]) -> list[Gap]:
    """Those that touch are one, which is called what the longest of them is."""
    joined: list[Gap] = []
    longest = 0.0
    for gap in sorted(gaps):
        length = gap.end - gap.start
        if joined and gap.start <= joined[-1].end:
            before = joined.pop()
            why = gap.why if length > longest else before.why
            joined.append(Gap(before.start, max(before.end, gap.end), why))
            longest = max(longest, length)
        else:
            joined.append(gap)
            longest = length
    return joined


def _last_at(trace: Trace) -> float:
    last_ms = max([ms for ms, _ in trace.states[-1:]] + list(trace.thinking[-2:-1]) + list(trace.answer[-2:-1]) + [0])
    return trace.began_at + last_ms / 1000
