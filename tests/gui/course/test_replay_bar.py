"""The bar that plays a run: buttons, keys, a track with its marks."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterator

import pytest

from felix.events import RunReopened
from felix.gui.bridge import Bridge
from felix.gui.course.player import Player
from felix.gui.course.replay_bar import ReplayBar
from felix.gui.kit import Kit
from felix.team.mailbox import Mailbox
from tests.ledger.hubs import Run, short_run

Wait = Callable[..., None]


class Shown:
    """A bar for a past run, on a bridge that plays it."""

    def __init__(self, window: tk.Toplevel, kit: Kit, wait: Wait) -> None:
        self.window, self.wait = window, wait
        self.run: Run = short_run()
        self.needed: list[bool] = []
        self.mailbox = Mailbox()
        self.bridge = Bridge(window, on_bug=lambda: self.needed.append(False))
        self.bar = ReplayBar(window, kit, self.bridge, on_needed=self.needed.append)
        self.bar.frame.pack(fill="x")
        self.bridge.add(self.bar, window)
        self.bridge.listen(self.mailbox)
        self.bridge.start()
        self.bridge.open(self.run.durable)
        wait(lambda: self.needed)
        window.update()

    @property
    def player(self) -> Player:
        assert self.bridge.player is not None
        return self.bridge.player

    @property
    def track(self) -> tk.Canvas:
        return self.bar.scrubber.canvas

    def x_of(self, share: float) -> int:
        return round(10 + (self.track.winfo_width() - 20) * share)

    def press(self, keys: str) -> None:
        self.track.focus_force()
        self.window.update()
        self.track.event_generate(keys)
        self.window.update()


@pytest.fixture
def shown(window: tk.Toplevel, kit: Kit, wait_until: Wait) -> Iterator[Shown]:
    shown = Shown(window, kit, wait_until)
    yield shown
    shown.bridge.close()


def test_it_comes_for_a_past_run_and_goes_when_that_goes_on(shown: Shown) -> None:
    assert shown.needed == [True]
    shown.run.hub.emit(RunReopened(reason="More."))
    shown.mailbox.put(shown.run.records[-1])
    shown.wait(lambda: shown.needed == [True, False])


def test_space_plays_from_the_start_and_pauses_and_goes_on_from_there(shown: Shown) -> None:
    shown.press("<Key-space>")
    shown.wait(lambda: shown.bridge.is_replaying and shown.player.position_s > 0.2)
    shown.press("<Key-space>")
    assert not shown.player.is_playing
    there = shown.player.position_s
    assert there < 2.0
    shown.press("<Key-space>")
    shown.wait(lambda: shown.player.position_s > there)


def test_a_click_on_play_takes_the_keyboard_along(shown: Shown) -> None:
    shown.window.focus_force()
    shown.bar.toggle.invoke()
    shown.window.update()
    assert shown.player.is_playing
    assert shown.window.focus_get() is shown.track


def test_the_arrows_go_by_seconds_and_with_shift_by_rounds(shown: Shown) -> None:
    begins = [mark.position_s for mark in shown.player.marks if mark.kind != "failure"]
    total = shown.player.duration_s
    shown.press("<Shift-Left>")
    assert shown.player.position_s == begins[-1]
    shown.press("<Shift-Right>")
    assert shown.player.position_s == total
    shown.press("<Key-Left>")
    assert shown.player.position_s == 0.0
    shown.press("<Key-Right>")
    assert shown.player.position_s == total
    shown.press("<Key-Home>")
    assert shown.player.position_s == 0.0
    shown.press("<Key-End>")
    shown.wait(lambda: shown.bridge.state == shown.run.hub.state)
    assert shown.bar.end.instate(["disabled"])


def test_the_track_leads_where_it_is_pressed_and_dragged(shown: Shown) -> None:
    total = shown.player.duration_s
    shown.track.event_generate("<Button-1>", x=shown.x_of(0.5), y=15)
    assert shown.player.position_s == pytest.approx(total / 2, abs=0.02)
    shown.track.event_generate("<B1-Motion>", x=shown.x_of(0.25), y=15)
    assert shown.player.position_s == pytest.approx(total / 4, abs=0.02)
    shown.track.event_generate("<B1-Motion>", x=-50, y=15)
    assert shown.player.position_s == 0.0
    shown.wait(lambda: shown.bridge.state.now == shown.player.now)


def test_the_marks_stand_where_rounds_and_the_synthesis_began_and_answers_failed(shown: Shown) -> None:
    track, total = shown.track, shown.player.duration_s
    marks = {
        tag: [sum(track.coords(item)[::2]) / 2 for item in track.find_withtag(tag)]
        for tag in ("round", "failure", "synthesis")
    }
    assert {tag: len(at) for tag, at in marks.items()} == {"round": 1, "failure": 1, "synthesis": 1}
    for mark in shown.player.marks:
        assert marks[mark.kind][0] == pytest.approx(shown.x_of(mark.position_s / total), abs=1.5)
    failed = next(mark for mark in shown.player.marks if mark.kind == "failure")
    track.event_generate("<Motion>", x=round(marks["failure"][0]), y=6)
    assert shown.bar.scrubber.tip == "0:01\nresearch-2 failed"
    track.event_generate("<Button-1>", x=round(marks["failure"][0]) + 2, y=6)
    assert shown.player.position_s == failed.position_s


def test_a_speed_is_chosen_from_the_menu_and_said(shown: Shown) -> None:
    menu = shown.bar.speed.menu
    assert [menu.entrycget(n, "label") for n in range(6)] == ["0.5×", "1×", "2×", "4×", "8×", "16×"]
    menu.invoke(5)
    assert shown.player.speed == 16.0
    assert shown.bar.speed.cget("text") == "16×"
    shown.bar.toggle.invoke()
    shown.wait(lambda: shown.player.is_at_end and not shown.player.is_playing)
    assert shown.bridge.state == shown.run.hub.state


def test_the_buttons_lead_to_the_start_and_to_the_end(shown: Shown) -> None:
    shown.bar.start.invoke()
    shown.wait(lambda: not shown.bridge.state.thoughts)
    assert shown.bar.position.cget("text") == "0:00"
    shown.bar.end.invoke()
    shown.wait(lambda: shown.bridge.state == shown.run.hub.state)
