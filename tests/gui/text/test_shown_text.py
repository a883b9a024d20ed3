"""Text that bites: what is seen of it, and that a copy has it to the letter."""

from __future__ import annotations

import tkinter as tk
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from felix.events import AgentId
from felix.gui.kit import Kit
from felix.gui.text.line_marks import LineMarks
from felix.gui.text.markdown_text import MarkdownText
from felix.gui.text.shown_text import (
    MOST_JOINED,
    Joined,
    editable,
    legible,
    printable,
    segments,
    to_clipboard,
    true_text,
)
from felix.gui.text.stream_text import StreamText

CONTROLS = "".join(map(chr, [*range(9), *range(11, 32), *range(127, 160)]))
TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
MARKS = "\u200e\u200f\u061c"
ZALGO = "Z" + "\u0301\u0489" * 500
CHAIN = "\U0001f469\u200d" * 200


@pytest.fixture
def stream(window: tk.Toplevel, kit: Kit) -> StreamText:
    stream = StreamText(window, kit)
    stream.frame.place(x=0, y=0, width=400, height=300)
    window.update()
    return stream


def seen(text: tk.Text) -> str:
    return "".join(part for _, part in segments(text))


def test_every_control_character_is_a_sign_of_its_own_and_copied_as_it_was(stream: StreamText) -> None:
    said = f"a{CONTROLS}b{TURNS}c"
    stream.append(said)
    shown = seen(stream.text)
    assert len(set(shown)) == len(shown) == len(said)
    assert not any(unicodedata.category(sign) in ("Cc", "Cf") for sign in shown)
    assert shown.startswith("a␀␁") and "␛" in shown
    assert true_text(stream.text) == said


def test_signs_that_the_model_wrote_itself_stay_signs(stream: StreamText) -> None:
    said = "\0␀\0⇤\u202e① ␛\x1b"
    stream.append(said)
    assert seen(stream.text) == "␀␀␀⇤⇤① ␛␛"
    assert true_text(stream.text) == said


def test_marks_of_direction_are_left_to_prose_and_seen_in_code(stream: StreamText) -> None:
    marks = LineMarks()
    for piece in (f"שלום{MARKS}!\n```\n", f"x = 1 {MARKS}", f"+ 1\ny {MARKS}\n```\nשלום{MARKS}"):
        stream.append(piece, marks=marks)
    assert seen(stream.text) == f"שלום{MARKS}!\n```\nx = 1 ⇾⇽⇿+ 1\ny ⇾⇽⇿\n```\nשלום{MARKS}"
    assert true_text(stream.text).count(MARKS) == 4


@pytest.mark.parametrize("said", [ZALGO, CHAIN], ids=["accents", "joiners"])
@pytest.mark.parametrize("size", [1, 7, 64, 5_000])
def test_no_letter_wears_more_than_can_be_drawn(stream: StreamText, said: str, size: int) -> None:
    said += "\nnext"
    for start in range(0, len(said), size):
        stream.append(said[start : start + size])
    assert seen(stream.text) == f"{said[: MOST_JOINED + 1]}\nnext"
    assert true_text(stream.text) == said


@given(st.text(st.sampled_from("aé\n \u0301\u200d\U0001f469\U0001f3fd\ufe0f"), max_size=30), st.data())
def test_it_is_the_same_excess_however_the_text_comes(said: str, data: st.DataObject) -> None:
    said = said.replace("\u0301", "\u0301" * 40)

    def hidden(*parts: str) -> list[bool]:
        joined, result = Joined(), list[bool]()
        for part in parts:
            pairs = legible([part, ()], joined)
            for text, tags in zip(pairs[::2], pairs[1::2], strict=True):
                result += [bool(tags)] * len(text)
        return result

    cut = data.draw(st.integers(0, len(said)))
    assert hidden(said[:cut], said[cut:]) == hidden(said)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=40), max_size=6))
def test_whatever_a_model_writes_is_copied_as_it_wrote_it(stream: StreamText, parts: list[str]) -> None:
    stream.clear()
    marks = LineMarks()
    for part in parts:
        stream.append(part, marks=marks)
    stream.close_line(marks)
    assert true_text(stream.text) == "".join(parts)


def test_text_put_into_the_middle_goes_the_same_way(stream: StreamText) -> None:
    stream.append("one\n")
    stream.place("here")
    stream.append("three")
    stream.insert("here", "tw\0o\n")
    assert seen(stream.text) == "one\ntw␀o\nthree"
    assert true_text(stream.text) == "one\ntw\0o\nthree"
    stream.insert("here", "")


def test_half_a_character_becomes_the_replacement_character(stream: StreamText, page: MarkdownText) -> None:
    stream.append("a\ud83d b")
    page.render("a *\ude00* b", [])
    page.finish()
    assert seen(stream.text) == "a\ufffd b"
    assert page.widget.get("1.0", "end-1c") == "a \ufffd b"


def test_a_part_of_a_finished_answer_is_copied_as_it_was_written(page: MarkdownText) -> None:
    inner = CONTROLS + TURNS
    page.render(
        f"# Head\n\nsome **{inner}** words\n\n```\n{inner}{MARKS}\n```\n\n| a |\n|---|\n| x\0y |\n", [AgentId("a")]
    )
    page.finish()
    shown = page.widget.get("1.0", "end-1c")
    assert not any(unicodedata.category(sign) == "Cc" for sign in shown if sign not in "\n\t")
    assert "⇾⇽⇿" in shown
    page.widget.tag_add("sel", "1.2", "end-1c")
    copied = page.selected()
    assert f"some {inner} words" in copied
    assert f"{inner}{MARKS}\n" in copied
    assert "| x\0y |" in copied


def test_a_finished_answer_hides_the_excess_and_copies_it(page: MarkdownText) -> None:
    page.render(f"one *{ZALGO}* two", [])
    page.finish()
    assert seen(page.widget) == f"one {ZALGO[: MOST_JOINED + 1]} two"
    page.widget.tag_add("sel", "1.1", "end-1c")
    assert page.selected() == f"ne {ZALGO} two"


def test_the_clipboard_holds_a_nul_and_what_follows_it(window: tk.Toplevel, stream: StreamText) -> None:
    to_clipboard(window, "\0a\0\0b\r\n\x1b")
    assert window.clipboard_get(type="UTF8_STRING") == "\0a\0\0b\n\x1b"
    stream.append("x\0y")
    stream.text.tag_add("sel", "1.0", "end-1c")
    stream.copy()
    assert window.clipboard_get(type="UTF8_STRING") == "x\0y"
    assert window.selection_get(type="UTF8_STRING") == "x␀y"


def test_words_for_a_label_have_nothing_in_them_that_bites() -> None:
    assert printable(f"a\0\x85\u202eb{ZALGO}c\ud800") == f"a␀Ⓔ⇤b{ZALGO[: MOST_JOINED + 1]}c\ufffd"
    assert printable("Ελληνικά, 漢字, שלום 👩‍👩‍👧 🇨🇭 é → ①") == "Ελληνικά, 漢字, שלום 👩‍👩‍👧 🇨🇭 é → ①"


def test_a_field_keeps_what_may_be_meant_and_holds_no_key_that_nobody_has() -> None:
    assert editable("a\0\x1b\x7f\r\nשלום\u200f \u202ex\ud800") == "a␀␛␡\nשלום\u200f \u202ex\ufffd"
