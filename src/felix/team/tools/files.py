"""The built-in tools for files: read, list and search beneath the one folder that the user chose, and change nothing.

Each works in a thread, as a disk may be slow; see `beneath` for how a name is opened.
"""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from felix.errors import ToolError
from felix.llm.chat import ToolSpec
from felix.mcp_servers import Trust
from felix.settings import Settings
from felix.team.tools.beneath import listed, opened_file, parts_of
from felix.team.tools.tool import Reach, Tell, ToolOutput

MOST_BYTES = 4 * 1024 * 1024
"""Of a file that is read: far more than any context takes, and little enough to hold."""
MOST_ENTRIES = 1_000
_MOST_FILES, _MOST_DEPTH, _MOST_MATCHES, _SEARCHED_BYTES = 5_000, 16, 200, 1024 * 1024
_LONGEST_LINE = 300
_LOOK_BYTES = 8_192
"""Of a file's beginning: a NUL in it means that it is no text."""

_PATH = {"type": "string", "description": "Within the folder, as in notes/plan.txt"}


def file_tools(read: Callable[[], Settings]) -> tuple[ReadFile, ListFiles, FindInFiles]:
    """All of them; `read` gives the settings in force, which name the folder."""
    return ReadFile(read), ListFiles(read), FindInFiles(read)


class _FileTool:
    # the files are the user's, and may be what strangers wrote; nothing of the arguments leaves the machine
    reach = Reach(reads_private=True, reads_untrusted=True, can_send=False, changes=False)
    trust: Trust = "allow"
    limit_s: float | None = None

    def __init__(self, read: Callable[[], Settings]) -> None:
        self._read = read

    @property
    def _root(self) -> Path:
        if not (folder := self._read().tool_folder):
            raise ToolError("No folder is chosen for tools – choose one in Settings, Tools.")
        return Path(folder).expanduser()


class ReadFile(_FileTool):
    """The text of a file, whole or some lines of it."""

    name = "read_file"
    spec = ToolSpec(
        name,
        "Read a text file in the user's folder, whole or some of its lines.",
        {
            "type": "object",
            "properties": {
                "path": _PATH,
                "first_line": {"type": "integer", "minimum": 1, "description": "1 is the first; 1 unless said"},
                "lines": {"type": "integer", "minimum": 1, "description": "How many; to the end unless said"},
            },
            "required": ["path"],
            "additionalProperties": False,
        },
    )

    async def call(self, arguments: Mapping[str, object], _tell: Tell) -> ToolOutput:
        """What stands in it. Bytes that are no UTF-8 become U+FFFD."""
        path, first, count = str(arguments["path"]), arguments.get("first_line"), arguments.get("lines")
        text = await asyncio.to_thread(read_text, self._root, path)
        if first is None and count is None:
            return ToolOutput(text)
        start = (first if isinstance(first, int) else 1) - 1
        lines = text.splitlines(keepends=True)
        chosen = lines[start : start + count] if isinstance(count, int) else lines[start:]
        if not chosen:
            raise ToolError(f"The file has {len(lines):,} line{'' if len(lines) == 1 else 's'}.")
        return ToolOutput("".join(chosen))


class ListFiles(_FileTool):
    """The names in a folder."""

    name = "list_files"
    spec = ToolSpec(
        name,
        "List what is in the user's folder, or in a folder within it.",
        {
            "type": "object",
            "properties": {"path": {**_PATH, "description": "A folder within it; the folder itself unless said"}},
            "additionalProperties": False,
        },
    )

    async def call(self, arguments: Mapping[str, object], _tell: Tell) -> ToolOutput:
        """A line for each: folders end in a slash, files say their size."""
        parts = parts_of(str(arguments.get("path") or ""))
        entries, is_more = await asyncio.to_thread(listed, self._root, parts, MOST_ENTRIES)
        lines = [_line(name, found) for name, found in entries]
        if is_more:
            lines.append(f"(there is more; these are {MOST_ENTRIES:,})")
        return ToolOutput("\n".join(lines) or "(the folder is empty)")


