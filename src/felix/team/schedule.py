"""Who speaks when: a workflow turned into rounds, before anything runs.

A run has one clock t from 0 to 1. An agent enters at t = its spawn depth, at that depth, and descends at its speed; it
speaks at every checkpoint that is not above where it entered, when it gets there. The distinct moments, in order, are
the rounds. All of it is a pure function of the workflow, so the window can show it and the runner can trust it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from felix.events import AgentId, PlannedRound, PlannedTurn

if TYPE_CHECKING:
    from felix.team.workflow import Workflow

_DECIMALS = 6
"""Of a moment. Moments closer than this are one: speeds such as 0.333333 are meant to meet."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One agent's call in a round."""

    agent_id: AgentId
    role: str
    checkpoint: float
    """The depth at which it speaks: the one on screen and in its prompt."""


@dataclass(frozen=True, slots=True)
class Round:
    """The turns that are taken at one moment, at the same time, in the order of the workflow."""

    number: int
    """From 1."""
    t: float
    turns: tuple[Turn, ...]


def schedule(workflow: Workflow) -> list[Round]:
    """The rounds of a run of `workflow`, in order; each agent has at most one turn in a round."""
    turns: dict[float, list[Turn]] = {}
    for member in workflow.members():
        for t, checkpoint in moments(member.spec.spawn_depth, member.spec.speed, workflow.checkpoints):
            turns.setdefault(t, []).append(Turn(member.id, member.spec.role, checkpoint))
    return [Round(number, t, tuple(turns[t])) for number, t in enumerate(sorted(turns), start=1)]


def joined(
    rounds: Sequence[PlannedRound], agent_id: AgentId, checkpoints: Sequence[float], after: PlannedRound
) -> tuple[PlannedRound, ...]:
    """The rounds of a run with an agent that joins it behind the round `after`, at the depth of the clock.

    From there it keeps pace with the clock and speaks at every checkpoint it comes to; when none is left below, once
    more at the last one, in a round of its own at the very end.
    """
    mine = [(t, depth) for t, depth in moments(after.t, 1.0, checkpoints) if t > after.t] or [(1.0, checkpoints[-1])]
    turns = {each.t: each.turns for each in rounds if each.number > after.number}
    for t, depth in mine:
        turns[t] = (*turns.get(t, ()), PlannedTurn(agent_id=agent_id, checkpoint=depth))
    past = tuple(each for each in rounds if each.number <= after.number)
    return past + tuple(
        PlannedRound(number=number, t=t, turns=turns[t]) for number, t in enumerate(sorted(turns), after.number + 1)
    )


def moments(spawn: float, speed: float, checkpoints: Sequence[float]) -> Iterator[tuple[float, float]]:
    """(t, checkpoint) for each time such an agent speaks, as far as the clock reaches."""
    # Fractions of the decimals that were written: 0.1 + 0.2 must be the moment 0.3, for the limit of 1 as well.
    start, pace = Fraction(repr(spawn)), Fraction(repr(speed))
    for checkpoint in checkpoints:
        depth = Fraction(repr(checkpoint))
        t = start + (depth - start) / pace
        if depth >= start and t <= 1:
            yield round(float(t), _DECIMALS), checkpoint


def depth_at(t: float, *, spawn: float, speed: float) -> float | None:
    """Where an agent is at clock `t`: None before it has entered, at most 1."""
    return None if t < spawn else min(1.0, spawn + (t - spawn) * speed)


def describe(rounds: Sequence[Round] | Sequence[PlannedRound]) -> str:
    """As the picker says it: `9 calls in 4 rounds`."""
    calls = sum(len(each.turns) for each in rounds)
    return f"{_count(calls, 'call')} in {_count(len(rounds), 'round')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
