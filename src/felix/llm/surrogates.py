"""Joins the two halves of a character that a server sent in two pieces, and makes a line of whatever it calls things.

Servers that escape JSON in UTF-16 may end one piece on `\\ud83d` and begin the next with `\\ude00`. Neither half can be
shown, saved or sent; together they are one character.
"""

from __future__ import annotations


def mend(text: str) -> str:
    """`text` with pairs of surrogates joined and lone ones replaced by U+FFFD, so that it can always be encoded."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def one_line(text: str) -> str:
    """A server's words or name, as a line that any label, log or terminal can hold."""
    if text.isprintable():
        return text
    return " ".join("".join(sign if sign.isprintable() else " " for sign in mend(text)).split())


class SurrogateJoiner:
    """Mends the pieces of one channel of one stream."""

    __slots__ = ("_high",)

    def __init__(self) -> None:
        self._high = ""

    def feed(self, text: str) -> str:
        """The mended piece; a trailing first half waits for the next one."""
        if not self._high and text.isascii():
            return text
        text = self._high + text
        self._high = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._high = text[-1]
            text = text[:-1]
        return mend(text)

    def flush(self) -> str:
        """What still waits, when the stream is over."""
        waiting, self._high = self._high, ""
        return mend(waiting)
