"""The ledger for whoever only looks: cheap to open, on any thread, beside a writer that goes on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

from felix.errors import LedgerError
from felix.events import Activity, Record, RunId, RunStatus, Status
from felix.ledger import rows, schema, search
from felix.ledger.header import ELSEWHERE, WHAT, misfit
from felix.ledger.health import Condition
from felix.ledger.lock import is_held
from felix.ledger.opening import in_memory
from felix.ledger.state import RunState

MOST_FOUND = 1_000
"""Of the newest runs that a search finds: who gets more has not searched yet."""
MOST_SNIPPETS = 50
"""Of the newest of those: more cost time, and nobody reads them."""

_COLUMNS = (
    "run.run, run.name, run.workflow, run.model, run.status, run.started_at, run.duration_s, run.is_pinned,"
    " run.is_demo, run.tokens"
)
_NEWEST_FIRST = "ORDER BY run.id DESC"
"""In the order in which they began, whatever the clock said."""
_FOUND = (
    "FROM search JOIN run ON run.id = search.rowid WHERE search MATCH ? AND deleted_at IS NULL"
    " ORDER BY search.rowid DESC"
)
_SNIPPETS = f"SELECT run.run, snippet (search, -1, ?, ?, '…', {search.SNIPPET_WORDS}) {_FOUND} LIMIT {MOST_SNIPPETS}"

_ESTIMATE = (
    "SELECT coalesce(sum(coalesce(json_extract(body, '$.usage.completion'), json_extract(body, '$.trace.tokens'), 0)),"
    " 0) FROM event WHERE run = (SELECT id FROM run WHERE run = ?) AND type IN ('thought_complete',"
    " 'synthesis_complete')"
)

_OF_ANSWERS = (
    "FROM event JOIN run ON run.id = event.run WHERE type IN ('thought_complete', 'synthesis_complete')"
    " AND deleted_at IS NULL AND NOT is_demo ORDER BY event.id DESC LIMIT ?"
)
_ANSWERS = (
    "SELECT event.run, json_extract(body, '$.endpoint', '$.status', '$.error', '$.ttft_s', '$.tokens_per_s', '$.usage',"
    f" '$.trace.states', '$.gaps_ms', '$.server', '$.failed_at') {_OF_ANSWERS}"
)
_SERVER = "SELECT json_extract(body, '$.server') FROM event WHERE run = ? AND type = 'run_started' ORDER BY seq LIMIT 1"


class AnswerRow(NamedTuple):
    """How an answer went; what nobody knows is None."""

    server: str
    """Base URL that the run was against."""
    endpoint: str
    """Name of the endpoint that was asked; empty: the run's."""
    status: Status
    error: str | None
    ttft_s: float | None
    tokens_per_s: float | None
    usage: Mapping[str, int | None] | None
    """As in `Tokens`."""
    states: Sequence[tuple[int, Activity]]
    """As in `Trace`; empty where there is none."""
    gaps_ms: Sequence[float]
    """As in `ThoughtComplete`."""
    asked: str
    """Base URL that was asked, where it was told; else empty."""
    failed_at: Sequence[str]
    """As in `ThoughtComplete`."""


class RunRow(NamedTuple):
    """A run in a list, with what a list shows: ten thousand are made while a user waits, and pays by the field."""

    run: RunId
    name: str
    """The user's own, else the first line of the task."""
    workflow: str
    model: str
    status: RunStatus | None
    """None while it goes on."""
    started_at: float
    """Unix seconds."""
    duration_s: float | None
    is_pinned: bool
    """0 or 1 as SQLite has it, as `is_demo`: to convert each would take a fifth of the time of a list."""
    is_demo: bool
    tokens: int | None
    """Written by the models, as the server counted; None when it did not."""
    snippet: str = ""
    """Where the words that were searched for stand, hits between `search.OPENED` and `search.CLOSED`."""


