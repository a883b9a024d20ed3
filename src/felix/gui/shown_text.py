"""The text of a Tk Text, both ways: what Tk can be given of a model's text, and what a user copies or searches.

On screen there is more than the model wrote – line breaks that keep Tk fast, a caret, bullets – and some of it is
hidden. Each of these carries a tag of its own, so that copy and search can leave them out. Indices are Tk's own or
counted in characters from one of those: "line.column" built from Python offsets corrupts text with emoji.
"""

from __future__ import annotations

import re
import tkinter as tk
from collections.abc import Iterator

SOFT = "soft"
"""A line break of ours in the middle of the model's line."""
TAIL = "tail"
"""Caret, dots and waiting sentences behind the text."""
BULLETS = {"bullet-": "- ", "bullet*": "* ", "bullet+": "+ "}
"""By tag: what the model wrote where the screen shows `POINT`."""
POINT = "•\u2002"
MARKUP = "markup"
"""Asterisks and the like, elided on screen because they are shown as a typeface."""

_SYMBOLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {0x7F: 0x2421}
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


def printable(text: str) -> str:
    """`text` as Tk can show it: control characters as symbols, lone surrogates as U+FFFD, CRLF as one line break.

    Tk drops what follows a NUL and raises for a lone surrogate; everything else passes unchanged.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if _UNSAFE.search(text):
        text = text.translate(_SYMBOLS)
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def segments(
    widget: tk.Text, start: str = "1.0", end: str = "end-1c", *, hidden: bool = False
) -> Iterator[tuple[str, str]]:
    """Index and text of each stretch between two indices, without soft breaks and tail.

    With `hidden` the elided markup is there and bullets are hyphens again, as the model wrote it.
    """
    left_out = {SOFT, TAIL} if hidden else {SOFT, TAIL, MARKUP}
    on = set(widget.tag_names(start))
    for kind, value, index in widget.dump(start, end, text=True, tag=True):
        match kind:
            case "tagon":
                on.add(value)
            case "tagoff":
                on.discard(value)
            case _ if not on & left_out:
                mark = next((BULLETS[tag] for tag in on if tag in BULLETS), "") if hidden else ""
                yield index, mark[POINT.find(value) :][: len(value)] if mark else value


def true_text(widget: tk.Text, start: str = "1.0", end: str = "end-1c") -> str:
    """What stands between two indices as the model wrote it."""
    return "".join(text for _, text in segments(widget, start, end, hidden=True))
