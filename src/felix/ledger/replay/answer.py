"""One answer, or one tool call, taken apart into its moments, as its trace tells them."""

from __future__ import annotations

from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple

from felix.events import (
    HUB,
    Activity,
    AgentState,
    Channel,
    PartialSynthesis,
    PartialThought,
    PartialToolCall,
    SynthesisComplete,
    ThoughtComplete,
    ThoughtId,
    ToolCalled,
    Trace,
)

End = ThoughtComplete | SynthesisComplete

_TOLD_OTHERWISE: frozenset[Activity] = frozenset({"thinking", "writing", "calling", "asking", "running"})
"""What comes of it tells that: the text, and the records of the calls."""


class Does(NamedTuple):
    """It begins to do something else."""

    activity: Activity
    is_asked: bool = False
    """With this one its request goes out."""
    position: int | None = None


class Says(NamedTuple):
    """Part of its text comes: the characters from `start` to `end`."""

    channel: Channel
    start: int
    end: int
    tokens: int


class Writes(NamedTuple):
    """Part of the arguments of a call comes: the characters from `start` to `end`."""

    start: int
    end: int


class Told:
    """An answer that has ended, taken apart into its moments: when, in ms since it began, and what."""

    __slots__ = ("began_at", "end", "ended_at", "ended_step", "moments", "progress", "thought_id")

    def __init__(self, end: End, trace: Trace, thought_id: ThoughtId, *, ended_at: float, progress: float) -> None:
        self.end, self.thought_id, self.progress = end, thought_id, progress
        self.began_at, self.ended_at = trace.began_at, ended_at
        self.ended_step = 0
        self.moments: list[tuple[int, Does | Says]] = []
        self._take_apart(trace)

    def _take_apart(self, trace: Trace) -> None:
        has_asked = False
        for ms, activity in trace.states:
            if activity not in _TOLD_OTHERWISE:
                is_asked = activity != "queued" and not has_asked
                has_asked |= is_asked
                self.moments.append((ms, Does(activity, is_asked)))
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
            self.moments.append((ms, Says(channel, start, end, round(in_all * per_character))))

    def event(self, moment: Does | Says) -> AgentState | PartialThought | PartialSynthesis:
        return self._doing(moment) if isinstance(moment, Does) else self._saying(moment)

    def _doing(self, moment: Does) -> AgentState:
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
            failed_at=end.failed_at if moment.is_asked else (),
        )

    def _saying(self, moment: Says) -> PartialThought | PartialSynthesis:
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


class Written:
    """A call that was whole, taken apart into the moments at which it was written, in ms since it began."""

    __slots__ = ("call", "ended_step", "moments")

    def __init__(self, call: ToolCalled) -> None:
        self.call = call
        self.ended_step = 0
        """Of the record that tells it whole."""
        self.moments: list[tuple[int, Writes]] = [(0, Writes(0, 0))]
        """With the first only its name is there."""
        end = 0
        for ms, count in _pairs(call.trace):
            start, end = end, end + count
            self.moments.append((ms, Writes(start, end)))

    def event(self, moment: Writes) -> PartialToolCall:
        call = self.call
        return PartialToolCall(
            agent_id=call.agent_id,
            thought_id=call.thought_id,
            call_id=call.call_id,
            name=call.name,
            checkpoint=call.checkpoint,
            position=call.position,
            partial=call.arguments[moment.start : moment.end],
            offset=moment.start,
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
