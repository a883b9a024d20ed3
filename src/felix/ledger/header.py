"""What the first bytes of a file say of it: whether it can be a ledger, and in which words to say that it is none."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from felix.ledger import schema
from felix.ledger.health import Condition

ELSEWHERE = "name another file (--ledger FILE, or the setting ledger_path)"
"""The way out of all of them."""
WHAT: dict[Condition, str] = {
    "empty": "is empty",
    "foreign": "is no ledger of Felix",
    "damaged": "is damaged",
    "newer": "was made by a newer Felix",
}
"""What is said of such a file, behind its name, in the window as in a terminal."""

_HEADER = 100
"""Bytes at the beginning of a file that tell whether it is text."""


def misfit(path: Path) -> Condition | None:
    """Why this file cannot be a ledger, one of `WHAT`; None when its beginning is that of one. Raises OSError.

    SQLite looks, not we: on POSIX to close a file frees every lock that this process has on it, so a look at the ledger
    that is being written would let other programs take it for nobody's, and delete its log.
    """
    if not path.stat().st_size:
        return "empty"
    try:
        # immutable: no lock, no index of the log beside a file that is not ours
        db = sqlite3.connect(path.absolute().as_uri() + "?mode=ro&immutable=1", uri=True)
        try:
            application = db.execute("PRAGMA application_id").fetchone()[0]
            version = schema.version(db)
        finally:
            db.close()
    except sqlite3.DatabaseError:  # then no part of this process has it open as a database
        with path.open("rb") as file:
            header = file.read(_HEADER)
        # text is somebody's file; anything else may have been a ledger once
        return "foreign" if _is_text(header) else "damaged"
    if application != schema.APPLICATION_ID:
        return "foreign"
    return "newer" if version > len(schema.STEPS) else None


def _is_text(header: bytes) -> bool:
    try:
        text = header.decode("utf-8", "strict" if len(header) < _HEADER else "ignore")
    except UnicodeDecodeError:
        return False
    return len(text.encode()) >= len(header) - 3 and all(c.isprintable() or c.isspace() for c in text)
