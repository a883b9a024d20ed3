"""What a thought has read, and what has read it: in numbers, in words, and on the cards while it is pointed at."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable

import pytest

from felix.events import AgentId, ThoughtId
from felix.gui.kit import Kit
from felix.gui.wall.card import Card
from felix.gui.wall.chips import ChipsRow
from felix.gui.wall.provenance import Relation, in_words, latest_of, relations
from felix.gui.wall.wall import Wall
from felix.ledger.state import RunState
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
    assert related(state, f"{CRITIC}#2") == {ONE: Relation((1,), (3,)), TWO: Relation((1,), ())}
    assert related(state, f"{ONE}#3") == {CRITIC: Relation((2,), ())}
    assert related(state, f"{ONE}#1") == {CRITIC: Relation((), (2,))}
    assert related(state, f"{TWO}#1") == {CRITIC: Relation((), (2,))}


def related(state: RunState, thought: str) -> dict[AgentId, Relation]:
    return relations(state.thoughts[ThoughtId(thought)], state)


def test_a_thought_that_queues_does_not_stand_for_its_agent_yet() -> None:
    scene = told()
    scene.round(4, at=20.0)
    scene.act(CRITIC, "queued", 21.0)
    latest = latest_of(scene.state.agents[CRITIC])
    assert latest is not None
    assert latest.thought_id == f"{CRITIC}#2"


def test_the_rounds_are_said() -> None:
    state = told().state
    assert in_words(state.thoughts[ThoughtId(f"{CRITIC}#2")], state) == (
        "Round 2 has read research-1 (round 1), research-2 (round 1)\nRound 2 was read by research-1 (round 3)"
    )
    assert in_words(state.thoughts[ThoughtId(f"{TWO}#1")], state) == "Round 1 was read by critic-1 (round 2)"
    assert Relation((1, 2), (3,)).words == "read its rounds 1, 2, read by its round 3"


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
    assert (meta(one), meta(two)) == ("read its round 1, read by its round 3", "read its round 1")
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
    assert meta(critic) == "read by its round 2"


def test_the_thought_under_the_pointer_is_meant(wall: Wall, window: tk.Toplevel, wait_until: Wait) -> None:
    one, _, critic = wall.cards
    text = one.stream.text
    wait_until(lambda: not one.tick(time.monotonic()) and "Yes." in text.get("1.0", "end"))
    one.frame.event_generate("<Enter>")
    wait_until(lambda: meta(critic) == "read its round 2")
    x, y, _, _ = text.bbox("1.0") or (0, 0, 0, 0)
    text.event_generate("<Motion>", x=x + 1, y=y + 1)
    wait_until(lambda: meta(critic) == "read by its round 2")
    wait_until(lambda: edges(critic) == {"right"})
    text.event_generate("<Leave>")
    wait_until(lambda: edges(critic) == {"left"})
    assert meta(critic) == "read its round 2"


def test_the_keyboard_marks_as_the_pointer_does(wall: Wall, window: tk.Toplevel, wait_until: Wait) -> None:
    one, _, critic = wall.cards
    one.stream.text.focus_force()
    wait_until(lambda: edges(critic))
    assert meta(critic) == "read its round 2"
    other = tk.Entry(window)
    other.pack()
    other.focus_force()
    wait_until(lambda: not edges(critic))
    assert meta(critic).startswith("depth")


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
    assert (edges(critic), meta(critic)) == ({"left"}, "read its round 2")


def test_pointing_at_a_chip_or_at_its_citation_says_it_on_the_other_chips(
    window: tk.Toplevel, kit: Kit, wait_until: Wait
) -> None:
    chips = ChipsRow(window, kit, on_choose=lambda _agent: None)
    chips.frame.pack(fill="x")
    window.update()
    chips.show(told().state)
    window.update()

    def words() -> list[str]:
        return [str(chip.parts[-1].cget("text")) for chip in chips._chips]

    calm, read = words(), "read its round 1"
    chips._chips[2].frame.event_generate("<Enter>")
    wait_until(lambda: words()[1] == read)
    assert words()[0] == f"{read}, read by its round 3" and words()[2] == calm[2]
    chips._chips[2].frame.event_generate("<Leave>", rootx=0, rooty=0)
    wait_until(lambda: words() == calm)
    chips.point(CRITIC)
    wait_until(lambda: words()[1] == read)
    assert chips._chips[2].frame.instate(["active"])
    chips.point(None)
    assert words() == calm and not chips._chips[2].frame.instate(["active"])
