"""The text of a Tk Text, both ways: the one way a model's text is put in, and what a user copies or searches.

A model may write what no screen should be given: a NUL, at which Tk drops the rest; half a character, at which it
raises; a letter under ten thousand accents; a sign that turns the direction of the code around it. `put` shows a sign
for each of them, one for one, and hides what is too much, so that a copy still has what the model wrote.

On screen there is more than the model wrote, too – line breaks that keep Tk fast, a caret, bullets – and some of it is
hidden. Each of these carries a tag of its own, so that copy and search can leave them out. Indices are Tk's own or
counted in characters from one of those: "line.column" built from Python offsets corrupts text with emoji.
"""

from __future__ import annotations

import re
import tkinter as tk
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

SOFT = "soft"
"""A line break of ours in the middle of the model's line."""
TAIL = "tail"
"""Caret, dots and waiting sentences behind the text."""
BULLETS = {"bullet-": "- ", "bullet*": "* ", "bullet+": "+ "}
"""By tag: what the model wrote where the screen shows `POINT`."""
POINT = "•\u2002"
MARKUP = "markup"
"""Elided on screen: asterisks and the like, which are shown as a typeface, and accents beyond any letter's need."""
EXCESS = "excess"
"""Of accents beyond any letter's need, beside `MARKUP`: whoever shows markup still hides these."""
SYMBOL = "symbol"
"""Of a text in which every sign of `_SYMBOLS` stands for the character that it makes visible."""
CODE = frozenset({"code", "code_line", "fence", "call_head", "call_code"})
"""Tags of code and of tool calls, where signs that prose may need are made visible as well."""

MOST_JOINED = 64
"""Accents on one letter, or emoji in one chain, that are shown; a colour font takes seconds for ten thousand."""
JOINER = "\u200d"
_OTHERS = frozenset([JOINER, *map(chr, range(0x1F3FB, 0x1F400)), *map(chr, range(0xE0020, 0xE0080))])
"""Joined to the sign before them, and no accents: tones of skin, letters of a flag."""

_WITH_ACCENTS = (
    (0x300, 0x3100), (0xA600, 0xAC00), (0xFB00, 0xFF00), (0x10000, 0x12000), (0x13400, 0x13480), (0x16100, 0x16200),
    (0x16A00, 0x17000), (0x1BC00, 0x1F000), (0xE0100, 0xE01F0),
)  # fmt: skip
"""Where Unicode has accents: looking elsewhere, too, would take a frame."""

