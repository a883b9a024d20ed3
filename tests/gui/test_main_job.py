"""The main job in the real window, against a real llama.cpp server; and a thousand runs that leave nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from felix.events import AgentId
from felix.ledger.reader import Reader
from tests.gui.opened import Opened, write_settings
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.llamacpp import LlamaServer
from tests.servers.quirks import GOOD, events

SHORT = """
name: Short
agents: [{id: research, role: research, count: 3, max_tokens: 150}]
checkpoints: [0, 0.5]
continue_truncated: 0
synthesis: {max_tokens: 150}
"""


@pytest.fixture
def open_window(display: str, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Opens the window with a short workflow chosen, and a ledger as users have one."""
    opened: list[Opened] = []
    (tmp_path / "short.yaml").write_text(SHORT)

    def open_one(**settings: Any) -> Opened:
        file = write_settings(
            tmp_path / "settings.json", workflow=str(tmp_path / "short.yaml"), has_connected=True, **settings
        )
        opened.append(Opened(file, ledger=tmp_path / "ledger.db", session=tmp_path / "session.json"))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def run(felix: Opened) -> None:
    """Run what stands in the task box, until it has ended."""
    before = felix.window.bridge.run
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: felix.window.bridge.run != before and felix.window.bridge.state.status is not None, 60)


def test_agents_of_a_real_model_write_in_their_cards_and_the_hub_answers(
    open_window: Callable[..., Opened], thinking_llama_server: LlamaServer
) -> None:
    felix = open_window(base_url=thinking_llama_server.base_url)
    window = felix.window
    felix.write("why do rivers bend?")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: len(window.wall.cards) == 3)

    def writing() -> int:
        return sum(t.is_live and len(t.answer) + len(t.thinking) > 0 for t in window.bridge.state.thoughts.values())

    felix.until(lambda: writing() >= 2, 60)  # several at the same time
    felix.screenshot("main-job-llama-running")
    felix.until(lambda: window.bridge.state.status is not None, 90)
    felix.settle()
    felix.screenshot("main-job-llama-finished")
    state = window.bridge.state
    assert state.plan is not None and state.plan.server_name == "llama.cpp"
    assert state.plan.model == "tiny-babble" and state.plan.context_length == 4_096
    assert len(state.thoughts) == 6 and state.synthesis is not None
    for thought in state.thoughts.values():
        assert thought.usage is not None and thought.usage.completion > 0
        assert len(thought.thinking) > 0
    with_text = [t for t in state.agents[AgentId("research-1")].thoughts if str(t.answer).strip()]
    window.show_card(AgentId("research-1"))
    felix.settle()
    shown = window.wall.cards[0].stream.text.get("1.0", "end")
    for thought in with_text:
        first_words = str(thought.answer).split()[:1]
        assert all(word.strip("#*-`") in shown for word in first_words)


def answers(client: Connection) -> None:
    if client.request.method == "POST":
        events(*GOOD)(client)
    elif client.request.path.endswith("/v1/models") and "/api/" not in client.request.path:
        client.reply_json({"object": "list", "data": [{"id": "m", "object": "model"}]})
    else:
        client.reply_json({"error": "unknown path"}, "404 Not Found")


BRIEF = """
name: Brief
agents: [{id: research, role: research}]
checkpoints: [0]
"""
CYCLES = 1_000
WITH_PANELS = 100
"""How many of them with all panels open, which take twice as long."""


def cycle(felix: Opened, number: int, speak: threading.Event) -> None:
    """A run that ends by itself, or every other time one that is stopped: at once, or while an agent waits."""
    window, before = felix.window, felix.window.bridge.run
    is_held = number % 4 == 1
    (speak.clear if is_held else speak.set)()
    window.composer.run()
    if is_held:
        felix.until(lambda: window.bridge.run != before and bool(window.bridge.state.thoughts), 60)
    if number % 2:
        window.control.stop()
    felix.until(lambda: window.bridge.run != before and window.bridge.state.status is not None, 60)
    # one that is stopped at once may be faster than the click
    expected = {0: {"complete"}, 1: {"stopped"}, 2: {"complete"}, 3: {"stopped", "complete"}}
    assert window.bridge.state.status in expected[number % 4]


def traces(felix: Opened) -> dict[str, set[str]]:
    """By kind, the names of all that a run could leave behind."""
    tk = felix.app.tk
    commands = set(tk.splitlist(tk.call("info", "commands")))
    images = {name for name in commands if name.startswith("pyimage")}
    return {
        "threads": {
            f"{thread.name} {thread.ident}" for thread in threading.enumerate() if thread.name == "felix-worker"
        },
        "files": {f"{file.name} {file.readlink()}" for file in Path("/proc/self/fd").iterdir() if file.is_symlink()},
        "timers": set(tk.splitlist(tk.call("after", "info"))),
        "commands": commands - images,
        "images": images,
    }


@pytest.mark.slow
def test_a_thousand_runs_begun_and_ended_leave_nothing_behind(
    open_window: Callable[..., Opened], tmp_path: Path
) -> None:
    (tmp_path / "brief.yaml").write_text(BRIEF)
    speak = threading.Event()

    def when_told(client: Connection) -> None:
        if client.request.method == "POST":
            client.wait(speak)
        answers(client)

    with FaultServer({"quick": when_told}) as server:
        felix = open_window(base_url=server.url("quick"), streaming_batch_interval=0.0)
        window = felix.window
        window.settings.change(workflow=str(tmp_path / "brief.yaml"))
        window.workflow.refresh()
        felix.write("again?")
        for number in range(4):
            cycle(felix, number, speak)
            for panel in ("answer", "both", "agents"):  # what is made when it is first seen is made now
                window.column.pin(panel)
                felix.turn(100)
        # SQLite keeps the descriptors of closed readers while the writer holds its lock, and gives them out again
        with ExitStack() as readers:
            for _ in range(4):
                readers.enter_context(Reader(tmp_path / "ledger.db"))
        felix.turn(500)
        before = traces(felix)
        for number in range(CYCLES):
            if number == WITH_PANELS:
                window.wing.toggle()
                window.keeping.wing.toggle()
                felix.app.geometry("1000x700")
            cycle(felix, number, speak)
        window.wing.toggle()
        window.keeping.wing.toggle()
        felix.app.geometry("1400x900")

        def grown() -> dict[str, list[str]]:
            """What is more than it was; a state that is seen for the first time may still have its picture made."""
            after = traces(felix)
            return {
                what: sorted(after[what] - before[what])
                for what in after
                if len(after[what]) > len(before[what]) + (12 if what == "images" else 0)
            }

        felix.turn(500)
        try:
            felix.until(lambda: not grown(), 10)
        except AssertionError:
            pytest.fail(f"left behind: {grown()}")
        cycle(felix, 0, speak)
    assert window.bridge.state.status == "complete"
