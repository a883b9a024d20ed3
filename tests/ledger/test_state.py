"""The fold, and the texts it grows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from felix.ledger.state import GrowingText


@given(st.lists(st.text(max_size=5), max_size=8), st.integers(0, 50))
def test_what_came_since_an_offset_is_the_tail_of_the_text(parts: list[str], offset: int) -> None:
    grown = GrowingText()
    for part in parts:
        grown.put(part, len(grown))
    assert grown.since(offset) == "".join(parts)[offset:]
    assert str(grown)[offset:] == grown.since(offset)


def test_reading_the_newest_part_does_not_join_the_old_ones() -> None:
    grown = GrowingText()
    for number in range(1_000):
        grown.put("0123456789", number * 10)
    assert grown.since(9_995) == "56789"
    assert len(grown._parts) == 1_000


def test_a_text_that_only_goes_on_keeps_its_edition() -> None:
    grown = GrowingText()
    grown.put("one ", 0)
    grown.put("two", 4)
    grown.put("one two three", 0)
    grown.settle("one two three four")
    assert (str(grown), grown.edition) == ("one two three four", 0)


def test_a_text_that_changes_where_it_stood_says_so() -> None:
    grown = GrowingText()
    grown.put("one two", 0)
    grown.put("2", 4)
    assert (str(grown), grown.edition) == ("one 2", 1)
    grown.settle("one")
    assert (str(grown), grown.edition) == ("one", 2)


def test_a_change_says_how_much_still_stands() -> None:
    grown = GrowingText()
    grown.put("one two", 0)
    grown.settle("one t")
    assert (grown.edition, grown.kept) == (1, 5)
    grown.put("one t", 0)
    assert (grown.edition, grown.kept) == (1, 5)
    grown.put("2", 4)
    assert (grown.edition, grown.kept) == (2, 4)
