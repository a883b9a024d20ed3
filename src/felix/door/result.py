"""What came of a run, as a frozen value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Self

from felix.errors import FelixError
from felix.events import Exchange, LeftOut, RunId, RunStatus, SynthesisComplete, ThoughtComplete, Tokens
from felix.ledger.conversation import conversation
from felix.ledger.state import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How soon and how fast the models of a run answered; what nobody measured is None."""

    calls: int
    """Answers that were asked for, that of the hub included."""
    failed: int
    """Those of them that came to nothing."""
    ttft_s: float | None
    """Median of the seconds to the first token."""
    tokens_per_s: float | None
    """Median of the answers' tokens per second."""
    duration_s: float
    """Of the whole run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a run ended. What was written is there whatever the status."""

    run: RunId
    task: str
    status: RunStatus
    """`complete` only when the synthesis is."""
    reason: str
    """One sentence with the next step; empty when complete."""
    text: str
    """The hub's answer, as far as it was written."""
    thoughts: tuple[ThoughtComplete, ...]
    """Every thought that ended, of any status, in the order in which they began."""
    synthesis: SynthesisComplete | None
    """How the hub's answer ended; None when it never began."""
    left_out: tuple[LeftOut, ...]
    """Whose last word the synthesis did not read as a complete thought, and why."""
    usage: Tokens | None
    """Of all answers together, as the servers counted; None as soon as one was not counted."""
    figures: Figures
    history: tuple[Exchange, ...]
    """What was asked and answered up to this run, itself included: what a run that follows it begins with."""
    notes: tuple[str, ...] = ()
    """What its reader should know beside, such as that the ledger could not be written."""

    def __str__(self) -> str:
        return self.text

    def checked(self) -> Self:
        """This result. Raises FelixError with its reason unless it is complete."""
        if self.status != "complete":
            raise FelixError(self.reason or f"The run ended {self.status}.")
        return self


def result_of(
    state: RunState,
    thoughts: Iterable[ThoughtComplete],
    synthesis: SynthesisComplete | None,
    notes: tuple[str, ...] = (),
) -> Result:
    """Of a run that has ended; `thoughts` in any order."""
    assert state.run is not None and state.plan is not None and state.status is not None
    order = {thought_id: place for place, thought_id in enumerate(state.thoughts)}
    ended = tuple(sorted(thoughts, key=lambda thought: order[thought.thought_id]))
    return Result(
        run=state.run,
        task=state.plan.task,
        status=state.status,
        reason=state.reason,
        text=synthesis.content if synthesis else "",
        thoughts=ended,
        synthesis=synthesis,
        left_out=synthesis.left_out if synthesis else (),
        usage=state.usage,
        figures=_figures((*ended, *([synthesis] if synthesis else [])), state.duration_s or 0.0),
        history=conversation(state),
        notes=notes,
    )


def _figures(ends: Iterable[ThoughtComplete | SynthesisComplete], duration_s: float) -> Figures:
    asked = [end for end in ends if end.trace is None or any(state != "queued" for _, state in end.trace.states)]
    first = [end.ttft_s for end in asked if end.ttft_s is not None]
    pace = [end.tokens_per_s for end in asked if end.tokens_per_s is not None]
    return Figures(
        calls=len(asked),
        failed=sum(end.status == "failed" for end in asked),
        ttft_s=median(first) if first else None,
        tokens_per_s=median(pace) if pace else None,
        duration_s=duration_s,
    )
