"""The typing effect keeps its deadline at every rhythm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.gui.text.pacing import LONGEST_S, Pacer

FRAME_S = 1 / 60


def _shown_until(pacer: Pacer, now: float, end: float) -> int:
    """Frames from `now` to `end`; how many characters they showed."""
    shown = 0
    while now < end:
        now += FRAME_S
        shown += pacer.due(now, FRAME_S)
    return shown


def test_the_first_character_is_shown_in_the_frame_in_which_it_came() -> None:
    pacer = Pacer()
    pacer.arrive(10.0, 4)
    assert pacer.due(10.0, FRAME_S) >= 1


@given(st.lists(st.tuples(st.floats(0.001, 3), st.integers(1, 5_000)), min_size=1, max_size=30))
def test_everything_is_shown_by_its_deadline_and_nothing_is_lost(batches: list[tuple[float, int]]) -> None:
    pacer, now, came, shown = Pacer(), 0.0, 0, 0
    for gap, count in batches:
        shown += _shown_until(pacer, now, now + gap)
        now += gap
        pacer.arrive(now, count)
        came += count
    assert pacer.deadline - now <= LONGEST_S
    shown += _shown_until(pacer, now, pacer.deadline)
    assert shown == came
    assert pacer.waiting == 0


def test_a_batch_is_spread_over_the_time_to_the_next_one() -> None:
    pacer, now = Pacer(), 0.0
    for _ in range(20):
        pacer.arrive(now, 60)
        _shown_until(pacer, now, now + 0.1)
        now += 0.1
    pacer.arrive(now, 60)
    half = _shown_until(pacer, now, now + 0.05)
    assert half == pytest.approx(30, abs=12)


def test_off_shows_everything_at_once() -> None:
    pacer = Pacer(enabled=False)
    pacer.arrive(0.0, 1_000)
    assert pacer.due(0.0, FRAME_S) == 1_000


def test_the_end_of_an_answer_shows_everything_at_once() -> None:
    pacer = Pacer()
    pacer.arrive(0.0, 1_000)
    shown = pacer.due(0.0, FRAME_S)
    assert shown + pacer.flush() == 1_000
    assert pacer.due(0.1, FRAME_S) == 0


def test_a_pause_of_the_server_does_not_make_the_text_crawl() -> None:
    pacer = Pacer()
    pacer.arrive(0.0, 10)
    pacer.flush()
    pacer.arrive(60.0, 10)
    assert pacer.deadline - 60.0 <= 0.3
