"""The calls of tools that were made before: in a run, at the same turn of it, and in the runs that it follows."""

from __future__ import annotations

from felix.events import AgentId, CallId, RunId, ThoughtId
from felix.ledger.file import Ledger
from felix.ledger.rows import state_of
from felix.ledger.speech import Call
from felix.ledger.state import RunState

_TELLING = ("run_started", "tool_call", "tool_answered", "tool_result")
"""The events that say what was called, and which run was followed: a small part of all."""


def calls_of(state: RunState) -> list[Call]:
    """All of a run."""
    return [call for thought in state.thoughts.values() for call in thought.calls]


def calls_before(state: RunState, agent_id: AgentId, round_number: int, *, but: ThoughtId) -> list[Call]:
    """The calls of earlier goes at the same turn."""
    return [
        call
        for other in state.thoughts.values()
        if other.agent_id == agent_id and other.round == round_number and other.act != "ask"
        if other.thought_id != but
        for call in other.calls
    ]


def calls_of_followed(state: RunState, ledger: Ledger) -> list[Call]:
    """The calls of all runs whose answers stand in the prompts of this one, as far as they are known."""
    calls: list[Call] = []
    run = state.plan.follows if state.plan else None
    seen: set[RunId] = set()
    while run is not None and run not in seen:
        seen.add(run)
        earlier = state_of(ledger.records(run, only=_TELLING), run)
        if earlier.plan is None:  # deleted, but its words stand in the prompts: who knows what it has had to do with
            calls.append(Call(CallId(run), "a tool of a run that is no more", 0, 0.0, called_at=0.0, status="ok"))
        calls += calls_of(earlier)
        run = earlier.plan.follows if earlier.plan else None
    return calls
