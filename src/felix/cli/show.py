"""`felix show RUN`: a run to read in the terminal, or its provenance as a Mermaid graph."""

from __future__ import annotations

import argparse

from felix.cli.given import named_settings
from felix.cli.kept import find, look, records
from felix.cli.output import COMPLETE, Output
from felix.ledger.export import markdown, mermaid
from felix.ledger.export.files import folded
from felix.ledger.reader import Reader
from felix.team.cost import cost_of
from felix.terminal import safe


def run(options: argparse.Namespace) -> int:
    """Show it; with `--graph` which thought read which."""
    return look(options, lambda reader, out: _show(reader, out, options))


def _show(reader: Reader, out: Output, options: argparse.Namespace) -> int:
    row = find(reader, options.run)
    state = folded(records(reader, row.run))
    out.write(safe(mermaid(state) if options.graph else markdown(state, include_thinking=options.thinking)))
    endpoints = named_settings(options).current.endpoints
    if state.status and (cost := cost_of(state, endpoints)):
        out.note(cost.sentence)
    for other in reader.thread(row.run):
        if other.run != row.run:
            out.note(
                f"{'It follows' if other.started_at < row.started_at else 'Followed by'} {other.run}: {other.name}"
            )
    return COMPLETE
