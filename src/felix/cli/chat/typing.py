"""What is typed while an answer comes: it holds the text back, so that both can be read."""

from __future__ import annotations

import re

_ESCAPE = re.compile("\x1b(?:\\[[0-9;?]*[@-~]|.)?", re.DOTALL)
"""Arrows and the like: there is nothing to go to."""
_BACKSPACE = ("\x7f", "\b")
_CLEAR = "\x15"


class Typing:
    """One line, as it comes about."""

    def __init__(self) -> None:
        self.line = ""
        """What has been typed and not ended."""

    def take(self, pressed: str) -> list[str]:
        """The lines that these keys have ended."""
        ended = []
        for key in _ESCAPE.sub("", pressed):
            if key in "\r\n":
                if self.line.strip():
                    ended.append(self.line)
                self.line = ""
            elif key in _BACKSPACE:
                self.line = self.line[:-1]
            elif key == _CLEAR:
                self.line = ""
            elif key.isprintable():
                self.line += key
        return ended
