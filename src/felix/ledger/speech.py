"""What is said in a run, as it comes about: texts that grow, answers with their times, and the agents who give them.

Values that `ledger.state` folds events into; whoever shows them only reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from os.path import commonprefix
from typing import assert_never

from felix.events import (
    Act,
    Activity,
    Again,
    AgentId,
    AgentState,
    CallId,
    Channel,
    Leave,
    LeftOut,
    PartialToolCall,
    Status,
    SynthesisComplete,
    ThoughtAsked,
    ThoughtComplete,
    ThoughtId,
    Tokens,
    ToolAnswered,
    ToolCalled,
    ToolProgressed,
    ToolReturned,
    ToolStatus,
    Trace,
)

_MEASURABLE_S = 0.5
"""Before that a pace would be chance."""


class GrowingText:
    """Text that only grows while it streams: appending costs the new characters, joining happens when it is read."""

    __slots__ = ("_length", "_parts", "edition", "kept")

    def __init__(self, text: str = "") -> None:
        self._parts = [text] if text else []
        self._length = len(text)
        self.edition = 0
        """Goes up when text that stood has changed: whoever shows it goes back to `kept`. No part of equality."""
        self.kept = 0
        """Characters from the start that the newest edition has in common with the one before."""

    def __len__(self) -> int:
        return self._length

    def __str__(self) -> str:
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GrowingText) and str(self) == str(other)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"GrowingText({str(self)!r})"

    def since(self, offset: int) -> str:
        """What stands from `offset` on, at the cost of the new parts alone."""
        if offset >= self._length:
            return ""
        first, start = len(self._parts), self._length
        while start > offset and first:
            first -= 1
            start -= len(self._parts[first])
        return "".join(self._parts[first:])[max(0, offset - start) :]

    def put(self, text: str, offset: int) -> None:
        """Text as it stands from `offset` on. A reader who comes back is sent everything again, at offset 0."""
        if offset < self._length:
            self._compare(self.since(offset), text, offset)
            self._parts = [str(self)[:offset]]
        self._parts.append(text)
        self._length = offset + len(text)

    def settle(self, text: str) -> None:
        """The whole text, now final."""
        if self._length != len(text) or str(self) != text:
            self._compare(str(self), text, 0)
            self._parts, self._length = [text], len(text)

    def _compare(self, old: str, new: str, offset: int) -> None:
        if not new.startswith(old):
            self.edition += 1
            self.kept = offset + len(commonprefix((old, new)))  # noqa: RUF071  # characters are meant, not folders


@dataclass(slots=True)
class Speech:
    """One answer of one model as it comes about: an agent's thought, or the hub's synthesis. Times are Unix seconds."""

    activity: Activity = "queued"
    position: int | None = None
    fraction: float | None = None
    detail: str = ""
    again: Again | None = None
    """Given while it is asked for once more."""
    model: str = ""
    endpoint: str = ""
    """The name of the endpoint that is asked; empty: the run's, where that has none."""
    failed_at: tuple[str, ...] = ()
    """The names of endpoints that were asked for it before, in vain."""
    temperature: float | None = None
    answer: GrowingText = field(default_factory=GrowingText)
    thinking: GrowingText = field(default_factory=GrowingText)
    tokens: int = 0
    """One per delta while it streams: an estimate, shown with "~" until `usage` is known."""
    opened_at: float = 0.0
    asked_at: float | None = None
    """When its request went out; None while it is queued."""
    thinking_at: float | None = None
    """When its first thinking came."""
    answer_at: float | None = None
    """When its first visible text came."""
    ended_at: float | None = None
    status: Status | None = None
    """None while it goes on."""
    error: str | None = None
    finish_reason: str | None = None
    usage: Tokens | None = None
    ttft_s: float | None = None
    duration_s: float | None = None
    tokens_per_s: float | None = None
    notes: tuple[str, ...] = ()
    states: list[tuple[int, Activity]] = field(default_factory=list)
    """When it began to do what, in ms since `opened_at`."""
    answer_chunks: list[int] = field(default_factory=list)
    """Two numbers for each: ms since `opened_at`, characters (fewer than 0: taken back)."""
    thinking_chunks: list[int] = field(default_factory=list)
    halts: list[tuple[float, float]] = field(default_factory=list)
    """From, to: while it went on, the computer slept, or halted Felix."""

    @property
    def trace(self) -> Trace:
        """How it came about so far; what its end event is to hold."""
        return Trace(
            began_at=self.opened_at,
            states=tuple(self.states),
            thinking=tuple(self.thinking_chunks),
            answer=tuple(self.answer_chunks),
            tokens=self.tokens,
        )

    @property
    def is_live(self) -> bool:
        return self.status is None

    def lasted(self, start: float, end: float) -> float:
        """Seconds between two moments of it in which something could happen."""
        return max(0.0, end - start - sum(max(0.0, min(end, to) - max(start, since)) for since, to in self.halts))

    def spent_s(self, *activities: Activity, now: float) -> float:
        """Seconds in which it did one of these, up to its end or `now`."""
        begun = [self.opened_at + ms / 1000 for ms, _ in self.states]
        ended = [*begun[1:], self.ended_at or now][: len(begun)]  # of what never began there is no state
        return sum(
            self.lasted(start, end)
            for (_, activity), start, end in zip(self.states, begun, ended, strict=True)
            if activity in activities
        )

    def pace(self, now: float) -> float | None:
        """Tokens a second: as counted once it has ended; until then as they come, without the time of tool calls. None
        when nobody knows."""
        if not self.is_live or self.tokens_per_s is not None:
            return self.tokens_per_s
        spent = self.spent_s("thinking", "writing", now=now)
        return self.tokens / spent if spent >= _MEASURABLE_S and self.tokens > 1 else None

    @property
    def first_at(self) -> float | None:
        """When the first token of either kind came."""
        times = [at for at in (self.thinking_at, self.answer_at) if at is not None]
        return min(times) if times else None

    def put(self, channel: Channel, text: str, offset: int, tokens: int, at: float) -> None:
        """Text as it stands from `offset` characters of the channel on."""
        grown = self.thinking if channel == "thinking" else self.answer
        chunks = self.thinking_chunks if channel == "thinking" else self.answer_chunks
        before = len(grown)
        grown.put(text, offset)
        if len(grown) != before:  # a reader who came back was sent again what it had
            chunks += (self._ms(at), len(grown) - before)
        if channel == "thinking":
            self.thinking_at = self.thinking_at or at
            self._do("thinking", at)
        elif self.answer:
            self.answer_at = self.answer_at or at
            self._do("writing", at)
        else:  # taken back: it was thinking from its first moment on
            self.thinking_at, self.answer_at = self.answer_at, None
            self._do("thinking", at)
        self.tokens = tokens
        self.position, self.fraction, self.detail, self.again = None, None, "", None

    def change(self, event: AgentState, at: float) -> None:
        """What its speaker does from now on."""
        self._do(event.state, at)
        self.position, self.fraction, self.detail = event.position, event.fraction, event.detail
        self.again = event.again
        if event.state != "queued":
            self.asked_at = self.asked_at or at
        self.model = event.model or self.model
        self.endpoint = event.endpoint or self.endpoint
        self.failed_at = event.failed_at or self.failed_at
        self.temperature = event.temperature if event.temperature is not None else self.temperature
        if event.trace is not None:
            self._trace_back(event.trace)

    def _do(self, activity: Activity, at: float) -> None:
        if not self.states or self.states[-1][1] != activity:
            self.states.append((self._ms(at), activity))
        self.activity = activity

    def _ms(self, at: float) -> int:
        return round((at - self.opened_at) * 1000)

    def end(self, event: ThoughtComplete | SynthesisComplete, at: float) -> None:
        """Its one end; where that holds a trace, all times are taken from there."""
        self.answer.settle(event.content)
        self.thinking.settle(event.thinking)
        self.status, self.error, self.finish_reason = event.status, event.error, event.finish_reason
        self.usage, self.notes, self.model = event.usage, event.notes, event.model or self.model
        self.ttft_s, self.duration_s, self.tokens_per_s = event.ttft_s, event.duration_s, event.tokens_per_s
        self.temperature, self.endpoint = event.temperature, event.endpoint or self.endpoint
        self.failed_at = event.failed_at
        self.ended_at = at
        self.position, self.fraction, self.detail, self.again = None, None, "", None
        if event.trace is not None:
            self._trace_back(event.trace)

    def _trace_back(self, trace: Trace) -> None:
        """Take all times from there, so that whoever saw nothing but that knows the same."""
        began = self.opened_at = trace.began_at
        self.states, self.tokens = list(trace.states), trace.tokens
        self.thinking_chunks, self.answer_chunks = list(trace.thinking), list(trace.answer)
        self.activity = self.states[-1][1] if self.states else "queued"
        self.asked_at = next((began + ms / 1000 for ms, state in self.states if state != "queued"), None)
        answer_ms, taken_back_ms = _first_ms(trace.answer)
        thought_of = [ms for ms in (*trace.thinking[:1], taken_back_ms) if ms is not None]
        self.thinking_at = began + min(thought_of) / 1000 if thought_of else None
        self.answer_at = None if answer_ms is None else began + answer_ms / 1000


