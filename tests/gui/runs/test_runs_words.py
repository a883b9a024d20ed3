"""The words of the runs list: days, ages, names and second lines."""

from __future__ import annotations

import time

import pytest

from felix.events import PauseChanged, RunId
from felix.gui.runs.runs_words import (
    PINNED,
    Live,
    age_of,
    arranged,
    found_in,
    grouped,
    live_words,
    look_of,
    name_of,
    second_line,
)
from felix.ledger.search import CLOSED, OPENED
from tests.gui.recorded import ScriptedRun
from tests.gui.rows import many, row

NOW = time.mktime((2026, 11, 20, 15, 0, 0, 0, 0, -1))
HOUR, DAY = 3_600.0, 86_400.0


def test_runs_stand_under_the_day_they_began() -> None:
    agos = [0, 2 * HOUR, DAY, 2 * DAY, 6 * DAY, 8 * DAY, 13 * DAY, 19 * DAY, 30 * DAY, 400 * DAY]
    groups = grouped([row(n, ago_s=ago, now=NOW) for n, ago in enumerate(agos)], NOW)
    assert [(group.heading, group.count) for group in groups] == [
        ("Today", 2),
        ("Yesterday", 1),
        ("Wednesday, 18 Nov", 1),
        ("Saturday, 14 Nov", 1),
        ("Last week", 2),
        ("November", 1),
        ("October", 1),
        ("October 2025", 1),
    ]
    assert [group.first for group in groups] == [0, 2, 3, 4, 5, 7, 8, 9]


def test_pinned_runs_stand_first_and_under_no_day() -> None:
    rows = arranged([row(1, now=NOW), row(2, ago_s=40 * DAY, now=NOW, is_pinned=True), row(3, ago_s=DAY, now=NOW)])
    assert [each.run for each in rows] == ["run-2", "run-1", "run-3"]
    assert [group.heading for group in grouped(rows, NOW)] == [PINNED, "Today", "Yesterday"]


def test_every_row_is_under_exactly_one_heading() -> None:
    rows = many(2_000, NOW)
    groups = grouped(rows, NOW)
    assert sum(group.count for group in groups) == 2_000
    assert [index for group in groups for index in range(group.first, group.first + group.count)] == list(range(2_000))
    assert len({group.heading for group in groups}) == len(groups)


@pytest.mark.parametrize(
    ("ago", "words"),
    [(-5, "now"), (30, "now"), (14 * 60, "14 m"), (2 * HOUR, "2 h"), (14 * HOUR, "14 h"), (DAY, "15:00")],
)
def test_an_age_says_what_tells_most(ago: float, words: str) -> None:
    assert age_of(row(0, ago_s=ago, now=NOW), NOW) == words


def test_far_ages_are_days_and_pinned_ones_count_days() -> None:
    assert age_of(row(0, ago_s=9 * DAY, now=NOW), NOW) == "11 Nov"
    assert age_of(row(0, ago_s=400 * DAY, now=NOW), NOW) == "16 Oct 2025"
    assert age_of(row(0, ago_s=3 * DAY, now=NOW, is_pinned=True), NOW) == "3 d"


def test_done_is_not_written_and_every_other_end_is() -> None:
    assert second_line(row(0), None) == "qwen3-8b"
    assert second_line(row(3), None) == "Stopped  ·  qwen3-8b"
    assert second_line(row(4), None) == "Failed  ·  gemma-3-12b"
    assert second_line(row(5), None) == "Interrupted  ·  qwen3-8b"
    assert second_line(row(0, is_demo=True), None) == "demo"
    assert second_line(row(0), Live(RunId("run-0"), 0.4, "Round 2 of 5", "1:12")) == "Round 2 of 5  ·  qwen3-8b"
    assert look_of(row(0, status=None)).word == "Interrupted"
    assert look_of(row(0, status="crashed")).state == "fail"


def test_a_name_is_one_line_of_what_can_be_shown() -> None:
    assert name_of(row(0, name="two\nlines\x00 and\ud83d half")) == "two lines␀ and� half"
    assert name_of(row(0, name="")) == "Without a name"
    assert len(name_of(row(0, name="x" * 100_000))) == 200


def test_what_was_found_is_told_from_its_hit_on() -> None:
    before = "A long sentence that stands before the place with the "
    pieces = found_in(row(0, snippet=f"{before}{OPENED}zebra{CLOSED} in it, and {OPENED}zebras{CLOSED}"))
    assert pieces[1:] == [("zebra", True), (" in it, and ", False), ("zebras", True)]
    assert pieces[0][0].startswith("…")
    assert pieces[0][0].endswith("with the ")
    assert len(pieces[0][0]) <= 15
    assert found_in(row(0)) == []


def test_a_run_that_goes_on_says_how_far_it_is() -> None:
    run = ScriptedRun()
    assert live_words(run.state, run.state.started_at) == Live(run.state.run, 0.0, "Connecting", "0:00")  # type: ignore[arg-type]
    run.round(2)
    run.speak("research-1", 1)
    run.end("research-1", 1)
    live = live_words(run.state, run.state.started_at + 72)
    assert live is not None
    assert (live.words, live.elapsed) == ("Round 2 of 5", "1:12")
    assert 0 < live.fraction < 0.2
    run.say(PauseChanged(state="paused"))
    live = live_words(run.state, run.state.started_at)
    assert live is not None and live.words == "Paused"
    run.synthesise()
    live = live_words(run.state, run.state.started_at)
    assert live is not None and live.words == "Synthesis"
    run.conclude()
    assert live_words(run.state, run.state.started_at) is None
