"""Which run a task that is not done yet was begun as: a file beside the results, until all of them are there.

After a crash the run is found in the ledger by it, and goes on instead of beginning anew. Losing it costs only that.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

from felix.batch.tasks import Task
from felix.events import RunId

_log = logging.getLogger(__name__)


class Begun:
    """Nothing here raises: a batch does without it."""

    def __init__(self, results: Path) -> None:
        self.path = results.with_name(results.name + ".begun")
        self.runs: dict[str, RunId] = _read(self.path)
        """By the key of the task."""

    def add(self, task: Task, run: RunId) -> None:
        self.runs[task.key] = run
        try:
            with self.path.open("ab") as file:
                # a line of its own even behind one that was torn
                file.write(b"\n" + json.dumps({"key": task.key, "run": run}).encode() + b"\n")
        except OSError as error:
            _log.warning("%s cannot be written: %s", self.path, error)

    def remove(self) -> None:
        """All is done."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("%s cannot be removed: %s", self.path, error)


def _read(path: Path) -> dict[str, RunId]:
    runs: dict[str, RunId] = {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return runs
    for line in lines:
        try:
            match json.loads(line):
                case {"key": str(key), "run": str(run)}:
                    runs[key] = RunId(run)
        except ValueError:
            continue
    return runs
