"""The buttons at the right of the task: which there are in each phase, and which keep their words where it is tight."""

from __future__ import annotations

import time
import tkinter as tk

import pytest

from felix.events import RunId
from felix.gui.composer.run_buttons import SETTLE_S, Course, Phase
from felix.gui.kit import Kit
from tests.gui.composer.test_composer import Desk

RUN = RunId("run-1")


class Row(Desk):
    """A composer in a window of its own width."""

    def __init__(self, window: tk.Toplevel, kit: Kit) -> None:
        super().__init__(window, kit)
        self.window = window

    def show(self, phase: Phase, course: Course | None = None, *, width: int = 1000) -> None:
        self.window.geometry(f"{width}x300")
        self.window.update()
        self.composer.set_course(course or Course())
        self.composer.set_phase(phase)
        self.window.update()

    @property
    def seen(self) -> list[str]:
        """What can be pressed, from the left: words, else the shape's tooltip is all there is ("")."""
        buttons = self.composer.buttons
        known = {buttons.note: "note", buttons.pause: "pause", buttons.wrap_up: "wrap up", buttons.main: "main"}
        known |= {buttons.follow_up: "follow up", buttons.go_on: "continue"}
        visible = sorted((each for each in known if each.winfo_ismapped()), key=lambda each: each.winfo_x())
        return [str(each.cget("text")) or f"({known[each]})" for each in visible]

    def menu(self) -> list[tuple[str, str]]:
        """Lines of the menu and whether they can be chosen."""
        menu = self.composer.buttons.more.menu
        menu.tk.call(str(menu.cget("postcommand")))
        lines = [n for n in range((menu.index("end") or 0) + 1) if menu.type(n) == "command"]
        return [(str(menu.entrycget(n, "label")).strip(), str(menu.entrycget(n, "state"))) for n in lines]

    def choose(self, label: str) -> None:
        menu = self.composer.buttons.more.menu
        self.menu()
        menu.invoke(f"*{label}")


@pytest.fixture
def row(window: tk.Toplevel, kit: Kit) -> Row:
    return Row(window, kit)


@pytest.mark.parametrize(
    ("phase", "course", "seen"),
    [
        ("idle", Course(), ["Run"]),
        ("starting", Course(), ["Stop"]),
        ("running", Course(), ["Wrap up now", "Note to agents", "Pause", "Stop"]),
        ("running", Course(pause="asked"), ["Wrap up now", "Note to agents", "Pausing after this round…", "Stop"]),
        ("running", Course(pause="paused"), ["Wrap up now", "Note to agents", "Paused – Go on", "Stop"]),
        ("running", Course(is_wrapping_up=True), ["Wrapping up…", "Stop"]),
        ("running", Course(is_concluding=True), ["Stop"]),
        ("stopping", Course(), ["Stopping…"]),
        ("finished", Course(has_answer=True), ["Ask a follow-up", "Run again"]),
        ("finished", Course(), ["Run again"]),
        ("finished", Course(can_continue=True), ["Continue", "Run again"]),
        ("finished", Course(has_answer=True, can_continue=True), ["Ask a follow-up", "Continue", "Run again"]),
    ],
)
def test_each_phase_has_its_buttons(row: Row, phase: Phase, course: Course, seen: list[str]) -> None:
    row.show(phase, course)
    assert row.seen == seen


def test_where_it_is_narrow_the_note_loses_its_words_first_and_pause_is_in_the_menu(row: Row) -> None:
    row.show("running", width=430)
    assert row.seen == ["Wrap up now", "(note)", "Stop"]
    assert ("Pause after this round", "normal") in row.menu()
    row.show("running", width=260)
    assert row.seen == ["(wrap up)", "(note)", "Stop"]


def test_a_pause_that_was_asked_for_keeps_its_words(row: Row) -> None:
    row.show("running", Course(pause="paused"), width=400)
    assert row.seen == ["(wrap up)", "(note)", "Paused – Go on", "Stop"]


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("Wrap up now", "wrap up"),
        ("Pause after this round", "pause"),
        ("Note to agents…", "note"),
    ],
)
def test_the_menu_of_a_run_does_what_the_buttons_do(row: Row, words: str, asked: str) -> None:
    row.show("running")
    row.choose(words)
    assert row.asked == [asked]


def test_where_it_is_narrow_continue_is_in_the_menu(row: Row) -> None:
    row.show("finished", Course(has_answer=True, can_continue=True), width=260)
    assert "Continue" not in row.seen and ("Continue", "normal") in row.menu()
    row.choose("Continue")
    assert row.asked == ["continue"]


def test_the_menu_of_a_finished_run_leads_on(row: Row) -> None:
    row.show("finished", Course(has_answer=True, has_thoughts=True))
    row.choose("Ask a follow-up")
    row.choose("Synthesise again…")
    assert row.asked == ["follow up", "synthesise again"]
    row.show("finished", Course())
    assert {("Ask a follow-up", "disabled"), ("Synthesise again…", "disabled")} <= set(row.menu())


def test_a_click_on_each_button_asks_for_its_act(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    row.show("running")
    buttons = row.composer.buttons
    for button in (buttons.note, buttons.pause, buttons.wrap_up):
        button.invoke()
    now = time.monotonic()
    monkeypatch.setattr("felix.gui.composer.run_buttons.time.monotonic", lambda: now)
    row.show("finished", Course(has_answer=True))
    buttons.follow_up.invoke()
    assert row.asked == ["note", "pause", "wrap up"], "a click that was meant for Wrap up must ask no follow-up"
    now += 2 * SETTLE_S
    buttons.follow_up.invoke()
    assert row.asked == ["note", "pause", "wrap up", "follow up"]


def test_a_follow_up_empties_the_box_and_says_what_it_follows(row: Row) -> None:
    row.composer.box.text = "The first task"
    row.show("finished", Course(has_answer=True))
    row.composer.follow_up(RUN, "The first task")
    row.window.update()
    assert row.composer.box.text == ""
    assert chips(row) == ["Follow-up to: The first task  ✕"]
    assert row.seen == ["Run"]  # another run, not the same again


def test_taking_the_chip_away_gives_the_task_back(row: Row) -> None:
    row.composer.box.text = "The first task"
    row.show("finished", Course(has_answer=True))
    row.composer.follow_up(RUN, "The first task")
    row.window.update()
    row.composer._chips.winfo_children()[0].invoke()  # type: ignore[attr-defined]
    row.window.update()
    assert row.composer.follows is None
    assert row.composer.box.text == "The first task"
    assert row.seen == ["Ask a follow-up", "Run again"]


def chips(row: Row) -> list[str]:
    return [str(each.cget("text")) for each in row.composer._chips.winfo_children() if each.winfo_ismapped()]
