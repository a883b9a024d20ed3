"""Text that is broken at words while it streams, as wide as the terminal is. Code keeps its lines for who copies it."""

from __future__ import annotations

import re
import shutil

from rich.cells import cell_len

_PIECES = re.compile(r"\n|[^\S\n]+|\S+")
_FENCE = "```"


class Margin:
    """The last word waits for its end, so nothing that is written is taken back."""

    def __init__(self) -> None:
        self._word = ""
        self._column = 0
        self._line = ""
        """What has been written of the line, as far as it tells whether it is code."""
        self._is_code = False
        self._is_within = False
        """A word wider than the terminal has begun, and may go on."""

    def feed(self, text: str) -> str:
        """What may be written now that `text` has come."""
        text, self._word = self._word + text, ""
        width = shutil.get_terminal_size().columns
        written = []
        for match in _PIECES.finditer(text):
            piece = match[0]
            is_last = match.end() == len(text) and not piece.isspace()
            if is_last and not self._is_within and cell_len(piece) < width:
                self._word = piece
                break
            written.append(self._placed(piece, width))
            self._is_within = is_last
        return "".join(written)

    def end(self) -> str:
        """The rest: no more comes."""
        word, self._word = self._word, ""
        return self._placed(word, shutil.get_terminal_size().columns) if word else ""

    def begin_line(self) -> None:
        """Somebody else has ended the line."""
        self._column, self._line = 0, ""

    def _placed(self, piece: str, width: int) -> str:
        if piece == "\n":
            if self._line.lstrip().startswith(_FENCE):
                self._is_code = not self._is_code
            self.begin_line()
            return piece
        cells = cell_len(piece)
        is_kept = self._is_code or self._is_within or self._line.startswith(("    ", "\t"))
        if self._column + cells > width and not is_kept:
            if piece.isspace():  # the line ends there, and the next begins with a word
                self._column = width if self._column else 0
                return ""
            if self._column:
                self._column = cells
                return f"\n{piece}"
        self._column += cells
        self._line = (self._line + piece)[:8]
        return piece


def at_words(text: str) -> str:
    """A text that is whole, broken as if it had come in pieces."""
    margin = Margin()
    return margin.feed(text) + margin.end()
