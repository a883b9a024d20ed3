"""A run with real tools, in the real window, with the demo model: it asks, it is answered, and the result stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from felix.events import AgentId
from felix.gui.runs.runs_words import live_words
from felix.gui.text.shown_text import segments
from tests.gui.opened import Opened, write_settings

pytestmark = pytest.mark.usefixtures("display")
READER = AgentId("reader-1")


@pytest.fixture(scope="module")
def felix(display: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    home = tmp_path_factory.mktemp("tools")
    (home / "papers").mkdir()
    (home / "papers" / "plan.md").write_text("The library opens at nine.")
    file = write_settings(
        home / "settings.json", workflow="my_files", tool_trust={"calculator": "ask"}, has_connected=True
    )
    opened = Opened(file, demo=True)
    opened.window.engine._servers._demo_speed = 20.0  # before the demo model is started
    yield opened
    opened.close()


def guard(felix: Opened) -> str:
    line = felix.window.composer._guard
    return str(line.label.cget("text")) if line.frame.winfo_ismapped() else ""


def test_without_a_folder_the_task_says_where_to_choose_one(felix: Opened) -> None:
    felix.window.composer.take("When does the library open?")
    felix.until(lambda: guard(felix))
    assert "No folder is chosen" in guard(felix)
    assert "Settings, Tools" in guard(felix)
    folder = str(Path(felix.window.settings.path).parent / "papers")
    felix.window.settings.change(tool_folder=folder)
    felix.window.apply_settings(frozenset({"tool_folder"}))
    felix.until(lambda: not guard(felix))


@pytest.mark.slow
def test_the_run_waits_for_the_user_and_uses_what_the_tools_brought(felix: Opened) -> None:
    window = felix.window
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: str(window.status.waiting.cget("text")) == "reader-1 asks you")
    felix.until(window.status.waiting.winfo_ismapped)
    live = live_words(window.bridge.live, window.bridge.live.now)
    assert live is not None
    assert live.words == "Asks you"
    card = window.wall.cards[0]
    felix.until(lambda: card._alerts._approval is not None and card._alerts._approval.frame.winfo_ismapped())
    block = card._alerts._approval
    assert block is not None
    assert "round(" in block.arguments.get("1.0", "end")
    assert window.helix.scene.nodes[0].state == "stop"
    window.chips.show(window.bridge.state)
    assert "Asks you" in [str(chip._word.cget("text")).strip() for chip in window.chips._chips]
    felix.click(window.status.waiting)
    felix.until(lambda: str(felix.app.focus_get()) == str(block.buttons["once"]))
    block._shown_at -= 1
    felix.press("<Key-t>", block.buttons["once"])
    state = window.bridge.state
    felix.until(lambda: len(state.agents[READER].thoughts[0].calls) == 3)
    felix.until(lambda: state.agents[READER].thoughts[0].calls[-1].status == "ok")
    assert not window.status.waiting.winfo_ismapped()
    felix.until(lambda: "letters on average" in str(state.agents[READER].thoughts[0].answer))
    felix.until(lambda: not card.tick(0.0))
    said = "".join(words for _, words in segments(card.stream.text))
    assert "calculator · ok · " in said
    assert "read_file · ok · " in said
    assert "Worked out: the words of the task have 4.6 letters on average" in said
    window.control.stop()
    felix.until(lambda: state.status is not None)
