"""After a crash, beside a second window, and with a ledger in trouble: what the window says and what it offers."""

from __future__ import annotations

import sqlite3
import time
import tkinter as tk
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from felix.events import RunId
from felix.gui.runs.recovery import Recovered, recovered
from felix.ledger.file import Ledger
from felix.ledger.reader import Reader
from tests.gui.ledgers import cut_off, finished, keep
from tests.gui.opened import Opened, write_settings
from tests.gui.rows import row
from tests.ledger.told import Told
from tests.servers.demo import demo_server

Open = Callable[..., Opened]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def open_window(display: str, tmp_path: Path) -> Iterator[Open]:
    opened: list[Opened] = []

    def open_one(base_url: str = "", **options: Any) -> Opened:
        if opened:
            opened[-1].close()
        chosen = {"base_url": base_url, "has_connected": True} if base_url else {}
        settings = write_settings(tmp_path / "settings.json", **chosen)
        opened.append(Opened(settings, demo=not base_url, **options))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def words(felix: Opened) -> str:
    return felix.words(felix.window.keeping.centre)


def test_a_crash_is_told_with_what_is_left_and_viewing_it_ends_that(open_window: Open, file: Path) -> None:
    keep(file, cut_off("run-x", "Paint the shed", at=time.time() - 60))
    felix = open_window(ledger=file)
    window = felix.window
    felix.until(lambda: "1 run was interrupted" in words(felix))
    assert "“Paint the shed” – 1 thought whole, 1,240 characters of 1 more" in words(felix)
    felix.screenshot("recovery-light")
    felix.click(window.keeping.recovery.buttons["View"])
    felix.until(lambda: window.bridge.state.status == "interrupted")
    assert "interrupted" not in words(felix)
    cut = window.bridge.state.thoughts["research-2#1"]  # type: ignore[index]
    assert (cut.status, len(cut.answer)) == ("interrupted", 1_240)
    felix.until(window.wall.frame.winfo_viewable)
    felix.screenshot("recovery-viewed")
    felix = open_window(ledger=file)
    felix.until(lambda: felix.window.keeping.shelf.list.rows)
    felix.turn(100)
    assert "interrupted" not in words(felix)


def test_of_several_each_is_told_and_a_discarded_one_can_be_taken_back(open_window: Open, file: Path) -> None:
    now = time.time()
    keep(file, cut_off("run-x", "Paint the shed", at=now - 60))
    keep(file, cut_off("run-y", "Move the clinic", at=now - 30))
    felix = open_window(ledger=file)
    keeping = felix.window.keeping
    felix.until(lambda: "2 runs were interrupted" in words(felix))
    assert "Move the clinic" in words(felix)
    felix.click(keeping.recovery.buttons["Discard"])
    felix.until(lambda: "1 run was interrupted" in words(felix))
    felix.until(lambda: [each.run for each in keeping.shelf.list.rows] == ["run-x"])
    felix.click(keeping.shelf.list.undo_button)
    felix.until(lambda: len(keeping.shelf.list.rows) == 2)
    felix.click(keeping.recovery.later_button)
    assert "interrupted" not in words(felix)

    def seen() -> bool:
        with Reader(file) as reader:
            return reader.interrupted() == []

    felix.until(seen)