class FindInFiles(_FileTool):
    """The lines in which something stands."""

    name = "find_in_files"
    spec = ToolSpec(
        name,
        "Find a piece of text, upper or lower case alike, in the text files of the user's folder. The answer is lines "
        "as path:line number: text.",
        {
            "type": "object",
            "properties": {
                "text": {"type": "string", "minLength": 1, "maxLength": 500, "description": "What to look for"},
                "path": {**_PATH, "description": "A folder within it; the folder itself unless said"},
            },
            "required": ["text"],
            "additionalProperties": False,
        },
    )

    async def call(self, arguments: Mapping[str, object], tell: Tell) -> ToolOutput:
        """The lines found, the first ones where there are many."""
        parts = parts_of(str(arguments.get("path") or ""))
        stopped = threading.Event()
        try:
            lines = await asyncio.to_thread(_find, self._root, parts, str(arguments["text"]), stopped)
        finally:
            stopped.set()  # a thread cannot be cancelled; it looks at this between two files
        return ToolOutput("\n".join(lines) or "(it stands in none of the files)")


def read_text(root: Path, path: str) -> str:
    """A file's text. Raises ToolError for one that is too large, no text, or not beneath the folder."""
    parts = parts_of(path)
    with opened_file(root, parts) as handle, os.fdopen(handle, "rb", closefd=False) as stream:
        size = os.fstat(handle).st_size
        if size > MOST_BYTES:
            raise ToolError(f"“{parts[-1]}” is too large to be read ({size:,} bytes; {MOST_BYTES:,} is the most).")
        try:
            content = stream.read(MOST_BYTES + 1)[:MOST_BYTES]
        except OSError as error:
            raise ToolError(f"“{parts[-1]}” could not be read ({error.strerror}).") from None
    if _is_binary(content):
        raise ToolError(f"“{parts[-1]}” is no text ({len(content):,} bytes of another kind), so it is not read.")
    return _decoded(content)


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")


def _is_binary(content: bytes) -> bool:
    return b"\0" in content[:_LOOK_BYTES] and content[:2] not in (b"\xff\xfe", b"\xfe\xff")


def _line(name: str, found: os.stat_result) -> str:
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in name)
    if stat.S_ISDIR(found.st_mode):
        return f"{shown}/"
    if stat.S_ISLNK(found.st_mode):
        return f"{shown}  (a link, not followed)"
    if not stat.S_ISREG(found.st_mode):
        return f"{shown}  (no ordinary file)"
    return f"{shown}  {found.st_size:,} bytes"


def _find(root: Path, parts: tuple[str, ...], text: str, stopped: threading.Event) -> list[str]:
    wanted = text.casefold()
    lines: list[str] = []
    for looked, path in enumerate(_walk(root, parts, stopped)):
        if looked == _MOST_FILES:
            return [*lines, f"(only the first {_MOST_FILES:,} files were searched)"]
        try:
            content = read_text(root, "/".join(path))
        except ToolError:
            continue  # no text, or nothing to be read here
        for number, line in enumerate(content.splitlines(), start=1):
            if wanted in line.casefold():
                lines.append(f"{'/'.join(path)}:{number}: {line.strip()[:_LONGEST_LINE]}")
                if len(lines) == _MOST_MATCHES:
                    return [*lines, f"(there may be more; these are the first {_MOST_MATCHES})"]
    return lines


def _walk(root: Path, parts: tuple[str, ...], stopped: threading.Event) -> Iterator[tuple[str, ...]]:
    """The files beneath a folder, shallow ones first; what begins with a dot is mostly machinery, and is left out."""
    waiting = [parts]
    for here in waiting:
        try:
            entries, _ = listed(root, here, _MOST_FILES)
        except ToolError:
            if here == parts:
                raise
            continue
        for name, found in entries:
            if stopped.is_set():
                return
            if name.startswith("."):
                continue
            if stat.S_ISDIR(found.st_mode) and len(here) < _MOST_DEPTH:
                waiting.append((*here, name))
            elif stat.S_ISREG(found.st_mode) and found.st_size <= _SEARCHED_BYTES:
                yield (*here, name)
