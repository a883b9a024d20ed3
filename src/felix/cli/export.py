"""`felix export RUN`: a run as a file – Markdown, all its events as JSON, or a page that plays it again."""

from __future__ import annotations

import argparse
from pathlib import Path

from felix.cli.kept import find, look, records
from felix.cli.output import COMPLETE, FAILED, WRONG, Output
from felix.events import RunId
from felix.ledger.export import FORMATS, Format, rendered
from felix.ledger.reader import Reader
from felix.settings import write_atomically
from felix.terminal import safe


def run(options: argparse.Namespace) -> int:
    """Write it to the file that is named, else to stdout. A file that is there already stays, unless `--force`."""
    return look(options, lambda reader, out: _export(reader, out, options))


def _export(reader: Reader, out: Output, options: argparse.Namespace) -> int:
    run_id: RunId = find(reader, options.run).run
    path: Path | None = options.output
    kind: Format | None = options.format or _by_ending(path)
    if kind is None:
        out.note(f"Say with --format which of {', '.join(FORMATS)} is meant.")
        return WRONG
    if path is not None and path.exists() and not options.force:
        out.note(f"{path} is there already – name another file, or add --force to replace it.")
        return WRONG
    text = rendered(records(reader, run_id), kind, include_thinking=options.thinking)
    if path is None:
        out.write(safe(text) if out.is_terminal else text)
        return COMPLETE
    try:
        write_atomically(path, text)
    except OSError as error:
        out.note(f"{path} could not be written ({error.strerror}) – choose another folder.")
        return FAILED
    out.note(f"Exported to {path}")
    return COMPLETE


def _by_ending(path: Path | None) -> Format | None:
    if path is None:
        return None
    endings: dict[str, Format] = {".md": "md", ".markdown": "md", ".json": "json", ".html": "html", ".htm": "html"}
    return endings.get(path.suffix.lower())
