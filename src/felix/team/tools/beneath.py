"""Opening what lies beneath one folder, and nothing else: component by component, each without following a link.

Every step holds the folder it came from open, so that a name which is exchanged for a link between two steps leads
nowhere. Where a system has no such calls (Windows), the path is resolved first and compared; that is as careful as it
can be there, and not proof against somebody who exchanges names meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath

from felix.errors import ToolError

_HAS_DIR_FD = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_LONGEST = 4_000
"""Characters of a path."""
_MOST_PARTS = 100
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
# a FIFO that was put in the place of a file must not hold the thread
_FILE = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def parts_of(path: str) -> tuple[str, ...]:
    """The components of a path as a model wrote it, `()` for the folder itself.

    Raises ToolError for one that leads out.
    """
    if "\0" in path or len(path) > _LONGEST:
        raise ToolError("That is no path – give the name of a file in the folder, such as notes/plan.txt.")
    if path.startswith("/") or PureWindowsPath(path).drive or (os.name == "nt" and (":" in path or path[:1] == "\\")):
        raise ToolError(f"{_told(path)} is no path within the folder – begin at the folder, as in notes/plan.txt.")
    given = path.replace("\\", "/") if os.name == "nt" else path
    parts = tuple(part for part in given.split("/") if part not in ("", "."))
    if ".." in parts or any(part.strip(" .") == "" for part in parts):
        raise ToolError(f"{_told(path)} leads out of the folder – name a file within it, as in notes/plan.txt.")
    if len(parts) > _MOST_PARTS:
        raise ToolError(f"{_told(path)} is nested too deeply.")
    return parts


@contextmanager
def opened_folder(root: Path, parts: tuple[str, ...]) -> Generator[int, None, None]:
    """A descriptor of a folder beneath `root`, itself included. Raises ToolError. Needs a system with `dir_fd`."""
    here = _open_root(root)
    try:
        for number, part in enumerate(parts):
            try:
                there = os.open(part, _FOLDER, dir_fd=here)
            except (OSError, ValueError) as error:
                raise _refusal("/".join(parts[: number + 1]), error) from None
            os.close(here)
            here = there
        yield here
    finally:
        os.close(here)


@contextmanager
def opened_file(root: Path, parts: tuple[str, ...]) -> Generator[int, None, None]:
    """A descriptor of an ordinary file beneath `root`. Raises ToolError for anything else that bears the name."""
    name = "/".join(parts)
    if not parts:
        raise ToolError("That is the folder itself – name a file in it.")
    if not _HAS_DIR_FD:
        with _opened_resolved(root, parts) as handle:
            yield handle
        return
    with opened_folder(root, parts[:-1]) as folder:
        handle = open_in(folder, parts[-1], name)
    try:
        yield handle
    finally:
        os.close(handle)


def open_in(folder: int, part: str, name: str) -> int:
    """A descriptor of the ordinary file `part` in an open folder, for the caller to close. Raises ToolError."""
    try:
        # opening a device can already do something: look first, and again at what was opened
        _check(os.stat(part, dir_fd=folder, follow_symlinks=False), name)
        handle = os.open(part, _FILE, dir_fd=folder)
    except (OSError, ValueError) as error:
        raise _refusal(name, error) from None
    try:
        _check(os.fstat(handle), name)
    except ToolError:
        os.close(handle)
        raise
    return handle


def listed(root: Path, parts: tuple[str, ...], most: int) -> tuple[list[tuple[str, os.stat_result]], bool]:
    """What a folder beneath `root` holds, by name, `most` of it, and whether there is more. Raises ToolError."""
    if _HAS_DIR_FD:
        with opened_folder(root, parts) as folder:
            return _entries(folder, most)
    return _entries(_resolved(root, parts), most)


def _entries(folder: int | Path, most: int) -> tuple[list[tuple[str, os.stat_result]], bool]:
    found: list[tuple[str, os.stat_result]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(found) == most:
                    return sorted(found, key=_name), True
                try:
                    found.append((entry.name, entry.stat(follow_symlinks=False)))
                except OSError:
                    pass  # gone since
    except OSError as error:
        raise ToolError(f"The folder could not be listed ({_reason(error)}).") from None
    return sorted(found, key=_name), False


def _name(entry: tuple[str, os.stat_result]) -> str:
    return entry[0]


def _open_root(root: Path) -> int:
    try:
        return os.open(root, _FOLDER & ~getattr(os, "O_NOFOLLOW", 0))
    except OSError as error:
        raise ToolError(
            f"The folder for tools cannot be opened ({_reason(error)}) – choose another in Settings, Tools."
        ) from None


def _check(found: os.stat_result, name: str) -> None:
    kind = found.st_mode
    if stat.S_ISLNK(kind):
        raise ToolError(f"{_told(name)} is a link, and links are not followed.")
    if stat.S_ISDIR(kind):
        raise ToolError(f"{_told(name)} is a folder – list it instead.")
    if not stat.S_ISREG(kind):
        raise ToolError(f"{_told(name)} is no ordinary file, so it is not read.")
    if found.st_nlink > 1:
        raise ToolError(f"{_told(name)} has a second name that may lie elsewhere (a hard link), so it is not read.")


def _refusal(name: str, error: OSError | ValueError) -> ToolError:
    if isinstance(error, OSError):
        match error.errno:
            case errno.ENOENT:
                return ToolError(f"There is no {_told(name)} in the folder – list it to see what is there.")
            case errno.ELOOP:
                return ToolError(f"{_told(name)} is a link, and links are not followed.")
            case errno.ENOTDIR:  # also what a link says when only a folder would do
                return ToolError(f"{_told(name)} is no folder of its own.")
            case _:
                return ToolError(f"{_told(name)} cannot be opened ({_reason(error)}).")
    return ToolError(f"{_told(name)} is no name of a file.")


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _told(name: str) -> str:
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in name)
    return f"“{shown if len(shown) <= 80 else shown[:79] + '…'}”"


def _resolved(root: Path, parts: tuple[str, ...]) -> Path:
    """Without `dir_fd`: the path, when neither it nor anything on the way is a link. Raises ToolError."""
    name = "/".join(parts)
    try:
        real = root.resolve(strict=True)
        path = real.joinpath(*parts)
        is_within = path.resolve(strict=True) == path and (path == real or real in path.parents)
    except (OSError, ValueError) as error:
        raise _refusal(name, error) from None
    if not is_within:
        raise ToolError(f"{_told(name)} leads elsewhere, so it is not opened.")
    return path


@contextmanager
def _opened_resolved(root: Path, parts: tuple[str, ...]) -> Generator[int, None, None]:
    name = "/".join(parts)
    path = _resolved(root, parts)
    try:
        _check(path.lstat(), name)
        handle = os.open(path, _FILE)
    except OSError as error:
        raise _refusal(name, error) from None
    try:
        _check(os.fstat(handle), name)
        _resolved(root, parts)  # still the same place
        yield handle
    finally:
        os.close(handle)
