"""Who has read whom: as a relation, in words, and on the cards of the wall while one is pointed at."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

import pytest

from felix.events import AgentId, ThoughtId
from felix.gui.kit import Kit
from felix.gui.wall.card import Card
from felix.gui.wall.provenance import Relation, in_words, relations
from felix.gui.wall.wall import Wall
from felix.settings import SettingsFile
from tests.gui.scene import Scene

Wait = Callable[..., None]
ONE, TWO, CRITIC = (AgentId(name) for name in ("research-1", "research-2", "critic-1"))


def told() -> Scene:
    """Two speak; the critic reads both, and then the first reads the critic and itself."""
    scene = Scene([ONE, TWO, CRITIC])
    for agent in (ONE, TWO):
        scene.act(agent, "connecting", 1.0)
        scene.say(agent, "First.", 2.0)
        scene.end(agent, at=5.0)
    scene.round(2, at=6.0)
    scene.act(CRITIC, "connecting", 7.0, read=(ThoughtId(f"{ONE}#1"), ThoughtId(f"{TWO}#1")))
    scene.say(CRITIC, "No.", 8.0)
    scene.end(CRITIC, at=9.0)
    scene.round(3, at=10.0)
    scene.act(ONE, "connecting", 11.0, read=(ThoughtId(f"{ONE}#1"), ThoughtId(f"{CRITIC}#2")))
    scene.say(ONE, "Yes.", 12.0)
    return scene


def test_those_read_and_those_who_read_are_told_apart_and_nobody_reads_itself() -> None:
    state = told().state
    assert relations(state.agents[CRITIC], state) == {ONE: Relation(True, True), TWO: Relation(True, False)}
    assert relations(state.agents[ONE], state) == {CRITIC: Relation(True, True)}
    assert relations(state.agents[TWO], state) == {CRITIC: Relation(False, True)}


def test_the_rounds_are_said() -> None:
    state = told().state
    assert in_words(state.agents[CRITIC], state) == (
        "Has read research-1 (round 1), research-2 (round 1)\nWas read by research-1 (round 3)"
    )
    assert in_words(state.agents[TWO], state) == "Was read by critic-1 (round 2)"
    assert in_words(Scene([ONE]).state.agents[ONE], Scene([ONE]).state) == ""


def edges(card: Card) -> set[str]:
    """Which edges of a card are marked, by where they stand."""
    width = card.frame.winfo_width()
    return {
        "left" if child.winfo_x() < width / 2 else "right"
        for child in card.frame.winfo_children()
        if child.winfo_ismapped() and child.winfo_width() == 2
    }


def meta(card: Card) -> str:
    return str(card.frame.winfo_children()[0].winfo_children()[1].winfo_children()[1].cget("text"))


@pytest.fixture
def wall(window: tk.Toplevel, kit: Kit, settings_file: SettingsFile) -> Wall:
    wall = Wall(window, kit, settings_file)
    wall.frame.pack(fill="both", expand=True)
    window.update()
    wall.show(told().state)
    window.update()
    return wall


@pytest.fixture
def settings_file(tmp_path_factory: pytest.TempPathFactory) -> SettingsFile:
    return SettingsFile(tmp_path_factory.mktemp("settings") / "settings.json")


def test_pointing_at_a_card_marks_the_others_until_the_pointer_goes(
    wall: Wall, window: tk.Toplevel, wait_until: Wait
) -> None:
    one, two, critic = wall.cards
    critic.frame.event_generate("<Enter>")
    wait_until(lambda: edges(one))
    assert (edges(one), edges(two), edges(critic)) == ({"left", "right"}, {"left"}, set())
    assert (meta(one), meta(two)) == ("critic-1: each has read the other", "read by critic-1")
    critic.frame.event_generate("<Leave>", rootx=0, rooty=0)
    window.update()
    assert (edges(one), edges(two)) == (set(), set())
    assert meta(two).startswith("depth")


def test_a_pointer_that_only_crosses_a_card_marks_nothing(wall: Wall, window: tk.Toplevel, wait_until: Wait) -> None:
    one, two, critic = wall.cards
    critic.frame.event_generate("<Enter>")
    two.frame.event_generate("<Enter>")
    wait_until(lambda: edges(critic))
    assert (edges(one), edges(two), edges(critic)) == (set(), set(), {"right"})
    assert meta(critic) == "has read research-2"


def test_the_keyboard_marks_as_the_pointer_does(wall: Wall, window: tk.Toplevel, wait_until: Wait) -> None:
    one, _, critic = wall.cards
    one.stream.text.focus_force()
    wait_until(lambda: edges(critic))
    other = tk.Entry(window)
    other.pack()
    other.focus_force()
    wait_until(lambda: not edges(critic))


def test_the_marks_follow_what_is_read_meanwhile(window: tk.Toplevel, wall: Wall, wait_until: Wait) -> None:
    scene = told()
    wall.show(scene.state)
    window.update()
    _, two, critic = wall.cards
    two.frame.event_generate("<Enter>")
    wait_until(lambda: edges(critic))
    scene.act(TWO, "connecting", 13.0, read=(ThoughtId(f"{CRITIC}#2"),))
    wall.update(scene.state, {TWO})
    window.update()
    assert edges(critic) == {"left", "right"}