_CONTROLS = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"} | {0x7F: "␡"}
_TYPED_BY_NOBODY = dict(_CONTROLS)
_CONTROLS |= dict(zip(range(0x80, 0xA0), "⓪ⒶⒷⒸⒹⒺⒻⒼⒽⒾⒿⓀⓁⓂⓃⓄⓅⓆⓇⓈⓉⓊⓋⓌⓍⓎⓏ①②③④⑤", strict=True))
# What turns the direction of the text behind it; nobody needs that to be unseen. In code it is an attack.
_TURNS = dict(zip((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "↦↤↥⇥⇤⇢⇠⇡⇣", strict=True))
# Right-to-left prose has these at its numbers and signs.
_MARKS = dict(zip((0x200E, 0x200F, 0x061C), "⇾⇽⇿", strict=True))
_PROSE_SIGNS = {**_CONTROLS, **_TURNS}
_SYMBOLS = {**_PROSE_SIGNS, **_MARKS}
_MEANT = {ord(sign): chr(code) for code, sign in _SYMBOLS.items()}


# Ranges, because a set of single characters costs thirty times as much.
_UNSEEN = "\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
_IN_PROSE = re.compile(f"[{_UNSEEN}]")
_IN_CODE = re.compile(f"[{_UNSEEN}\u200e\u200f\u061c]")
_SIGNS = re.compile(f"([{''.join(map(chr, _MEANT))}]+)")
_HALF = re.compile("[\ud800-\udfff]")


class Joined:
    """How many accents and joined signs the end of a text has already, for a text that comes in pieces."""

    __slots__ = ("count", "is_open")

    def __init__(self) -> None:
        self.count = 0
        self.is_open = False
        """Whether the last character is a joiner, so that the next one belongs to it whatever it is."""


def put(
    widget: tk.Text, index: str, *pairs: str | tuple[str, ...], joined: Joined | None = None, is_code: bool = False
) -> None:
    """Insert texts and their tags in turn, as `Text.insert` takes them, with what bites made harmless.

    The texts must have been through `repaired`; there may be none. Every character stays one character, so offsets
    hold. `joined` is of what stands before `index`, and is brought up to date; with `is_code` all of it is code
    whatever its tags.
    """
    if shown := legible(pairs, joined or Joined(), is_code=is_code):
        widget.insert(index, *shown)


def legible(pairs: Sequence[Any], joined: Joined, *, is_code: bool = False) -> list[Any]:
    """`pairs` of text and tags, with signs for what cannot be seen and the excess hidden, each under its tag."""
    result: list[Any] = []
    for text, tags in zip(pairs[::2], pairs[1::2], strict=True):
        on = (tags,) if isinstance(tags, str) else tags
        unseen = _IN_CODE if is_code or CODE.intersection(on) else _IN_PROSE
        start = 0
        for first, end in _excess(text, joined):
            result += _with_signs(text[start:first], on, unseen)
            result += _with_signs(text[first:end], (*on, MARKUP, EXCESS), unseen)
            start = end
        result += _with_signs(text[start:], on, unseen)
    return result


def repaired(text: str) -> str:
    """`text` as it can be kept and sent: lone surrogates as U+FFFD. CRLF is one line break."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if not text.isascii() and _HALF.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def printable(text: str) -> str:
    """`text` for a label, a tooltip or a title, which nobody copies: all that bites as signs, the excess left out."""
    text = repaired(text)
    for first, end in reversed(_excess(text, Joined())):
        text = text[:first] + text[end:]
    return text.translate(_PROSE_SIGNS) if _IN_PROSE.search(text) else text


def editable(text: str) -> str:
    """`text` for a field that a user writes in: what no keyboard types as signs, all the rest as it is.

    What is read back from the field is what will be sent.
    """
    return repaired(text).translate(_TYPED_BY_NOBODY)


def to_clipboard(widget: tk.Misc, text: str) -> None:
    """Copy what the model wrote, to the letter."""
    widget.clipboard_clear()
    for number, part in enumerate(repaired(text).split("\0")):
        if number:
            widget.tk.eval(r"clipboard append -- \u0000")  # from Python a NUL would end the text
        if part:
            widget.clipboard_append(part)


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
                if not hidden:
                    yield index, value
                elif mark := next((BULLETS[tag] for tag in on if tag in BULLETS), ""):
                    yield index, mark[POINT.find(value) :][: len(value)]
                else:
                    yield index, meant(value) if SYMBOL in on else value


def true_text(widget: tk.Text, start: str = "1.0", end: str = "end-1c") -> str:
    """What stands between two indices as the model wrote it."""
    return "".join(text for _, text in segments(widget, start, end, hidden=True))


def meant(signs: str) -> str:
    """What a text under `SYMBOL` stands for."""
    return signs.translate(_MEANT)


def _with_signs(text: str, tags: tuple[str, ...], unseen: re.Pattern[str]) -> list[Any]:
    if not unseen.search(text):
        return [text, tags] if text else []
    codes = _SYMBOLS if unseen is _IN_CODE else _PROSE_SIGNS
    pairs: list[Any] = []
    for number, part in enumerate(_SIGNS.split(text)):
        if part:  # in turn: text, and signs that the model itself wrote
            pairs += (part, tags) if number % 2 else (part.translate(codes), (*tags, SYMBOL))
    return pairs


def _excess(text: str, joined: Joined) -> list[tuple[int, int]]:
    """Start and end of what goes beyond `MOST_JOINED`, in order. Brings `joined` up to date."""
    if not text:
        return []
    if text.isascii() and not joined.is_open:
        joined.count = 0
        return []
    found: list[tuple[int, int]] = []
    done = 0
    if joined.is_open or _is_joined(text[0]):
        done = _end_of_run(text, 0, is_open=joined.is_open)
        first = max(0, MOST_JOINED - joined.count)
        if first < done:
            found.append((first, done))
    joined.count = done + joined.count if done == len(text) else 0
    at = done + MOST_JOINED
    while at < len(text):  # a run that is too long holds one of these places
        if _is_joined(text[at]) or text[at - 1] == JOINER:
            first = _start_of_run(text, at, done)
            done = at = _end_of_run(text, first, is_open=False)
            if done - first > MOST_JOINED:
                found.append((first + MOST_JOINED, done))
        at += MOST_JOINED
    if not joined.count and (_is_joined(text[-1]) or text[-2:-1] == JOINER):
        joined.count = len(text) - _start_of_run(text, len(text), max(0, len(text) - MOST_JOINED - 1))
    joined.is_open = text[-1] == JOINER
    return found


def _is_joined(sign: str) -> bool:
    return sign >= "\u0300" and (unicodedata.category(sign)[0] == "M" or sign in _OTHERS)


@cache
def _all_joined() -> frozenset[str]:
    """Accents of all scripts, and `_OTHERS`. Made when a text first needs it, in 10 ms."""
    signs = (chr(code) for first, end in _WITH_ACCENTS for code in range(first, end))
    return _OTHERS.union(sign for sign in signs if unicodedata.category(sign)[0] == "M")


@cache
def _run() -> re.Pattern[str]:
    """Some of them that follow each other; after a joiner any sign is one."""
    ranges: list[list[int]] = []
    for code in sorted(map(ord, _all_joined())):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    one = "[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges) + "]"
    # the middle part is one of the last, at a fifth of its cost: a chain of emoji may be long
    return re.compile(rf"{one}++|(?<={JOINER})(?:[^\s{JOINER}]{JOINER})++|(?<={JOINER})\S")


def _end_of_run(text: str, at: int, *, is_open: bool) -> int:
    if is_open and not text[at].isspace():
        at += 1
    run = _run()
    while part := run.match(text, at):  # one possessive group in another is wrong before Python 3.11.5 (gh-106052)
        at = part.end()
    return at


def _start_of_run(text: str, at: int, least: int) -> int:
    joined = _all_joined()
    while at > least:
        sign = text[at - 1]
        if sign not in joined and (text[at - 2 : at - 1] != JOINER or sign.isspace()):
            return at
        at -= 1
    return at
