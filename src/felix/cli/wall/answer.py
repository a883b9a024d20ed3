"""The synthesis as Markdown, in lines. While it is written only its end is made into lines, and not at every frame."""

from __future__ import annotations

import time

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markdown import Markdown

from felix.cli.wall.lines import Line, shown
from felix.ledger.speech import GrowingText

_SEEN = 6_000
"""Characters from the end that are made into lines while it grows: more than a screen holds."""
_REST = 8
"""Times as long as making the lines took, they stay: Markdown never takes more than a ninth of the time."""
_CODE = "ansi_dark"
"""Colours of code: the terminal's own."""
_FENCE = "```"


def markdown(text: str) -> RenderableType:
    """Model text as Markdown; nothing in it is a link, an escape sequence or markup of Rich's own."""
    return Markdown(shown(text), code_theme=_CODE, hyperlinks=False)


class AnswerView:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._key: tuple[int, int, int] | None = None
        self._lines: list[Line] = []
        self._again_at = 0.0

    def draw(self, text: GrowingText, width: int, height: int) -> list[Line]:
        """The last lines, `height` at most, each as wide as its text."""
        key = (len(text), text.edition, width)
        now = time.monotonic()
        if key != self._key and (now >= self._again_at or self._key is None or self._key[2] != width):
            self._key = key
            self._lines = self._render(_end(text), width)
            self._again_at = now + _REST * (time.monotonic() - now)
        return self._lines[-height:] if height > 0 else []

    def _render(self, text: str, width: int) -> list[Line]:
        options = _options(self._console, width)
        lines = self._console.render_lines(markdown(text), options, pad=False)
        while lines and not "".join(segment.text for segment in lines[-1]).strip():
            lines.pop()
        return [[segment for segment in line if not segment.control] for line in lines]


def _options(console: Console, width: int) -> ConsoleOptions:
    return console.options.update(width=max(2, width), height=None)


def _end(text: GrowingText) -> str:
    """The end of a long text, from the beginning of a paragraph; within code, as code."""
    if len(text) <= _SEEN:
        return str(text)
    whole = str(text)
    start = whole.find("\n\n", len(whole) - _SEEN)
    start = start + 2 if start >= 0 else len(whole) - _SEEN
    is_in_code = sum(line.lstrip().startswith(_FENCE) for line in whole[:start].splitlines()) % 2
    return f"{_FENCE}\n{whole[start:]}" if is_in_code else whole[start:]
