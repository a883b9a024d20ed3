"""Past runs in the whole window: the list, opening, searching, naming, pinning, deleting and taking that back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from felix.events import RunId
from felix.ledger.reader import Reader
from tests.gui.ledgers import finished, keep
from tests.gui.opened import Opened, write_settings

Open = Callable[..., Opened]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Three runs: of an hour ago, of yesterday, of the day before."""
    now = time.time()
    return keep(
        tmp_path / "ledger.db",
        finished("run-c", "Count the zebras", at=now - 200_000),
        finished("run-b", "Paint the shed", at=now - 100_000),
        finished("run-a", "Move the clinic", at=now - 3_600),
    )


@pytest.fixture
def open_window(display: str, tmp_path: Path) -> Iterator[Open]:
    opened: list[Opened] = []

    def open_one(**options: Any) -> Opened:
        settings = write_settings(tmp_path / "settings.json", **options.pop("settings", {}))
        opened.append(Opened(settings, demo=True, **options))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def names(felix: Opened) -> list[str]:
    return [row.name for row in felix.window.keeping.shelf.list.rows]


def click_row(felix: Opened, run: str, button: int = 1) -> None:
    canvas = felix.window.keeping.shelf.list.canvas
    box = canvas.name_box(RunId(run))
    assert box is not None
    for kind in (f"<ButtonPress-{button}>", f"<ButtonRelease-{button}>"):
        canvas.canvas.event_generate(kind, x=box[0] + 20, y=box[1] + 10)
    felix.settle()


def test_a_run_opens_as_it_ended_and_a_new_one_leaves_it(open_window: Open, ledger: Path) -> None:
    felix = open_window(ledger=ledger)
    window = felix.window
    felix.until(lambda: names(felix) == ["Move the clinic", "Paint the shed", "Count the zebras"])
    click_row(felix, "run-b")
    felix.until(lambda: window.bridge.state.status == "complete" and window.synthesis.is_rendered)
    assert window.composer.box.text == "Paint the shed"
    felix.until(lambda: "Run again" in felix.words(window.composer.frame))
    assert window.column.view == "answer"
    assert "Patients first" in window.synthesis.rendered.widget.get("1.0", "end")
    felix.until(lambda: "To the end" in felix.words(window.column.frame))
    felix.screenshot("past-run-light")
    felix.press("<Control-n>")
    felix.until(lambda: "What should the team think about?" in felix.words())
    assert window.composer.box.text == ""
    assert "Run again" not in felix.words(window.composer.frame)
    assert "To the end" not in felix.words(window.column.frame)
    assert window.bridge.run is None


def test_a_past_run_lends_its_workflow_to_be_run_again(open_window: Open, ledger: Path) -> None:
    felix = open_window(ledger=ledger, settings={"workflow": "growing_team"})
    picker = felix.window.workflow
    felix.until(lambda: len(names(felix)) == 3)
    chosen = picker.workflow().name
    click_row(felix, "run-b")
    felix.until(lambda: felix.window.bridge.run == "run-b")
    plan = felix.window.bridge.state.plan
    assert plan is not None and plan.workflow != chosen
    assert picker.workflow().name == plan.workflow
    felix.window.begin_new()
    felix.until(lambda: felix.window.bridge.run is None)
    assert picker.workflow().name == chosen


@pytest.mark.slow
def test_what_was_written_and_not_sent_waits_behind_a_run_that_is_looked_at(open_window: Open, ledger: Path) -> None:
    felix = open_window(ledger=ledger)
    window = felix.window
    felix.until(lambda: names(felix))
    felix.write("half a thought")
    window.keeping.shelf.open(RunId("run-a"))
    felix.until(lambda: window.composer.box.text == "Move the clinic")
    window.keeping.shelf.open(RunId("run-b"))
    felix.until(lambda: window.composer.box.text == "Paint the shed")
    felix.press("<Control-n>")
    assert window.composer.box.text == "half a thought"
    felix.press("<Control-n>")
    felix.until(lambda: window.composer.box.text)
    window.composer.box.text = "Another task"
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: window.bridge.run not in (None, "run-a", "run-b"))
    felix.press("<Control-n>")
    felix.until(lambda: window.bridge.run is None)
    assert window.composer.box.text == "", "what was written over has been given up"


@pytest.mark.slow
def test_a_run_that_goes_on_goes_on_behind_a_past_one_and_its_row_leads_back(open_window: Open, ledger: Path) -> None:
    felix = open_window(ledger=ledger)
    window = felix.window
    shelf = window.keeping.shelf
    felix.until(lambda: names(felix))
    felix.write("go on")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: names(felix)[0] == "go on" and window.bridge.state.round >= 1)
    live = window.bridge.live_run
    assert live is not None
    felix.until(lambda: any("Round 1" in text for text in _texts(felix)))
    click_row(felix, "run-a")
    felix.until(lambda: window.bridge.run == "run-a" and window.composer.box.text == "Move the clinic")
    heard = len(str(window.bridge.live.thoughts))
    felix.until(lambda: len(str(window.bridge.live.thoughts)) > heard)
    assert window.bridge.live.is_running
    felix.until(lambda: "Run again" in felix.words(window.composer.frame))
    felix.screenshot("past-run-while-one-goes-on")
    felix.press("<Escape>")  # stops what is on screen, and nothing else
    felix.until(lambda: not window.composer.buttons.is_new(window.composer.button))
    felix.click(window.composer.button)
    assert "Another run still goes on" in felix.words(window.composer.frame)
    assert window.bridge.live.is_running
    click_row(felix, live)
    felix.until(lambda: window.bridge.run == live and window.wall.frame.winfo_viewable())
    assert window.composer.box.text == "go on"
    felix.until(lambda: "Stop" in felix.words(window.composer.frame))
    felix.press("<Escape>")
    felix.until(lambda: shelf.list.rows[0].status == "stopped")


