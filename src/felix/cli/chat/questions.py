"""What its user says, line by line: at a terminal with editing and history, from a pipe as it stands there.

A line that ends with a backslash goes on in the next one, and what stands between two lines of three quotes is one
question with all its line breaks.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PROMPT, MORE = "› ", "… "
_FENCE = '"""'
_LOOK_S = 0.25


class Questions:
    """`next` gives them one at a time; None is the end."""

    def __init__(self, read: Callable[[str], str] | None = None) -> None:
        """`read` gives the next line for a prompt, and raises EOFError at the end."""
        self._read = read or _reader()
        self._waiting: list[str] = []
        self.begun = ""
        """What the next line begins with: it was typed before it was asked for."""

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
        begun, self.begun = self.begun, ""
        try:
            with _typed(begun):
                line = self._read(PROMPT)
            return self._whole(line)
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


@contextmanager
def _typed(text: str) -> Iterator[None]:
    """A line that is read within has this text already, where it can be edited."""
    if not text:
        yield
        return
    try:
        import readline
    except ImportError:  # Windows: its console has none
        yield
        return
    readline.set_startup_hook(lambda: readline.insert_text(text))
    try:
        yield
    finally:
        readline.set_startup_hook(None)


def _reader() -> Callable[[str], str]:
    if sys.stdin is not None and sys.stdin.isatty() and sys.stdout is not None and sys.stdout.isatty():
        try:
            import readline  # input() edits with it where there is one
        except ImportError:
            return input
        if "libedit" not in (readline.__doc__ or ""):
            # what is pasted is one question with all its lines; Python switches that off
            readline.parse_and_bind("set enable-bracketed-paste on")
        return _edited
    return _piped


def _edited(prompt: str) -> str:
    """Python does not hear a Ctrl-C that comes just before readline waits for a key, until the next key: any other
    signal makes it look again."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, _LOOK_S, _LOOK_S)
    try:
        return input(prompt)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _piped(_prompt: str) -> str:
    """Nothing is shown: whoever pipes questions reads answers."""
    line = sys.stdin.buffer.readline() if sys.stdin is not None else b""
    if not line:
        raise EOFError
    return line.decode("utf-8", "replace").rstrip("\r\n")