@pytest.mark.slow
def test_an_interrupted_run_is_continued_with_its_ended_thoughts(open_window: Open, file: Path) -> None:
    with demo_server(20) as base_url:
        felix = open_window(base_url, ledger=file)
        window = felix.window
        felix.write("go on")
        felix.press("<Control-Return>", felix.task)
        felix.until(lambda: window.bridge.state.round == 2)
        run = window.bridge.run
        assert run is not None
        whole = [str(t.answer) for t in window.bridge.state.thoughts.values() if t.status == "complete"]
        with Reader(file) as reader:
            records = reader.records(run)
        assert records[-1].event.type != "run_finished"
        crashed = keep(file.with_name("crashed.db"), records)
        felix = open_window(base_url, ledger=crashed)
        window = felix.window
        felix.until(lambda: "1 run was interrupted" in words(felix))
        felix.click(window.keeping.recovery.buttons["Continue"])
        felix.until(lambda: window.bridge.state.status is None and window.bridge.live_run == run)
        felix.until(lambda: "Stop" in felix.words(window.composer.frame))
        felix.until(lambda: window.bridge.state.status == "complete")
        again = [str(t.answer) for t in window.bridge.state.thoughts.values() if t.status == "complete"]
        assert whole
        assert again[: len(whole)] == whole
        felix.until(lambda: "Run again" in felix.words(window.composer.frame))
        felix.until(lambda: window.keeping.shelf.list.rows[0].status == "complete")


@pytest.mark.parametrize(
    ("whole", "ended", "cut", "characters", "said"),
    [
        (3, (), 2, 1_240, "3 thoughts whole, 1,240 characters of 2 more"),
        (2, (("stopped", 1),), 1, 500, "2 thoughts whole, 1 stopped, 500 characters of 1 more"),
        (0, (("failed", 2), ("stopped", 1)), 0, 0, "2 thoughts failed, 1 stopped"),
        (1, (), 0, 0, "1 thought whole"),
        (0, (), 1, 1, "1 character of 1 thought"),
        (0, (), 2, 30, "30 characters of 2 thoughts"),
        (0, (), 0, 0, "nothing had been written yet"),
    ],
)
def test_what_is_left_is_counted_in_words(
    whole: int, ended: tuple[tuple[str, int], ...], cut: int, characters: int, said: str
) -> None:
    assert Recovered(row(0), whole, ended, cut, characters).words == said


def test_only_what_is_complete_is_counted_as_whole(file: Path) -> None:
    ledger = Ledger.open(file)
    told = Told(ledger, "run-x").start().end("One.").end("Tw", "stopped", number=2).end("Three.", number=3)
    told.write("Fo", number=4)
    ledger.close()
    Ledger.open(file).close()  # what begins after a crash
    with Reader(file) as reader:
        [left] = recovered(reader)
    assert left.words.startswith("2 thoughts whole, 1 stopped")


def test_a_second_window_asks_and_is_then_for_reading(open_window: Open, file: Path) -> None:
    keep(file, finished("run-a", "Move the clinic", at=time.time() - 60))
    first = Ledger.open(file)
    try:
        felix = open_window(ledger=file)
        window = felix.window
        felix.until(lambda: "Felix is already open" in felix.words())
        felix.screenshot("already-open")
        felix.click(_button(felix, "Open read-only"))
        assert "Felix is already open" not in felix.words()
        felix.until(lambda: window.keeping.shelf.list.rows)
        window.keeping.shelf.open(RunId("run-a"))
        felix.until(lambda: window.bridge.run == "run-a")
        felix.until(lambda: "Run again" in felix.words(window.composer.frame))
        felix.press("<Control-Return>", felix.task)
        assert "Another Felix keeps its runs in this ledger" in felix.words(window.composer.frame)
        assert window.bridge.run == "run-a"
        assert "Not saved: another Felix keeps the runs" in felix.words(window.status.frame)
    finally:
        first.close()


def test_a_second_window_may_go_instead(open_window: Open, file: Path) -> None:
    first = Ledger.open(file)
    try:
        felix = open_window(ledger=file)
        felix.until(lambda: "Felix is already open" in felix.words())
        _button(felix, "Close Felix").invoke()
        with suppress(tk.TclError):  # the window goes in the middle of this
            felix.app.update()
        with pytest.raises(tk.TclError, match="application has been destroyed"):
            felix.app.winfo_exists()
    finally:
        first.close()


