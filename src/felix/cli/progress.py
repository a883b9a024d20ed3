"""How far a batch is: one line that is drawn again on a terminal, a line now and then where somebody keeps them."""

from __future__ import annotations

import shutil
import sys
import time

from felix.batch.batch import Standing
from felix.ledger.words import duration

_DRAW_S = 0.2
"""Between two drawings: the eye reads no faster."""
_LINE_S = 10.0
"""Between two lines in a pipe."""
_WIDTH = 24
"""Of the bar, in characters; narrow terminals go without."""


class ProgressBar:
    """On stderr. `tell` may be called as often as you like."""

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._is_terminal = self._stream.isatty()
        self._told: tuple[int, int, int] | None = None
        self._drawn_at = float("-inf")
        self._is_drawn = False

    def tell(self, standing: Standing) -> None:
        """Show it, unless it has been shown a moment ago or nothing has changed where lines stay."""
        counts = (standing.done, standing.failed, standing.running if self._is_terminal else 0)
        pause_s = _DRAW_S if self._is_terminal else _LINE_S
        is_last = standing.done == standing.total
        if self._told is not None and time.monotonic() - self._drawn_at < pause_s and not is_last:
            return
        if counts == self._told and not (self._is_terminal and standing.running):
            return
        self._told, self._drawn_at = counts, time.monotonic()
        if self._is_terminal:
            line = _line(standing)
            columns = shutil.get_terminal_size().columns
            if len(line) + _WIDTH + 4 <= columns:
                filled = _WIDTH * standing.done // max(1, standing.total)
                line = f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {line}"
            self._write(f"\r\x1b[K{line[: columns - 1]}")
            self._is_drawn = True
        else:
            self._write(f"{_line(standing)}\n")

    def note(self, line: str) -> None:
        """A sentence; the bar goes on below it."""
        self.close()
        self._write(f"{line}\n")

    def close(self) -> None:
        """Leave the last state standing."""
        if self._is_drawn:
            self._write("\n")
            self._is_drawn = False

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            pass  # whoever watched has gone; the results do not depend on it


def _line(standing: Standing) -> str:
    """`12/40 done, 1 failed, 2 running, 4:10, ~9:20 left`."""
    parts = [f"{standing.done:,}/{standing.total:,} done"]
    if standing.failed:
        parts.append(f"{standing.failed:,} failed")
    if standing.running:
        parts.append(f"{standing.running:,} running")
    parts.append(duration(standing.elapsed_s))
    if standing.left_s is not None and standing.done < standing.total:
        parts.append(f"~{duration(standing.left_s)} left")
    return ", ".join(parts)
