"""The wall: where the cards stand, which of them get work, and the big one."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from felix.events import AgentAdded, AgentId, NoteAdded, PauseChanged, PlannedAgent, StoodStill, ThoughtId, Tokens
from felix.gui.kit import Kit
from felix.gui.text.shown_text import segments
from felix.gui.wall.wall import Wall
from felix.settings import SettingsFile
from tests.gui.scene import Scene

THINKING = (
    "The question is really two questions: is chat better than e-mail for patients, and can a clinic of this size run "
    "a server at all.\n\nresearch-1 lists three options but does not weigh patient effort. If patients need an app, "
    "maybe a third will not install it.\n\nLet me compare on four axes: patient effort, staff effort, confidentiality, "
    "cost. Matrix wins on confidentiality, Talk on patient effort. Mattermost wins neither, only on"
)
OPTIONS = (
    "# Three workable options\n- **Matrix (Synapse + Element)** – federated, end-to-end encrypted by default.\n"
    "- **Mattermost Team** – simplest to run; `config.json` holds everything.\n- **Nextcloud Talk** – already "
    "half-installed at many clinics.\n\nPatients need **no account** only with Talk guest links."
)


class Hung:
    """A wall in a window, and the run it shows."""

    def __init__(self, window: tk.Toplevel, kit: Kit, file: Path) -> None:
        self.window = window
        self.prefs = SettingsFile(file)
        self.prefs.change(typing_effect=False)
        self.told: list[AgentId | None] = []
        self.wall = Wall(window, kit, self.prefs, on_maximise=self.told.append)
        self.wall.frame.place(x=12, y=12, width=840, height=660)
        window.update()
        self.scene = Scene()

    def show(self, scene: Scene | None = None) -> None:
        self.scene = scene or self.scene
        self.wall.show(self.scene.state)
        self.settle()

    def settle(self) -> None:
        now = time.monotonic()
        for step in range(100):  # what many cards have to show takes several frames
            if not self.wall.tick(now + step) and step >= 2:
                break
        self.window.update()

    def text(self, number: int) -> str:
        return "".join(part for _, part in segments(self.wall.cards[number].stream.text))

    def places(self) -> list[tuple[int, int, int, int]]:
        frames = [card.frame for card in self.wall.cards]
        return [(f.winfo_x(), f.winfo_y(), f.winfo_width(), f.winfo_height()) for f in frames]


@pytest.fixture
def hung(window: tk.Toplevel, kit: Kit, tmp_path: Path) -> Hung:
    return Hung(window, kit, tmp_path / "settings.json")


@pytest.mark.parametrize(
    ("agents", "width", "columns"),
    [(6, 840, 3), (4, 840, 2), (6, 500, 2), (6, 240, 1), (2, 900, 2), (1, 900, 1), (12, 990, 3)],
)
def test_columns_follow_the_width_and_the_agents(hung: Hung, agents: int, width: int, columns: int) -> None:
    hung.wall.frame.place(width=width)
    hung.show(Scene([f"agent-{n}" for n in range(agents)]))
    hung.window.update()
    assert len({x for x, _, _, _ in hung.places()}) == columns


def test_rows_share_the_height_and_nothing_overlaps(hung: Hung) -> None:
    hung.show()
    places = hung.places()
    assert {height for *_, height in places} == {(660 - 10) // 2}
    assert max(x + width for x, _, width, _ in places) <= 840
    assert len({(x, y) for x, y, _, _ in places}) == 6


@pytest.mark.slow
def test_thirty_two_agents_scroll_and_only_what_is_seen_gets_work(hung: Hung) -> None:
    scene = Scene([f"agent-{n}" for n in range(32)])
    hung.show(scene)
    assert min(height for *_, height in hung.places()) >= 176
    for agent in scene.ids:
        scene.say(agent, "some words")
    hung.wall.update(scene.state, set(scene.ids))
    hung.settle()
    assert "some words" in hung.text(0)
    assert hung.text(31) == ""
    hung.wall.focus_card(9)
    hung.wall.reveal(AgentId("agent-31"))
    hung.window.update()
    hung.settle()
    assert "some words" in hung.text(31)
    assert hung.wall.cards[31].has_focus


def test_what_many_cards_have_to_show_is_spread_over_frames(hung: Hung, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.gui.wall.wall.SPARE_S", 0.0)  # every card takes longer than that
    hung.show()
    for agent in hung.scene.ids:
        hung.scene.say(agent, "some words")
    hung.wall.update(hung.scene.state, set(hung.scene.ids))
    assert [bool(hung.text(number)) for number in range(6)] == [True] + [False] * 5
    frames = 0
    while hung.wall.tick(time.monotonic()) and frames < 50:
        frames += 1
    assert 4 <= frames < 50
    assert all("some words" in hung.text(number) for number in range(6))


def test_an_update_reaches_the_agent_that_changed(hung: Hung) -> None:
    hung.show()
    hung.scene.say("research-2", "hello")
    hung.wall.update(hung.scene.state, {AgentId("research-2")})
    hung.settle()
    assert "hello" in hung.text(1)
    assert hung.text(0) == ""


def test_a_card_becomes_big_and_small_again_and_loses_nothing(hung: Hung) -> None:
    scene = hung.scene
    scene.say("research-1", "line\n" * 100)
    hung.show()
    card = hung.wall.cards[0]
    card.stream.scroll("moveto", 0.2)
    hung.window.update()
    top = card.stream.text.index("@0,0")
    card.focus()
    hung.window.update()
    card.stream.text.event_generate("<Return>")
    hung.settle()
    assert hung.wall.maximised == "research-1"
    assert not card.frame.winfo_viewable()
    scene.say("research-1", "while it was big\n")
    hung.wall.update(scene.state, {AgentId("research-1")})
    assert "while it was big" not in hung.text(0)
    assert hung.wall.escape()
    hung.settle()
    assert "while it was big" in hung.text(0)
    assert card.stream.text.index("@0,0") == top
    assert card.has_focus
    assert hung.told == ["research-1", None]
    assert not hung.wall.escape()


def test_escape_closes_the_find_bar_before_the_big_card(hung: Hung) -> None:
    hung.scene.say("research-1", "text")
    hung.show()
    hung.wall.maximise(AgentId("research-1"))
    hung.settle()
    assert hung.wall.find()
    assert hung.wall.escape()
    assert hung.wall.maximised == "research-1"
    assert hung.wall.escape()
    assert hung.wall.maximised is None


def test_a_pause_reaches_the_cards_of_those_who_have_not_spoken(hung: Hung) -> None:
    hung.show(Scene(["research-1", "research-2"]))
    scene = spoken(hung.scene, 1, tokens=384)
    scene.tell(PauseChanged(state="paused"), 20.0)
    hung.wall.update(scene.state, {AgentId("research-1")})
    for _ in hung.wall.cards:  # what a frame has no time for comes with the next ones
        hung.wall.tick(20.0)
    badges = [card.frame.winfo_children()[0].winfo_children()[1].winfo_children()[0] for card in hung.wall.cards]
    assert "Paused" in {str(child.cget("text")).strip() for upper in badges for child in upper.winfo_children()}


def figures(hung: Hung, number: int) -> str:
    """What stands in the foot of a card."""
    foot = hung.wall.cards[number].foot
    return " ".join(str(child.cget("text")) for child in foot.winfo_children() if child.winfo_class() == "TLabel")


def test_cards_come_back_with_the_figures_of_what_was_said_behind_the_big_one(hung: Hung) -> None:
    hung.show(spoken(Scene(["research-1", "research-2"]), 1, tokens=384))
    hung.wall.maximise(AgentId("research-2"))
    spoken(hung.scene, 3, tokens=512)
    hung.wall.update(hung.scene.state, {AgentId("research-1")})
    hung.wall.maximise(None)  # the run has ended and the wall is hidden: nothing ticks it
    assert "512 tok" in figures(hung, 0)


def test_figures_come_with_the_thought_however_little_time_has_passed(hung: Hung) -> None:
    hung.show(spoken(Scene(["research-1", "research-2"]), 1, tokens=384))
    spoken(hung.scene, 3, tokens=512)
    hung.wall.update(hung.scene.state, {AgentId("research-1")})
    assert "512 tok" in figures(hung, 0)


def spoken(scene: Scene, number: int, *, tokens: int) -> Scene:
    """The first agent has said something in a round."""
    scene.round(number, at=10.0 * number)
    scene.say("research-1", "So.", 10.0 * number + 1)
    scene.end("research-1", at=10.0 * number + 8, usage=Tokens(prompt=9, completion=tokens))
    return scene


def test_a_chip_leads_from_one_big_card_to_another(hung: Hung) -> None:
    hung.scene.say("research-2", "the second says this")
    hung.show()
    hung.wall.maximise(AgentId("research-1"))
    hung.settle()
    hung.wall.focus_card(2)
    hung.settle()
    assert hung.wall.maximised == "research-2"


def test_the_next_run_begins_with_fresh_cards(hung: Hung) -> None:
    hung.scene.say("research-1", "of the first run")
    hung.show()
    hung.wall.maximise(AgentId("research-1"))
    hung.show(Scene())
    assert hung.wall.maximised is None
    assert [hung.text(n) for n in range(6)] == [""] * 6
    hung.show(Scene(["one-1", "two-1"]))
    assert len(hung.wall.cards) == 2
    hung.show(Scene())
    assert len(hung.wall.cards) == 6


def test_the_toolbar_of_the_card_under_the_pointer_copies_and_makes_big(hung: Hung) -> None:
    hung.scene.say("research-2", "words of the second")
    hung.show()
    hung.wall.cards[1].frame.event_generate("<Enter>")
    hung.window.update()
    buttons: list[tk.Misc] = []

    def look(widget: tk.Misc) -> None:
        for child in widget.winfo_children():
            if child.winfo_class() == "TButton" and child.winfo_viewable():
                buttons.append(child)
            look(child)

    look(hung.wall.frame)
    assert len(buttons) == 2
    expand, copy = buttons
    copy.invoke()
    assert "words of the second" in hung.window.clipboard_get()
    expand.invoke()
    assert hung.wall.maximised == "research-2"


def test_a_frame_costs_what_came_and_not_what_is_there(hung: Hung) -> None:
    scene = Scene([f"agent-{n}" for n in range(8)])
    hung.show(scene)
    for agent in scene.ids:
        scene.say(agent, "a line of text that was there before\n" * 2_000)
    for _ in range(20):
        hung.settle()
    took = []
    for step in range(60):
        for agent in scene.ids:
            scene.say(agent, "ten words " * (1 + step % 2))
        began = time.process_time()
        hung.wall.update(scene.state, set(scene.ids))
        hung.wall.tick(time.monotonic())
        hung.window.update_idletasks()
        took.append(time.process_time() - began)
    assert sorted(took)[30] < 0.020


def test_notes_stand_in_a_line_above_the_cards_and_above_the_big_one(hung: Hung) -> None:
    hung.show()
    before = hung.places()[0]
    strip = hung.wall._notes.frame
    assert not strip.winfo_ismapped()
    hung.scene.tell(NoteAdded(text="Euro,\nplease", agent_id=None), 20)
    hung.wall.update(hung.scene.state, set())
    hung.settle()
    assert strip.winfo_ismapped()
    assert hung.wall._notes._words.cget("text") == "Your note to all agents: Euro, please"
    card = hung.wall.cards[0].frame
    assert card.winfo_rooty() >= strip.winfo_rooty() + strip.winfo_height()
    assert card.winfo_height() < before[3]
    hung.scene.tell(NoteAdded(text="And mind the law", agent_id=AgentId("critic-1")), 21)
    hung.wall.update(hung.scene.state, set())
    hung.settle()
    assert hung.wall._notes._words.cget("text") == "Your note to critic-1: And mind the law"
    assert hung.wall._notes._count.cget("text") == "2 notes"
    hung.wall.maximise(AgentId("critic-1"))
    hung.settle()
    assert strip.winfo_ismapped()
    assert hung.wall._chips.frame.winfo_rooty() >= strip.winfo_rooty() + strip.winfo_height()
    halt = StoodStill(seconds=2_520.0, was_asleep=True)
    hung.scene.tell(halt, 2_600)
    hung.wall.update(hung.scene.state, set())
    assert hung.wall._notes._words.cget("text") == "The computer slept for 42 min – the run goes on."
    hung.show(Scene())
    assert not strip.winfo_ismapped()


def test_an_agent_that_a_rule_added_gets_a_card_and_a_chip(hung: Hung) -> None:
    hung.show()
    hung.scene.say("research-1", "First words")
    new = PlannedAgent(agent_id=AgentId("critic-2"), code="C2", role="critic", spawn=0.5, model="m")
    hung.wall.maximise(AgentId("research-1"))
    hung.settle()
    hung.scene.tell(AgentAdded(agent=new, rounds=hung.scene.state.rounds, reason="They disagree."), 20)
    hung.wall.update(hung.scene.state, set())
    hung.settle()
    assert [chip.agent_id for chip in hung.wall._chips._chips][-1] == "critic-2"
    hung.wall.maximise(None)
    hung.settle()
    agents = [card.agent.agent_id for card in hung.wall.cards if card.agent]
    assert agents == [*map(str, hung.scene.ids), "critic-2"]
    assert "First words" in hung.text(0)


def colours(picture: Path) -> set[str]:
    """Every colour in a picture, as the kit names them."""
    with Image.open(picture) as image:
        found = image.convert("RGB").getcolors(2**24)
    return {"#{:02x}{:02x}{:02x}".format(*colour) for _, colour in found or ()}


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_how_it_looks(hung: Hung, kit: Kit, mode: str, screenshot: Callable[[str], Path]) -> None:
    kit.set_theme("dark" if mode == "dark" else "light")
    scene = hung.scene
    scene.think("research-1", THINKING, 12, tokens=840)
    scene.say("research-1", OPTIONS, 24)
    scene.end("research-1", at=40, confidence=0.82, usage=Tokens(prompt=900, completion=612), duration=31)
    scene.act("research-2", "connecting", 20, cut="Two older thoughts did not fit into its prompt.")
    scene.think("research-2", THINKING[:200], 21, tokens=301)
    scene.say("research-2", OPTIONS[: len(OPTIONS) * 2 // 3], 30)
    scene.say("research-3", "Retention rules: messages that become part of the health record must be kept for", 40)
    scene.end("research-3", "failed", at=49, error="LM Studio closed the stream after 74 tokens; start it again.")
    scene.think("analysis-1", THINKING, 22, tokens=1_412)
    read = (ThoughtId("research-1#0"), ThoughtId("research-2#0"))
    scene.act("analysis-2", "reading", 54, fraction=0.4, detail="3,180 of 7,940 tokens", read=read)
    scene.act("critic-1", "queued", 54, position=2)
    hung.show()
    shades = colours(screenshot(f"wall-{mode}"))
    states = ("done", "fail", "think", "write", "prep", "queue")
    assert {kit["card"], *(kit[f"tint:{state}"] for state in states)} <= shades, "each state has its own badge"
    hung.wall.maximise(AgentId("research-1"))
    hung.settle()
    screenshot(f"wall-focus-{mode}")
    assert not any(card.frame.winfo_viewable() for card in hung.wall.cards), "the big card has the room of all"
