"""The workflows there are to choose from: files in the folder that came with Felix and in the user's own.

The files are the truth: the library only remembers what it read from which version of each, so that asking often is
cheap. A file with a fault stays in the list with its fault, since a file that vanishes cannot be mended.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

from felix.errors import WorkflowError
from felix.settings import write_atomically
from felix.team.schedule import describe, schedule
from felix.team.workflow.document import Document
from felix.team.workflow.model import Workflow
from felix.team.workflow.reader import parse, read_text

DEFAULT = "research_team"
"""The workflow of who has not chosen one; it stands first."""

_SUFFIXES = (".yaml", ".yml")

Version = tuple[int, int, int]
"""Time of change in nanoseconds, size, and inode: an editor that writes a new file may keep the other two."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: the workflow in it, or what is wrong with it."""

    path: Path
    is_builtin: bool
    workflow: Workflow | None
    fault: WorkflowError | None
    summary: str
    """`9 calls in 4 rounds`; empty when the file has a fault."""

    @property
    def key(self) -> str:
        """What settings and `--workflow` call it: the file's name without its ending."""
        return self.path.stem

    @property
    def name(self) -> str:
        return self.workflow.name if self.workflow else self.key


class Library:
    """Both folders, each of which may be missing. For one thread; nothing is read before the first question."""

    def __init__(self, builtin_folder: Path, user_folder: Path) -> None:
        self.builtin_folder = builtin_folder
        self.user_folder = user_folder
        self._read: dict[Path, tuple[Version, Entry]] = {}

    def changed(self) -> bool:
        """Whether a file has come, gone or been written since `entries` was last called."""
        return {path: version for path, (version, _) in self._read.items()} != self._files()

    def entries(self) -> tuple[Entry, ...]:
        """The list as it is on disk now, built-in ones first; only files that changed are read again."""
        before = self._read
        self._read = {}
        for path, version in self._files().items():
            known = before.get(path)
            self._read[path] = known if known and known[0] == version else (version, self._entry(path))
        return tuple(entry for _, entry in self._read.values())

    def find(self, wanted: str) -> Entry:
        """The entry of that key, file name, name or path, in any case; the user's own before a built-in one.

        Empty is the default one. An entry may have a fault. Raises WorkflowError with the keys there are.
        """
        entries = self.entries()
        word = (wanted.strip() or DEFAULT).casefold()
        for entry in sorted(entries, key=lambda entry: entry.is_builtin):
            if word in (entry.key.casefold(), entry.path.name.casefold(), entry.name.casefold()):
                return entry
        path = Path(wanted).expanduser()
        if path.suffix in _SUFFIXES and path.is_file():
            return self._entry(path)
        there = ", ".join(entry.key for entry in entries) or "none"
        raise WorkflowError(f"There is no workflow called {wanted.strip() or DEFAULT}; there are: {there}.")

    def text(self, entry: Entry) -> str:
        """What stands in its file, for an editor. Raises WorkflowError."""
        return read_text(entry.path)

    def duplicate(self, entry: Entry) -> Entry:
        """A copy among the user's own under a free name, comments included. Raises WorkflowError when it fails."""
        text = read_text(entry.path)
        taken = {each.key.casefold() for each in self.entries()}
        key, number = next(
            (key, number)
            for number in itertools.count(1)
            if (key := f"{entry.key}_copy{'' if number == 1 else f'_{number}'}").casefold() not in taken
        )
        path = self.user_folder / f"{key}.yaml"
        if entry.workflow:
            text = _renamed(text, f"{entry.workflow.name[:60]} (copy{'' if number == 1 else f' {number}'})")
        self._write(path, text)
        return self._entry(path)

    def save(self, path: Path, text: str) -> Entry:
        """Write one of the user's own files, whole or not at all.

        Raises WorkflowError, and writes nothing, when `text` has a fault, the file is built in, or the disk refuses.
        """
        if path.resolve().parent != self.user_folder.resolve() or path.suffix not in _SUFFIXES:
            raise WorkflowError(f"{path.name} does not lie among your own workflows; duplicate it and edit the copy.")
        parse(text, path.name)
        self._write(path, text)
        return self._entry(path)

    def _write(self, path: Path, text: str) -> None:
        try:
            write_atomically(path, text)
        except OSError as error:
            why = error.strerror or "unknown reason"
            raise WorkflowError(f"{path} cannot be written ({why}); check the folder and its permissions.") from error

    def _files(self) -> dict[Path, Version]:
        found: dict[Path, Version] = {}
        for folder in (self.builtin_folder, self.user_folder):
            for path in sorted(_workflow_files(folder), key=lambda path: (path.stem != DEFAULT, path.name.casefold())):
                try:
                    status = path.stat()
                except OSError:
                    found[path] = (0, 0, 0)  # a broken link, say: listed, so that its fault can be read
                else:
                    found[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
        return found

    def _entry(self, path: Path) -> Entry:
        is_builtin = path.parent == self.builtin_folder
        try:
            workflow = parse(read_text(path), path.name)
        except WorkflowError as fault:
            return Entry(path, is_builtin, None, fault, "")
        return Entry(path, is_builtin, workflow, None, describe(schedule(workflow)))


def _workflow_files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.suffix in _SUFFIXES and not path.name.startswith(".")]
    except OSError:
        return []


def _renamed(text: str, name: str) -> str:
    """A valid workflow's text with another name, if the old one stands on one line beside its key."""
    lines = text.splitlines(keepends=True)
    index = Document(text, "").lines["name",] - 1
    if index < len(lines) and lines[index].startswith("name:"):
        changed = "".join([*lines[:index], f"name: {json.dumps(name, ensure_ascii=False)}\n", *lines[index + 1 :]])
        try:
            parse(changed, "")
        except WorkflowError:  # the old name went on below
            return text
        return changed
    return text
