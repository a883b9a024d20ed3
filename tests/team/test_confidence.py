from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.team.confidence import ConfidenceFilter, confidence_in


def filtered(pieces: list[str]) -> tuple[str, float | None]:
    filter_ = ConfidenceFilter()
    passed = "".join(filter_.feed(piece) for piece in pieces)
    rest, confidence = filter_.end()
    return passed + rest, confidence


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("Confidence: 0.72", 0.72),
        ("confidence: 72 %", 0.72),
        ("Confidence: 72%", 0.72),
        ("**Confidence:** 72/100", 0.72),
        ("Confidence: 7/10", 0.7),
        ("> Confidence = 1", 1.0),
        ("Confidence: 0,5", 0.5),
        ("Confidence: 7.2", None),
        ("Confidence: 150 %", None),
        ("Confidence: high", None),
        ("My confidence: 0.5", None),
        ("Confidence: 0.72 because of the figures", None),
        ("Confidence:", None),
    ],
)
def test_only_a_whole_line_with_a_number_from_0_to_1_is_a_confidence(line: str, value: float | None) -> None:
    assert confidence_in(line) == value


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_the_last_line_is_taken_off_however_the_text_is_cut(size: int) -> None:
    text = "One.\n\nTwo.\n**Confidence: 0.72**\n\n"
    assert filtered([text[at : at + size] for at in range(0, len(text), size)]) == ("One.\n\nTwo.\n", 0.72)


def test_a_confidence_line_that_is_not_the_last_is_text() -> None:
    text = "Confidence: 0.9\nand then more\n"
    assert filtered(list(text)) == (text, None)


def test_what_may_become_the_line_is_not_shown_while_it_may() -> None:
    filter_ = ConfidenceFilter()
    assert filter_.feed("Done.\nConf") == "Done.\n"
    assert filter_.feed("idence: 0.") == ""
    assert filter_.feed("8 of all cases.\n") == "Confidence: 0.8 of all cases.\n"


def test_an_ordinary_line_passes_at_once() -> None:
    assert ConfidenceFilter().feed("The first words of a line") == "The first words of a line"


@given(st.lists(st.text(alphabet="abc\n *-:0.7%Confidence", max_size=30), max_size=8))
def test_all_other_text_is_unchanged_byte_for_byte(pieces: list[str]) -> None:
    whole = "".join(pieces)
    text, confidence = filtered(pieces)
    if confidence is None:
        assert text == whole
    else:
        assert whole.startswith(text)
        assert confidence_in(whole[len(text) :]) == confidence
    assert filtered([whole]) == (text, confidence)
