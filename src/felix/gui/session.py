"""What the window was like, in a file of its own: the task that was not sent, the tab, its place, its wings, its run.

It is written at most half a second after a change and when the window closes, whole or not at all, and never on Tk's
thread while the window is open. A file that cannot be read or understood is as good as none.
"""

from __future__ import annotations

import json
import logging
import threading
import tkinter as tk
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from felix.events import RunId

SAVE_MS = 500
"""From a change to its being written; the changes in between go with it."""
_LONGEST = 4_000_000
"""Bytes of a file that is worth reading: a task with all its text has room in it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a window stands when it is not maximised: pixels of the screen."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Side:
    """One of the wings."""

    width: int | None = None
    """As the user dragged it, in pixels; None: as wide as it is by itself."""
    is_open: bool | None = None
    """What the user chose; None: as the window's width has it."""


@dataclass(frozen=True, slots=True)
class Session:
    """All of it. Equal sessions need no writing."""

    task: str = ""
    """Written and not sent."""
    files: tuple[str, ...] = ()
    """Paths of those that were to go along with it."""
    tab: int = 0
    place: Place | None = None
    is_maximised: bool = False
    runs: Side = field(default_factory=Side)
    panel: Side = field(default_factory=Side)
    run: RunId | None = None
    """On screen."""
    folded: tuple[str, ...] = ()
    """Days of the runs list whose rows are not shown, by their keys, in order."""
    sharing: str = ""
    """The address at which its runs were shown to others; empty: they were not."""


class SessionFile:
    """Reads at once, writes behind the window. Tk's thread."""

    def __init__(self, path: Path | None = None) -> None:
        """Without a path nothing is kept."""
        self.last = read_session(path)
        """What the window was like before this one."""
        self._path = path
        self._root: tk.Misc | None = None
        self._look: Callable[[], Session] = Session
        self._saved: Session | None = None
        self._writing: threading.Thread | None = None
        self._after = ""

    def begin(self, root: tk.Misc, look: Callable[[], Session]) -> None:
        """Keep from now on what `look` says; `root` lends its timers."""
        if self._path is not None:
            self._root, self._look = root, look

    def touch(self) -> None:
        """Something may have changed."""
        if self._root is not None and not self._after:
            self._after = self._root.after(SAVE_MS, self._save)

    def close(self) -> None:
        """Write what is left to write. A second call does nothing."""
        root, self._root = self._root, None
        if root is None:
            return
        if self._after:
            root.after_cancel(self._after)
            self._after = ""
        session = self._look()
        if self._writing is not None:
            self._writing.join()
        if session != self._saved:
            self._write(session)

    def _save(self) -> None:
        self._after = ""
        if self._writing is not None and self._writing.is_alive():
            self.touch()  # a slow disk: one write at a time
            return
        session = self._look()
        if session != self._saved:
            self._writing = threading.Thread(target=self._write, args=(session,), name="felix-session", daemon=True)
            self._writing.start()

    def _write(self, session: Session) -> None:
        from felix.settings import write_atomically  # pydantic is too dear for the first picture of the window

        assert self._path is not None
        try:
            write_atomically(self._path, json.dumps(asdict(session), ensure_ascii=True, indent=1) + "\n")
        except OSError as error:
            _log.info("the session could not be saved to %s (%s)", self._path, error)
        else:
            self._saved = session


def read_session(path: Path | None) -> Session:
    """The session in a file. What is missing or wrong in it takes its default; nothing is raised."""
    try:
        if path is None or path.stat().st_size > _LONGEST:
            return Session()
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return Session()
    if not isinstance(raw, Mapping):
        return Session()
    run = raw.get("run")
    return Session(
        task=_text(raw.get("task")),
        files=_texts(raw.get("files")),
        tab=1 if raw.get("tab") == 1 else 0,
        place=_place(raw.get("place")),
        is_maximised=raw.get("is_maximised") is True,
        runs=_side(raw.get("runs")),
        panel=_side(raw.get("panel")),
        run=RunId(run) if isinstance(run, str) and run else None,
        folded=_texts(raw.get("folded")),
        sharing=_text(raw.get("sharing")),
    )


def on_screen(place: Place, screen: tuple[int, int, int, int], least: tuple[int, int]) -> Place | None:
    """The place on a screen of that left, top, width and height, which may be another one than it was.

    None when its head, by which a window is moved, cannot be reached there.
    """
    left, top, width, height = screen
    fits = Place(place.x, place.y, max(least[0], min(place.width, width)), max(least[1], min(place.height, height)))
    reach = 120
    is_reached = left - fits.width + reach <= fits.x <= left + width - reach and top <= fits.y <= top + height - reach
    return fits if is_reached else None


def _text(value: Any) -> str:  # Any: from JSON
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:  # Any: from JSON
    return tuple(text for text in value if isinstance(text, str) and text) if isinstance(value, list) else ()


def _number(value: Any) -> int | None:  # Any: from JSON
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 100_000 else None


def _place(raw: Any) -> Place | None:  # Any: from JSON
    if not isinstance(raw, Mapping):
        return None
    x, y, width, height = (_number(raw.get(name)) for name in ("x", "y", "width", "height"))
    if x is None or y is None or not width or not height or width < 1 or height < 1:
        return None
    return Place(x, y, width, height)


def _side(raw: Any) -> Side:  # Any: from JSON
    if not isinstance(raw, Mapping):
        return Side()
    width, is_open = _number(raw.get("width")), raw.get("is_open")
    return Side(width if width and width > 0 else None, is_open if isinstance(is_open, bool) else None)
