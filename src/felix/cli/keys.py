"""Single keys, as they are pressed, without waiting for Enter and without showing them."""

from __future__ import annotations

import os
import select
import sys
from typing import Self, TextIO


class Keys:
    """Entering it takes the keyboard of the terminal at stdin, leaving it gives it back; without one there are none."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdin
        self._before: list[int | list[bytes | int]] | None = None

    def __enter__(self) -> Self:
        try:
            import termios
            import tty
        except ImportError:  # Windows: its console is asked for keys in another way
            return self
        if self._stream is None or not self._stream.isatty():
            return self
        self._before = termios.tcgetattr(self._stream.fileno())
        tty.setcbreak(self._stream.fileno(), termios.TCSADRAIN)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(self._stream.fileno(), termios.TCSADRAIN, self._before)

    @property
    def are_there(self) -> bool:
        """Whether somebody can press one."""
        return self._before is not None or (sys.platform == "win32" and self._stream.isatty())

    def pressed(self) -> str:
        """What was pressed since the last time, at once."""
        if sys.platform == "win32":
            return _windows_keys()
        if self._before is None:
            return ""
        number, pressed = self._stream.fileno(), b""
        while select.select([number], [], [], 0)[0]:
            part = os.read(number, 1_024)
            if not part:
                break
            pressed += part
        return pressed.decode("utf-8", "replace")


def _windows_keys() -> str:
    from importlib import import_module

    console, pressed = import_module("msvcrt"), ""
    while console.kbhit():
        pressed += console.getwch()
    return pressed
