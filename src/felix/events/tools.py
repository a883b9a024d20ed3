"""What agents do with tools: a call as it is written, whole, let or refused, under way, and its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from felix.events.words import AgentId, CallId, Leave, ThoughtId, ToolStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialToolCall:
    """A call while the model writes it; nothing runs before its answer has its finish signal."""

    agent_id: AgentId
    thought_id: ThoughtId
    call_id: CallId
    name: str
    """Of the tool, as far as it is known; empty until the model has written it."""
    checkpoint: float
    position: int
    """Characters of the thought's answer that stand before the call."""
    partial: str
    """Of the arguments, JSON."""
    offset: int
    """Characters of the arguments before `partial`."""
    type: Literal["partial_tool_call"] = "partial_tool_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled:
    """A call is whole. It is in the ledger before anything is done about it, so that no recovery does it twice."""

    agent_id: AgentId
    thought_id: ThoughtId
    call_id: CallId
    name: str
    arguments: str
    """JSON as the model wrote it."""
    round: int
    checkpoint: float
    position: int
    """As in `PartialToolCall`."""
    began_at: float
    """Unix seconds, when the first of it came."""
    trace: tuple[int, ...] = ()
    """Two numbers for each chunk of the arguments: ms since `began_at`, characters."""
    asks: str = ""
    """Why the user is asked first, in one sentence; empty: it begins at once."""
    asks_always: bool = False
    """Every run asks for this anew, so that no answer holds for always."""
    type: Literal["tool_call"] = "tool_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswered:
    """The user has said whether a call that asks may begin."""

    agent_id: AgentId
    thought_id: ThoughtId
    call_id: CallId
    name: str
    answer: Leave
    type: Literal["tool_answered"] = "tool_answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolProgressed:
    """What a tool says of itself while it works; at most two a second for each call."""

    agent_id: AgentId
    thought_id: ThoughtId
    call_id: CallId
    message: str = ""
    fraction: float | None = None
    """0 to 1, only when the tool said so."""
    type: Literal["tool_progress"] = "tool_progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReturned:
    """The one end of a call."""

    agent_id: AgentId
    thought_id: ThoughtId
    call_id: CallId
    name: str
    status: ToolStatus
    content: str
    """What the model is given: the result, cut where it was too long, or why there is none."""
    duration_s: float
    """Of the tool's own work: 0 when it never began."""
    characters: int = 0
    """Of the whole result; more than `content` has when that was cut."""
    file: str = ""
    """Where the whole result is kept, when it was cut."""
    error: str | None = None
    """One sentence for the user: why the status is not `ok`."""
    type: Literal["tool_result"] = "tool_result"
