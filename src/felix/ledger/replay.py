"""A run told again from its durable records: the traces in them say when which part of every answer came.

A moment of an answer is made into a record only when it is reached, and one that has ended by then is told by its end
alone, as a ledger tells it; so going to any place in a long run costs what is being written there, not what came
before. Pure: no clock, no file, no thread of its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import accumulate
from operator import itemgetter
from typing import Literal, NamedTuple

from felix.events import (
    HUB,
    PASSING,
    SYNTHESIS,
    Activity,
    AgentAdded,
    AgentState,
    Channel,
    Event,
    PartialSynthesis,
    PartialThought,
    Record,
    RoundStarted,
    SynthesisComplete,
    SynthesisStarted,
    ThoughtAsked,
    ThoughtComplete,
    ThoughtId,
    Trace,
)
from felix.ledger.run_clock import clock_of
from felix.ledger.state import RunState

End = ThoughtComplete | SynthesisComplete
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
    return list(_Course([each for each in records if not isinstance(each.event, PASSING)]).records())


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
        self._course: _Course | None = None
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

    def _go(self, position_s: float) -> tuple[_Course, int]:
        if self._course is None:
            self._course = _Course(self._durable)
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


# -- one answer, as its trace tells it ---------------------------------------------------------------------------------


class _Does(NamedTuple):
    """It begins to do something else."""

    activity: Activity
    is_asked: bool = False
    """With this one its request goes out."""
    position: int | None = None


class _Says(NamedTuple):
    """Part of its text comes: the characters from `start` to `end`."""

    channel: Channel
    start: int
    end: int
    tokens: int


class _Told:
    """An answer that has ended, taken apart into its moments: when, in ms since it began, and what."""

    __slots__ = ("began_at", "end", "ended_at", "ended_step", "moments", "progress", "thought_id")

    def __init__(self, end: End, trace: Trace, thought_id: ThoughtId, *, ended_at: float, progress: float) -> None:
        self.end, self.thought_id, self.progress = end, thought_id, progress
        self.began_at, self.ended_at = trace.began_at, ended_at
        self.ended_step = 0
        self.moments: list[tuple[int, _Does | _Says]] = []
        self._take_apart(trace)

    def _take_apart(self, trace: Trace) -> None:
        has_asked = False
        for ms, activity in trace.states:
            if activity not in ("thinking", "writing", "calling"):  # what comes of it tells that
                is_asked = activity != "queued" and not has_asked
                has_asked |= is_asked
                self.moments.append((ms, _Does(activity, is_asked)))
        answer, taken_back = _standing(trace.answer)
        thinking = _spread(_pairs(trace.thinking), taken_back)
        total = sum(count for _, count in (*answer, *thinking)) or 1
        chunks: list[tuple[int, Channel, int]] = [(ms, "thinking", n) for ms, n in thinking]
        chunks += [(ms, "answer", n) for ms, n in answer]
        chunks.sort(key=itemgetter(0))
        said: dict[Channel, int] = {"thinking": 0, "answer": 0}
        in_all, per_character = 0, trace.tokens / total
        for ms, channel, count in chunks:
            start = said[channel]
            said[channel] = end = start + count
            in_all += count
            self.moments.append((ms, _Says(channel, start, end, round(in_all * per_character))))

    def event(self, moment: _Does | _Says) -> Event:
        return self._doing(moment) if isinstance(moment, _Does) else self._saying(moment)

    def _doing(self, moment: _Does) -> AgentState:
        end = self.end
        thought = end if isinstance(end, ThoughtComplete) else None
        return AgentState(
            agent_id=thought.agent_id if thought else HUB,
            thought_id=self.thought_id,
            state=moment.activity,
            round=thought.round if thought else 0,
            checkpoint=thought.checkpoint if thought else 1.0,
            position=moment.position,
            read=thought.read if thought and moment.is_asked else (),
            cut=thought.cut if thought and moment.is_asked else "",
            temperature=end.temperature,
            model=end.model,
            endpoint=end.endpoint,
        )

    def _saying(self, moment: _Says) -> PartialThought | PartialSynthesis:
        channel, start, stop, tokens = moment
        end = self.end
        text = (end.thinking if channel == "thinking" else end.content)[start:stop]
        if isinstance(end, SynthesisComplete):
            return PartialSynthesis(channel=channel, partial=text, offset=start, tokens_so_far=tokens)
        return PartialThought(
            agent_id=end.agent_id,
            thought_id=self.thought_id,
            role=end.role,
            checkpoint=end.checkpoint,
            progress=self.progress,
            channel=channel,
            partial=text,
            offset=start,
            tokens_so_far=tokens,
        )


def _pairs(chunks: tuple[int, ...]) -> list[tuple[int, int]]:
    """Time and count of each; no time before that of the one before, whatever the clock did."""
    return list(zip(accumulate(chunks[::2], max), chunks[1::2], strict=False))


def _standing(chunks: tuple[int, ...]) -> tuple[list[tuple[int, int]], list[tuple[int, list[tuple[int, int]]]]]:
    """The chunks of an answer that still stand at its end; and when how much was taken back, and when that had come."""
    standing: list[tuple[int, int]] = []
    taken_back: list[tuple[int, list[tuple[int, int]]]] = []
    if min(chunks[1::2], default=1) > 0:
        return _pairs(chunks), taken_back
    for ms, count in _pairs(chunks):
        if count > 0:
            standing.append((ms, count))
            continue
        taken: list[tuple[int, int]] = []
        excess = -count
        while excess and standing:
            came, length = standing.pop()
            part = min(length, excess)
            excess -= part
            taken.insert(0, (came, part))
            if length > part:
                standing.append((came, length - part))
        if taken:
            taken_back.append((ms, taken))
    return standing, taken_back


def _spread(
    thinking: list[tuple[int, int]], taken_back: list[tuple[int, list[tuple[int, int]]]]
) -> list[tuple[int, int]]:
    """The chunks of the thinking, those that had come as an answer at the time at which they had."""
    if not taken_back:
        return thinking
    waiting = list(taken_back)
    spread: list[tuple[int, int]] = []
    for ms, count in thinking:
        earliest = spread[-1][0] if spread else 0
        rest = count
        if rest > 0 and waiting and ms >= waiting[0][0]:
            for came, length in waiting.pop(0)[1]:
                part = min(length, rest)
                rest -= part
                spread.append((max(earliest, came), part))
        spread.append((ms, rest))
    return [(ms, count) for ms, count in spread if count > 0]


# -- all answers of a run, as one course of steps ----------------------------------------------------------------------


class _Step(NamedTuple):
    """What happens next: a durable record, or a moment of an answer. Ordered by its first three fields."""

    at: float
    place: float
    """Among what happens at the same time: a durable record by its number, a moment after all those that were."""
    number: int
    told: _Told | None
    what: Record | _Does | _Says


class _Course:
    """A run as steps in the order of time."""

    def __init__(self, durable: list[Record]) -> None:
        self._run = durable[0].run if durable else None
        steps: list[_Step] = []
        tolds: list[tuple[_Told, float, float, int]] = []
        opened: dict[object, float] = {}
        progress: dict[int, float] = {}
        synthesis = SYNTHESIS
        at = 0.0
        for number, record in enumerate(durable):
            event, at = record.event, max(at, record.at)  # a clock may be set back
            steps.append(_Step(at, number, 0, None, record))
            match event:
                case RoundStarted():
                    progress[event.number] = event.t
                case AgentAdded():
                    opened[event.agent.agent_id] = at
                case ThoughtAsked():
                    opened[event.thought_id] = at
                case SynthesisStarted():
                    opened[HUB] = at
                    synthesis = SYNTHESIS if event.number == 1 else ThoughtId(f"{SYNTHESIS}.{event.number}")
                case ThoughtComplete(trace=Trace() as trace):
                    moved = progress.get(event.round, 0.0)
                    told = _Told(event, trace, event.thought_id, ended_at=at, progress=moved)
                    earliest = max(opened.get(event.agent_id, 0.0), opened.get(event.thought_id, 0.0))
                    tolds.append((told, max(earliest, steps[0].at), at, number))
                case SynthesisComplete(trace=Trace() as trace) if HUB in opened:
                    told = _Told(event, trace, synthesis, ended_at=at, progress=1.0)
                    tolds.append((told, opened[HUB], at, number))
                case _:
                    pass
        _give_places([told for told, *_ in tolds])
        for told, earliest, latest, number in tolds:
            for count, (ms, moment) in enumerate(told.moments):
                moment_at = max(earliest, told.began_at + ms / 1000)
                if moment_at < latest:
                    steps.append(_Step(moment_at, len(durable), len(steps), told, moment))
                else:  # its last moments came with its end, or a clock was set back
                    steps.append(_Step(latest, number - 0.5, count, told, moment))
        steps.sort()  # no two agree in what orders them
        self._steps = steps
        self._times = [step.at for step in steps]
        ended = {id(step.what): index for index, step in enumerate(steps) if step.told is None}
        for told, _, _, number in tolds:
            told.ended_step = ended[id(durable[number])]

    def __len__(self) -> int:
        return len(self._steps)

    def index(self, at: float) -> int:
        """How many steps had happened at a time."""
        return bisect_right(self._times, at)

    def record(self, index: int) -> Record:
        at, _, _, told, what = self._steps[index]
        if isinstance(what, Record):
            return replace(what, seq=index + 1)
        assert told is not None
        assert self._run is not None
        return Record(index + 1, at, self._run, told.event(what))

    def records(self) -> Iterator[Record]:
        return (self.record(index) for index in range(len(self._steps)))

    def tell(self, state: RunState, start: int, stop: int) -> list[Record]:
        """Tell a state the steps from `start` to `stop`, at the cost of what is being said at `stop`: what was told.

        What has ended by then is told by its end alone, and what came piece by piece as one.
        """
        records: list[Record] = []
        pieces: dict[_Told, list[int]] = {}
        """Steps of each answer that say something in the same channel, one after the other."""
        for index in range(start, stop):
            step = self._steps[index]
            told, what = step.told, step.what
            if told is None:
                records.append(self.record(index))
                state.apply(records[-1])
            elif told.ended_step >= stop:
                waiting = pieces.get(told)
                if waiting and not (isinstance(what, _Says) and what.channel == self._said(waiting[0]).channel):
                    records.append(self._tell_pieces(state, told, pieces.pop(told)))
                if isinstance(what, _Says):
                    pieces.setdefault(told, []).append(index)
                else:
                    records.append(self.record(index))
                    state.apply(records[-1])
        records += [self._tell_pieces(state, told, waiting) for told, waiting in pieces.items()]
        return records

    def _said(self, index: int) -> _Says:
        what = self._steps[index].what
        assert isinstance(what, _Says)
        return what

    def _tell_pieces(self, state: RunState, told: _Told, indices: list[int]) -> Record:
        first, last = self._said(indices[0]), self._said(indices[-1])
        whole = _Says(first.channel, first.start, last.end, last.tokens)
        at = self._steps[indices[0]].at
        assert self._run is not None
        record = Record(indices[-1] + 1, at, self._run, told.event(whole))
        state.apply(record)
        speech = state.synthesis if isinstance(told.end, SynthesisComplete) else state.thoughts[told.thought_id]
        assert speech is not None
        chunks = speech.thinking_chunks if first.channel == "thinking" else speech.answer_chunks
        del chunks[-2:]  # the whole, in place of which its pieces are remembered
        for index in indices:
            says = self._said(index)
            chunks += (round((self._steps[index].at - speech.opened_at) * 1000), says.end - says.start)
        return record


def _give_places(tolds: list[_Told]) -> None:
    """Say who was which in line: whoever was queued moved up each time one before it was let in."""
    waits: list[tuple[float, float, _Told, int]] = []
    for told in tolds:
        for index, (ms, moment) in enumerate(told.moments):
            if not isinstance(moment, _Does):
                break  # its states come first
            if moment.activity == "queued":
                has_next = index + 1 < len(told.moments)
                left = told.began_at + told.moments[index + 1][0] / 1000 if has_next else told.ended_at
                waits.append((told.began_at + ms / 1000, left, told, index))
    waits.sort(key=lambda wait: wait[:2])
    for number, (entered, left, told, index) in enumerate(waits):
        ahead = sorted(other_left for _, other_left, _, _ in waits[:number] if other_left > entered)
        place = len(ahead) + 1
        told.moments[index] = (told.moments[index][0], _Does("queued", position=place))
        for count, other_left in enumerate(ahead, start=1):
            if other_left < left:
                ms = round((other_left - told.began_at) * 1000)
                told.moments.insert(index + count, (ms, _Does("queued", position=place - count)))