@dataclass(slots=True)
class Call:
    """One call of a tool, from the first character that the model writes of it. Times are Unix seconds."""

    call_id: CallId
    name: str
    position: int
    """Characters of the thought's answer that stand before it."""
    opened_at: float
    arguments: GrowingText = field(default_factory=GrowingText)
    chunks: list[int] = field(default_factory=list)
    """Of the arguments; two numbers for each: ms since `opened_at`, characters."""
    called_at: float | None = None
    """When it was whole; None while it is written."""
    asks: str = ""
    """Why the user is asked first; empty: it began at once."""
    asks_always: bool = False
    """No answer holds for longer than the run."""
    answer: Leave | None = None
    """What the user said."""
    message: str = ""
    """The last word of the tool about itself."""
    fraction: float | None = None
    status: ToolStatus | None = None
    """None while it goes on."""
    content: str = ""
    """What the model was given."""
    characters: int = 0
    """Of the whole result."""
    file: str = ""
    """Where the whole result is, when it was cut."""
    error: str | None = None
    duration_s: float = 0.0
    ended_at: float | None = None

    @property
    def is_live(self) -> bool:
        return self.status is None

    @property
    def is_asking(self) -> bool:
        """It waits for the user's word."""
        return bool(self.asks) and self.answer is None and self.status is None

    @property
    def has_begun(self) -> bool:
        """The tool has been set to work: what it does outside may have been done, whatever came back."""
        was_let = not self.asks or self.answer not in (None, "no")
        never_ran = self.status == "refused" or (self.status == "failed" and not self.duration_s)
        return self.called_at is not None and was_let and not never_ran


