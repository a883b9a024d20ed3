"""What is said: thoughts of agents and the synthesis, while they are written and when they have ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from felix.events.words import Act, Activity, Again, AgentId, Channel, Status, ThoughtId, Tokens, Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An agent whose last word did not reach the synthesis as a complete thought, and why, in one sentence."""

    agent_id: AgentId
    status: Status | Literal["unheard"]
    """`unheard`: the rounds ended before it had a turn, or nothing of it fitted the hub's context."""
    reason: str
    is_heard: bool = False
    """The synthesis read something of it all the same: an earlier thought, or the last one headed as unfinished."""


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
    again: Again | None = None
    """Given with `retrying`."""
    read: tuple[ThoughtId, ...] = ()
    """The thoughts that stood in its prompt; given with `connecting`."""
    cut: str = ""
    """What had to be left out of its prompt, in one sentence; given with `connecting`."""
    temperature: float | None = None
    model: str = ""
    endpoint: str = ""
    """The name of the endpoint that is asked; empty: the run's, where that has none."""
    failed_at: tuple[str, ...] = ()
    """The names of endpoints that were asked before, in vain; given with `connecting`."""
    trace: Trace | None = None
    """How its answer came about so far; given to a reader who comes back."""
    type: Literal["agent_state"] = "agent_state"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThoughtAsked:
    """The user wants a thought beside the agent's turns; this opens it."""

    agent_id: AgentId
    thought_id: ThoughtId
    act: Act
    of: ThoughtId | None
    """The thought that is done again or continued; None for a question."""
    round: int
    checkpoint: float
    text: str = ""
    """The question, or the user's own wording of the prompt; empty: Felix's."""
    model: str = ""
    """Another model than the agent's own; empty: that."""
    type: Literal["thought_asked"] = "thought_asked"


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
    endpoint: str = ""
    """As in `AgentState`."""
    temperature: float | None = None
    cut: str = ""
    """As in `AgentState`."""
    server: str = ""
    """Base URL that was asked, for figures: an endpoint may get another name. Empty where that is the run's."""
    failed_at: tuple[str, ...] = ()
    """The names of endpoints that were asked for it before, in vain."""
    gaps_ms: tuple[float, ...] = ()
    """Between the first pieces as they came from the server, before anything was gathered for the eye."""
    trace: Trace | None = None
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
    number: int = 1
    """From 1 within a run: the user may have it made again."""
    instructions: str = ""
    """The user's own, for this one."""
    model: str = ""
    """Another model than the workflow's, chosen by the user for this one; empty: that."""
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
    endpoint: str = ""
    """As in `AgentState`."""
    temperature: float | None = None
    server: str = ""
    """As in `ThoughtComplete`; so are the next two."""
    failed_at: tuple[str, ...] = ()
    gaps_ms: tuple[float, ...] = ()
    trace: Trace | None = None
    type: Literal["synthesis_complete"] = "synthesis_complete"
