"""What its user says, line by line: at a terminal with editing and history, from a pipe as it stands there.

A line that ends with a backslash goes on in the next one, and what stands between two lines of three quotes is one
question with all its line breaks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

PROMPT, MORE = "› ", "… "
_FENCE = '"""'


class Questions:
    """`next` gives them one at a time; None is the end."""

    def __init__(self, read: Callable[[str], str] | None = None) -> None:
        """`read` gives the next line for a prompt, and raises EOFError at the end."""
        self._read = read or _reader()
        self._waiting: list[str] = []

    def add(self, text: str) -> None:
        """A question that was typed while an answer came."""
        self._waiting.append(text)

    @property
    def are_waiting(self) -> bool:
        """Whether one was typed before it was asked for."""
        return bool(self._waiting)

    def next(self) -> str | None:
        """Raises KeyboardInterrupt for Ctrl-C."""
        if self._waiting:
            return self._waiting.pop(0)
        try:
            return self._whole(self._read(PROMPT))
        except EOFError:
            return None

    def _whole(self, line: str) -> str:
        if line.strip().startswith(_FENCE):
            return "\n".join(self._fenced(line.strip().removeprefix(_FENCE)))
        lines = []
        try:
            while line.endswith("\\"):
                lines.append(line[:-1])
                line = self._read(MORE)
        except EOFError:  # the last line wanted to go on
            return "\n".join(lines)
        return "\n".join([*lines, line])

    def _fenced(self, line: str) -> Iterator[str]:
        while not line.rstrip().endswith(_FENCE):
            if line:
                yield line
            try:
                line = self._read(MORE) or " "
            except EOFError:
                return
        yield line.rstrip().removesuffix(_FENCE)


def _reader() -> Callable[[str], str]:
    if sys.stdin is not None and sys.stdin.isatty() and sys.stdout is not None and sys.stdout.isatty():
        try:
            import readline  # input() edits with it where there is one
        except ImportError:
            return input
        if "libedit" not in (readline.__doc__ or ""):
            # what is pasted is one question with all its lines; Python switches that off
            readline.parse_and_bind("set enable-bracketed-paste on")
        return input
    return _piped


def _piped(_prompt: str) -> str:
    """Nothing is shown: whoever pipes questions reads answers."""
    line = sys.stdin.buffer.readline() if sys.stdin is not None else b""
    if not line:
        raise EOFError
    return line.decode("utf-8", "replace").rstrip("\r\n")
