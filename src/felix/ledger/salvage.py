"""A copy of a damaged ledger with all that can still be read; the damaged file itself is not touched.

Each event is looked for by its number, so a page that cannot be read costs what stands on it and no more. A run whose
beginning is lost is left out: nothing could be shown of it.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from felix.errors import LedgerError
from felix.events import Record, RunId, RunStarted
from felix.ledger import rows, schema
from felix.ledger.recovery import recover

_LEAST_BYTES = 100
"""The shortest event takes more."""


class Salvaged(NamedTuple):
    path: Path
    runs: int


def salvage(path: Path) -> Salvaged:
    """Write the copy beside `path`, on the caller's thread; takes seconds for a large file. Raises LedgerError."""
    copy = schema.beside(path, "salvaged")
    try:
        with tempfile.TemporaryDirectory(prefix="felix-") as folder:
            runs = _copy(_readable(path, Path(folder)), copy)
    except (OSError, sqlite3.Error) as error:
        copy.unlink(missing_ok=True)
        raise LedgerError(f"No copy of {path} could be made ({error}) – restore it from a backup.") from None
    if not runs:
        copy.unlink(missing_ok=True)
        raise LedgerError(f"Nothing could be read from {path} – restore it from a backup.")
    return Salvaged(copy, runs)


def _readable(path: Path, folder: Path) -> list[Record]:
    """Every record that can be read. It is read from a second copy: SQLite would put a log that waits into the file."""
    file = folder / "damaged.db"
    shutil.copyfile(path, file)
    wal = path.with_name(path.name + "-wal")
    if wal.exists():
        shutil.copyfile(wal, folder / "damaged.db-wal")
    db = sqlite3.connect(file, isolation_level=None)
    try:
        db.execute("PRAGMA writable_schema = ON")  # without it SQLite reads nothing of a file that was cut off
        highest = _highest(db, file.stat().st_size)
        return [record for number in range(1, highest + 1) for record in _record(db, number)]
    finally:
        db.close()


def _highest(db: sqlite3.Connection, size_bytes: int) -> int:
    """A number that no event is above: what the table says, or what such a file could hold at most."""
    try:
        return int(db.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()[0])
    except sqlite3.DatabaseError:
        return size_bytes // _LEAST_BYTES


def _record(db: sqlite3.Connection, number: int) -> Iterator[Record]:
    """The event with this number, if there is one that can be read."""
    try:
        found = db.execute("SELECT body FROM event WHERE id = ?", (number,)).fetchone()
        if found is not None:
            yield rows.record_of(found[0])
    except (sqlite3.Error, ValueError, TypeError):
        pass  # lost; that is why the user asked for a copy of the rest


def _copy(records: list[Record], copy: Path) -> int:
    begun: set[RunId] = set()
    db = schema.connect(copy)
    try:
        schema.build(db)
        db.execute("BEGIN IMMEDIATE")
        for record in sorted(records, key=lambda each: (each.run, each.seq)):
            if isinstance(record.event, RunStarted):
                begun.add(record.run)
            if record.run in begun:
                rows.insert(db, record)
        db.execute("COMMIT")
        recover(db)
        db.execute("PRAGMA wal_checkpoint (TRUNCATE)")
    finally:
        db.close()
    return len(begun)
