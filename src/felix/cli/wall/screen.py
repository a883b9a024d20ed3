"""The terminal as a whole screen: rows are written where they stand, and only those that have changed.

It is the other screen that terminals have for such programs: what stood there before is there again afterwards.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from types import FrameType
from typing import Self, TextIO

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
"""The other screen, no cursor, and lines that are too long stay where they are."""
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
"""Around a frame: a terminal that knows it shows all of it at once."""
_UNKNOWN_SIZE = (80, 24)
_STOPPED_BY_TERMINAL = getattr(signal, "SIGTSTP", None)
"""Ctrl-Z, where there is such a thing."""

Row = Sequence[tuple[int, Sequence[Segment]]]
"""Pieces of a row, each with the column at which it stands, from 0: a width that terminals disagree about moves nothing
beside it."""


class Screen:
    """Entering it takes the screen, leaving it gives it back, whatever happens between. For the main thread."""

    def __init__(self, console: Console, stream: TextIO) -> None:
        self._stream = stream
        self._colours = _colours(console)
        self._rows: list[str] = []
        """As they stand there now."""
        self._size = (0, 0)

    def __enter__(self) -> Self:
        self._take()
        if _STOPPED_BY_TERMINAL is not None:
            signal.signal(_STOPPED_BY_TERMINAL, self._suspend)
        return self

    def __exit__(self, *exc: object) -> None:
        if _STOPPED_BY_TERMINAL is not None:
            signal.signal(_STOPPED_BY_TERMINAL, signal.SIG_DFL)
        self._write(_LEAVE)

    def size(self) -> tuple[int, int]:
        """Columns and lines, as they are now."""
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except OSError:
            return _UNKNOWN_SIZE
        return (size.columns, size.lines) if size.columns and size.lines else _UNKNOWN_SIZE

    def draw(self, rows: Sequence[Row], size: tuple[int, int]) -> None:
        """Show these rows, made for a screen of that size, and nothing else."""
        changes = []
        if size != self._size:
            self._size, self._rows = size, []
            changes.append("\x1b[2J")
        drawn = [self._ansi(number, row) for number, row in enumerate(rows[: size[1]])]
        for number, row in enumerate(drawn):
            if number >= len(self._rows) or self._rows[number] != row:
                changes.append(row)
        changes += [f"\x1b[{number + 1};1H\x1b[2K" for number in range(len(drawn), len(self._rows))]
        self._rows = drawn
        if changes:
            self._write(f"{_BEGIN}{''.join(changes)}{_END}")

    def _ansi(self, number: int, row: Row) -> str:
        pieces = [f"\x1b[{number + 1};1H\x1b[2K"]
        for column, segments in row:
            pieces.append(f"\x1b[{number + 1};{column + 1}H")
            for text, style, _ in segments:
                pieces.append(self._styled(text, style) if style else text)
        return "".join(pieces)

    def _styled(self, text: str, style: Style) -> str:
        plain = style if self._colours else style.without_color
        return plain.render(text, color_system=self._colours or ColorSystem.STANDARD)

    def _take(self) -> None:
        self._size = (0, 0)
        self._write(_ENTER)

    def _suspend(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-Z: the shell gets its screen, and Felix its own when it goes on."""
        self._write(_LEAVE)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._suspend)
        self._take()

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _colours(console: Console) -> ColorSystem | None:
    """None where there are to be none: bold and dim are none."""
    if console.no_color or console.color_system is None:
        return None
    return ColorSystem[{"256": "EIGHT_BIT"}.get(console.color_system, console.color_system.upper())]