class RunDetails(NamedTuple):
    """What a list does without."""

    task: str
    server: str
    """Its name, or its base URL where that is not known."""
    ended_at: float | None
    """Unix seconds."""
    follows: RunId | None


_row = partial(tuple.__new__, RunRow)
"""`RunRow._make` without its check: the columns are ours, and the check costs as much as all the rest."""


class Reader:
    """Read-only. Used on one thread at a time; a context manager. Every method may raise LedgerError."""

    def __init__(self, source: Path | sqlite3.Connection, *, unsaved: Sequence[Record] = ()) -> None:
        """A file, or the connection of a ledger in memory, which stays open afterwards.

        What is `unsaved` is listed and told as if the file had taken it.
        """
        self._path = source if isinstance(source, Path) else None
        self._db = _open(source) if isinstance(source, Path) else source
        self._whole: sqlite3.Connection | None = None
        """The runs of which the file has not all, in memory."""
        self._of_whole = frozenset(record.run for record in unsaved)
        if unsaved:
            self._whole = in_memory()
            for run in self._of_whole:
                for record in (*rows.records(self._db, run), *(each for each in unsaved if each.run == run)):
                    rows.insert(self._whole, record)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        if self._path is not None:
            self._db.close()
        if self._whole is not None:
            self._whole.close()

    @property
    def is_written(self) -> bool:
        """Whether somebody writes to the ledger now: only then a run without an end goes on."""
        return self._path is None or is_held(self._path)

    def runs(self, words: str = "") -> list[RunRow]:
        """All runs, or the newest `MOST_FOUND` in which all of these words stand; the newest first."""
        if self._whole is None:
            return self._runs(words)
        unsaved = Reader(self._whole).runs(words)
        return unsaved + [row for row in self._runs(words) if row.run not in self._of_whole]

    def _runs(self, words: str) -> list[RunRow]:
        if not words.strip():
            return self._rows(f"SELECT {_COLUMNS}, '' FROM run WHERE deleted_at IS NULL {_NEWEST_FIRST}")
        if not (wanted := search.query(words)):
            return []
        found = self._rows(f"SELECT {_COLUMNS}, '' {_FOUND} LIMIT {MOST_FOUND}", wanted)
        with _told(self._path):
            snippets = dict(self._db.execute(_SNIPPETS, (*search.MARKS, wanted)).fetchall())
        return [
            row._replace(snippet=" ".join(snippets[row.run].split())) if row.run in snippets else row for row in found
        ]

    def row(self, run: RunId) -> RunRow | None:
        """None for a run that is not there or was deleted."""
        if self._whole is not None and run in self._of_whole:
            return Reader(self._whole).row(run)
        rows = self._rows(f"SELECT {_COLUMNS}, '' FROM run WHERE deleted_at IS NULL AND run.run = ?", run)
        return rows[0] if rows else None

    def details(self, run: RunId) -> RunDetails | None:
        """None for a run that is not there or was deleted."""
        with _told(self._path):
            found = (
                self._of(run)
                .execute("SELECT task, server, ended_at, follows FROM run WHERE deleted_at IS NULL AND run = ?", (run,))
                .fetchone()
            )
        return None if found is None else RunDetails._make(found)

    def thread(self, run: RunId) -> list[RunRow]:
        """A run with those it follows and those that follow it, the oldest first; deleted ones are left out."""
        return self._rows(
            "WITH RECURSIVE before (run) AS (SELECT ? UNION SELECT run.follows FROM run JOIN before USING (run)"
            " WHERE run.follows IS NOT NULL),"
            " thread (run) AS (SELECT run FROM before UNION SELECT run.run FROM run JOIN thread ON"
            " run.follows = thread.run)"
            f" SELECT {_COLUMNS}, '' FROM run JOIN thread USING (run) WHERE deleted_at IS NULL"
            " ORDER BY run.id",
            run,
        )

    def interrupted(self) -> list[RunRow]:
        """Runs that a crash ended, and that were neither continued nor dismissed since."""
        return self._rows(
            f"SELECT {_COLUMNS}, '' FROM run WHERE status = 'interrupted' AND NOT is_seen AND deleted_at IS NULL"
            f" {_NEWEST_FIRST}"
        )

    def records(self, run: RunId, after: int = 0) -> list[Record]:
        """The durable records of a run, in order; empty when there is no such run."""
        with _told(self._path):
            return rows.records(self._of(run), run, after)

    def state(self, run: RunId) -> RunState:
        """What the records of a run come to."""
        return rows.state_of(self.records(run), run)

    def estimate(self, run: RunId) -> int:
        """About how many tokens its answers have: the server's count where it gave one, else one per delta."""
        with _told(self._path):
            return int(self._db.execute(_ESTIMATE, (run,)).fetchone()[0])

    def answers(self, most: int) -> list[AnswerRow]:
        """How the latest answers of real models went, `most` at most, the newest first."""
        with _told(self._path):
            found = self._db.execute(_ANSWERS, (most,)).fetchall()
            servers = {run: self._db.execute(_SERVER, (run,)).fetchone() for run in {run for run, _ in found}}
        answers = []
        for run, body in found:
            endpoint, status, error, ttft_s, pace, usage, states, gaps_ms, asked, failed_at = json.loads(body)
            server = servers[run][0] if servers[run] else ""
            answers.append(
                AnswerRow(
                    server,
                    endpoint or "",
                    status,
                    error,
                    ttft_s,
                    pace,
                    usage,
                    states or (),
                    gaps_ms or (),
                    asked or "",
                    failed_at or (),
                )
            )
        return answers

    def size_bytes(self) -> int:
        """Of the file with what waits beside it to be taken into it; 0 in memory."""
        if self._path is None:
            return 0
        files = (self._path, self._path.with_name(self._path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def _of(self, run: RunId) -> sqlite3.Connection:
        return self._whole if self._whole is not None and run in self._of_whole else self._db

    def _rows(self, sql: str, *values: object) -> list[RunRow]:
        with _told(self._path):
            return list(map(_row, self._db.execute(sql, values)))


@contextmanager
def _told(path: Path | None) -> Iterator[None]:
    """SQLite's faults as one sentence."""
    try:
        yield
    except (sqlite3.Error, ValueError) as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if path is not None and code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise LedgerError(_unfit(path, "damaged")) from None
        raise LedgerError(f"{path or 'The ledger'} could not be read ({error}) – try again in a moment.") from None


def _unfit(path: Path, kind: Condition) -> str:
    """Why nothing can be read from this file, in the words of the window."""
    then = {
        "damaged": f"`felix gui --ledger {path}` offers a copy of what can be read",
        "newer": f"update Felix, or {ELSEWHERE}",
    }.get(kind, ELSEWHERE)
    return f"{path} {WHAT[kind]} – {then}."


def _open(path: Path) -> sqlite3.Connection:
    address = path.absolute().as_uri()
    with _told(path):
        if not path.is_file():
            raise LedgerError(f"There is no ledger at {path} yet – it is made when the first run starts.")
        if kind := misfit(path):
            raise LedgerError(_unfit(path, kind))
        try:
            db = _connected(f"{address}?mode=ro")
        except sqlite3.OperationalError:
            # A folder that cannot be written has no room for SQLite's index of the log; without a log none is needed.
            wal = path.with_name(path.name + "-wal")
            if wal.exists() and wal.stat().st_size:
                raise
            db = _connected(f"{address}?mode=ro&immutable=1")
        if schema.version(db) != len(schema.STEPS):
            db.close()
            raise LedgerError(f"{path} was made by another version of Felix – open it with that one.")
    return db


def _connected(address: str) -> sqlite3.Connection:
    db = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    try:
        db.execute(f"PRAGMA busy_timeout = {schema.BUSY_MS}")
        db.execute("PRAGMA application_id").fetchone()  # only now does SQLite open the file
    except BaseException:
        db.close()
        raise
    return db
