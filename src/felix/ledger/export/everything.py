"""All runs of a ledger at once: a folder of documents to read, or one file with every event."""

from __future__ import annotations

import json
import time
from pathlib import Path

from felix import __version__
from felix.ledger.export.document import markdown
from felix.ledger.export.event_file import as_json
from felix.ledger.reader import Reader
from felix.ledger.words import file_stem

FORMAT = "felix-runs"
VERSION = 1


def write_documents(reader: Reader, folder: Path) -> int:
    """Write a Markdown file for each run into `folder`, named by its time and task; how many. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = reader.runs()
    for row in rows:
        state = reader.state(row.run)
        task = state.plan.task if state.plan else ""
        stem = f"{time.strftime('%Y-%m-%d %H%M', time.localtime(row.started_at))} {file_stem(task)}"
        _free(folder, stem).write_text(markdown(state), encoding="utf-8", errors="replace", newline="\n")
    return len(rows)


def write_events(reader: Reader, file: Path) -> int:
    """Write one JSON object with all runs, each as `as_json` has it; how many. Raises OSError.

    Written run by run: a ledger may be larger than the memory.
    """
    rows = reader.runs()
    head = {"format": FORMAT, "version": VERSION, "felix": __version__}
    with file.open("w", encoding="ascii", newline="\n") as stream:
        stream.write(json.dumps(head)[:-1] + ', "runs": [')
        for number, row in enumerate(rows):
            stream.write(",\n" if number else "\n")
            stream.write(as_json(reader.records(row.run)).rstrip())
        stream.write("\n]}\n")
    return len(rows)


def _free(folder: Path, stem: str) -> Path:
    """A file that is not there yet."""
    path, number = folder / f"{stem}.md", 2
    while path.exists():
        path, number = folder / f"{stem} ({number}).md", number + 1
    return path
