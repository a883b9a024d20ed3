"""The course of a run: its plan, its rounds, who joins, and its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from felix.events.words import AgentId, RunId, RunStatus, Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAgent:
    agent_id: AgentId
    code: str
    """Two characters for avatars: `R2`."""
    role: str
    spawn: float
    """The depth at which it enters."""
    model: str
    endpoint: str = ""
    """The name of the endpoint or pool that it asks; empty: the one the run is against."""
    context_length: int | None = None
    """Tokens of one slot of its model there, as loaded; None when nobody says."""


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
class Exchange:
    """What was asked and answered in a run before this one."""

    task: str
    answer: str


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
    definition: str = ""
    """The workflow as JSON, so that the run can go on when its file has changed."""
    follows: RunId | None = None
    """The run whose synthesis this one begins with."""
    context: str = ""
    """That synthesis."""
    history: tuple[Exchange, ...] = ()
    """The conversation that it goes on with, the oldest first; its last answer is `context`."""
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
class AgentAdded:
    """A rule of the workflow has added an agent to the team."""

    agent: PlannedAgent
    rounds: tuple[PlannedRound, ...]
    """All of the run, as they are planned from now on."""
    reason: str
    """One sentence: why it came."""
    type: Literal["agent_added"] = "agent_added"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReopened:
    """A run that had ended goes on: continued after a crash, or because the user wants more of it."""

    reason: str
    """One sentence."""
    is_continued: bool = False
    """It goes on with what is missing of it, and not with what the user asks for."""
    type: Literal["run_reopened"] = "run_reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoodStill:
    """Felix did nothing for a while, and has just gone on: the computer slept, or halted it."""

    seconds: float
    """Up to the moment of this event; no time of the run."""
    was_asleep: bool
    """False when it cannot be told from having been halted."""
    type: Literal["stood_still"] = "stood_still"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    status: RunStatus
    reason: str
    """One sentence; empty when complete."""
    duration_s: float
    usage: Tokens | None
    """All calls added up; None as soon as one call was not counted."""
    type: Literal["run_finished"] = "run_finished"
