"""A run played again in the whole window: the same wall, the same phases, and the same end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from felix.events import HUB, SYNTHESIS
from felix.gui.course.player import Player
from tests.gui.opened import Opened, write_settings
from tests.ledger.hubs import SECOND, TEAM, THIRD, Run, short_run


class Replayed(Opened):
    def __init__(self, settings: Path) -> None:
        super().__init__(settings, demo=True)
        self.run: Run = short_run()
        self.window.column.begin()
        self.window.bridge.open(self.run.durable)
        self.until(self.window.replay.frame.winfo_viewable)
        self.settle()

    @property
    def player(self) -> Player:
        assert self.window.bridge.player is not None
        return self.window.bridge.player

    def go(self, position_s: float) -> None:
        self.player.seek(position_s)
        self.until(lambda: self.window.bridge.state.now == self.player.now)
        self.settle()

    def shown(self) -> dict[str, str]:
        """Every card's text and every word on screen."""
        self.until(lambda: self.window.wall.cards and not any(c.tick(time.monotonic()) for c in self.window.wall.cards))
        self.settle()
        texts = {
            str(card.agent.agent_id): card.stream.text.get("1.0", "end")
            for card in self.window.wall.cards
            if card.agent
        }
        return {**texts, "answer": self.window.synthesis.text.get("1.0", "end"), "words": self.words()}


@pytest.fixture(scope="module")
def felix(display: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    felix = Replayed(write_settings(tmp_path_factory.mktemp("settings") / "settings.json"))
    yield felix
    felix.close()


def test_at_its_end_a_replay_is_the_run_as_it_ended(felix: Replayed) -> None:
    felix.window.column.pin("agents")
    felix.settle()
    before = felix.shown()
    felix.go(1.0)
    felix.player.set_speed(8.0)
    felix.player.play()
    felix.until(lambda: not felix.player.is_playing)
    felix.player.set_speed(1.0)
    felix.settle()
    assert felix.window.bridge.state == felix.run.hub.state
    assert felix.shown() == before


def test_the_view_follows_the_replay_until_the_user_chooses(felix: Replayed) -> None:
    window = felix.window
    window.bridge.open(felix.run.durable)
    window.column._pinned = None
    views = []
    for place in (1.0, 2.5, felix.player.duration_s):
        felix.go(place)
        views.append(window.column.view)
    assert views == ["agents", "both", "answer"]
    assert "replay" not in felix.words(window.helix.frame)
    felix.go(1.0)
    assert "round 1 of 1  ·  replay" in felix.words(window.helix.frame)
    window.column.pin("both")
    felix.go(felix.player.duration_s)
    assert window.column.view == "both"
    window.column._pinned = None


def test_a_big_card_stays_big_from_one_moment_to_another(felix: Replayed) -> None:
    felix.go(1.0)
    felix.window.wall.maximise(TEAM[1])
    felix.go(0.5)
    assert felix.window.wall.maximised == TEAM[1]
    assert felix.window.wall.escape()


def test_a_thought_of_the_timeline_is_led_to_though_it_is_yet_to_come(felix: Replayed) -> None:
    window = felix.window
    felix.go(0.05)
    assert THIRD in window.bridge.state.thoughts and SECOND in window.bridge.state.thoughts
    felix.go(0.0)
    window.show_thought(TEAM[1], SECOND, 0.8)
    felix.until(lambda: SECOND in window.bridge.state.thoughts)
    assert window.wall.cards[1].has_focus
    window.show_thought(HUB, SYNTHESIS, 2.5)
    felix.until(lambda: window.bridge.state.synthesis is not None)
    felix.until(window.synthesis.frame.winfo_viewable)


def test_keys_of_the_replay_are_keys_of_the_text_where_one_writes(felix: Replayed) -> None:
    felix.go(1.0)
    felix.task.focus_force()
    felix.settle()
    for key in ("<Key-space>", "<Key-Left>", "<Shift-Right>"):
        felix.press(key, felix.task)
    assert (felix.player.is_playing, felix.player.position_s) == (False, 1.0)
    felix.window.replay.focus()
    felix.settle()
    felix.press("<Key-Left>", felix.window.replay.scrubber.canvas)
    assert felix.player.position_s == 0.0