@dataclass(slots=True, kw_only=True)
class Thought(Speech):
    thought_id: ThoughtId
    agent_id: AgentId
    role: str
    round: int
    checkpoint: float
    read: tuple[ThoughtId, ...] = ()
    cut: str = ""
    confidence: float | None = None
    act: Act | None = None
    """None: its turn in a round."""
    of: ThoughtId | None = None
    """The thought that this one does again or continues."""
    asked: str = ""
    """The user's question, or their own wording of the prompt."""
    wanted_model: str = ""
    """Another one than the agent's own, chosen by the user; empty: that."""
    calls: list[Call] = field(default_factory=list)
    """Of tools, in the order in which they were begun to be written."""

    def use(
        self, event: PartialToolCall | ToolCalled | ToolAnswered | ToolProgressed | ToolReturned, at: float
    ) -> None:
        """What one of its tool calls has come to."""
        call = next((each for each in self.calls if each.call_id == event.call_id), None)
        if call is None:
            if not isinstance(event, PartialToolCall | ToolCalled):
                return  # of a call that nobody has told of
            call = Call(event.call_id, event.name, event.position, at)
            self.calls.append(call)
        match event:
            case PartialToolCall():
                before = len(call.arguments)
                call.name = event.name or call.name
                call.arguments.put(event.partial, event.offset)
                if len(call.arguments) != before:
                    call.chunks += (round((at - call.opened_at) * 1000), len(call.arguments) - before)
                self._do("calling", at)
            case ToolCalled():
                call.name, call.position, call.opened_at = event.name, event.position, event.began_at
                call.arguments.settle(event.arguments)
                call.chunks, call.called_at = list(event.trace), at
                call.asks, call.asks_always = event.asks, event.asks_always
                self.calls.sort(key=_opened_at)  # a ledger tells of them in the order in which they were whole
                self._do_calls(at)
            case ToolAnswered():
                call.answer = event.answer
                self._do_calls(at)
            case ToolProgressed():
                call.message, call.fraction = event.message, event.fraction
            case ToolReturned():
                call.status, call.content, call.error = event.status, event.content, event.error
                call.characters, call.file, call.duration_s = event.characters, event.file, event.duration_s
                call.message, call.fraction, call.ended_at = "", None, at
                self._do_calls(at)
            case _:
                assert_never(event)

    def _do_calls(self, at: float) -> None:
        """It waits for the user's word as long as one of its calls does, whatever the others do meanwhile."""
        if any(call.is_asking for call in self.calls):
            self._do("asking", at)
        elif any(call.is_live and call.called_at is not None and call.answer != "no" for call in self.calls):
            self._do("running", at)

    def end(self, event: ThoughtComplete | SynthesisComplete, at: float) -> None:
        Speech.end(self, event, at)
        # a call that was never whole had not begun; of the others nobody knows how they did
        self.calls = [call for call in self.calls if call.called_at is not None]
        for call in self.calls:
            if call.is_live:
                call.status, call.ended_at, call.message, call.fraction = "interrupted", at, "", None

    @property
    def has_open_call(self) -> bool:
        """A tool is at work for it, or it waits for the user's word to one."""
        return any(call.is_live and call.called_at is not None for call in self.calls)

    def in_order(self) -> Iterator[str | Call]:
        """Its answer in parts, and between them each call where it was made."""
        text, start = str(self.answer), 0
        for call in self.calls:
            yield text[start : call.position]
            yield call
            start = max(start, call.position)
        yield text[start:]

    def ask(self, event: ThoughtAsked) -> None:
        """What the user wants of it."""
        self.act, self.of, self.asked = event.act, event.of, event.text
        self.model = self.wanted_model = event.model

    @property
    def replaces(self) -> ThoughtId | None:
        """The thought this one stands for from now on: a better go at the same turn."""
        is_better = self.status == "complete" or (self.act == "continue" and bool(self.answer) and not self.is_live)
        return self.of if is_better else None


