"""What a user can ask of an agent at its card: buttons, keys, menu, the line for a question; and what comes of it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Iterator
from pathlib import Path
from tkinter import ttk as plain

import pytest

from felix.events import (
    AgentAdded,
    AgentId,
    NoteAdded,
    PlannedAgent,
    QuestionClosed,
    QuestionRaised,
    Status,
    WrapUpAsked,
)
from felix.gui.kit import Kit
from felix.gui.wall.offers import CardActs, Offers, offers_for
from felix.gui.wall.question_line import QuestionLine
from felix.ledger.speech import Agent
from felix.ledger.state import RunState
from felix.settings import SettingsFile
from tests.gui.scene import Scene
from tests.gui.wall.test_card import ME, Shown

Asked = list[tuple[object, ...]]


@pytest.fixture
def prefs(tmp_path: Path) -> SettingsFile:
    file = SettingsFile(tmp_path / "settings.json")
    file.change(typing_effect=False)
    return file


@pytest.fixture
def asked() -> Asked:
    """What the card has asked for."""
    return []


@pytest.fixture
def told() -> list[str]:
    """What was said about a question that cannot be asked."""
    return []


@pytest.fixture
def replaying() -> list[bool]:
    """Holds something while nothing may be asked."""
    return []


@pytest.fixture
def shown(
    window: tk.Toplevel, kit: Kit, prefs: SettingsFile, asked: Asked, replaying: list[bool], told: list[str]
) -> Iterator[Shown]:
    def offers(agent: Agent, state: RunState) -> Offers:
        return frozenset() if replaying else offers_for(agent, state)

    acts = CardActs(
        offers=offers,
        stop=lambda agent: asked.append(("stop", agent)),
        retry=lambda thought: asked.append(("retry", thought)),
        edit=lambda thought: asked.append(("edit", thought)),
        go_on=lambda thought: asked.append(("go on", thought)),
        ask=lambda agent, question: asked.append(("ask", agent, question)),
        answer=lambda question, stop: asked.append(("answer", question, stop)),
        tell=told.append,
    )
    shown = Shown(window, kit, prefs, acts=acts)
    yield shown
    shown.card.frame.destroy()


def button(shown: Shown, words: str) -> plain.Button:
    """A button on the card that can be seen, by its words."""
    found = [each for each in buttons(shown.card.frame) if str(each.cget("text")) == words]
    assert found, f"no button says {words}"
    return found[0]


def buttons(widget: tk.Misc) -> list[plain.Button]:
    children = [each for each in widget.winfo_children() if each.winfo_ismapped()]
    mine = [each for each in children if isinstance(each, plain.Button)]
    return mine + [each for child in children for each in buttons(child)]


def words_of_buttons(shown: Shown) -> list[str]:
    return [words for each in buttons(shown.card.frame) if (words := str(each.cget("text")))]


def press(shown: Shown, key: str) -> None:
    shown.card.stream.text.focus_force()
    shown.card.stream.text.event_generate(key)
    shown.window.update()


# -- stop and retry ----------------------------------------------------------------------------------------------------


def test_delete_stops_the_agent_and_the_badge_says_so_at_once(shown: Shown, asked: Asked) -> None:
    shown.scene.say(ME, "Half of it")
    shown.refresh()
    press(shown, "<Delete>")
    assert asked == [("stop", ME)]
    assert "Stopping…" in shown.words
    shown.scene.end(ME, "stopped")
    shown.refresh()
    assert "Stopped by you" in shown.words
    assert "Stopping…" not in shown.words


@pytest.mark.parametrize("status", ["failed", "stopped", "interrupted", "unconfirmed", "refused"])
def test_a_card_that_came_to_grief_offers_another_try(shown: Shown, asked: Asked, status: Status) -> None:
    shown.scene.say(ME, "Half of it")
    shown.scene.end(ME, status)
    shown.refresh()
    assert words_of_buttons(shown) == ["Retry", "Edit and retry…"]
    button(shown, "Edit and retry…").invoke()
    assert asked == [("edit", f"{ME}#1")]


def test_a_double_click_on_retry_asks_once(shown: Shown, asked: Asked) -> None:
    shown.scene.say(ME, "Half of it")
    shown.scene.end(ME, "failed")
    shown.refresh()
    button(shown, "Retry").invoke()
    button(shown, "Retry").invoke()
    assert asked == [("retry", f"{ME}#1")]


def test_a_cut_answer_offers_to_go_on(shown: Shown, asked: Asked) -> None:
    shown.scene.say(ME, "Half of it")
    shown.scene.end(ME, "truncated")
    shown.refresh()
    button(shown, "Continue writing").invoke()
    assert asked == [("go on", f"{ME}#1")]


def test_r_takes_a_complete_turn_again(shown: Shown, asked: Asked) -> None:
    shown.scene.say(ME, "All of it")
    shown.scene.end(ME)
    shown.refresh()
    press(shown, "<Key-r>")
    assert asked == [("retry", f"{ME}#1")]


def test_in_the_middle_of_a_replay_there_is_nothing_to_ask(shown: Shown, asked: Asked, replaying: list[bool]) -> None:
    replaying.append(True)
    shown.scene.say(ME, "Half of it")
    shown.scene.end(ME, "failed")
    shown.refresh()
    for key in ("<Key-r>", "<Key-a>", "<Delete>"):
        press(shown, key)
    assert asked == []
    assert words_of_buttons(shown) == []


@pytest.mark.parametrize("height", [176, 194])
def test_a_small_card_says_in_one_line_what_went_wrong_and_keeps_its_text(shown: Shown, height: int) -> None:
    shown.scene.say(ME, "\n".join(f"Point {number} of what had come." for number in range(20)))
    shown.scene.end(ME, "failed", error="Connection refused: nothing listens there – start the server.")
    shown.refresh()
    assert "Connection refused: nothing listens there – start the server." in shown.words
    assert words_of_buttons(shown) == ["Retry", "Edit and retry…"]
    shown.card.frame.place(height=height)
    shown.window.update()
    shown.refresh()
    assert "The answer broke off" in shown.words
    assert "Connection refused" not in shown.words
    assert words_of_buttons(shown) == ["Retry"]
    text = shown.card.stream.text
    assert text.winfo_height() >= 2 * text.dlineinfo("end-1c")[3]


def test_in_a_narrow_small_card_the_first_remedy_is_a_shape(shown: Shown, asked: Asked) -> None:
    shown.card.frame.place(height=176, width=250)
    shown.scene.say(ME, "Half of it")
    shown.scene.end(ME, "unconfirmed")
    shown.window.update()
    shown.refresh()
    assert words_of_buttons(shown) == []
    buttons(shown.card.frame)[0].invoke()
    assert asked == [("retry", f"{ME}#1")]


def test_in_a_small_card_a_guards_question_leaves_room_for_the_text(shown: Shown, asked: Asked) -> None:
    shown.card.frame.place(height=190)
    shown.scene.say(ME, "\n".join(f"Point {number} of what had come." for number in range(20)))
    question = f"{ME} has been silent since 07:10:12 – stop it, or wait?"
    shown.scene.tell(QuestionRaised(question_id="q1", doubt="silent", agent_id=ME, text=question), 31)
    shown.window.update()
    shown.refresh()
    assert f"{ME} has been silent since 07:10:12" in shown.words
    assert "or wait?" not in shown.words
    text = shown.card.stream.text
    assert text.winfo_height() >= 2 * text.dlineinfo("end-1c")[3]
    go_on = next(each for each in buttons(shown.card.frame) if str(each.cget("text")) == "")
    button(shown, "Stop").invoke()
    go_on.invoke()
    assert asked == [("answer", "q1", True)]


# -- what a better go replaces -----------------------------------------------------------------------------------------


def retried(scene: Scene) -> None:
    """A turn that failed, and the try that came to an answer."""
    scene.say(ME, "A poor start")
    scene.end(ME, "failed", error="The server closed the stream.")
    scene.ask(ME, "retry", 2, of=f"{ME}#1", at=40)
    scene.say(ME, "A good answer.", at=41)
    scene.end(ME, at=45)


def test_a_try_stands_below_until_it_is_complete_and_then_in_place_of_the_first(shown: Shown) -> None:
    scene = shown.scene
    scene.say(ME, "A poor start")
    scene.end(ME, "failed", error="The server closed the stream.")
    scene.ask(ME, "retry", 2, of=f"{ME}#1", at=40)
    scene.say(ME, "A good", at=41)
    shown.refresh()
    assert "A poor start" in shown.text
    assert "Round 1 · depth 0.30 · tried again" in shown.text
    scene.say(ME, " answer.", at=42)
    scene.end(ME, at=45)
    shown.refresh()
    assert "A poor start" not in shown.text
    assert shown.text.startswith("Round 1 · depth 0.30 · replaced by a later try")
    assert "A good answer." in shown.text
    assert "Done" in shown.words


def test_what_was_replaced_can_be_opened_and_folded_again(shown: Shown) -> None:
    retried(shown.scene)
    shown.refresh()
    text = shown.card.stream.text
    for is_open in (True, False, True):
        box = text.bbox("1.4")
        assert box is not None
        text.event_generate("<Motion>", x=box[0] + 2, y=box[1] + 2)  # tags learn of the pointer by its moves
        text.event_generate("<ButtonPress-1>", x=box[0] + 2, y=box[1] + 2)
        text.event_generate("<ButtonRelease-1>", x=box[0] + 2, y=box[1] + 2)
        shown.refresh()
        assert ("A poor start" in shown.text) is is_open
        assert "A good answer." in shown.text


def test_the_same_run_shown_again_reads_the_same(shown: Shown) -> None:
    retried(shown.scene)
    shown.refresh()
    before = shown.text
    shown.card.forget()
    shown.refresh()
    assert shown.text == before


# -- questions to an agent ---------------------------------------------------------------------------------------------


def test_a_opens_a_line_and_enter_sends_what_was_asked(shown: Shown, asked: Asked) -> None:
    shown.scene.say(ME, "All of it")
    shown.scene.end(ME)
    shown.refresh()
    press(shown, "<Key-a>")
    assert f"Ask {ME} about what it said" in shown.words
    entry = shown.card.frame.focus_get()
    assert isinstance(entry, plain.Entry)
    entry.insert(0, "What would change your mind?")
    entry.event_generate("<Return>")
    shown.window.update()
    assert asked == [("ask", ME, "What would change your mind?")]
    assert f"Ask {ME}" not in shown.words


def test_escape_takes_the_line_away_and_gives_the_keyboard_back(shown: Shown, asked: Asked) -> None:
    shown.scene.say(ME, "All of it")
    shown.scene.end(ME)
    shown.refresh()
    press(shown, "<Key-a>")
    entry = shown.card.frame.focus_get()
    assert isinstance(entry, plain.Entry)
    entry.event_generate("<Escape>")
    shown.window.update()
    assert not entry.winfo_ismapped()
    assert shown.card.has_focus
    assert asked == []


def test_an_answer_streams_below_the_question(shown: Shown) -> None:
    scene = shown.scene
    scene.say(ME, "All of it")
    scene.end(ME)
    scene.ask(ME, "ask", 1, text="What would\nchange your mind?")
    scene.say(ME, "A better ", at=41)
    shown.refresh()
    assert shown.text.endswith("You asked: What would change your mind?\nA better ")
    scene.say(ME, "figure.", at=42)
    scene.end(ME, at=43)
    shown.refresh()
    assert shown.text.endswith("A better figure.")


def test_an_answer_that_broke_off_says_so_and_leaves_the_turn_what_it_is(shown: Shown) -> None:
    scene = shown.scene
    scene.say(ME, "All of it")
    scene.end(ME)
    scene.ask(ME, "ask", 1, text="Why?")
    scene.say(ME, "Because", at=41)
    scene.end(ME, "stopped", at=43)
    shown.refresh()
    assert "Stopped: Stopped by you" in shown.text
    assert "Done" in shown.words
    assert "Stopped by you" not in shown.words


# -- what others say ---------------------------------------------------------------------------------------------------


def test_a_note_stands_above_the_first_thought_that_read_it(shown: Shown) -> None:
    scene = shown.scene
    scene.say(ME, "Before.")
    scene.end(ME)
    scene.tell(NoteAdded(text="Euro,\nplease", agent_id=None), 35)
    scene.tell(NoteAdded(text="Not for you", agent_id=AgentId("critic-1")), 36)
    scene.round(2, at=39)
    scene.say(ME, "After.", at=40)
    scene.end(ME, at=42)
    scene.round(3, at=43)
    scene.say(ME, "Later.", at=44)
    shown.refresh()
    note = shown.text.index("Your note to all agents: Euro, please\n")
    assert shown.text.index("Before.") < note < shown.text.index("Round 2")
    assert shown.text.count("Your note") == 1


def test_a_note_that_nobody_has_read_yet_is_no_part_of_the_card(shown: Shown) -> None:
    shown.scene.say(ME, "Before.")
    shown.scene.tell(NoteAdded(text="Euro", agent_id=None), 35)
    shown.refresh()
    assert "Your note" not in shown.text


def test_a_guards_question_stands_on_the_card_until_it_is_closed(shown: Shown, asked: Asked) -> None:
    scene = shown.scene
    scene.say(ME, "again and again and again")
    scene.tell(QuestionRaised(question_id="q1", doubt="repeats", agent_id=ME, text="It repeats itself."), 20)
    shown.refresh()
    assert "It repeats itself." in shown.words
    button(shown, "Let it go on").invoke()
    button(shown, "Stop").invoke()  # one answer is enough
    assert asked == [("answer", "q1", False)]
    scene.tell(QuestionClosed(question_id="q1", answer="go_on"), 21)
    shown.refresh()
    assert "It repeats itself." not in shown.words


def test_a_guard_of_the_run_as_a_whole_offers_to_wrap_up(window: tk.Toplevel, kit: Kit) -> None:
    line = QuestionLine(window, kit, on_answer=lambda _question, _stop: None)
    for who, words in ((ME, "Stop"), (None, "Wrap up")):
        line.show(QuestionRaised(question_id=f"q{who}", doubt="tokens", agent_id=who, text="Too much – and now?"))
        assert line.stop.cget("text") == words


def test_an_agent_that_a_rule_added_says_why_it_came(shown: Shown) -> None:
    scene, new = shown.scene, AgentId("critic-2")
    agent = PlannedAgent(agent_id=new, code="C2", role="critic", spawn=0.5, model="m")
    reason = "It came because the agents disagree."
    scene.tell(AgentAdded(agent=agent, rounds=scene.state.rounds, reason=reason), 20)
    shown.card.show(scene.state.agents[new], scene.state)
    shown.card.tick(1e9)
    shown.window.update()
    assert reason in shown.words
    scene.say(new, "I see it otherwise.", at=25)
    shown.card.show(scene.state.agents[new], scene.state)
    for n in range(3):
        shown.card.tick(1e9 + n)
    assert shown.text.startswith(f"{reason}\nRound 1")


def test_a_question_that_cannot_be_asked_now_says_when_it_can(shown: Shown, told: list[str]) -> None:
    shown.scene.say(ME, "Half of it")
    shown.refresh()
    press(shown, "<Key-a>")
    assert told == [f"{ME} can be asked when what it writes now is done."]
    shown.scene.end(ME)
    shown.scene.tell(WrapUpAsked(), 35)
    shown.refresh()
    press(shown, "<Key-a>")
    assert told[1:] == [f"{ME} can be asked when the answer is done."]
