"""The main job in the real window: a task is typed, agents write, the hub answers; and every way of breaking it off."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import felix.engine
from felix.events import AgentId, RunId
from felix.gui.composer.composer import Phase
from felix.gui.header import SETTINGS, WORKFLOWS
from felix.ledger.state import RunState
from felix.team.hub import CentralPost
from tests.gui.opened import Opened, free_port, write_settings
from tests.servers.demo import demo_server
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import event, text

Open = Callable[..., Opened]
TWO = """
name: Two
agents: [{id: research, role: research}, {id: analysis, role: analysis}]
checkpoints: [0.2]
"""


@pytest.fixture
def open_window(display: str, tmp_path: Path) -> Iterator[Open]:
    """Opens a window on settings of its own; it is closed when the test ends."""
    opened: list[Opened] = []

    def open_one(*, size: str = "1400x900", demo: bool = False, **settings: Any) -> Opened:
        opened.append(Opened(write_settings(tmp_path / "settings.json", **settings), size=size, demo=demo))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def two(tmp_path: Path) -> str:
    """A workflow of three answers, for tests that wait for the end of a run."""
    path = tmp_path / "two.yaml"
    path.write_text(TWO)
    return str(path)


@pytest.fixture
def human_server() -> Iterator[str]:
    """The demo model at the pace of people."""
    with demo_server(1) as base_url:
        yield base_url


@pytest.fixture
def slow_demo_server() -> Iterator[str]:
    """The demo model at a pace that leaves time to do something meanwhile."""
    with demo_server(20) as base_url:
        yield base_url


@pytest.fixture
def hubs(monkeypatch: pytest.MonkeyPatch) -> list[CentralPost]:
    """The hubs of the runs that the engine makes."""
    made: list[CentralPost] = []

    class Kept(CentralPost):
        def __init__(self, run: RunId, **options: Any) -> None:
            super().__init__(run, **options)
            made.append(self)

    monkeypatch.setattr(felix.engine, "CentralPost", Kept)
    return made


def test_a_task_is_typed_and_run_to_its_synthesis(
    slow_demo_server: str, open_window: Open, hubs: list[CentralPost]
) -> None:
    felix = open_window(base_url=slow_demo_server, has_connected=True)
    window = felix.window
    felix.write("should we move?")
    assert window.composer.box.text == "should we move?"
    assert "8 calls in 3 rounds" in felix.words(window.composer.frame)
    felix.screenshot("window-before-a-run")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: window.bridge.state.round == 2)
    felix.until(lambda: window.column.view == "agents")
    assert "Stop" in felix.words(window.composer.frame)
    assert "should we move" in window.wall.cards[0].stream.text.get("1.0", "end")
    felix.screenshot("window-mid-run")
    felix.until(lambda: window.synthesis.is_rendered)
    felix.screenshot("window-finished")

    state = window.bridge.state
    felix.until(lambda: state.status == "complete")
    assert state == hubs[0].state
    assert window.column.view == "answer"
    assert window.composer.box.text == "should we move?"
    assert "Run again" in felix.words(window.composer.frame)
    assert "4 of 4 agents complete" in felix.words(window.status.frame)
    assert state.synthesis is not None
    answer = str(state.synthesis.answer)
    assert answer.split("\n", maxsplit=1)[0].strip("# ") in window.synthesis.rendered.widget.get("1.0", "end")


def test_run_again_starts_a_new_run_with_nothing_of_the_old_one(
    slow_demo_server: str, open_window: Open, two: str
) -> None:
    felix = open_window(base_url=slow_demo_server, has_connected=True, workflow=two)
    window = felix.window
    felix.write("zebras")
    felix.click(window.composer.button)
    felix.until(lambda: window.bridge.state.status == "complete")
    first = window.bridge.state.run
    window.composer.box.text = "second"
    felix.until(lambda: not window.composer.buttons.is_new(window.composer.button))
    felix.click(window.composer.button)
    assert window.bridge.state.run != first
    felix.until(lambda: window.column.view == "agents")
    felix.until(lambda: window.bridge.state.status == "complete")
    assert window.bridge.state.plan is not None
    assert window.bridge.state.plan.task == "second"
    assert "zebras" not in window.wall.cards[0].stream.text.get("1.0", "end")


def test_a_double_click_on_run_is_one_run(human_server: str, open_window: Open, hubs: list[CentralPost]) -> None:
    felix = open_window(base_url=human_server, has_connected=True)
    felix.write("once")
    felix.click(felix.window.composer.button, times=2)
    felix.until(lambda: felix.window.bridge.state.is_running)
    assert len(hubs) == 1
    assert felix.window.composer.phase == "running"


def test_stop_ends_the_run_and_keeps_what_was_written(human_server: str, open_window: Open) -> None:
    felix = open_window(base_url=human_server, has_connected=True)
    window = felix.window
    felix.write("stop me")
    felix.press("<Control-Return>", felix.task)
    felix.until(
        lambda: window.bridge.state.thoughts and any(len(t.answer) for t in window.bridge.state.thoughts.values())
    )
    seen: list[str] = []
    button = window.composer.button
    set_phase = window.composer.set_phase

    def watched(phase: Phase) -> None:
        set_phase(phase)
        seen.append(str(button.cget("text")))

    window.composer.set_phase = watched  # type: ignore[method-assign]
    asked = time.monotonic()
    felix.press("<Escape>")
    felix.until(lambda: window.bridge.state.status == "stopped")
    assert time.monotonic() - asked < 1.0
    felix.until(lambda: window.composer.phase == "finished")
    assert seen == ["Stopping…", "Run again"]
    assert {thought.status for thought in window.bridge.state.thoughts.values()} == {"stopped"}
    felix.until(lambda: window.column.view == "agents")
    assert window.wall.frame.winfo_viewable()
    felix.until(lambda: "The run ended before its turn" in felix.words(window.wall.frame))
    felix.screenshot("window-stopped")


def test_escape_closes_what_is_open_before_it_stops_the_run(human_server: str, open_window: Open) -> None:
    felix = open_window(base_url=human_server, has_connected=True)
    window = felix.window
    felix.write("patience")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: window.wall.cards and window.bridge.state.is_running)
    felix.press("<Control-Key-2>")
    felix.until(lambda: window.wall.cards[1].has_focus)
    felix.press("<Return>")
    assert window.wall.maximised == "research-2"
    felix.press("<F1>")
    assert "Shortcuts" in felix.words()
    felix.press("<Escape>")
    assert window.wall.maximised == "research-2"
    felix.press("<Escape>")
    assert window.wall.maximised is None
    assert window.bridge.state.is_running
    felix.press("<Escape>")
    felix.until(lambda: window.bridge.state.status == "stopped")


def test_closing_mid_run_frees_the_server_within_two_seconds(open_window: Open) -> None:
    def begins_and_never_ends(client: Connection) -> None:
        if client.request.method == "GET":
            client.reply_json({"data": [{"id": "endless"}]})
            return
        client.head()
        client.send(event(text("Well")))
        client.silence()

    with FaultServer({"endless": begins_and_never_ends}) as server:
        felix = open_window(base_url=server.url("endless"), has_connected=True)
        felix.write("close me")
        felix.press("<Control-Return>", felix.task)
        felix.until(lambda: any(len(thought.answer) for thought in felix.window.bridge.state.thoughts.values()))
        began = time.monotonic()
        felix.app.tk.eval(felix.app.tk.call("wm", "protocol", ".", "WM_DELETE_WINDOW"))
        assert time.monotonic() - began < 2.0
        for request in server.posts("endless"):
            assert request.gone.wait(2)


@pytest.mark.slow
def test_tab_theme_and_type_size_change_in_the_middle_of_a_run(slow_demo_server: str, open_window: Open) -> None:
    felix = open_window(base_url=slow_demo_server, has_connected=True)
    window = felix.window
    felix.write("restless")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: window.bridge.state.thoughts)
    number = 0
    while window.bridge.state.status is None:
        match number % 4:
            case 0:
                felix.click(window.header.theme)
            case 1:
                felix.press("<Control-Tab>")
            case 2:
                felix.press("<Control-plus>" if number % 8 < 4 else "<Control-minus>")
            case _:
                window.header.turn_to(WORKFLOWS)
        number += 1
        felix.turn(150)
    window.header.turn_to(WORKFLOWS)
    felix.until(lambda: window.synthesis.is_rendered)
    assert window.bridge.state.status == "complete"
    window.column.pin("agents")
    agents = window.bridge.state.agents.values()
    last_lines = [str(agent.thoughts[-1].answer).strip().split("\n")[-1].strip("*_") for agent in agents]
    felix.until(
        lambda: all(
            line in card.stream.text.get("1.0", "end").replace("*", "")
            for line, card in zip(last_lines, window.wall.cards, strict=True)
        )
    )


@pytest.mark.slow
def test_while_the_settings_are_in_front_the_wall_gets_nothing(slow_demo_server: str, open_window: Open) -> None:
    felix = open_window(base_url=slow_demo_server, has_connected=True)
    window = felix.window
    felix.write("hidden")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: window.wall.cards)
    window.column.pin("agents")
    felix.press("<Control-comma>")
    assert window.header.page == SETTINGS
    calls: list[RunState] = []
    update = window.wall.update
    window.wall.update = lambda state, dirty: calls.append(state) or update(state, dirty)  # type: ignore[func-returns-value, method-assign]
    felix.until(lambda: window.bridge.state.round >= 2)
    assert calls == []
    window.header.turn_to(WORKFLOWS)
    felix.until(lambda: "hidden" in window.wall.cards[0].stream.text.get("1.0", "end"))


def test_while_a_server_does_not_answer_the_agents_are_seen_connecting(open_window: Open) -> None:
    def says_nothing(client: Connection) -> None:
        client.silence()

    with FaultServer({"mute": says_nothing}) as server:
        felix = open_window(base_url=server.url("mute"), has_connected=True)
        window = felix.window
        felix.write("hello?")
        felix.press("<Control-Return>", felix.task)
        felix.until(lambda: "Connecting to the server" in felix.words(window.wall.frame))
        words = felix.words(window.wall.frame)
        assert words.count("Connecting to the server") == 2
        assert "Speaks from round 2 on" in words
        assert window.wall.cards[0].agent == window.bridge.state.agents[AgentId("research-1")]
        assert "connecting…" in felix.words(window.status.frame)
        assert "0 of 8 thoughts" in felix.words(window.status.frame)
        felix.until(lambda: "2 s" in felix.words(window.wall.frame), timeout_s=4.0)
        felix.screenshot("window-connecting")
        felix.press("<Escape>")
        felix.until(lambda: window.bridge.state.status == "stopped")
        felix.screenshot("window-stopped-connecting")
        felix.until(lambda: window.column.view == "agents")


def test_the_first_run_of_all_is_seen_connecting_and_can_be_stopped(open_window: Open) -> None:
    def says_nothing(client: Connection) -> None:
        client.silence()

    with FaultServer({"mute": says_nothing}) as server:
        felix = open_window(base_url=server.url("mute"))
        window = felix.window
        felix.write("hello?")
        felix.press("<Control-Return>", felix.task)
        felix.until(lambda: "Connecting to the server" in felix.words(window.wall.frame))
        assert not window.watch.is_known
        felix.press("<Escape>")
        felix.until(lambda: window.composer.phase == "finished")
        assert window.bridge.state.status == "stopped"
        assert "Not asked" in felix.words(window.wall.frame)


@pytest.mark.slow
def test_a_dead_server_is_a_sentence_with_next_steps_once_one_has_been_used(open_window: Open) -> None:
    felix = open_window(base_url=f"http://127.0.0.1:{free_port()}/v1", has_connected=True)
    window = felix.window
    felix.until(lambda: window.watch.is_known)
    assert not window.watch.uses_demo
    felix.write("anybody?")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: window.bridge.state.status == "failed")
    felix.until(lambda: "Use the demo model" in felix.words(window.failure.frame))
    said = felix.words(window.failure.frame)
    assert window.bridge.state.reason in said
    for step in ("Try again", "Connection", "Use the demo model"):
        assert step in said
    felix.screenshot("window-dead-server")
    felix.click(window.failure.connection)
    assert window.header.page == SETTINGS
    window.header.turn_to(WORKFLOWS)
    felix.settle()
    felix.click(window.failure.demo)
    felix.until(lambda: window.bridge.state.is_running and window.bridge.state.plan)
    assert window.bridge.state.plan is not None
    assert window.bridge.state.plan.demo
    assert "Demo model – scripted text" in felix.words(window.banner.frame)


def test_the_keyboard_walks_through_the_regions_and_finds(slow_demo_server: str, open_window: Open, two: str) -> None:
    felix = open_window(base_url=slow_demo_server, has_connected=True, workflow=two)
    window = felix.window
    felix.write("walk")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: window.synthesis.is_rendered)
    seen = []
    for _ in range(8):
        felix.press("<F6>")
        seen.append(str(felix.app.tk.call("focus")))
    assert window.synthesis.text.yview()[0] == 0
    assert any(path.startswith(str(window.chips.frame)) for path in seen)
    assert any(path.startswith(str(window.synthesis.frame)) for path in seen)
    assert any(path.startswith(str(window.wing.frame)) for path in seen)
    assert any(path.startswith(str(window.keeping.wing.frame)) for path in seen)
    assert str(felix.task) in seen
    felix.press("<Control-f>")
    felix.until(window.synthesis.close_find)
    felix.press("<Control-plus>")
    assert window.settings.current.font_scale == 1.1
    felix.press("<Control-Key-0>")
    assert window.settings.current.font_scale == 1.0


def test_a_citation_and_a_chip_lead_to_the_card_and_escape_leads_back(
    slow_demo_server: str, open_window: Open, two: str
) -> None:
    felix = open_window(base_url=slow_demo_server, has_connected=True, workflow=two)
    window = felix.window
    felix.write("lead me")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: window.synthesis.is_rendered and window.column.view == "answer")
    window.show_card(AgentId("analysis-1"))
    felix.until(window.wall.frame.winfo_viewable)
    assert window.wall.maximised == "analysis-1"
    felix.press("<Escape>")
    assert window.column.view == "answer"
    felix.until(window.synthesis.frame.winfo_viewable)
    felix.press("<Control-Key-2>")
    felix.until(window.wall.frame.winfo_viewable)
    assert window.wall.cards[1].has_focus, "from the answer, a card's key leads to the wall first"
    felix.press("<Control-Shift-F>")
    assert felix.app.focus_get() is window.keeping.shelf.list.search, "and a card keeps no key of the window"


@pytest.mark.slow
def test_runs_leave_no_timers_and_no_commands_behind(fast_demo_server: str, open_window: Open) -> None:
    felix = open_window(base_url=fast_demo_server, has_connected=True, typing_effect=False)
    window = felix.window

    def left() -> tuple[int, int]:
        return (
            len(felix.app.tk.splitlist(felix.app.tk.call("after", "info"))),
            # pictures are commands too; the stores that keep them have limits of their own
            sum(not name.startswith("pyimage") for name in felix.app.tk.splitlist(felix.app.tk.eval("info commands"))),
        )

    def run() -> tuple[int, int]:
        window.composer.box.text = "again"
        window.composer.run()
        felix.until(lambda: window.bridge.state.status == "complete" and window.synthesis.is_rendered)
        return left()

    run()
    run()
    timers, commands = run()
    for _ in range(3):
        run()
    # what a run has begun ends within a moment; what it had left behind would stay
    felix.until(lambda: left()[0] <= timers + 1 and left()[1] <= commands + 5)
    assert left()[0] <= timers + 1


@pytest.mark.slow
def test_control_enter_runs_from_wherever_the_workflows_have_the_keyboard(
    fast_demo_server: str, open_window: Open, two: str
) -> None:
    felix = open_window(base_url=fast_demo_server, has_connected=True, workflow=two, typing_effect=False)
    window = felix.window
    felix.write("again")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: window.composer.phase == "finished" and window.synthesis.is_rendered)
    felix.until(lambda: window.chips._chips)
    for focus in (
        window.synthesis.text.focus_set,
        window.chips._chips[0].frame.focus_set,
        window.helix.canvas.focus_set,
        window.model.button.focus_set,
    ):
        before = window.bridge.run
        focus()
        felix.press("<Control-Return>")
        felix.until(lambda: window.bridge.run != before, timeout_s=2)  # noqa: B023  called at once
        felix.until(lambda: window.composer.phase == "finished" and window.synthesis.is_rendered)
    before = window.bridge.run
    felix.press("<Control-comma>")
    felix.press("<Control-Return>")
    assert window.bridge.run == before


@pytest.mark.slow
def test_find_from_the_task_searches_the_first_card_and_leads_to_what_it_counts(
    human_server: str, open_window: Open
) -> None:
    felix = open_window(base_url=human_server, has_connected=True)
    window = felix.window
    felix.write("zebra")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: window.wall.cards and window.wall.cards[0].stream.text.get("1.0", "end").count("\n") > 3)
    felix.press("<Escape>")
    felix.until(lambda: window.composer.phase == "finished")
    text = window.wall.cards[0].stream.text
    text.insert("1.0", "needle\n" + "hay\n" * 200)
    text.see("end")
    felix.press("<Control-f>", felix.task)
    felix.until(lambda: str(felix.app.focus_get()).startswith(str(window.wall.cards[0].frame)), timeout_s=2)
    for char in "needle":
        felix.press(f"<Key-{char}>")
        felix.press(f"<KeyRelease-{char}>")
    assert text.dlineinfo("1.0") is not None
    assert felix.task.get("1.0", "end-1c") == "zebra"
