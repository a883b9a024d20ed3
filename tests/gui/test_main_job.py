"""The main job in the real window, against a real llama.cpp server; and two hundred runs that leave nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from felix.events import AgentId
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
    """Opens the window with a short workflow chosen."""
    opened: list[Opened] = []
    (tmp_path / "short.yaml").write_text(SHORT)

    def open_one(**settings: Any) -> Opened:
        file = write_settings(
            tmp_path / "settings.json", workflow=str(tmp_path / "short.yaml"), has_connected=True, **settings
        )
        opened.append(Opened(file))
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


@pytest.mark.slow
def test_two_hundred_runs_leave_no_threads_files_timers_or_tcl_commands(
    open_window: Callable[..., Opened],
) -> None:
    with FaultServer({"quick": answers}) as server:
        felix = open_window(base_url=server.url("quick"), streaming_batch_interval=0.0)
        felix.write("again?")

        def traces() -> dict[str, int]:
            felix.until(felix.window.chips.frame.winfo_viewable)
            felix.turn(300)  # the chips are drawn by now: a view in the making is no trace
            tk = felix.app.tk
            return {
                "threads": sum(thread.name == "felix-worker" for thread in threading.enumerate()),
                "files": psutil.Process().num_fds(),
                "timers": len(tk.splitlist(tk.call("after", "info"))),
                # a picture is a command too, and is counted below
                "commands": sum(not name.startswith("pyimage") for name in tk.splitlist(tk.call("info", "commands"))),
                "images": len(tk.splitlist(tk.call("image", "names"))),
            }

        for _ in range(5):  # what is made once is made now
            run(felix)
        # runs this short may end before the wall was on screen: its cards, which serve all runs, would be made later
        felix.window.column.pin("agents")
        felix.until(lambda: len(felix.window.wall.cards) == 3)
        felix.window.column.pin("answer")
        known = set(felix.app.tk.splitlist(felix.app.tk.call("info", "commands")))
        before = traces()
        for _ in range(200):
            run(felix)
        after = traces()
        grown = sorted(set(felix.app.tk.splitlist(felix.app.tk.call("info", "commands"))) - known)
    assert felix.window.bridge.state.status == "complete"
    assert after["threads"] == before["threads"] == 1
    # a state that happens to be seen for the first time has a picture made: a few per agent, however many runs
    for what, allowed in {"files": 4, "timers": 3, "commands": 10, "images": 30}.items():
        assert after[what] <= before[what] + allowed, f"{what} grew: {before} -> {after}: {grown}"
