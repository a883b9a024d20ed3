"""A run told again from its durable records: the traces in them say when which part of every answer came.

A moment of an answer is made into a record only when it is reached, and one that has ended by then is told by its end
alone, as a ledger tells it; so going to any place in a long run costs what is being written there, not what came
before. Pure: no clock, no file, no thread of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from felix.events import (
    PASSING,
    Event,
    Record,
    RoundStarted,
    SynthesisComplete,
    SynthesisStarted,
    ThoughtComplete,
)
from felix.ledger.replay.course import Course
from felix.ledger.run_clock import clock_of
from felix.ledger.state import RunState

MarkKind = Literal["round", "failure", "synthesis", "gap"]

_HAIR_S = 1e-4
"""Places in a run are sums of floats: what lies this little behind one belongs to it."""


class Mark(NamedTuple):
    """A place worth finding again."""

    position_s: float
    kind: MarkKind
    words: str


def expand(records: Iterable[Record]) -> list[Record]:
    """The durable ones of `records` and what their traces tell, in the order of time, numbered from 1.

    Folding them gives the state that folding the durable ones alone gives. Text that was taken back stands where it
    belongs from the start, for what stood there then is not known any more.
    """
    return list(Course([each for each in records if not isinstance(each.event, PASSING)]).records())


class Replay:
    """A run that can be played: `state` is always what it was at `position_s`, 0 to `duration_s`."""

    def __init__(self, records: Iterable[Record]) -> None:
        """`records` are those of one run, as the ledger keeps them; it begins at 0. Nothing dear is done before the
        first `advance` or `seek`."""
        self._durable = [record for record in records if not isinstance(record.event, PASSING)]
        self.clock = clock_of(self._durable)
        self.duration_s = self.clock.position(max((record.at for record in self._durable), default=0.0))
        self.position_s = 0.0
        self.state = RunState()
        self._course: Course | None = None
        self._reached = 0
        """Steps that `state` has been told."""

    @property
    def now(self) -> float:
        """Unix seconds: when it was what is shown now."""
        return self.clock.at(self.position_s)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """In the order of time: where rounds began, answers failed, and the synthesis began; and what is cut out."""
        marks = [
            Mark(self.clock.position(record.at), *named)
            for record in self._durable
            if (named := _mark(record.event)) is not None
        ]
        marks += [Mark(self.clock.position(gap.start), "gap", gap.words) for gap in self.clock.gaps if gap.words]
        return tuple(sorted(marks))

    def advance(self, dt_s: float) -> list[Record]:
        """Let `dt_s` seconds of the run pass: what happened in them, already folded into `state`."""
        course, index = self._go(self.position_s + dt_s)
        records = [course.record(number) for number in range(self._reached, index)]
        for record in records:
            self.state.apply(record)
        self._reached = index
        self.state.now = self.now
        return records

    def hurry(self, dt_s: float) -> list[Record]:
        """As `advance`, but what came of an answer in several pieces comes in one, and what has ended by its end."""
        course, index = self._go(self.position_s + dt_s)
        records = course.tell(self.state, self._reached, index)
        self._reached = index
        self.state.now = self.now
        return records

    def seek(self, position_s: float) -> RunState:
        """Go to a place in the run. The state is the same object when it lies ahead, and another one when not."""
        course, index = self._go(position_s)
        if index < self._reached:
            self.state, self._reached = RunState(), 0
        course.tell(self.state, self._reached, index)
        self._reached = index
        self.state.now = self.now
        return self.state

    def _go(self, position_s: float) -> tuple[Course, int]:
        if self._course is None:
            self._course = Course(self._durable)
        self.position_s = min(max(0.0, position_s), self.duration_s)
        if self.position_s >= self.duration_s:
            return self._course, len(self._course)
        return self._course, self._course.index(self.now + _HAIR_S)


def _mark(event: Event) -> tuple[MarkKind, str] | None:
    match event:
        case RoundStarted():
            return "round", f"Round {event.number} of {event.total}"
        case ThoughtComplete(status="failed" | "refused"):
            return "failure", f"{event.agent_id} {event.status}"
        case SynthesisComplete(status="failed" | "refused"):
            return "failure", f"Synthesis {event.status}"
        case SynthesisStarted(number=1):
            return "synthesis", "Synthesis"
        case SynthesisStarted():
            return "synthesis", "Synthesis, made again"
        case _:
            return None
