"""What a run has come to: whether its agents agree, why nobody said anything, and how it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from felix.events import RunStatus
from felix.ledger.speech import Synthesis, Thought
from felix.ledger.state import RunState
from felix.team.agent import STOPPED_BY_USER
from felix.team.workflow import Workflow

CONSENSUS_OF = 3
"""Agents that must have stated a confidence before their mean can end the rounds."""

CAME_TO_NOTHING = ("interrupted", "stopped", "failed")
"""Ends of a thought that is asked for again when its run is continued."""

BROKE_OFF = (*CAME_TO_NOTHING, "unconfirmed")
"""The same of a synthesis: what may be half of it ends no run, while half a thought is still of use to others."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ends."""

    status: RunStatus
    reason: str = ""


STOPPED = Outcome("stopped", STOPPED_BY_USER)


def can_continue(state: RunState) -> bool:
    """Whether a run has ended before its time, so that what is missing of it can still be done."""
    if state.status is None or state.status == "complete":
        return False
    return state.status == "interrupted" or state.synthesis is None or state.synthesis.status in BROKE_OFF


def consensus(workflow: Workflow, state: RunState) -> str:
    """Why the rounds may end now; empty when they may not."""
    threshold, mean = workflow.consensus_threshold, mean_confidence(state)
    if threshold is None or mean is None or mean < threshold:
        return ""
    return f"The agents' mean confidence of {mean:.2f} reached {threshold:.2f}."


def mean_confidence(state: RunState) -> float | None:
    """Of the agents' latest values; None until `CONSENSUS_OF` of them have stated one."""
    values = [agent.confidence for agent in state.agents.values()]
    stated = [value for value in values if value is not None]
    # rounded: the mean of three times 0.7 is a hair below 0.7
    return round(sum(stated) / len(stated), 6) if len(stated) >= CONSENSUS_OF else None


def commonest_failure(thoughts: Sequence[Thought]) -> str:
    """One sentence with a next step: the reason most agents gave."""
    reasons = Counter(t.error for t in thoughts if t.error)
    if not reasons:
        return "No agent wrote anything – try again, or choose another model."
    return reasons.most_common(1)[0][0]


def outcome_of(synthesis: Synthesis | None) -> Outcome:
    """A run is complete when its synthesis is, and with nothing less."""
    match synthesis:
        case Synthesis(status="complete"):
            return Outcome("complete")
        case Synthesis(status="stopped", error=error):
            return Outcome("stopped", error or STOPPED_BY_USER)
        case Synthesis(status=str(status), error=error):
            return Outcome("failed", error or f"The synthesis ended {status}.")
        case _:  # it was stopped before it began
            return STOPPED
