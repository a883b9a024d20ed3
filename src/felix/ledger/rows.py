"""A record as rows of the ledger's tables. Called within a transaction that the caller begins and ends."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Sequence

from felix.events import (
    Record,
    RunFinished,
    RunId,
    RunReopened,
    RunStarted,
    SynthesisComplete,
    ThoughtComplete,
    from_json,
    to_json,
)
from felix.ledger import search
from felix.ledger.drafts import whose
from felix.ledger.state import RunState

_log = logging.getLogger(__name__)


def insert(db: sqlite3.Connection, record: Record) -> None:
    """Write a durable record, and what follows from it for the summary, the drafts and the search."""
    event, run = record.event, record.run
    if isinstance(event, RunStarted):
        _begin(db, record, event)
    run_id = _id(db, run)
    if run_id is None:
        _log.error("run %s is told of before it has begun", run)
        return
    # The first end of a thought or a run wins; the constraint is the last of several things that see to it.
    written = db.execute(
        "INSERT INTO event (run, seq, type, ends, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (run_id, record.seq, event.type, _ends(db, run_id, record), body(record)),
    )
    if not written.rowcount:
        _log.warning("record %d of run %s (%s) was told twice", record.seq, run, event.type)
        return
    match event:
        case ThoughtComplete() | SynthesisComplete():
            db.execute("DELETE FROM draft WHERE run = ? AND thought = ?", (run_id, whose(event)))
        case RunReopened():
            db.execute("UPDATE run SET status = NULL, ended_at = NULL, is_seen = 0 WHERE id = ?", (run_id,))
        case RunFinished():
            _finish(db, run_id, record, event)
        case _:
            pass  # nothing but the event itself


def insert_draft(db: sqlite3.Connection, record: Record) -> None:
    db.execute(
        "INSERT OR REPLACE INTO draft (run, thought, seq, body) SELECT id, ?, ?, ? FROM run WHERE run = ?",
        (whose(record.event), record.seq, body(record), record.run),
    )


def records(db: sqlite3.Connection, run: RunId, after: int = 0, only: Sequence[str] = ()) -> list[Record]:
    """The durable records of a run, in order, or `only` those of some types.

    Raises sqlite3.Error, and ValueError for a row that is no record.
    """
    types = f" AND type IN ({', '.join('?' * len(only))})" if only else ""
    rows = db.execute(
        f"SELECT body FROM event WHERE run = (SELECT id FROM run WHERE run = ?) AND seq > ?{types} ORDER BY seq",
        (run, after, *only),
    )
    return [record_of(text) for (text,) in rows]


def body(record: Record) -> str:
    """The whole record as JSON, in ASCII: half characters, which SQLite does not take, survive as escapes."""
    return json.dumps(to_json(record), ensure_ascii=True, separators=(",", ":"))


def record_of(text: str) -> Record:
    return from_json(json.loads(text))


def title(task: str) -> str:
    """What a run is called until its user gives it a name: the first line of its task, at most 200 characters."""
    lines = search.plain(task[:2_000]).strip().splitlines()
    return " ".join(lines[0].split())[:200] if lines else ""


def state_of(found: list[Record], run: RunId) -> RunState:
    state = RunState(run=run)
    for record in found:
        state.apply(record)
    return state


def _begin(db: sqlite3.Connection, record: Record, event: RunStarted) -> None:
    db.execute(
        "INSERT INTO run (run, name, task, workflow, model, server, started_at, is_demo, follows)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            record.run,
            title(event.task),
            search.plain(event.task),
            search.plain(event.workflow),
            search.plain(event.model),
            search.plain(event.server_name or event.server),
            record.at,
            event.demo,
            event.follows,
        ),
    )
    _index(db, record.run, state_of([record], record.run))


def _finish(db: sqlite3.Connection, run_id: int, record: Record, event: RunFinished) -> None:
    tokens = event.usage.completion if event.usage else None
    db.execute(
        "UPDATE run SET status = ?, ended_at = ?, duration_s = ?, tokens = ? WHERE id = ?",
        (event.status, record.at, event.duration_s, tokens, run_id),
    )
    db.execute("DELETE FROM draft WHERE run = ?", (run_id,))
    _index(db, record.run, state_of(records(db, record.run), record.run))


def _index(db: sqlite3.Connection, run: RunId, state: RunState) -> None:
    run_id, name = db.execute("SELECT id, name FROM run WHERE run = ?", (run,)).fetchone()
    search.index(db, run_id, state, name=name)


def _ends(db: sqlite3.Connection, run_id: int, record: Record) -> str | None:
    """What the record is the one end of: a thought, the nth synthesis, the nth opening of the run; else None."""
    match record.event:
        case ThoughtComplete(thought_id=thought_id):
            return f"thought {thought_id}"
        case SynthesisComplete():
            return f"synthesis {_count(db, run_id, 'synthesis_started')}"
        case RunFinished():
            return f"run {_count(db, run_id, 'run_reopened') + 1}"
        case _:
            return None


def _count(db: sqlite3.Connection, run_id: int, kind: str) -> int:
    return int(db.execute("SELECT count(*) FROM event WHERE run = ? AND type = ?", (run_id, kind)).fetchone()[0])


def _id(db: sqlite3.Connection, run: RunId) -> int | None:
    row = db.execute("SELECT id FROM run WHERE run = ?", (run,)).fetchone()
    return None if row is None else int(row[0])
