"""Separates thinking from answer where a model writes both into one text: `<think>…</think>` and its relatives.

An opening tag counts only at the very start of the answer, so that a `<think>` in quoted code stays text. Tags may be
cut anywhere; what may still become a tag is held back until it is clear. A closing tag that nothing opened means that
the chat template had opened it: all text before it was thinking. It is believed once, when nothing has been shown as
thinking, when it ends its line and stands outside code.
"""

from __future__ import annotations

from collections.abc import Sequence

from felix.llm.chat import Reasoning, Text, TextWasReasoning
from felix.llm.harmony import STARTS, HarmonySplitter

_CLOSERS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "<|channel>thought": "<channel|>",
    "◁think▷": "◁/think▷",
}
_OPENERS = (*_CLOSERS, *STARTS)
_ORPHANS = tuple(closer for closer in _CLOSERS.values() if "/" in closer)
_LONGEST = max(len(tag) for pair in _CLOSERS.items() for tag in pair)
_STARTS = ("<", "[", "◁")

Piece = Text | Reasoning | TextWasReasoning


class ThinkingSplitter:
    """Splits the content of one answer."""

    def __init__(self) -> None:
        self._held = ""
        self._opening = True
        """Nothing but blanks has come; an opening tag would count."""
        self._closer = ""
        """The tag that ends the thinking we are in."""
        self._after_tag = False
        """Line ends right beside a tag belong to neither side."""
        self._may_be_orphan = True
        self._in_fence = False
        self._line = ""
        """The line being written, as far as it tells whether we are inside code."""
        self._harmony: HarmonySplitter | None = None

    def thinking_came_apart(self) -> None:
        """The server sends thinking in a field of its own: a lone closing tag in the answer is plain text."""
        self._may_be_orphan = False

    def feed(self, text: str) -> Sequence[Piece]:
        """The pieces that are certain now."""
        if not (self._held or self._opening or self._closer or self._after_tag):
            if self._harmony:
                return self._harmony.feed(text)
            if not self._may_be_orphan:
                return (Text(text),) if text else ()
            if "<" not in text and "[" not in text and "◁" not in text:
                return self._text(text)
        return self._read(self._held + text, at_end=False)

    def flush(self) -> Sequence[Piece]:
        """What was held back, when the answer is over."""
        if self._harmony:
            return self._harmony.feed("", at_end=True)
        return self._read(self._held, at_end=True)

    def _read(self, text: str, *, at_end: bool) -> list[Piece]:
        self._held = ""
        if self._opening:
            bare = text.lstrip()
            if not at_end and any(tag.startswith(bare) for tag in _OPENERS):
                self._held = text
                return []
            self._opening = False
            if bare.startswith(STARTS):
                self._harmony = HarmonySplitter()
                return [*self._harmony.feed(bare, at_end=at_end)]
            opener = next((tag for tag in _CLOSERS if bare.startswith(tag)), None)
            if opener:
                self._may_be_orphan = False
                self._closer = _CLOSERS[opener]
                self._after_tag = True
                text = bare[len(opener) :]
        if self._after_tag:
            text = text.lstrip("\r\n")
            if not text:
                return []
            self._after_tag = False
        if self._closer:
            return self._think(text, at_end=at_end)
        if self._may_be_orphan:
            return self._watch_for_orphan(text, at_end=at_end)
        return [Text(text)] if text else []

    def _think(self, text: str, *, at_end: bool) -> list[Piece]:
        thinking, closed, rest = text.partition(self._closer)
        if not closed:
            kept = 0 if at_end else _open_end(text, (self._closer,))
            thinking, self._held = text[: len(text) - kept], text[len(text) - kept :]
        pieces: list[Piece] = [Reasoning(thinking)] if thinking else []
        if closed:
            self._closer = ""
            self._after_tag = True
            pieces += self._read(rest, at_end=at_end)
        return pieces

    def _watch_for_orphan(self, text: str, *, at_end: bool) -> list[Piece]:
        found = [(at, tag) for tag in _ORPHANS if (at := text.find(tag)) >= 0]
        if found:
            at, tag = min(found)
            before, after = text[:at], text[at + len(tag) :]
            ends_line = after.lstrip(" \t\r")[:1]
            if not ends_line and not at_end:
                self._held = text[at:]
                return self._text(before)
            told = self._text(before)
            if ends_line in ("", "\n") and not self._in_fence and self._line.count("`") % 2 == 0:
                self._may_be_orphan = False
                self._after_tag = True
                return [*told, TextWasReasoning(), *self._read(after, at_end=at_end)]
            return [*told, *self._text(tag), *self._watch_for_orphan(after, at_end=at_end)]
        kept = 0 if at_end else _open_end(text, _ORPHANS)
        self._held = text[len(text) - kept :]
        return self._text(text[: len(text) - kept])

    def _text(self, text: str) -> list[Piece]:
        """`text` as answer, remembering whether it leaves us inside code."""
        if not text:
            return []
        if "\n" in text:
            *lines, last = (self._line + text).split("\n")
            for line in lines:
                if line.lstrip().startswith(("```", "~~~")):
                    self._in_fence = not self._in_fence
            self._line = last
        elif "`" in text or "~" in text or not self._line:
            self._line += text
        return [Text(text)]


def _open_end(text: str, tags: tuple[str, ...]) -> int:
    """Length of the longest end of `text` that is the beginning of one of `tags`."""
    tail = text[-_LONGEST:]
    at = max(tail.rfind(start) for start in _STARTS)
    if at < 0:
        return 0
    end = tail[at:]
    return len(end) if any(tag.startswith(end) for tag in tags) else 0
