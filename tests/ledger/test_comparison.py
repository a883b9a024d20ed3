"""Two runs side by side."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from felix.ledger.comparison import Stretch, compare, stretches
from tests.ledger.runs import folded, records
from tests.team.scripted import says

TEXTS = st.text(alphabet=" \nab*é😀\u2028", max_size=60)


@given(TEXTS, TEXTS)
def test_both_texts_are_there_to_the_letter(left: str, right: str) -> None:
    found = list(stretches(left, right))
    assert "".join(each.left for each in found) == left
    assert "".join(each.right for each in found) == right
    assert all(found[n].differs or found[n + 1].differs for n in range(len(found) - 1)), "what is shared is in one"


def test_words_are_marked_in_lines_that_differ() -> None:
    left, right = "Title\n\nBuy the red boat now.\nEnd\n", "Title\n\nBuy the blue boat.\nEnd\n"
    assert [each for each in stretches(left, right) if each.differs] == [Stretch("red", "blue"), Stretch(" now", "")]


def test_neighbours_that_were_changed_are_one_change() -> None:
    found = list(stretches("for a limited time, say", "for six weeks, say"))
    assert [each for each in found if each.differs] == [Stretch("a limited time", "six weeks")]


def test_equal_texts_have_no_difference() -> None:
    assert list(stretches("a\nb", "a\nb")) == [Stretch("a\nb", "a\nb")]
    assert list(stretches("", "")) == []


def test_texts_of_any_length_are_compared_in_a_moment() -> None:
    began = time.monotonic()
    long = "word " * 40_000
    assert sum(len(each.left) for each in stretches(long, long.upper())) == len(long)
    lines = "the same line\n" * 3_000
    assert list(stretches(lines, lines + "x"))
    assert list(stretches("a\n" * 1_900, "b\n" * 1_900))
    assert time.monotonic() - began < 5


def test_figures_and_settings_stand_side_by_side() -> None:
    left, right = folded(records(seconds=24)), folded(records(lambda _: says("Short."), seconds=60))
    compared = compare(left, right, ("Mine", ""))
    facts = {fact.name: fact for fact in compared.facts}
    assert compared.names == ("Mine", "Why?")
    assert (facts["Time"].left, facts["Time"].right, facts["Time"].differs) == ("24 s", "1:00", True)
    assert (facts["Mean confidence"].left, facts["Mean confidence"].right) == ("0.70", "–")
    assert not facts["Workflow"].differs and not facts["Model"].differs
    assert compared.differences >= 1
