"""A command in a real pseudo-terminal, and what its user sees there: the few control sequences that Felix writes are
carried out, and any other is remembered as a fault."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Self

_SEQUENCE = re.compile("\x1b(?:\\[(?P<arguments>[?0-9;]*)(?P<final>[@-~])|(?P<other>[^[]))", re.DOTALL)
_BEGUN = re.compile("\x1b(?:\\[[?0-9;]*)?$")
"""The beginning of one, at the end of what has come."""
_MODES = ("?1049", "?25", "?7", "?2026", "?2004")
"""That may be switched: the other screen, the cursor, long lines, frames, and pasted text in brackets."""
PATIENCE_S = 60.0
_OWN = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
"""Makes the terminal the command's own, so that Ctrl-C reaches it."""


class Terminal:
    def __init__(
        self, command: Sequence[str], *, columns: int = 80, lines: int = 24, environ: Mapping[str, str] | None = None
    ) -> None:
        self.raw = ""
        """All that has come."""
        self.faults: list[str] = []
        """Control sequences that Felix has no reason to write."""
        self._columns, self._lines = columns, lines
        self._screens = {"main": [""], "other": [""]}
        """Rows from the first that was ever written; of the main screen nothing goes away."""
        self._shown = "main"
        self._row = self._column = 0
        self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        """Readline writes byte by byte."""
        self._master, slave = pty.openpty()
        self.resize(columns, lines)
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(environ or {})}
        for name in ("COLUMNS", "LINES", "COLORTERM"):
            environment.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-c", _OWN, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    @property
    def screen(self) -> str:
        """What is to be seen now; of the main screen with all that has scrolled away."""
        return "\n".join(self._screens[self._shown])

    @property
    def is_on_wall(self) -> bool:
        return self._shown == "other"

    def resize(self, columns: int, lines: int) -> None:
        self._columns, self._lines = columns, lines
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def until(self, seen: str | Callable[[str], bool]) -> str:
        """Read until the screen shows that; fails with what it does show."""
        is_there = seen if callable(seen) else lambda screen: seen in screen
        deadline = time.monotonic() + PATIENCE_S
        while not is_there(self.screen):
            assert self._read(deadline), f"not seen: {seen!r}; the screen shows:\n{self.screen}"
        return self.screen

    def end(self) -> int:
        """Read to the end of the command; its exit status."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read(deadline):
            pass
        return self.process.wait(max(1.0, deadline - time.monotonic()))

    def _read(self, deadline: float) -> bool:
        ready = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))[0]
        try:
            data = os.read(self._master, 65_536) if ready else b""
        except OSError:  # Linux's way to say that nobody writes any more
            return False
        self._take(self._decoder.decode(data))
        return bool(data)

    def _take(self, text: str) -> None:
        self.raw += text
        text, self._rest = self._rest + text, ""
        if begun := _BEGUN.search(text):
            text, self._rest = text[: begun.start()], begun[0]
        place = 0
        for match in _SEQUENCE.finditer(text):
            self._write(text[place : match.start()])
            self._obey(match)
            place = match.end()
        self._write(text[place:])

    def _obey(self, match: re.Match[str]) -> None:
        arguments, final = match["arguments"], match["final"]
        rows = self._screens[self._shown]
        match final:
            case "m":
                pass
            case "H" if arguments and arguments.replace(";", "").isdigit():
                self._row, self._column = (int(each) - 1 for each in arguments.split(";"))
            case "K":
                self._put_row(rows[self._row][: self._column] if self._row < len(rows) and arguments != "2" else "")
            case "J" if arguments == "2":
                self._screens[self._shown] = [""]
            case "h" | "l" if arguments in _MODES:
                if arguments == "?1049":
                    self._shown = "other" if final == "h" else "main"
                    self._row, self._column = (0, 0) if final == "h" else (len(self._screens["main"]) - 1, 0)
            case _:
                self.faults.append(match[0])

    def _write(self, text: str) -> None:
        for letter in text:
            if letter == "\n":
                self._row, self._column = self._row + 1, 0
                self._put_row(self._line())
            elif letter == "\r":
                self._column = 0
            elif letter == "\b":
                self._column = max(0, self._column - 1)
            elif (letter < " " and letter != "\t") or "\x7f" <= letter <= "\x9f":
                self.faults.append(letter)
            else:
                line = self._line().ljust(self._column)
                self._put_row(line[: self._column] + letter + line[self._column + 1 :])
                self._column += 1

    def _line(self) -> str:
        rows = self._screens[self._shown]
        return rows[self._row] if self._row < len(rows) else ""

    def _put_row(self, line: str) -> None:
        rows = self._screens[self._shown]
        rows += [""] * (self._row + 1 - len(rows))
        rows[self._row] = line
