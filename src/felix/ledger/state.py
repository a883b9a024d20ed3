"""Records folded into what a face may show. Every face folds the same records in the same way: all show the same run.

`RunState.apply` is the only place that interprets history. A state belongs to the thread that folds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from os.path import commonprefix
from typing import assert_never

from felix.events import (
    HUB,
    Activity,
    AgentId,
    AgentSpawned,
    AgentState,
    Channel,
    LeftOut,
    PartialSynthesis,
    PartialThought,
    PlannedRound,
    Record,
    RoundStarted,
    RunFinished,
    RunId,
    RunStarted,
    RunStatus,
    Status,
    SynthesisComplete,
    SynthesisStarted,
    ThoughtComplete,
    ThoughtId,
    Tokens,
)


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
    model: str = ""
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

    @property
    def is_live(self) -> bool:
        return self.status is None

    @property
    def first_at(self) -> float | None:
        """When the first token of either kind came."""
        times = [at for at in (self.thinking_at, self.answer_at) if at is not None]
        return min(times) if times else None

    def _put(self, channel: Channel, text: str, offset: int, tokens: int, at: float) -> None:
        if channel == "thinking":
            self.thinking.put(text, offset)
            self.thinking_at = self.thinking_at or at
            self.activity = "thinking"
        else:
            self.answer.put(text, offset)
            if self.answer:
                self.answer_at = self.answer_at or at
                self.activity = "writing"
            else:  # taken back: it was thinking from its first moment on
                self.thinking_at, self.answer_at = self.answer_at, None
                self.activity = "thinking"
        self.tokens = tokens
        self.position, self.fraction, self.detail = None, None, ""

    def _change(self, event: AgentState, at: float) -> None:
        self.activity, self.position = event.state, event.position
        self.fraction, self.detail = event.fraction, event.detail
        if event.state != "queued":
            self.asked_at = self.asked_at or at
        self.model = event.model or self.model
        self.temperature = event.temperature if event.temperature is not None else self.temperature

    def _end(self, event: ThoughtComplete | SynthesisComplete, at: float) -> None:
        self.answer.settle(event.content)
        self.thinking.settle(event.thinking)
        self.status, self.error, self.finish_reason = event.status, event.error, event.finish_reason
        self.usage, self.notes, self.model = event.usage, event.notes, event.model or self.model
        self.ttft_s, self.duration_s, self.tokens_per_s = event.ttft_s, event.duration_s, event.tokens_per_s
        self.ended_at = at
        self.position, self.fraction, self.detail = None, None, ""


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


@dataclass(slots=True)
class Synthesis(Speech):
    sources: tuple[ThoughtId, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    early: bool = False
    mean_confidence: float | None = None
    reason: str = ""


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
    thoughts: list[Thought] = field(default_factory=list)

    @property
    def latest(self) -> Thought | None:
        return self.thoughts[-1] if self.thoughts else None

    @property
    def confidence(self) -> float | None:
        """The latest it stated, None when it never did."""
        return next((t.confidence for t in reversed(self.thoughts) if t.confidence is not None), None)


@dataclass(slots=True)
class RunState:
    """A run as far as its records tell. Equal states have been told the same."""

    run: RunId | None = None
    seq: int = 0
    """Of the last record applied."""
    plan: RunStarted | None = None
    started_at: float = 0.0
    agents: dict[AgentId, Agent] = field(default_factory=dict)
    """In the order of the workflow."""
    thoughts: dict[ThoughtId, Thought] = field(default_factory=dict)
    """All agents' thoughts, in the order in which they were opened."""
    round: int = 0
    t: float = 0.0
    synthesis: Synthesis | None = None
    status: RunStatus | None = None
    """None while it goes on."""
    reason: str = ""
    usage: Tokens | None = None
    ended_at: float | None = None
    duration_s: float | None = None

    @property
    def rounds(self) -> tuple[PlannedRound, ...]:
        return self.plan.rounds if self.plan else ()

    @property
    def is_running(self) -> bool:
        return self.plan is not None and self.status is None

    @property
    def calls_planned(self) -> int:
        return sum(len(r.turns) for r in self.rounds) + 1

    @property
    def calls_ended(self) -> int:
        ended = sum(not t.is_live for t in self.thoughts.values())
        return ended + bool(self.synthesis and not self.synthesis.is_live)

    def apply(self, record: Record) -> None:
        """Take one record in. Records come in the order of their `seq`; one already known is passed over."""
        event, at = record.event, record.at
        if (
            record.run == self.run
            and record.seq <= self.seq
            and not isinstance(event, PartialThought | PartialSynthesis)
        ):
            return
        self.run, self.seq = record.run, max(self.seq, record.seq)
        match event:
            case RunStarted():
                self.plan, self.started_at = event, at
                self.agents = {
                    a.agent_id: Agent(a.agent_id, a.code, a.role, a.spawn, a.model, a.spawn) for a in event.agents
                }
            case RoundStarted():
                self.round, self.t = event.number, event.t
            case AgentSpawned():
                agent = self._agent(event.agent_id, event.role)
                agent.has_spawned, agent.depth = True, event.depth
            case AgentState(agent_id=agent_id) if agent_id == HUB:
                if self.synthesis:
                    self.synthesis._change(event, at)
            case AgentState():
                thought = self._thought(event, at)
                thought._change(event, at)
                thought.read, thought.cut = event.read or thought.read, event.cut or thought.cut
            case PartialThought():
                self._thought(event, at)._put(event.channel, event.partial, event.offset, event.tokens_so_far, at)
            case ThoughtComplete():
                thought = self._thought(event, at)
                thought.read, thought.confidence = event.read, event.confidence
                thought._end(event, at)
            case SynthesisStarted():
                self.synthesis = Synthesis(
                    activity="connecting",
                    opened_at=at,
                    sources=event.sources,
                    left_out=event.left_out,
                    early=event.early,
                    mean_confidence=event.mean_confidence,
                    reason=event.reason,
                )
                self.t = 1.0
            case PartialSynthesis():
                if self.synthesis:
                    self.synthesis._put(event.channel, event.partial, event.offset, event.tokens_so_far, at)
            case SynthesisComplete():
                if self.synthesis:
                    self.synthesis.left_out = event.left_out
                    self.synthesis._end(event, at)
            case RunFinished():
                self.status, self.reason, self.usage = event.status, event.reason, event.usage
                self.ended_at, self.duration_s = at, event.duration_s
            case _:
                assert_never(event)

    def _agent(self, agent_id: AgentId, role: str) -> Agent:
        """The agent; one that no plan named, for a hub that is used without a run, is taken as it comes."""
        if agent_id not in self.agents:
            self.agents[agent_id] = Agent(agent_id, agent_id[:2].upper(), role, 0.0)
        return self.agents[agent_id]

    def _thought(self, event: AgentState | PartialThought | ThoughtComplete, at: float) -> Thought:
        thought = self.thoughts.get(event.thought_id)
        if thought is None:
            agent = self._agent(event.agent_id, "" if isinstance(event, AgentState) else event.role)
            agent.depth = event.checkpoint
            thought = Thought(
                thought_id=event.thought_id,
                agent_id=event.agent_id,
                role=agent.role,
                round=self.round,
                checkpoint=event.checkpoint,
                opened_at=at,
            )
            agent.thoughts.append(thought)
            self.thoughts[event.thought_id] = thought
        return thought
