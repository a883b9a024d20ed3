"""Finding runs by their words: one document for each run, with its name, task, thoughts and synthesis.

A run that goes on is found by its name and task, one that has ended by all of its text. Thinking is not searched.
"""

from __future__ import annotations

import sqlite3

from felix.ledger.state import RunState

SNIPPET_WORDS = 12
OPENED, CLOSED = MARKS = "\x02", "\x03"
"""Around each hit in a snippet: characters that no text on a screen has."""

_BLANKS = dict.fromkeys(map(ord, ("\x00", OPENED, CLOSED)), " ")


def index(db: sqlite3.Connection, run_id: int, state: RunState, *, name: str) -> None:
    """Make the document of a run anew, within a transaction."""
    said = (*(str(thought.answer) for thought in state.thoughts.values()), *(note.text for note in state.notes))
    remove(db, run_id)
    db.execute(
        "INSERT INTO search (rowid, name, task, thoughts, synthesis) VALUES (?, ?, ?, ?, ?)",
        (
            run_id,
            plain(name),
            plain(state.plan.task if state.plan else ""),
            plain("\n\n".join(text for each in said if (text := each.strip()))),
            plain("\n\n".join(str(each.answer) for each in state.syntheses)),
        ),
    )


def rename(db: sqlite3.Connection, run_id: int, name: str) -> None:
    db.execute("UPDATE search SET name = ? WHERE rowid = ?", (plain(name), run_id))


def remove(db: sqlite3.Connection, run_id: int) -> None:
    db.execute("DELETE FROM search WHERE rowid = ?", (run_id,))


def query(words: str) -> str:
    """What a user typed as a query: all of its words, those of two letters or more also as beginnings of longer ones.

    Every word stands in quotes, so nothing of it is taken for the syntax of a query. Empty when there is no word.
    """
    found = [word for word in plain(words).split() if any(character.isalnum() for character in word)]
    return " ".join('"' + word.replace('"', '""') + ('"*' if len(word) > 1 else '"') for word in found)


def plain(text: str) -> str:
    """Text that SQLite takes: half characters repaired, NUL and the marks of a snippet as blanks."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").translate(_BLANKS)
