"""Events as a run tells them, with a value in every field: a test names only the fields that it is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from felix.events import (
    AgentId,
    PlannedAgent,
    PlannedRound,
    PlannedTurn,
    RunStarted,
    SynthesisComplete,
    ThoughtComplete,
    ThoughtId,
)

_STARTED = RunStarted(
    task="Why?",
    workflow="Test",
    agents=(),
    rounds=(),
    server="http://127.0.0.1:1/v1",
    server_name="Test",
    model="m",
    context_length=None,
    streaming=True,
    batch_interval_s=0.1,
    max_parallel=4,
    consensus_threshold=None,
    helix_turns=2.0,
    demo=False,
)
_THOUGHT = ThoughtComplete(
    agent_id=AgentId(""),
    thought_id=ThoughtId(""),
    role="",
    round=1,
    checkpoint=0.0,
    status="complete",
    content="",
    thinking="",
    confidence=None,
    finish_reason="stop",
    usage=None,
    read=(),
    ttft_s=0.2,
    duration_s=1.0,
    tokens_per_s=None,
)
_SYNTHESIS = SynthesisComplete(
    status="complete",
    content="",
    thinking="",
    finish_reason="stop",
    usage=None,
    left_out=(),
    ttft_s=0.2,
    duration_s=1.0,
    tokens_per_s=None,
)


def run_started(agents: Iterable[PlannedAgent], rounds: Iterable[PlannedRound], **fields: object) -> RunStarted:
    return replace(_STARTED, agents=tuple(agents), rounds=tuple(rounds), **fields)


def planned_agent(agent: str, *, spawn: float = 0.0, model: str = "m") -> PlannedAgent:
    """Of a name such as `research-1`."""
    code, role = (agent[0] + agent[-1]).upper(), agent.rpartition("-")[0]
    return PlannedAgent(agent_id=AgentId(agent), code=code, role=role, spawn=spawn, model=model)


def planned_round(number: int, t: float, agents: Iterable[str], *, checkpoint: float | None = None) -> PlannedRound:
    """All these agents speak at `checkpoint`, or at the moment of the round."""
    depth = t if checkpoint is None else checkpoint
    turns = tuple(PlannedTurn(agent_id=AgentId(agent), checkpoint=depth) for agent in agents)
    return PlannedRound(number=number, t=t, turns=turns)


def thought_complete(thought: ThoughtId, **fields: object) -> ThoughtComplete:
    """Of an id such as `research-1#2`."""
    agent = AgentId(thought.partition("#")[0])
    return replace(_THOUGHT, agent_id=agent, thought_id=thought, role=agent.rpartition("-")[0], **fields)


def synthesis_complete(**fields: object) -> SynthesisComplete:
    return replace(_SYNTHESIS, **fields)
