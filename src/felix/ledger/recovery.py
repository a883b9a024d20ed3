"""After a crash: what was being written gets the end it never had, as `interrupted`, with what was saved of its text.

Nothing is asked of any model here, and nothing is made up: the text is that of the drafts, the times are those of the
last record that reached the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from felix.events import (
    Event,
    Record,
    RunFinished,
    RunId,
    SynthesisComplete,
    ThoughtComplete,
    Tokens,
)
from felix.ledger.drafts import whose
from felix.ledger.rows import insert, record_of, records, state_of
from felix.ledger.speech import Speech, Synthesis, Thought
from felix.ledger.state import RunState

CUT_OFF = "Felix ended while this was being written – continue the run to have it done."
INTERRUPTED = "Felix ended in the middle of this run – continue it, or keep what there is."

GAP = 10_000
"""Numbers left free behind the last record known: readers may have seen some that never reached the file."""


def recover(db: sqlite3.Connection) -> list[RunId]:
    """End every run that has no end, all in one transaction; the runs. Raises sqlite3.Error and ValueError."""
    runs = [RunId(run) for (run,) in db.execute("SELECT run FROM run WHERE status IS NULL ORDER BY id")]
    if not runs:
        return []
    db.execute("BEGIN IMMEDIATE")
    try:
        for run in runs:
            for record in _ends(db, run):
                insert(db, record)
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return runs


def _ends(db: sqlite3.Connection, run: RunId) -> Iterator[Record]:
    known = records(db, run)
    told = state_of(known, run)
    rows = db.execute("SELECT body FROM draft WHERE run = (SELECT id FROM run WHERE run = ?)", (run,))
    known += (draft for (text,) in rows if _is_open(told, draft := record_of(text)))
    known.sort(key=lambda record: record.seq)
    state = state_of(known, run)
    last = max((record.at for record in known), default=0.0)
    seq = max((record.seq for record in known), default=0) + GAP
    for event in endings(state, last, reason=INTERRUPTED):
        record = Record(seq, last, run, event)
        state.apply(record)
        yield record
        seq += 1


def endings(state: RunState, last: float, *, reason: str) -> Iterator[Event]:
    """All that is missing at the end of a run that broke off at a moment; each is to be applied before the next."""
    yield from _told(state, last)
    yield _finished(state, last, reason)


def _is_open(told: RunState, draft: Record) -> bool:
    """Whether what the draft belongs to has no end yet."""
    thought = told.thoughts.get(whose(draft.event))
    if thought is not None:
        return thought.is_live
    return draft.event.type != "partial_synthesis" or bool(told.synthesis and told.synthesis.is_live)


def _told(state: RunState, last: float) -> Iterator[Event]:
    for thought in list(state.thoughts.values()):
        if thought.is_live:
            yield _thought_end(thought, last)
    if state.synthesis is not None and state.synthesis.is_live:
        yield _synthesis_end(state.synthesis, last)


def _thought_end(thought: Thought, last: float) -> ThoughtComplete:
    return ThoughtComplete(
        agent_id=thought.agent_id,
        thought_id=thought.thought_id,
        role=thought.role,
        round=thought.round,
        checkpoint=thought.checkpoint,
        status="interrupted",
        content=str(thought.answer),
        thinking=str(thought.thinking),
        confidence=None,
        finish_reason=None,
        usage=None,
        read=thought.read,
        ttft_s=_ttft_s(thought),
        duration_s=_duration_s(thought, last),
        tokens_per_s=None,
        error=CUT_OFF,
        model=thought.model,
        endpoint=thought.endpoint,
        failed_at=thought.failed_at,
        temperature=thought.temperature,
        cut=thought.cut,
        trace=thought.trace,
    )


def _synthesis_end(synthesis: Synthesis, last: float) -> SynthesisComplete:
    return SynthesisComplete(
        status="interrupted",
        content=str(synthesis.answer),
        thinking=str(synthesis.thinking),
        finish_reason=None,
        usage=None,
        left_out=synthesis.left_out,
        ttft_s=_ttft_s(synthesis),
        duration_s=_duration_s(synthesis, last),
        tokens_per_s=None,
        error=CUT_OFF,
        model=synthesis.model,
        endpoint=synthesis.endpoint,
        failed_at=synthesis.failed_at,
        temperature=synthesis.temperature,
        trace=synthesis.trace,
    )


def _finished(state: RunState, last: float, reason: str) -> RunFinished:
    speeches: list[Speech] = [*state.thoughts.values(), *state.earlier]
    speeches += [state.synthesis] if state.synthesis else []
    counted = [speech.usage for speech in speeches if speech.usage]
    usage = Tokens(prompt=sum(u.prompt for u in counted), completion=sum(u.completion for u in counted))
    return RunFinished(
        status="interrupted",
        reason=reason,
        duration_s=state.elapsed_s(last),
        usage=usage if counted and len(counted) == len(speeches) else None,
    )


def _ttft_s(speech: Speech) -> float | None:
    if speech.first_at is None or speech.asked_at is None:
        return None
    return max(0.0, speech.first_at - speech.asked_at)


def _duration_s(speech: Speech, last: float) -> float:
    return max(0.0, last - (speech.asked_at or speech.opened_at))