def test_a_search_finds_thoughts_and_says_when_it_finds_nothing(open_window: Open, ledger: Path) -> None:
    felix = open_window(ledger=ledger)
    window = felix.window
    felix.until(lambda: len(names(felix)) == 3)
    felix.press("<Control-Shift-F>")
    search = window.keeping.shelf.list.search
    assert felix.app.focus_get() is search
    for key in "zebra":
        search.event_generate(f"<Key-{key}>")
    felix.until(lambda: names(felix) == ["Count the zebras"])
    felix.screenshot("past-runs-found")
    for key in "xx":
        search.event_generate(f"<Key-{key}>")
    felix.until(lambda: "No run has “zebraxx”" in felix.words(window.keeping.wing.frame))
    felix.press("<Escape>", search)
    felix.until(lambda: len(names(felix)) == 3)


def test_a_name_and_a_pin_are_kept(open_window: Open, ledger: Path) -> None:
    felix = open_window(ledger=ledger)
    window = felix.window
    felix.until(lambda: len(names(felix)) == 3)
    shelf = window.keeping.shelf
    shelf._rename(shelf.list.rows[1], "The shed")
    felix.until(lambda: "The shed" in names(felix))
    shelf._pin(shelf.list.rows[1])
    felix.until(lambda: names(felix)[0] == "The shed" and shelf.list.rows[0].is_pinned)
    assert "Pinned" in _texts(felix)
    with Reader(ledger) as reader:
        row = reader.row(RunId("run-b"))
    assert row is not None
    assert (row.name, row.is_pinned) == ("The shed", True)


def test_the_task_of_a_row_is_copied(open_window: Open, ledger: Path) -> None:
    felix = open_window(ledger=ledger)
    felix.until(lambda: names(felix))
    felix.app.clipboard_clear()
    felix.app.clipboard_append("before")
    click_row(felix, "run-b")
    felix.press("<<Copy>>", felix.window.keeping.shelf.list.canvas.canvas)
    felix.until(lambda: felix.app.clipboard_get() != "before")
    assert felix.app.clipboard_get() == "Paint the shed"


def test_deleting_the_run_that_is_shown_leads_to_a_new_one_and_can_be_taken_back(
    open_window: Open, ledger: Path
) -> None:
    felix = open_window(ledger=ledger)
    window = felix.window
    felix.until(lambda: len(names(felix)) == 3)
    click_row(felix, "run-b")
    felix.until(lambda: window.bridge.run == "run-b")
    felix.press("<Delete>", window.keeping.shelf.list.canvas.canvas)
    felix.until(lambda: "What should the team think about?" in felix.words())
    assert names(felix) == ["Move the clinic", "Count the zebras"]
    felix.until(lambda: _row(ledger, "run-b") is None)
    felix.screenshot("past-run-deleted")
    felix.press("<Control-z>")  # where the focus is now
    felix.until(lambda: len(names(felix)) == 3 and window.bridge.run == "run-b")
    assert _row(ledger, "run-b") is not None


@pytest.mark.slow
def test_the_list_stands_over_a_narrow_window_and_goes_when_a_run_is_opened(open_window: Open, ledger: Path) -> None:
    felix = open_window(ledger=ledger, size="1000x700")
    window = felix.window
    wing = window.keeping.wing
    assert not wing.frame.winfo_viewable()
    felix.press("<Control-b>")
    felix.until(lambda: wing.frame.winfo_viewable() and names(felix))
    assert wing.is_over
    felix.screenshot("runs-over-1000")
    felix.press("<Escape>")
    assert not wing.frame.winfo_viewable()
    felix.click(window.header.runs)
    felix.until(lambda: wing.frame.winfo_viewable() and names(felix))
    click_row(felix, "run-a")
    felix.until(lambda: window.bridge.run == "run-a")
    assert not wing.frame.winfo_viewable()


@pytest.mark.slow
def test_the_list_hides_and_is_dragged_wider_as_far_as_the_work_has_room(open_window: Open, ledger: Path) -> None:
    felix = open_window(ledger=ledger)
    window = felix.window
    wing = window.keeping.wing
    left = felix.app.winfo_rootx()
    for x, width in ((300, 300), (100, 200), (900, 360)):
        wing._divider.event_generate("<B1-Motion>", rootx=left + x, x=0, y=10)
        felix.settle()
        assert wing.frame.winfo_width() == pytest.approx(width, abs=1)  # the page begins a pixel beyond the edge
    assert window.column.frame.winfo_width() >= 520
    felix.press("<Control-b>")
    assert not wing.frame.winfo_viewable()
    felix.press("<Control-b>")
    assert wing.frame.winfo_width() == 360


def _texts(felix: Opened) -> list[str]:
    canvas = felix.window.keeping.shelf.list.canvas.canvas
    return [canvas.itemcget(item, "text") for item in canvas.find_all() if canvas.type(item) == "text"]


def _row(ledger: Path, run: str) -> object:
    with Reader(ledger) as reader:
        return reader.row(RunId(run))
