"""A run on the wall while it goes on, and what stays of it in the terminal afterwards."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Self, TextIO

from rich.console import Console

from felix.cli.asking import Asking
from felix.cli.keys import Keys
from felix.cli.wall import ending
from felix.cli.wall.screen import Screen
from felix.cli.wall.wall import LIVE_KEYS, REPLAY_KEYS, Wall
from felix.events import Record
from felix.ledger.state import RunState
from felix.terminal import safe

FRAME_S = 0.1
"""Between two frames: as often as text comes, at little cost."""
_REST = 6
"""Times as long as a frame took, nothing is drawn."""


class WallFace:
    """Shows states of one run, frame by frame. A context manager: inside it the terminal is the wall's."""

    def __init__(
        self,
        stream: TextIO,
        asking: Asking | None = None,
        *,
        is_replay: bool = False,
        is_kept: Callable[[], bool] = lambda: True,
    ) -> None:
        """`stream` is a terminal. `asking` is None where there is nothing to be answered any more; `is_kept` says
        whether the run can be found again."""
        self._asking = asking
        self._is_kept = is_kept
        self.state = RunState()
        self._console = Console(file=stream, markup=False, emoji=False, highlight=False)
        self._screen = Screen(self._console, stream)
        self._keys = Keys()
        self._wall = Wall(self._console, REPLAY_KEYS if is_replay else LIVE_KEYS)
        self._taken = ExitStack()
        """What is to be given back."""
        self._notes: list[str] = []
        self._asks: Sequence[str] = ()
        self._part = 0
        """Of a question that is too long for the screen."""
        self._took_s = 0.0
        """The latest frame, of this thread's time."""

    def __enter__(self) -> Self:
        with ExitStack() as taken:
            taken.enter_context(self._keys)
            taken.enter_context(self._screen)
            self._taken = taken.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._taken.close()
        for note in self._notes:
            print(safe(note), file=sys.stderr, flush=True)
        ending.show(self._console, self.state, is_kept=self._is_kept())

    @property
    def pause_s(self) -> float:
        """Longer where drawing takes long: many panes on a large screen never have a machine to themselves."""
        return max(FRAME_S, _REST * self._took_s)

    def apply(self, record: Record) -> None:
        self.state.apply(record)

    def note(self, sentence: str) -> None:
        """Said at the foot of the wall, and once more when it has gone."""
        self._notes.append(sentence)

    def frame(self, now: float) -> None:
        """Show the run as it is at `now`, Unix seconds on its own clock; hear what its user answers."""
        began = time.thread_time()
        self.state.now = now
        pressed = self._keys.pressed()
        asks = self._asking.hear(self.state, pressed) if self._asking else ()
        self._part = self._part + pressed.count(" ") if asks == self._asks else 0
        self._asks = asks
        size = self._screen.size()
        says = self._notes[-1] if self._notes else ""
        self._screen.draw(self._wall.rows(self.state, size, asks=asks, part=self._part, says=says), size)
        self._took_s = time.thread_time() - began
