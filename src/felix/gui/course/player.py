"""A run that has ended, played again: where in it the window is, how fast it goes, and whether it moves.

The bridge asks it once a frame what came. Whatever shows or moves the place – bar, timeline, keys – does it here, so
that there is one place and no two opinions about it. Tk's thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from felix.events import Record
from felix.ledger.replay import Mark, Replay
from felix.ledger.state import RunState

SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
STEP_S = 5.0
"""One press of an arrow key."""
LONGEST_FRAME_S = 0.1
"""A frame that took longer, because the machine slept or was busy, does not make the run leap: it is late instead."""


class Player:
    """Begins at the end of the run, where it stands still."""

    def __init__(self, records: Sequence[Record], ended: RunState, on_move: Callable[[], None]) -> None:
        """`ended` is the run as it ended, `records` what made it so. `on_move` asks for a frame."""
        self.ended = ended
        self._replay = Replay(records)
        self._on_move = on_move
        self.duration_s = self._replay.duration_s
        self.marks: tuple[Mark, ...] = self._replay.marks
        self.clock = self._replay.clock
        self.speed = 1.0
        self.is_playing = False
        self.state = ended
        """The run at `position_s`."""
        self.has_moved = False
        """True once it has been anywhere but at its end."""
        self._goal: float | None = None
        """Where to be from the next frame on: many moves of a mouse cost one seek."""
        self._moved_at: float | None = None

    @property
    def position_s(self) -> float:
        """0 to `duration_s`; where it is about to be counts already."""
        if self._goal is not None:
            return self._goal
        return self._replay.position_s if self.has_moved else self.duration_s

    @property
    def is_at_end(self) -> bool:
        return self.position_s >= self.duration_s

    @property
    def is_due(self) -> bool:
        """Whether the next frame has something to do."""
        return self.is_playing or self._goal is not None

    @property
    def now(self) -> float:
        """Unix seconds on the run's own clock."""
        return self.clock.at(self.position_s)

    def play(self) -> None:
        """Let it go on from where it is; from the beginning when it is at its end."""
        if self.is_at_end:
            self._goal = 0.0
        self.is_playing = True
        self._moved_at = None
        self._on_move()

    def pause(self) -> None:
        self.is_playing = False
        self._on_move()

    def toggle(self) -> None:
        if self.is_playing:
            self.pause()
        else:
            self.play()

    def set_speed(self, speed: float) -> None:
        """`speed` seconds of the run in each second."""
        self.speed = speed
        self._on_move()

    def seek(self, position_s: float) -> None:
        """Be there from the next frame on; it goes on playing if it did."""
        self._goal = min(max(0.0, position_s), self.duration_s)
        self._on_move()

    def skip(self, by_s: float) -> None:
        """On or back by so many seconds of the run."""
        self.seek(self.position_s + by_s)

    def skip_round(self, by: int) -> None:
        """To where the next round begins (the synthesis counts as one), or with -1 to where this one or the one before
        it did."""
        steps = (mark.position_s for mark in self.marks if mark.kind in ("round", "synthesis"))
        begins = [0.0, *steps, self.duration_s]
        here = self.position_s
        if by > 0:
            self.seek(next((each for each in begins if each > here + 0.01), self.duration_s))
        else:
            # while it plays, a second press comes when the beginning has just passed again
            slack = self.speed if self.is_playing else 0.01
            self.seek(next((each for each in reversed(begins) if each < here - slack), 0.0))

    def to_end(self) -> None:
        self.is_playing = False
        self.seek(self.duration_s)

    def frame(self, now: float) -> tuple[list[Record], bool]:
        """What happened since the last frame, already in `state`, and whether it has to be shown as a whole.

        `now` is `time.monotonic()`.
        """
        before, replay = self.state, self._replay
        records: list[Record] = []
        has_leapt = False
        if self._goal is not None:
            goal, self._goal = self._goal, None
            if self.has_moved or goal < self.duration_s:
                self.has_moved = has_leapt = True
                self.state = replay.seek(goal)
        elif self.is_playing and self._moved_at is not None:
            passed = min(now - self._moved_at, LONGEST_FRAME_S)
            records = replay.hurry(passed * self.speed)
        self._moved_at = now
        if self.is_playing and self.is_at_end:
            self.is_playing = False
            has_leapt = True
        return records, has_leapt or self.state is not before
