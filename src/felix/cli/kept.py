"""The runs that are kept, for the commands that only look: which ledger is meant, and which run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from felix import places
from felix.cli.given import loaded_settings
from felix.cli.output import COMPLETE, Output, carry_out, note
from felix.errors import LedgerError
from felix.events import Record, RunId
from felix.ledger.export.files import folded
from felix.ledger.reader import Reader, RunRow
from felix.ledger.recovery import endings

LAST = "last"
"""What a user calls the newest run."""
BROKE_OFF = "Nothing more of this run was kept: Felix ended in the middle of it, or the disk was full."
MOST_NAMED = 5
"""Runs that are named when the beginning of an id fits several."""


def look(options: argparse.Namespace, work: Callable[[Reader, Output], int], *, without: str = "") -> int:
    """Carry out a command that reads the ledger; what goes wrong is one sentence and an exit status.

    `without` is what to say, and no fault, when nobody named a ledger and there is none yet.
    """

    def read(out: Output) -> int:
        path = ledger_file(options)
        if without and not options.ledger and not path.exists():
            note(without)
            return COMPLETE
        with Reader(path) as reader:
            return work(reader, out)

    return carry_out(read)


def ledger_file(options: argparse.Namespace) -> Path:
    """The ledger that the command line names, else the settings, else the usual one. Raises SettingsError."""
    if options.ledger:
        return places.ledger_file(options.ledger)
    return places.ledger_file(loaded_settings(options).current.ledger_path)


def runs(reader: Reader, words: str = "") -> list[RunRow]:
    """As `Reader.runs`. A run without an end broke off when nobody writes to the ledger any more: its process died, or
    its disk was full."""
    rows = reader.runs(words)
    if all(row.status for row in rows) or reader.is_written:
        return rows
    return [row if row.status else row._replace(status="interrupted") for row in rows]


def records(reader: Reader, run: RunId) -> list[Record]:
    """As `Reader.records`, with the end that is missing to a run that broke off."""
    known = reader.records(run)
    state = folded(known)
    if state.status is not None or not known or reader.is_written:
        return known
    last = known[-1]
    for number, event in enumerate(endings(state, last.at, reason=BROKE_OFF), start=1):
        known.append(Record(last.seq + number, last.at, run, event))
        state.apply(known[-1])
    return known


def find(reader: Reader, wanted: str) -> RunRow:
    """The run with this id, or the only one whose id begins so; `last` is the newest. Raises LedgerError."""
    rows = reader.runs()
    if not rows:
        raise LedgerError("No runs are kept yet – `felix run` begins one.")
    if wanted == LAST:
        return max(rows, key=lambda row: row.started_at)
    found = [row for row in rows if row.run == wanted] or [row for row in rows if wanted and row.run.startswith(wanted)]
    if not found:
        raise LedgerError(f"No run is called “{wanted}” – `felix runs` lists them.")
    if len(found) > 1:
        named = ", ".join(row.run for row in found[:MOST_NAMED]) + (", …" if len(found) > MOST_NAMED else "")
        raise LedgerError(f"“{wanted}” fits {len(found)} runs ({named}) – give more of the id.")
    return found[0]
