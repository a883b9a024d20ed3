"""The tasks of a batch, a line of JSON each: a text, or an object with `task` and perhaps `id` and `workflow`.

A line that cannot be used is a task with a fault: it costs the others nothing, and has its place in the results.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from felix.errors import FelixError
from felix.team.workflow import Workflow

MOST_QUOTED = 500
"""Characters of a line that cannot be used, in its result."""


@dataclass(frozen=True, slots=True)
class Task:
    """One line."""

    line: int
    """1-based, blank lines counted."""
    text: str
    """What the agents work on; of a line with a fault the line itself, or its beginning."""
    id: object = None
    """The user's own, anything that JSON can hold; None is none."""
    workflow: Workflow | None = None
    """None only in a line with a fault."""
    fault: str = ""
    """Why it cannot be carried out, in one sentence."""

    @property
    def key(self) -> str:
        """By which it is known again in the results."""
        return key_of(self.id, self.line, self.text)


def key_of(task_id: object, line: int, text: str) -> str:
    """The user's id, wherever the task stands now; without one the line and the text."""
    if task_id is None:
        return json.dumps([line, text])
    return json.dumps({"id": task_id}, sort_keys=True)


def read_tasks(path: Path, find: Callable[[str], Workflow]) -> list[Task]:
    """All of them. `find` gives the workflow of a name, empty for the batch's own, and raises FelixError.

    Raises OSError when the file cannot be read.
    """
    return list(_tasks(path, find))


def _tasks(path: Path, find: Callable[[str], Workflow]) -> Iterator[Task]:
    lines: dict[str, int] = {}
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if number == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")  # noqa: PLW2901  as some editors begin a file
            if not raw.strip():
                continue
            try:
                task = _task(number, raw, find)
                if task.id is not None and (first := lines.setdefault(task.key, number)) != number:
                    raise FelixError(f"has the id of line {first} – give every task an id of its own")
            except FelixError as error:
                quoted = raw.decode("utf-8", "replace").strip()[:MOST_QUOTED]
                task = Task(number, quoted, fault=f"Line {number} of {path.name} {error}.")
            yield task


def _task(number: int, raw: bytes, find: Callable[[str], Workflow]) -> Task:
    """Raises FelixError with what follows the number of the line in the sentence."""
    try:
        given = json.loads(raw, parse_constant=_no_json)
    except (ValueError, RecursionError):
        raise FelixError('is no JSON – write {"task": "…"} or "…"') from None
    fields = given if isinstance(given, dict) else {"task": given}
    text, name = fields.get("task"), fields.get("workflow")
    if not isinstance(text, str) or not text.strip():
        raise FelixError('has no task – write {"task": "…"} or "…"')
    if name is not None and not isinstance(name, str):
        raise FelixError("names a workflow that is no text – give its name or file in quotes")
    try:
        workflow = find(name or "")
    except FelixError as error:
        raise FelixError(f"cannot be carried out: {str(error).removesuffix('.')}") from None
    return Task(number, text, fields.get("id"), workflow)


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not in JSON")
