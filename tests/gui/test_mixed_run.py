"""One run that asks three servers at once, in the window: LM Studio and Ollama as documented, llama.cpp itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from felix import places
from felix.gui.answer.synthesis_head import figures
from tests.gui.opened import Opened, write_settings
from tests.servers.fakes.lmstudio import FakeLMStudio
from tests.servers.fakes.ollama import FakeOllama
from tests.servers.fakes.script import End, Load, Read, Say, Script
from tests.servers.llamacpp import LlamaServer

pytestmark = pytest.mark.usefixtures("display")

WORKFLOW = """\
name: Three machines
roles:
  research: {endpoint: Studio, model: qwen3-8b}
  analysis: {endpoint: Ollama, model: "qwen3:8b"}
  critic: {endpoint: Rack}
agents:
  - {id: research, role: research, count: 2}
  - {id: analysis, role: analysis, spawn: 0}
  - {id: critic, role: critic, spawn: 0}
checkpoints: [0]
synthesis: {endpoint: Studio}
"""
ANSWER = Script(Load(0.5), Load(1.0), Read(0.4), Say("Two ways are worth a look. "), Say("Confidence: 0.70"), End())


@pytest.fixture
def opened(
    llama_server: LlamaServer, display: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opened]:
    monkeypatch.setattr(places, "user_workflows", lambda: tmp_path / "workflows")
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "three_machines.yaml").write_text(WORKFLOW)
    with FakeLMStudio(ANSWER) as studio, FakeOllama(ANSWER) as ollama:
        endpoints = [
            {"name": "Studio", "base_url": studio.base_url, "kind": "lmstudio", "key": "none"},
            {"name": "Ollama", "base_url": f"{ollama.root}/v1", "kind": "ollama", "key": "none"},
            {"name": "Rack", "base_url": llama_server.base_url, "kind": "llamacpp", "key": "none"},
        ]
        path = write_settings(
            tmp_path / "settings.json", base_url=studio.base_url, endpoints=endpoints, has_connected=True,
            workflow="three_machines", max_tokens=40,
        )  # fmt: skip
        opened = Opened(path)
        yield opened
        opened.close()


def test_three_kinds_of_server_serve_one_run_and_everybody_is_told_by_place(opened: Opened) -> None:
    window = opened.window
    opened.until(lambda: window.watch.server)
    opened.write("How do we keep our photographs?")
    opened.press("<Control-Return>", opened.task)
    opened.until(lambda: window.bridge.state.status is not None, timeout_s=60)
    state = window.bridge.state
    assert (state.status, state.reason) == ("complete", "")
    asked = {name: (thought.endpoint, thought.status) for name, thought in state.thoughts.items()}
    assert asked == {
        "research-1#1": ("Studio", "complete"),
        "research-2#1": ("Studio", "complete"),
        "analysis-1#1": ("Ollama", "complete"),
        "critic-1#1": ("Rack", asked["critic-1#1"][1]),
    }
    assert asked["critic-1#1"][1] in ("complete", "truncated"), "a model without sense ends where it likes"
    assert state.synthesis is not None and state.synthesis.endpoint == "Studio"
    activities = [activity for _, activity in state.thoughts["research-1#1"].states]  # type: ignore[index]
    assert activities.index("loading") < activities.index("reading") < activities.index("writing")
    window.column.pin("agents")
    opened.settle()
    words = opened.words()
    assert "3 servers" in words
    assert words.count("·  Studio") == 2 and words.count("·  Ollama") == 1 and words.count("·  Rack") == 1
    assert "Studio · qwen3-8b" in figures(state.synthesis, state, state.now).replace("  ", " ")
    opened.screenshot("mixed-run")
