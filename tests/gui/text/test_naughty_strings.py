"""All of Unicode, and the worst that can be made of it, through the panes that show what models write.

Nothing may crash, every character must come back in a copy, and no piece may keep Tk longer than three frames.
"""

from __future__ import annotations

import random
import time
import tkinter as tk
import unicodedata
from collections.abc import Iterable, Iterator

import pytest

from felix.events import AgentId
from felix.gui.kit import Kit
from felix.gui.text.line_marks import LineMarks
from felix.gui.text.markdown_text import MarkdownText
from felix.gui.text.shown_text import printable, true_text
from felix.gui.text.stream_text import StreamText
from felix.gui.wall.card_document import MOST_AT_ONCE
from tests.gui.naughty import BITING

LONGEST_S = 0.05
"""Of the processor, for one piece and its layout."""
FRAME = 256
"""Characters that a frame brings when several fast models write at once."""

ZWJ, TEXT_STYLE, EMOJI_STYLE = "\u200d", "\ufe0e", "\ufe0f"
TONES = [chr(code) for code in range(0x1F3FB, 0x1F400)]
EMOJI = [chr(c) for c in (*range(0x2600, 0x27C0), *range(0x1F300, 0x1FB00)) if unicodedata.category(chr(c)) == "So"]
REGIONS = [chr(code) for code in range(0x1F1E6, 0x1F200)]


def assigned() -> Iterator[str]:
    """Every code point that means something, private ones too; a carriage return may be part of a line break."""
    for code in range(0x110000):
        sign = chr(code)
        if sign != "\r" and unicodedata.category(sign) not in ("Cn", "Cs"):
            yield sign


def composed() -> Iterator[str]:
    """Sequences of several code points that are one sign, or would like to be."""
    dice = random.Random(7)
    for emoji in EMOJI:
        yield emoji + EMOJI_STYLE
        yield emoji + TEXT_STYLE
        yield emoji + dice.choice(TONES)
    for digit in "0123456789#*":
        yield digit + EMOJI_STYLE + "\u20e3"
    for first in REGIONS:
        for second in REGIONS:
            yield first + second
    for length in range(2, 12):
        for _ in range(40):
            yield ZWJ.join(dice.choice(EMOJI) + dice.choice(["", EMOJI_STYLE, *TONES]) for _ in range(length))
    for _ in range(200):
        letters = "".join(
            chr(0xE0000 + ord(dice.choice("abcdefghijklmnopqrstuvwxyz"))) for _ in range(dice.randint(2, 6))
        )
        yield f"\U0001f3f4{letters}\U000e007f"
    for code in range(0xE0100, 0xE01F0):
        yield chr(dice.randint(0x4E00, 0x9FFF)) + chr(code)
    accents = [chr(c) for c in range(0x300, 0x370)]
    for length in (1, 3, 20, 63, 64, 65, 66, 200, 10_000):
        yield "Z" + "".join(dice.choice(accents) for _ in range(length))
    yield from (ZWJ * 500, EMOJI_STYLE * 500, "".join(TONES) * 100, REGIONS[0] * 501, "\U000e007f" * 300)
    yield "".join(EMOJI[n % len(EMOJI)] + ZWJ for n in range(10_000))
    for turn in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c":
        yield f"if access{turn} == 'user{turn}': # עברית العربية{turn} }}"


LINES = {
    "letters": "x",
    "words": "word ",
    "emoji": "😀👩‍👩‍👧",
    "accents": "Z" + "\u0301" * 30,
    "too many accents": "Z" + "\u0301" * 300,
    "joiners": "👩\u200d",
    "NUL": "\0",
    "NUL and letters": "\0a",
    "turns": "a\u202e",
    "CJK": "漢字",
}


@pytest.fixture
def stream(window: tk.Toplevel, kit: Kit) -> StreamText:
    stream = StreamText(window, kit, most_lines=10**6, most_chars=10**8)
    stream.frame.place(x=0, y=0, width=400, height=400)
    window.update()
    return stream


def grow(stream: StreamText, pieces: Iterable[str]) -> float:
    """Append piece by piece as a model writes; the longest that one of them kept the processor, with its layout."""
    longest, marks = 0.0, LineMarks()
    for piece in pieces:
        began = time.process_time()
        stream.append(piece, marks=marks)
        stream.text.update_idletasks()
        longest = max(longest, time.process_time() - began)
    stream.close_line(marks)
    return longest


def blocks(stream: StreamText, pieces: list[str]) -> bool:
    """Whether a piece takes too long; on a machine that has more to do only what is slow three times is."""
    for _ in range(3):
        stream.clear()
        if grow(stream, pieces) < LONGEST_S:
            return False
    return True


def cut(source: str, size: int) -> list[str]:
    return [source[start : start + size] for start in range(0, len(source), size)]


@pytest.mark.slow
def test_every_character_there_is_grows_in_a_card_and_is_copied(stream: StreamText) -> None:
    said = "".join(assigned())
    assert len(said) > 250_000
    assert not blocks(stream, cut(said, FRAME))
    assert true_text(stream.text) == said


@pytest.mark.slow
def test_every_character_there_is_stands_in_a_finished_answer_and_is_copied(page: MarkdownText) -> None:
    said = "".join(assigned()).replace("\n", "").replace("`", "")
    for block in cut(said, 16_000):
        page.render(f"Before\n\n```\n<{block}>\n```\n\nAfter", [AgentId("research-1")])
        page.finish()
        page.widget.update_idletasks()
        page.widget.tag_add("sel", "1.1", "end-1c")
        assert f"\n<{block}>\n" in page.selected()


def test_signs_made_of_many_grow_in_a_card_and_are_copied(stream: StreamText) -> None:
    said = " ".join(composed())
    assert len(said) > 40_000
    assert not blocks(stream, cut(said, FRAME))
    assert true_text(stream.text) == said


def test_signs_made_of_many_stand_in_tables_labels_and_tips(window: tk.Toplevel, kit: Kit, page: MarkdownText) -> None:
    label = kit.label(window, "", "Small")
    label.place(x=0, y=420)
    signs = list(composed())
    for sign in signs[::7] + signs[-30:]:
        label.configure(text=printable(sign)[:300])
        window.title(printable(sign)[:300])
        label.update_idletasks()
    rows = "\n".join(f"| {sign[:200]} | {sign[:20]} |" for sign in signs[-60:])
    page.render(f"| a | b |\n|---|---|\n{rows}\n| \0x | {BITING} |", [])
    page.finish()
    page.widget.update_idletasks()
    page.widget.tag_add("sel", "1.0", "end")
    assert "\0x" in page.selected()


@pytest.mark.parametrize("name", LINES)
def test_a_line_of_a_megabyte_of_anything_never_blocks(stream: StreamText, name: str) -> None:
    unit = LINES[name]
    said = unit * (1_000_000 // len(unit.encode()))
    assert not blocks(stream, [*cut(said, MOST_AT_ONCE), "and", " more", " words"])
    assert true_text(stream.text) == f"{said}and more words"


@pytest.mark.parametrize("size", [1, 2, 3, 1_000])
def test_half_characters_are_mended_wherever_they_were_cut(stream: StreamText, size: int) -> None:
    halves = "\ud83d\ude00 \ud83d x \ude00\ud83d \udc80 \udfff\ud800"
    grow(stream, cut(halves * 20, size))
    shown = true_text(stream.text)
    assert "\ufffd" in shown and not any("\ud800" <= sign <= "\udfff" for sign in shown)
    assert ("😀" in shown) == (size > 1)
    shown.encode()
