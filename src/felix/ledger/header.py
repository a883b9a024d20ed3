"""What the first bytes of a file say of it: whether it can be a ledger, and in which words to say that it is none."""

from __future__ import annotations

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
"""Bytes at the beginning of every SQLite file that say what it is."""


def misfit(path: Path) -> Condition | None:
    """Why this file cannot be a ledger, one of `WHAT`; None when its beginning is that of one. Raises OSError."""
    with path.open("rb") as file:
        header = file.read(_HEADER)
    if not header:
        return "empty"
    if not header.startswith(schema.MAGIC) or len(header) < _HEADER:
        # text is somebody's file; anything else may have been a ledger once
        return "foreign" if _is_text(header) else "damaged"
    if int.from_bytes(header[68:72], "big") != schema.APPLICATION_ID:
        return "foreign"
    return "newer" if int.from_bytes(header[60:64], "big") > len(schema.STEPS) else None


def _is_text(header: bytes) -> bool:
    try:
        text = header.decode("utf-8", "strict" if len(header) < _HEADER else "ignore")
    except UnicodeDecodeError:
        return False
    return len(text.encode()) >= len(header) - 3 and all(c.isprintable() or c.isspace() for c in text)
