"""Single keys, as they are pressed, without waiting for Enter and without showing them."""

from __future__ import annotations

import os
import select
import sys
from typing import Self


class Keys:
    """Entering it takes the keyboard of the terminal at stdin, leaving it gives it back; without one there are none."""

    def __init__(self, *, is_wanted: bool = True) -> None:
        self._stream = sys.stdin
        self._is_wanted = is_wanted
        self._before: list[int | list[bytes | int]] | None = None
        """How the terminal was, where that has to be told."""
        self._is_taken = False

    def __enter__(self) -> Self:
        if not self._is_wanted or self._stream is None or not self._stream.isatty():
            return self
        self._is_taken = True
        try:
            import termios
            import tty
        except ImportError:  # Windows: its console is asked for keys in another way
            return self
        self._before = termios.tcgetattr(self._stream.fileno())
        tty.setcbreak(self._stream.fileno(), termios.TCSADRAIN)
        return self

    def __exit__(self, *exc: object) -> None:
        self._is_taken = False
        if self._before is not None:
            import termios

            termios.tcsetattr(self._stream.fileno(), termios.TCSADRAIN, self._before)

    @property
    def are_there(self) -> bool:
        """Whether somebody can press one."""
        return self._is_taken

    def pressed(self) -> str:
        """What was pressed since the last time, at once."""
        if not self._is_taken:
            return ""
        if self._before is None:
            return _windows_keys()
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
