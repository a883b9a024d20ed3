"""Everything that can happen in a run, as frozen values; JSON both ways.

The hub makes each into a `Record` (a number, a time, a run), and every face – window, terminal, log – is fed with
nothing else. Names of types and fields are the ones `felix run --json` prints, so they are a promise to scripts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal, NewType

if TYPE_CHECKING:
    from pydantic import TypeAdapter

RunId = NewType("RunId", str)
AgentId = NewType("AgentId", str)
"""`research-2`: what the card is called and what a citation `[research-2]` leads to."""
ThoughtId = NewType("ThoughtId", str)
"""`research-2#3`: the thought of an agent in a round."""

HUB = AgentId("hub")
"""Who `agent_state` speaks of while the synthesis is made."""
SYNTHESIS = ThoughtId("synthesis")
"""The `thought_id` it then has."""

Channel = Literal["answer", "thinking"]
Status = Literal["complete", "truncated", "refused", "stopped", "failed", "unconfirmed", "interrupted"]
RunStatus = Literal["complete", "failed", "stopped", "crashed"]
Activity = Literal["queued", "connecting", "loading", "reading", "waiting", "thinking", "writing", "retrying"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A server's own count; there is none of these when the server did not count."""

    prompt: int
    completion: int
    reasoning: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAgent:
    agent_id: AgentId
    code: str
    """Two characters for avatars: `R2`."""
    role: str
    spawn: float
    """The depth at which it enters."""
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTurn:
    agent_id: AgentId
    checkpoint: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRound:
    number: int
    """From 1."""
    t: float
    """The run's clock, 0 to 1."""
    turns: tuple[PlannedTurn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An agent whose last word did not reach the synthesis whole, and why, in one sentence."""

    agent_id: AgentId
    status: Status | Literal["unheard"]
    """`unheard`: the rounds ended before it had a turn, or nothing of it fitted the hub's context."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    task: str
    workflow: str
    agents: tuple[PlannedAgent, ...]
    rounds: tuple[PlannedRound, ...]
    server: str
    """Base URL."""
    server_name: str
    """`LM Studio`, `llama.cpp`, … as far as it is known."""
    model: str
    context_length: int | None
    """Tokens of one slot as loaded; None when the server does not say."""
    streaming: bool
    batch_interval_s: float
    max_parallel: int
    consensus_threshold: float | None
    helix_turns: float
    demo: bool
    type: Literal["run_started"] = "run_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundStarted:
    number: int
    total: int
    t: float
    agents: tuple[AgentId, ...]
    type: Literal["round_started"] = "round_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpawned:
    agent_id: AgentId
    role: str
    depth: float
    type: Literal["agent_spawned"] = "agent_spawned"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """What an agent (or the hub) is doing before and while it speaks; its first one opens the thought."""

    agent_id: AgentId
    thought_id: ThoughtId
    state: Activity
    round: int
    checkpoint: float
    position: int | None = None
    """Place in the queue, from 1, while queued."""
    fraction: float | None = None
    """0 to 1, only when the server said so."""
    detail: str = ""
    read: tuple[ThoughtId, ...] = ()
    """The thoughts that stood in its prompt; given with `connecting`."""
    cut: str = ""
    """What had to be left out of its prompt, in one sentence; given with `connecting`."""
    temperature: float | None = None
    model: str = ""
    type: Literal["agent_state"] = "agent_state"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialThought:
    agent_id: AgentId
    thought_id: ThoughtId
    role: str
    checkpoint: float
    progress: float
    """The run's clock, 0 to 1."""
    channel: Channel
    partial: str
    """Empty, with a smaller offset, when text that stood there turned out to be thinking; it follows as such."""
    offset: int
    """Characters of this channel before `partial`; what stood from there on no longer counts."""
    tokens_so_far: int
    type: Literal["partial_thought"] = "partial_thought"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThoughtComplete:
    """The one end of every thought, whatever its status."""

    agent_id: AgentId
    thought_id: ThoughtId
    role: str
    round: int
    checkpoint: float
    status: Status
    content: str
    """Without the confidence line; byte for byte otherwise."""
    thinking: str
    confidence: float | None
    """0 to 1 as the agent stated it; None when it did not."""
    finish_reason: str | None
    usage: Tokens | None
    read: tuple[ThoughtId, ...]
    ttft_s: float | None
    duration_s: float
    tokens_per_s: float | None
    error: str | None = None
    """One sentence: why the status is not `complete`."""
    notes: tuple[str, ...] = ()
    model: str = ""
    type: Literal["thought_complete"] = "thought_complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisStarted:
    sources: tuple[ThoughtId, ...]
    left_out: tuple[LeftOut, ...]
    early: bool
    """True when the agents' confidence ended the rounds before their time."""
    mean_confidence: float | None
    reason: str
    """One sentence: why now."""
    type: Literal["synthesis_started"] = "synthesis_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialSynthesis:
    """As `PartialThought`."""

    channel: Channel
    partial: str
    offset: int
    tokens_so_far: int
    type: Literal["partial_synthesis"] = "partial_synthesis"


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisComplete:
    status: Status
    content: str
    thinking: str
    finish_reason: str | None
    usage: Tokens | None
    left_out: tuple[LeftOut, ...]
    ttft_s: float | None
    duration_s: float
    tokens_per_s: float | None
    error: str | None = None
    notes: tuple[str, ...] = ()
    model: str = ""
    type: Literal["synthesis_complete"] = "synthesis_complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    status: RunStatus
    reason: str
    """One sentence; empty when complete."""
    duration_s: float
    usage: Tokens | None
    """All calls added up; None as soon as one call was not counted."""
    type: Literal["run_finished"] = "run_finished"


Event = (
    RunStarted
    | RoundStarted
    | AgentSpawned
    | AgentState
    | PartialThought
    | ThoughtComplete
    | SynthesisStarted
    | PartialSynthesis
    | SynthesisComplete
    | RunFinished
)


@dataclass(frozen=True, slots=True)
class Record:
    """An event as the hub stamped it. `seq` counts from 1 within a run and orders it; `at` is Unix seconds."""

    seq: int
    at: float
    run: RunId
    event: Event


def to_json(record: Record) -> dict[str, object]:
    """One flat object: `{"seq", "at", "run", "type", …}`, of JSON's own types only."""
    body = _event_adapter().dump_python(record.event, mode="json")
    return {"seq": record.seq, "at": record.at, "run": record.run, "type": body.pop("type"), **body}


def from_json(flat: dict[str, object]) -> Record:
    """The record again. Raises ValueError (pydantic's) when `flat` is no event; unknown fields are ignored."""
    envelope = _envelope_adapter().validate_python({name: flat.get(name) for name in _ENVELOPE})
    return Record(envelope.seq, envelope.at, envelope.run, _event_adapter().validate_python(flat))


@dataclass(frozen=True, slots=True)
class _Envelope:
    seq: int
    at: float
    run: RunId


_ENVELOPE = tuple(field.name for field in fields(_Envelope))


@cache
def _envelope_adapter() -> TypeAdapter[_Envelope]:
    from pydantic import TypeAdapter

    return TypeAdapter(_Envelope)


@cache
def _event_adapter() -> TypeAdapter[Event]:
    # Built when first needed: a window that only shows events never pays for it.
    from pydantic import Field, TypeAdapter

    return TypeAdapter(Annotated[Event, Field(discriminator="type")])
