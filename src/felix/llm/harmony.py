"""The control tokens of gpt-oss, where a server passes them on as text.

`<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…<|return|>`: the channel "final" is
the answer, every other one is thinking, and the tokens themselves are neither.
"""

from __future__ import annotations

import re
from typing import Literal

from felix.llm.chat import Reasoning, Text

STARTS = ("<|channel|>", "<|start|>")
"""An answer that begins with one of these is in this form."""

_TOKEN = re.compile(r"<\|(start|channel|message|end|return|call|constrain)\|>")
_LONGEST = len("<|constrain|>")
_OPEN_END = re.compile(r"<(\|[a-z]{0,9}\|?)?$")


class HarmonySplitter:
    """Splits the content of one answer."""

    def __init__(self) -> None:
        self._held = ""
        self._mode: Literal["header", "thinking", "answer"] = "header"
        self._header = ""

    def feed(self, text: str, *, at_end: bool = False) -> list[Text | Reasoning]:
        """The pieces that are certain now; all of them `at_end`."""
        text = self._held + text
        pieces: list[Text | Reasoning] = []
        at = 0
        for token in _TOKEN.finditer(text):
            self._take(text[at : token.start()], pieces)
            self._turn(token[1])
            at = token.end()
        rest = text[at:]
        open_end = None if at_end else _OPEN_END.search(rest[-_LONGEST:])
        self._held = open_end[0] if open_end else ""
        self._take(rest[: len(rest) - len(self._held)], pieces)
        return pieces

    def _take(self, text: str, pieces: list[Text | Reasoning]) -> None:
        if not text:
            return
        match self._mode:
            case "header":
                self._header += text
            case "thinking":
                pieces.append(Reasoning(text))
            case "answer":
                pieces.append(Text(text))

    def _turn(self, token: str) -> None:
        match token:
            case "start" | "channel":
                self._mode = "header"
                self._header = ""
            case "constrain":
                self._header += " "
            case "message":
                self._mode = "answer" if self._header.split()[:1] == ["final"] else "thinking"
            case _:
                # What follows an end without any header can only be meant to be read.
                self._mode = "answer"
