"""The tables of a ledger, what tells its file from any other, and the steps from an older one to this one.

`event` is the truth: one row for each durable record, whole, as plain JSON. `run` is a summary of it for lists, with
the user's own marks. `draft` holds what is being written, apart, so that nobody can take it for something that ended.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

APPLICATION_ID = 0x46454C58
"""`FELX`, at byte 68 of the file."""
BUSY_MS = 5_000

_FIRST = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL DEFAULT '',
    task TEXT NOT NULL,
    workflow TEXT NOT NULL,
    model TEXT NOT NULL,
    server TEXT NOT NULL,
    status TEXT,
    started_at REAL NOT NULL,
    ended_at REAL,
    duration_s REAL,
    tokens INTEGER,
    is_demo INTEGER NOT NULL,
    follows TEXT,
    is_pinned INTEGER NOT NULL DEFAULT 0,
    is_seen INTEGER NOT NULL DEFAULT 0,
    deleted_at REAL
);
CREATE INDEX run_by_root ON run (follows) WHERE follows IS NOT NULL;

CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    type TEXT NOT NULL,
    ends TEXT,
    body TEXT NOT NULL,
    UNIQUE (run, seq),
    UNIQUE (run, ends)
);

CREATE TABLE draft (
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    thought TEXT NOT NULL,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, thought, seq)
) WITHOUT ROWID;

CREATE VIRTUAL TABLE search USING fts5 (
    name, task, thoughts, synthesis, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
"""


def _first(db: sqlite3.Connection) -> None:
    for statement in _FIRST.split(";\n"):
        if statement.strip():
            db.execute(statement)


STEPS: Sequence[Callable[[sqlite3.Connection], None]] = (_first,)
"""Step n brings a ledger from version n to n + 1, within a transaction that is begun and ended elsewhere."""


def connect(path: Path | None) -> sqlite3.Connection:
    """The one connection that writes; None is a ledger in memory. Raises sqlite3.Error."""
    # isolation_level None: no transaction begins but those that are written down. It is used by one thread at a time.
    db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
    try:
        db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        db.execute("PRAGMA foreign_keys = ON")
        if path is not None:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
    except BaseException:
        db.close()
        raise
    return db


def build(db: sqlite3.Connection) -> None:
    """Make an empty database a ledger of this version."""
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    _climb(db, 0)


def version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def migrate(db: sqlite3.Connection, path: Path) -> Path | None:
    """Bring an older ledger to this version, all or nothing; the copy that was made of it before, None without need."""
    old = version(db)
    if old >= len(STEPS):
        return None
    copy = beside(path, f"version-{old}")
    db.execute("VACUUM INTO ?", (str(copy),))
    _climb(db, old)
    return copy


def beside(path: Path, word: str) -> Path:
    """A name that is free, for a copy of a ledger: `ledger-version-1-20261121-101500.db`."""
    stem = f"{path.stem}-{word}-{time.strftime('%Y%m%d-%H%M%S')}"
    names = (f"{stem}{number}{path.suffix}" for number in ("", *(f"-{n}" for n in range(2, 1_000))))
    return next(free for name in names if not (free := path.with_name(name)).exists())


def _climb(db: sqlite3.Connection, old: int) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        for number, step in enumerate(STEPS[old:], start=old + 1):
            step(db)
            db.execute(f"PRAGMA user_version = {number}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
