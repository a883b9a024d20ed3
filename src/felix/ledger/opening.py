"""A file becomes a ledger that can be written, or stays exactly as it is and the ledger is in memory.

It is looked at first, without a right to write: what is no ledger of this version, or is damaged, is not touched.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

from felix.ledger import schema
from felix.ledger.header import ELSEWHERE, WHAT, misfit
from felix.ledger.health import Condition, Health
from felix.ledger.lock import Lock

CHECKED_BYTES = 32 * 1024 * 1024
"""A larger file is not looked through at each start: it would take seconds. Damage shows when it is met."""

_NOT_SAVED = "runs are not saved"
_ELSEWHERE = f"move it away, or {ELSEWHERE}"


class Opened(NamedTuple):
    db: sqlite3.Connection
    health: Health
    lock: Lock | None


class _Unusable(Exception):
    """Why the file cannot be the ledger."""

    def __init__(self, kind: Condition, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


def open_file(path: Path | None) -> Opened:
    """The connection to write with, how the ledger is, and the lock. Never raises for a file that cannot be used."""
    if path is None:
        return Opened(in_memory(), Health("memory", None, "Runs are in memory only."), None)
    lock = Lock(path)
    try:
        return Opened(_open(path, lock), Health("kept", path), lock)
    except _Unusable as reason:
        health = Health(reason.kind, path, str(reason))
    except (OSError, sqlite3.Error) as error:
        health = fault(path, error)
    lock.free()
    return Opened(in_memory(), health, None)


def in_memory() -> sqlite3.Connection:
    db = schema.connect(None)
    schema.build(db)
    return db


def fault(path: Path | None, error: Exception) -> Health:
    """What an error of the system or of SQLite means for the ledger."""
    number = getattr(error, "errno", None)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the high bits tell more than is needed
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} or isinstance(error, ValueError):
        return Health("damaged", path, str(_unusable(path, "damaged")))
    if code == sqlite3.SQLITE_FULL or number in {errno.ENOSPC, errno.EDQUOT}:
        return Health("full", path, f"The disk is full: {_NOT_SAVED} in {path} – make room on it, then restart Felix.")
    why = error.strerror if isinstance(error, OSError) else str(error)
    return Health(
        "read_only", path, f"{path} cannot be written ({why}): {_NOT_SAVED} – give yourself the right, or {_ELSEWHERE}."
    )


def _open(path: Path, lock: Lock) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and (kind := misfit(path)):
        raise _unusable(path, kind)
    if not lock.take():
        raise _Unusable(
            "locked",
            f"Another Felix is writing to {path}: {_NOT_SAVED} here – close that one, or name another file (--ledger"
            " FILE).",
        )
    if not path.exists():
        _create(path)
    _look_through(path)
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only")
    db = schema.connect(path)
    try:
        schema.migrate(db, path)
        db.execute("PRAGMA wal_checkpoint (TRUNCATE)")
    except BaseException:
        db.close()
        raise
    return db


def _look_through(path: Path) -> None:
    """What only SQLite can tell, on a connection that cannot write."""
    db = sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True, isolation_level=None)
    try:
        db.execute(f"PRAGMA busy_timeout = {schema.BUSY_MS}")
        if schema.version(db) > len(schema.STEPS):
            raise _unusable(path, "newer")
        if path.stat().st_size <= CHECKED_BYTES and db.execute("PRAGMA quick_check (1)").fetchone()[0] != "ok":
            raise _unusable(path, "damaged")
    finally:
        db.close()


def _unusable(path: Path | None, kind: Condition) -> _Unusable:
    then = {"damaged": "have what can be read saved to a copy, or ", "newer": "update Felix, or "}.get(kind, "")
    return _Unusable(
        kind, f"{path or 'The ledger'} {WHAT[kind]}: it stays as it is, and {_NOT_SAVED} – {then}{_ELSEWHERE}."
    )


def _create(path: Path) -> None:
    """A new ledger, whole from its first moment on: it is made beside its place and moved there."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    try:
        db = sqlite3.connect(new, isolation_level=None)
        try:
            schema.build(db)
            db.execute("PRAGMA journal_mode = WAL")
        finally:
            db.close()
        for rest in ("-wal", "-shm"):
            # of a ledger that is gone: SQLite would take it for the new one's
            path.with_name(path.name + rest).unlink(missing_ok=True)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path.parent, os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
