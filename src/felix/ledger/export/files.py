"""Exports as files: one run in one format, or every run into a folder of their own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, assert_never, get_args

from felix.events import PASSING, Record
from felix.ledger.export.document import markdown
from felix.ledger.export.event_file import as_json
from felix.ledger.export.page import html
from felix.ledger.reader import Reader
from felix.ledger.state import RunState
from felix.ledger.words import file_stem
from felix.settings import write_atomically

Format = Literal["md", "json", "html"]
FORMATS: tuple[Format, ...] = get_args(Format)


def rendered(records: Sequence[Record], kind: Format, *, include_thinking: bool = False) -> str:
    """A run in one of the formats."""
    match kind:
        case "md":
            return markdown(folded(records), include_thinking=include_thinking)
        case "json":
            return as_json(records, include_thinking=include_thinking)
        case "html":
            return html(records, include_thinking=include_thinking)
        case _:
            assert_never(kind)


def folded(records: Sequence[Record]) -> RunState:
    """What the durable ones of `records` come to."""
    state = RunState()
    for record in records:
        if not isinstance(record.event, PASSING):
            state.apply(record)
    return state


def everything(
    reader: Reader, folder: Path, *, kinds: Sequence[Format] = FORMATS, include_thinking: bool = False
) -> int:
    """Write every run into a new folder inside `folder`, in each of `kinds`; returns how many runs there were.

    Raises OSError when there is no room, LedgerError when the ledger cannot be read. Nothing that is there is replaced.
    """
    rows = reader.runs()
    inside = _new_folder(folder)
    for row in rows:
        records = reader.records(row.run)
        stem = f"{row.run}-{file_stem(row.task)}"
        for kind in kinds:
            text = rendered(records, kind, include_thinking=include_thinking)
            write_atomically(inside / f"{stem}.{kind}", text)
    return len(rows)


def _new_folder(folder: Path) -> Path:
    name, number = time.strftime("felix-runs-%Y%m%d-%H%M%S"), 1
    inside = folder / name
    while inside.exists():
        number += 1
        inside = folder / f"{name}-{number}"
    inside.mkdir(parents=True)
    return inside
