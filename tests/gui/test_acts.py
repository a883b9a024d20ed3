"""The user's acts in the real window, with a real engine and the demo model: what each does, and how soon it shows."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable, Iterator
from pathlib import Path
from tkinter import ttk as plain

import pytest

from felix.events import AgentId
from felix.gui.wall.card import Card
from felix.ledger.state import RunState
from tests.gui.opened import Opened, write_settings
from tests.servers.demo import demo_server

Open = Callable[..., Opened]

LONG = """
name: Long
agents: [{id: research, role: research, count: 2}, {id: critic, role: critic}]
checkpoints: [0, 0.2, 0.4, 0.6, 0.8]
"""
SHORT = """
name: Short
agents: [{id: research, role: research}, {id: critic, role: critic}]
checkpoints: [0, 0.5]
"""


@pytest.fixture(scope="module")
def slow_server() -> Iterator[str]:
    """The demo model at a pace that leaves time for an act."""
    with demo_server(4) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def quick_server() -> Iterator[str]:
    with demo_server(200) as base_url:
        yield base_url


@pytest.fixture
def open_window(display: str, tmp_path: Path) -> Iterator[Open]:
    opened: list[Opened] = []

    def open_one(base_url: str, workflow: str = SHORT) -> Opened:
        path = tmp_path / "workflow.yaml"
        path.write_text(workflow)
        file = write_settings(tmp_path / "settings.json", base_url=base_url, has_connected=True, workflow=str(path))
        opened.append(Opened(file, ledger=tmp_path / "ledger.db"))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def state_of(felix: Opened) -> RunState:
    return felix.window.bridge.state


def begin(felix: Opened, task: str = "should we move?") -> None:
    """Run a task, until agents write."""
    felix.window.composer.box.text = task
    before = felix.window.bridge.run
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: felix.window.bridge.run != before and any(t.answer for t in state_of(felix).thoughts.values()))


def over(felix: Opened) -> None:
    felix.until(lambda: state_of(felix).status is not None, 60)
    felix.settle()


def run(felix: Opened, task: str = "should we move?") -> None:
    begin(felix, task)
    over(felix)


def card(felix: Opened, agent: str) -> Card:
    """Of the agent, once the wall has drawn it: what was hidden is drawn with the next frame."""

    def found() -> list[Card]:
        return [each for each in felix.window.wall.cards if each.agent and each.agent.agent_id == agent]

    felix.until(found)
    return found()[0]


def text(of: Card) -> str:
    return of.stream.text.get("1.0", "end-1c")


def words(felix: Opened) -> str:
    return felix.words(felix.window.composer.frame)


def show_agents(felix: Opened) -> None:
    felix.window._choose_view("agents")
    felix.settle()


def button(felix: Opened, of: Card, label: str) -> plain.Button:
    """A button of the card by its words, once it can be seen."""
    found: list[plain.Button] = []

    def look() -> bool:
        waiting = list(of.frame.winfo_children())
        for each in waiting:
            waiting += each.winfo_children()
            if isinstance(each, plain.Button) and each.winfo_viewable() and str(each.cget("text")) == label:
                found.append(each)
        return bool(found)

    felix.until(look)
    return found[0]


# -- a run that goes on ------------------------------------------------------------------------------------------------


def test_a_run_is_told_something_paused_and_wrapped_up(slow_server: str, open_window: Open) -> None:
    felix = open_window(slow_server, LONG)
    window, sheet = felix.window, felix.window.acts.sheet
    begin(felix)
    felix.press("<Control-P>", felix.task)
    assert "Pausing after this round…" in words(felix)

    felix.press("<Control-N>", felix.task)
    assert sheet.is_open
    sheet.box.widget.insert("1.0", "Prices in euro, please")
    felix.press("<Control-Return>", sheet.box.widget)
    assert not sheet.is_open
    felix.until(lambda: "Your note to all agents: Prices in euro, please" in felix.words(window.wall.frame))

    felix.until(lambda: "Paused – Go on" in words(felix))
    state = state_of(felix)
    assert state.pause == "paused"
    asked = len(state.thoughts)
    assert not any(thought.is_live for thought in state.thoughts.values())
    felix.click(window.composer.buttons.pause)
    assert "Paused" not in words(felix)
    felix.until(lambda: len(state.thoughts) > asked)

    one = next_to_stop(felix)
    assert one.agent is not None
    assert "Your note to all agents: Prices in euro, please\nRound" in text(one)
    stopped = one.agent.latest
    felix.press("<Delete>", one.stream.text)
    felix.until(lambda: "Stopped by you" in felix.words(one.frame))
    assert [t for t in state.thoughts.values() if t.status == "stopped"] == [stopped]  # the others go on

    felix.task.focus_force()
    felix.task.event_generate("<Control-Shift-Return>")
    felix.app.update_idletasks()  # no word of the engine in between: the synthesis may begin within a few ms
    assert "Wrapping up…" in words(felix)
    assert window.composer.buttons.wrap_up.instate(["disabled"])
    felix.until(lambda: state.synthesis is not None)
    assert state.round < len(state.rounds)
    assert state.synthesis is not None and state.synthesis.left_out
    assert not any(thought.is_live for thought in state.thoughts.values())


def next_to_stop(felix: Opened) -> Card:
    """A card whose agent has begun to write."""
    found: list[Card] = []

    def look() -> bool:
        for each in felix.window.wall.cards:
            if "stop" in each.offers and each.agent and each.agent.latest and each.agent.latest.answer:
                found.append(each)
        return bool(found)

    felix.until(look)
    felix.settle()
    return found[0]


def test_stop_shows_in_the_moment_it_is_pressed_and_is_no_success(slow_server: str, open_window: Open) -> None:
    felix = open_window(slow_server, LONG)
    begin(felix)
    felix.until(lambda: time.monotonic() - felix.window.composer._pressed_at > 0.5)
    felix.window.composer.button.invoke()
    felix.app.update_idletasks()  # no frame, no word of the engine in between
    assert "Stopping…" in words(felix)
    over(felix)
    assert state_of(felix).status == "stopped"
    assert "Stopped by you" in felix.words(felix.window.wall.frame)
    assert "Done" not in felix.words(card(felix, "research-1").frame)
    assert "Ask a follow-up" not in words(felix)  # there is no answer to ask further
    assert "Continue" in words(felix)
    felix.window.acts.continue_run()
    felix.until(lambda: state_of(felix).is_running)
    felix.until(lambda: any(thought.act == "retry" for thought in state_of(felix).thoughts.values()))
    # every key of the window works from the list of runs as well, where Enter alone opens one
    felix.press("<Control-Shift-Return>", felix.window.keeping.shelf.list.canvas.canvas)
    felix.until(lambda: state_of(felix).is_wrapping_up)
    over(felix)
    assert state_of(felix).status == "complete" and "Continue" not in words(felix)


def test_a_run_that_cannot_go_on_says_why(open_window: Open) -> None:
    with demo_server(4) as base_url:
        felix = open_window(base_url, LONG)
        begin(felix)
        felix.window.control.stop()
        over(felix)
    ended = state_of(felix).ended_at
    felix.window.acts.continue_run()
    felix.until(lambda: state_of(felix).status == "stopped" and state_of(felix).ended_at != ended)
    felix.until(lambda: "nothing listens at" in words(felix))
    assert "Continue" in words(felix), "it can be tried again"


@pytest.mark.slow
def test_an_agent_that_was_stopped_is_not_called_stopping_in_the_next_run(slow_server: str, open_window: Open) -> None:
    felix = open_window(slow_server, LONG)
    begin(felix)
    one = card(felix, "research-1")
    felix.until(lambda: "stop" in one.offers)
    one.asking.stop()
    assert one.asking.is_stopping
    felix.window.control.stop()
    over(felix)
    begin(felix, "and now?")
    felix.until(lambda: "stop" in card(felix, "research-1").offers)
    assert not card(felix, "research-1").asking.is_stopping
    felix.window.control.stop()
    over(felix)


# -- a run that has ended ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_turn_is_taken_again_in_other_words_and_the_hub_writes_anew_each_time(
    quick_server: str, open_window: Open
) -> None:
    felix = open_window(quick_server)
    window, sheet = felix.window, felix.window.acts.sheet
    run(felix)
    show_agents(felix)
    one = card(felix, "research-1")
    felix.until(lambda: "retry" in one.offers)
    one.asking.edit()
    felix.until(lambda: sheet.is_open)
    assert "should we move?" in sheet.box.text
    assert "Same model" in str(sheet.choice.cget("text"))
    sheet.box.text = "Say it in one sentence."
    felix.settle()
    felix.click(sheet.go)
    felix.until(lambda: bool(state_of(felix).earlier))
    over(felix)
    tried = state_of(felix).agents[AgentId("research-1")].thoughts[-1]
    assert (tried.act, tried.asked, tried.status) == ("retry", "Say it in one sentence.", "complete")
    felix.until(lambda: "replaced by a later try" in text(one))

    window._choose_view("answer")
    head = window.synthesis.head
    felix.until(lambda: "Answer 2 of 2" in felix.words(head.frame))
    felix.click(head.back)
    felix.until(lambda: "Answer 1 of 2" in felix.words(head.frame))
    assert head.back.instate(["disabled"])

    felix.click(head.again)
    assert sheet.is_open
    sheet.box.text = "As a table"
    felix.settle()
    felix.click(sheet.go)
    felix.until(lambda: len(state_of(felix).earlier) == 2)
    over(felix)
    felix.until(lambda: "Answer 3 of 3" in felix.words(head.frame))
    assert "You wanted: As a table" in felix.words(head.frame)


def test_an_agent_answers_a_question_in_its_card(quick_server: str, open_window: Open) -> None:
    felix = open_window(quick_server)
    run(felix)
    show_agents(felix)
    one, answer = card(felix, "research-1"), state_of(felix).synthesis
    felix.until(lambda: "ask" in one.offers)
    felix.press("<Key-a>", one.stream.text)
    felix.until(lambda: isinstance(felix.app.focus_get(), plain.Entry))
    entry = felix.app.focus_get()
    assert isinstance(entry, plain.Entry)
    entry.insert(0, "Which figure is a guess?")
    felix.press("<Return>", entry)
    felix.until(lambda: any(t.act == "ask" for t in state_of(felix).thoughts.values()))
    over(felix)
    felix.until(lambda: "You asked: Which figure is a guess?" in text(one))
    assert state_of(felix).status == "complete"
    assert state_of(felix).synthesis is answer

    # in the middle of a replay there is nobody to ask
    player = felix.window.bridge.player
    assert player is not None
    player.seek(player.duration_s / 2)
    felix.until(lambda: felix.window.bridge.is_replaying and not one.offers)
    player.seek(player.duration_s)
    felix.until(lambda: one.offers == {"retry", "ask"})


@pytest.mark.slow
def test_a_note_that_comes_too_late_is_kept_on_its_sheet(slow_server: str, open_window: Open) -> None:
    felix = open_window(slow_server, LONG)
    sheet = felix.window.acts.sheet
    begin(felix)
    felix.press("<Control-N>", felix.task)
    assert sheet.is_open
    sheet.box.widget.insert("1.0", "Prices in euro, please")
    felix.until(lambda: sheet.go.instate(["!disabled"]))
    felix.window.control.stop()
    over(felix)
    felix.until(lambda: sheet.go.instate(["disabled"]))
    felix.press("<Control-Return>", sheet.box.widget)
    assert (sheet.is_open, sheet.box.text) == (True, "Prices in euro, please")
    assert "nobody would read the note" in felix.words(sheet.frame)


def follow_link(felix: Opened, label: str) -> None:
    """Click a run of the thread above the task, as soon as it stands there."""

    def links() -> list[tk.Misc]:
        children = felix.window.acts.thread.frame.winfo_children()
        return [each for each in children if str(each.cget("text")).startswith(label)]

    thread = felix.window.acts.thread
    felix.until(lambda: thread._shown[1:] == (felix.window.bridge.run,) and links())  # it is drawn anew for each run
    felix.click(links()[0])


@pytest.mark.slow
def test_a_follow_up_begins_with_the_answer_and_both_stand_in_a_line(quick_server: str, open_window: Open) -> None:
    felix = open_window(quick_server)
    run(felix, "should we move?")
    first = felix.window.bridge.run
    buttons = felix.window.composer.buttons
    felix.until(lambda: not buttons.is_new(buttons.follow_up))
    felix.click(buttons.follow_up)
    assert "Follow-up to: should we move?" in words(felix)
    run(felix, "and the cost?")
    plan = state_of(felix).plan
    assert plan is not None and plan.follows == first and plan.context
    assert "Follow-up to" not in words(felix)
    felix.until(lambda: "2 · and the cost?" in words(felix))
    follow_link(felix, "1 · should we move?")
    felix.until(lambda: felix.window.composer.box.text == "should we move?")
    # the follow-up itself, run again, still follows
    follow_link(felix, "2 · and the cost?")
    felix.until(lambda: felix.window.composer.box.text == "and the cost?")
    run(felix, "and the cost?")
    plan = state_of(felix).plan
    assert plan is not None and plan.follows == first and plan.context
    follow_link(felix, "1 · should we move?")
    felix.until(lambda: felix.window.bridge.run == first)
    felix.until(lambda: felix.window.composer.box.text == "should we move?")
    # a past run is as good as the last one: it can be asked further, and tried again
    show_agents(felix)
    one = card(felix, "critic-1")
    felix.until(lambda: one.offers == {"retry", "ask"})
    one.retry()
    felix.until(lambda: state_of(felix).status is None)
    over(felix)
    assert felix.window.bridge.run == first
    assert state_of(felix).agents[AgentId("critic-1")].thoughts[-1].act == "retry"
