"""All answers and calls of a run, as one course of steps in the order of time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from felix.events import (
    HUB,
    SYNTHESIS,
    AgentAdded,
    Record,
    RoundStarted,
    SynthesisComplete,
    SynthesisStarted,
    ThoughtAsked,
    ThoughtComplete,
    ThoughtId,
    ToolAnswered,
    ToolCalled,
    ToolReturned,
    Trace,
)
from felix.ledger.replay.answer import Does, Says, Told, Writes, Written
from felix.ledger.state import RunState


class Step(NamedTuple):
    """What happens next: a durable record, or a moment of an answer. Ordered by its first three fields."""

    at: float
    place: float
    """Among what happens at the same time: a durable record by its number, a moment after all those that were."""
    number: int
    told: Told | Written | None
    what: Record | Does | Says | Writes


class Course:
    """A run as steps in the order of time."""

    def __init__(self, durable: list[Record]) -> None:
        self._run = durable[0].run if durable else None
        steps: list[Step] = []
        tolds: list[tuple[Told, float, float, int]] = []
        written: list[tuple[Written, float, int]] = []
        opened: dict[object, float] = {}
        progress: dict[int, float] = {}
        synthesis = SYNTHESIS
        at = 0.0
        for number, record in enumerate(durable):
            event, at = record.event, max(at, record.at)  # a clock may be set back
            steps.append(Step(at, number, 0, None, record))
            match event:
                case RoundStarted():
                    progress[event.number] = event.t
                case ToolCalled():
                    written.append((Written(event), at, number))
                case AgentAdded():
                    opened[event.agent.agent_id] = at
                case ThoughtAsked():
                    opened[event.thought_id] = at
                case SynthesisStarted():
                    opened[HUB] = at
                    synthesis = SYNTHESIS if event.number == 1 else ThoughtId(f"{SYNTHESIS}.{event.number}")
                case ThoughtComplete(trace=Trace() as trace):
                    moved = progress.get(event.round, 0.0)
                    told = Told(event, trace, event.thought_id, ended_at=at, progress=moved)
                    earliest = max(opened.get(event.agent_id, 0.0), opened.get(event.thought_id, 0.0))
                    tolds.append((told, max(earliest, steps[0].at), at, number))
                case SynthesisComplete(trace=Trace() as trace) if HUB in opened:
                    told = Told(event, trace, synthesis, ended_at=at, progress=1.0)
                    tolds.append((told, opened[HUB], at, number))
                case _:
                    pass
        _give_places([told for told, *_ in tolds])
        apart: list[tuple[Told | Written, float, float, float, int]] = [
            *((told, told.began_at, earliest, latest, number) for told, earliest, latest, number in tolds),
            *((call, call.call.began_at, steps[0].at, latest, number) for call, latest, number in written),
        ]
        for each, began_at, earliest, latest, number in apart:
            for count, (ms, moment) in enumerate(each.moments):
                moment_at = max(earliest, began_at + ms / 1000)
                if moment_at < latest:
                    steps.append(Step(moment_at, len(durable), len(steps), each, moment))
                else:  # its last moments came with its end, or a clock was set back
                    steps.append(Step(latest, number - 0.5, count, each, moment))
        steps.sort()  # no two agree in what orders them
        self._steps = steps
        self._times = [step.at for step in steps]
        ended = {id(step.what): index for index, step in enumerate(steps) if step.told is None}
        for each, *_, number in apart:
            each.ended_step = ended[id(durable[number])]

    def __len__(self) -> int:
        return len(self._steps)

    def index(self, at: float) -> int:
        """How many steps had happened at a time."""
        return bisect_right(self._times, at)

    def record(self, index: int) -> Record:
        at, _, _, told, what = self._steps[index]
        if isinstance(what, Record):
            return replace(what, seq=index + 1)
        assert self._run is not None
        if isinstance(what, Writes):
            assert isinstance(told, Written)
            return Record(index + 1, at, self._run, told.event(what))
        assert isinstance(told, Told)
        return Record(index + 1, at, self._run, told.event(what))

    def records(self) -> Iterator[Record]:
        return (self.record(index) for index in range(len(self._steps)))

    def tell(self, state: RunState, start: int, stop: int) -> list[Record]:
        """Tell a state the steps from `start` to `stop`, at the cost of what is being said at `stop`: what was told.

        What has ended by then is told by its end alone, and what came piece by piece as one.
        """
        records: list[Record] = []
        pieces: dict[Told, list[int]] = {}
        """Steps of each answer that say something in the same channel, one after the other."""
        for index in range(start, stop):
            step = self._steps[index]
            told, what = step.told, step.what
            if not isinstance(told, Told):
                if isinstance(told, Written) and told.ended_step < stop:
                    continue
                records += [self._tell_pieces(state, each, pieces.pop(each)) for each in _of_call(what, told, pieces)]
                records.append(self.record(index))
                state.apply(records[-1])
            elif told.ended_step >= stop:
                waiting = pieces.get(told)
                if waiting and not (isinstance(what, Says) and what.channel == self._said(waiting[0]).channel):
                    records.append(self._tell_pieces(state, told, pieces.pop(told)))
                if isinstance(what, Says):
                    pieces.setdefault(told, []).append(index)
                else:
                    records.append(self.record(index))
                    state.apply(records[-1])
        records += [self._tell_pieces(state, told, waiting) for told, waiting in pieces.items()]
        return records

    def _said(self, index: int) -> Says:
        what = self._steps[index].what
        assert isinstance(what, Says)
        return what

    def _tell_pieces(self, state: RunState, told: Told, indices: list[int]) -> Record:
        first, last = self._said(indices[0]), self._said(indices[-1])
        whole = Says(first.channel, first.start, last.end, last.tokens)
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


def _of_call(what: object, written: Written | None, pieces: Iterable[Told]) -> list[Told]:
    """The answer in which a call is told of: its text comes before that."""
    event = written.call if written else what.event if isinstance(what, Record) else None
    if not isinstance(event, ToolCalled | ToolAnswered | ToolReturned):
        return []
    return [told for told in pieces if told.thought_id == event.thought_id]


def _give_places(tolds: list[Told]) -> None:
    """Say who was which in line: whoever was queued moved up each time one before it was let in."""
    waits: list[tuple[float, float, Told, int]] = []
    for told in tolds:
        for index, (ms, moment) in enumerate(told.moments):
            if not isinstance(moment, Does):
                break  # its states come first
            if moment.activity == "queued":
                has_next = index + 1 < len(told.moments)
                left = told.began_at + told.moments[index + 1][0] / 1000 if has_next else told.ended_at
                waits.append((told.began_at + ms / 1000, left, told, index))
    waits.sort(key=lambda wait: wait[:2])
    for number, (entered, left, told, index) in enumerate(waits):
        ahead = sorted(other_left for _, other_left, _, _ in waits[:number] if other_left > entered)
        place = len(ahead) + 1
        told.moments[index] = (told.moments[index][0], Does("queued", position=place))
        for count, other_left in enumerate(ahead, start=1):
            if other_left < left:
                ms = round((other_left - told.began_at) * 1000)
                told.moments.insert(index + count, (ms, Does("queued", position=place - count)))