@dataclass(slots=True)
class Synthesis(Speech):
    sources: tuple[ThoughtId, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    early: bool = False
    mean_confidence: float | None = None
    reason: str = ""
    number: int = 1
    instructions: str = ""
    """The user's own, for this one."""
    wanted_model: str = ""
    """Another one than the workflow's, chosen by the user; empty: that."""


@dataclass(frozen=True, slots=True)
class Note:
    """A word of the user to the agents."""

    at: float
    text: str
    agent_id: AgentId | None
    """To this one alone; None: to all."""


@dataclass(slots=True)
class Agent:
    """One agent of the run, from the plan on: it has a card before it has spawned."""

    agent_id: AgentId
    code: str
    role: str
    spawn: float
    model: str = ""
    depth: float = 0.0
    has_spawned: bool = False
    reason: str = ""
    """Why a rule added it; empty for those of the plan."""
    endpoint: str = ""
    """The name of the endpoint or pool that it asks; empty: the one the run is against."""
    context_length: int | None = None
    """Of its model there, in tokens; None when nobody said."""
    thoughts: list[Thought] = field(default_factory=list)

    @property
    def latest(self) -> Thought | None:
        return self.thoughts[-1] if self.thoughts else None

    @property
    def confidence(self) -> float | None:
        """The latest it stated, None when it never did."""
        return next((t.confidence for t in reversed(self.thoughts) if t.confidence is not None), None)


def _opened_at(call: Call) -> float:
    return call.opened_at


def _first_ms(chunks: tuple[int, ...]) -> tuple[int | None, int | None]:
    """When the first text came that stood, and the first that was taken back."""
    first: int | None = None
    taken_back: int | None = None
    length = 0
    for ms, characters in zip(chunks[::2], chunks[1::2], strict=True):
        first = first if length else ms
        length += characters
        if not length:
            first, taken_back = None, first if taken_back is None else taken_back
    return first, taken_back