def test_a_run_begun_by_the_command_line_is_not_held_up_by_another_window(open_window: Open, file: Path) -> None:
    first = Ledger.open(file)
    try:
        felix = open_window(ledger=file, is_automatic=True)
        window = felix.window
        window.composer.take("automatic")
        window.composer.run()
        felix.until(lambda: window.bridge.state.round >= 1)
        felix.until(lambda: "Not saved: another Felix keeps the runs" in felix.words(window.status.frame), timeout_s=3)
        assert "Felix is already open" not in felix.words()
    finally:
        first.close()


def test_a_damaged_ledger_is_told_and_what_can_be_read_is_saved(open_window: Open, file: Path) -> None:
    keep(file, *(finished(f"run-{n}", f"Task {n}", at=time.time() - n) for n in range(20)))
    content = bytearray(file.read_bytes())
    content[8192:12288] = b"\xff" * 4096
    file.write_bytes(content)
    felix = open_window(ledger=file)
    window = felix.window
    felix.until(lambda: "is damaged" in words(felix))
    felix.screenshot("ledger-damaged")
    assert "Not saved: the ledger is damaged" in felix.words(window.status.frame)
    felix.click(window.keeping.notice.salvage_button)
    felix.until(lambda: "could be read" in words(felix))
    copies = [each for each in file.parent.iterdir() if "salvaged" in each.name]
    assert len(copies) == 1
    assert file.read_bytes() == bytes(content)
    notice = window.keeping.notice
    assert str(copies[0]) in words(felix)
    assert "Show folder" in words(felix)
    notice.salvage_button.invoke()
    felix.turn(200)
    assert len([each for each in file.parent.iterdir() if "salvaged" in each.name]) == 1
    felix.screenshot("ledger-salvaged")
    assert notice.done is not None
    felix.click(notice.done.close_button)
    assert "could be read" not in words(felix)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"Dear diary, today I wrote a line of text. " * 9, "is no ledger of Felix")],
)
def test_a_file_that_is_no_ledger_is_told_and_left_alone(
    open_window: Open, file: Path, content: bytes, said: str
) -> None:
    file.write_bytes(content)
    felix = open_window(ledger=file)
    felix.until(lambda: said in words(felix))
    assert "Save a salvaged copy…" not in words(felix)
    kept = felix.words(felix.window.keeping.wing.frame)
    assert "No run is kept" in kept and "Every run is kept" not in kept
    felix.write("in memory")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: felix.window.bridge.state.round >= 1)
    felix.until(lambda: felix.window.keeping.shelf.list.rows)
    assert file.read_bytes() == content


@pytest.mark.slow
def test_what_is_not_saved_is_told_in_red_until_it_is(open_window: Open, file: Path) -> None:
    felix = open_window(ledger=file)
    window = felix.window
    felix.until(file.exists)
    held = sqlite3.connect(file, isolation_level=None)
    pages = held.execute("PRAGMA page_count").fetchone()[0]
    held.close()

    def fill_up(ledger: Ledger) -> None:
        ledger._db.execute(f"PRAGMA max_page_count = {pages + 1}")

    def make_room(ledger: Ledger) -> None:
        ledger._db.execute("PRAGMA max_page_count = 100000")

    window.engine.change_ledger(fill_up)
    window.composer.take("a long task, " * 40)
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: "Not saved: the disk is full" in felix.words(window.status.frame))
    felix.until(lambda: "The disk is full: 1 run is in memory only – make room" in words(felix))
    felix.until(lambda: window.keeping.shelf.list.rows)
    felix.screenshot("ledger-full")
    assert window.bridge.state.is_running
    window.engine.change_ledger(make_room)
    felix.until(lambda: "Not saved" not in felix.words(window.status.frame), timeout_s=15)
    felix.until(lambda: "in memory only" not in words(felix))


def _button(felix: Opened, text: str) -> Any:
    """The button that says this, as soon as it can be seen."""
    felix.until(lambda: text in felix.words())
    waiting: list[Any] = [felix.app]
    while waiting:
        each = waiting.pop()
        waiting += each.winfo_children()
        if each.winfo_class() == "TButton" and str(each.cget("text")) == text:
            return each
    raise LookupError(text)
