"""`felix runs`: the runs that are kept, the newest first, one to a line."""

from __future__ import annotations

import argparse
import json
from datetime import datetime

from felix.cli.kept import look, runs
from felix.cli.output import COMPLETE, Output
from felix.ledger.reader import Reader, RunDetails, RunRow
from felix.ledger.search import CLOSED, OPENED
from felix.ledger.words import RUN_ENDINGS, duration
from felix.terminal import safe

_NONE = "No runs are kept yet."
_WITHOUT_MARKS = {ord(OPENED): None, ord(CLOSED): None}


def run(options: argparse.Namespace) -> int:
    """List them, or those in which all words of `--search` stand."""
    return look(options, lambda reader, out: _list(reader, out, options), without=_NONE)


def _list(reader: Reader, out: Output, options: argparse.Namespace) -> int:
    rows = runs(reader, options.search)
    if not rows:
        out.note(f"No run holds “{options.search}”." if options.search.strip() else _NONE)
    elif options.json:
        for row in rows:
            line = json.dumps(_as_json(row, reader.details(row.run)), ensure_ascii=True)
            out.write(line.replace("\x7f", "\\u007f") + "\n")
    else:
        _table(rows, reader, out)
    return COMPLETE


def _table(rows: list[RunRow], reader: Reader, out: Output) -> None:
    """In columns; the name, which may have letters of any width, comes last."""
    lines = [_cells(row, reader) for row in rows]
    widths = [max(map(len, column)) for column in list(zip(*lines, strict=True))[:-1]]
    for cells, row in zip(lines, rows, strict=True):
        line = "  ".join([*(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)), cells[-1]])
        out.write(line.rstrip() + "\n")
        if row.snippet:
            out.write(f"    … {_in_a_line(row.snippet.translate(_WITHOUT_MARKS))}\n")


def _cells(row: RunRow, reader: Reader) -> tuple[str, ...]:
    began = datetime.fromtimestamp(row.started_at).astimezone().strftime("%Y-%m-%d %H:%M")
    took = duration(row.duration_s) if row.duration_s is not None else "–"
    tokens = f"{row.tokens:,} tok" if row.tokens is not None else _estimate(reader.estimate(row.run))
    model = f"{row.model} (demo)" if row.is_demo else row.model
    name = f"* {row.name}" if row.is_pinned else row.name
    return tuple(
        _in_a_line(cell) for cell in (row.run, began, RUN_ENDINGS[row.status], took, tokens, model or "–", name)
    )


def _estimate(tokens: int) -> str:
    return f"~{tokens:,} tok" if tokens else "–"


def _as_json(row: RunRow, details: RunDetails | None) -> dict[str, object]:
    more = details._asdict() if details else {}
    return {**row._asdict(), **more, "snippet": row.snippet.translate(_WITHOUT_MARKS)}


def _in_a_line(text: str) -> str:
    return safe(" ".join(text.split()))
