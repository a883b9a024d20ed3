"""What a batch has come to: a file with one line of JSON per task that is done, safe on the disk before the next.

A task with a whole line there is never done again. What a crash tore off in the middle of the last line is cut away, so
that its task has no line.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from felix import places
from felix.batch.tasks import Task, key_of
from felix.errors import FelixError
from felix.ledger.lock import Lock
from felix.ledger.state import RunState

_BEGINNING = b'{"id": '
"""Of every line: what else stands at the end of a file is not ours to cut off."""


@dataclass(frozen=True, slots=True)
class Done:
    """A line that was there."""

    status: str
    text: str
    """The task it answered."""


class Results:
    """Made by `open`, which takes the file for this process; a context manager."""

    def __init__(self, path: Path, file: IO[bytes], lock: Lock, done: dict[str, Done]) -> None:
        self.path = path
        self.done = done
        """By the key of the task."""
        self._file = file
        self._lock = lock

    @classmethod
    def open(cls, path: Path) -> Results:
        """Read what is there and get ready to append. Raises FelixError for a file that holds anything else."""
        with ExitStack() as opened:
            try:
                lock = _lock_of(path)
                if not lock.take():
                    raise FelixError(f"Another batch writes to {path} – wait for it, or name another file.")
                opened.callback(lock.free)
                # without a buffer: what the disk did not take must not be offered again at the end
                file = opened.enter_context(path.open("ab", buffering=0))
                done = _read(path, file)
            except OSError as error:
                reason = error.strerror or type(error).__name__
                raise FelixError(f"{path} cannot be written ({reason}) – name another file.") from None
            opened.pop_all()
            return cls(path, file, lock, done)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()
        self._lock.free()

    def add(self, task: Task, state: RunState | None = None) -> None:
        """Append the one line of a task; `state` is that of its run, None for a task with a fault.

        It is on the disk afterwards. Raises FelixError, with the file as it was, when it cannot be written.
        """
        line = result_of(task, state)
        # ASCII only, and DEL escaped by hand (JSON lets it pass): nothing a terminal could take for a command
        data = json.dumps(line, ensure_ascii=True).replace("\x7f", "\\u007f").encode() + b"\n"
        end = self._file.seek(0, os.SEEK_END)
        try:
            while data:
                data = data[self._file.write(data) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            try:
                self._file.truncate(end)
            except OSError:
                pass  # the next start cuts it off
            reason = error.strerror or type(error).__name__
            raise FelixError(f"{self.path} cannot be written ({reason}) – make room, then start again.") from None
        self.done[task.key] = Done(str(line["status"]), task.text)


def result_of(task: Task, state: RunState | None) -> dict[str, Any]:  # Any: JSON
    """What a line holds; `note` says which tool calls were refused, as nobody could be asked.

    `tokens` are those the models wrote as the server counted them, null when it did not.
    """
    plan = state.plan if state else None
    synthesis = state.synthesis if state else None
    return {
        "id": task.id,
        "line": task.line,
        "task": task.text,
        "run": state.run if state else None,
        "status": (state.status if state else None) or "failed",
        "answer": str(synthesis.answer) if synthesis else "",
        "reason": state.reason if state else task.fault,
        "note": refusals(state)[1] if state else "",
        "tokens": state.usage.completion if state and state.usage else None,
        "duration_s": None if state is None or state.duration_s is None else round(state.duration_s, 3),
        "model": plan.model if plan else None,
    }


def refusals(state: RunState) -> tuple[int, str]:
    """How many calls of tools a run was refused, and a sentence or two: why, and what would allow them."""
    refused = [call for thought in state.thoughts.values() for call in thought.calls if call.status == "refused"]
    if not refused:
        return 0, ""
    count = "1 tool call was" if len(refused) == 1 else f"{len(refused):,} tool calls were"
    reasons = " ".join(dict.fromkeys(call.error for call in refused if call.error))
    return len(refused), f"{count} refused: {reasons}"


def _lock_of(path: Path) -> Lock:
    """Not beside the results: it is never deleted."""
    name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    folder = places.state()
    folder.mkdir(parents=True, exist_ok=True)
    return Lock(folder / f"batch-{name}")


def _read(path: Path, file: IO[bytes]) -> dict[str, Done]:
    """By key. Cuts off a torn last line, and ends a whole one that has no line break."""
    done: dict[str, Done] = {}
    whole = 0
    with path.open("rb") as there:
        for number, raw in enumerate(there, start=1):
            is_ended = raw.endswith(b"\n")
            if raw.strip():
                found = _result(raw)
                if found is None and not is_ended and _is_torn(raw):
                    file.truncate(whole)
                    break
                if found is None:
                    raise FelixError(f"Line {number} of {path} is no result of a batch – name another file with -o.")
                done[found[0]] = found[1]
            whole += len(raw)
            if not is_ended:
                file.write(b"\n")
                break
    return done


def _result(raw: bytes) -> tuple[str, Done] | None:
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    match given:
        case {"line": int(line), "task": str(text), "status": str(status)}:
            return key_of(given.get("id"), line, text), Done(status, text)
        case _:
            return None


def _is_torn(raw: bytes) -> bool:
    """The beginning of a line of ours, or nothing but what a file system puts where nothing was written."""
    return raw.startswith(_BEGINNING) or _BEGINNING.startswith(raw) or not raw.strip(b"\0")
