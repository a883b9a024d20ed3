"""The model panel in the window, with an LM Studio, an Ollama and a silent server behind it, used by keys and mouse."""

from __future__ import annotations

import json
import tkinter as tk
from collections.abc import Iterator
from pathlib import Path

import pytest

from felix import servers
from felix.endpoints import Endpoint
from felix.gui.composer.model_choices import Choice, Heading
from felix.gui.composer.model_panel import ModelPanel
from tests.gui.opened import Opened, write_settings
from tests.servers.fakes.lmstudio import FakeLMStudio
from tests.servers.fakes.ollama import FakeOllama
from tests.servers.fakes.serving import Refusal, Request
from tests.servers.fault_server import FaultServer

pytestmark = pytest.mark.usefixtures("display")


class LargeStudio(FakeLMStudio):
    """With two hundred models beside its own."""

    def other(self, request: Request) -> Refusal:
        if request.path != "/api/v1/models":
            return super().other(request)
        names = (self.loaded, self.idle, *(f"model-{number}" for number in range(200)))
        return Refusal(200, {"models": [self._entry(name, 8) for name in names]})


@pytest.fixture(scope="module")
def studio() -> Iterator[LargeStudio]:
    with LargeStudio() as server:
        yield server


@pytest.fixture(scope="module")
def ollama() -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        yield server


@pytest.fixture(scope="module")
def opened(
    studio: LargeStudio, ollama: FakeOllama, display: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    path = tmp_path_factory.mktemp("models") / "settings.json"
    endpoints = [
        {"name": "Studio", "base_url": studio.base_url, "kind": "lmstudio", "key": "none"},
        {"name": "Ollama", "base_url": f"{ollama.root}/v1", "kind": "ollama", "key": "none"},
        {"name": "Gone", "base_url": "http://127.0.0.1:9/v1", "kind": "llamacpp", "key": "none"},
    ]
    write_settings(path, base_url=studio.base_url, endpoints=endpoints, has_connected=True)
    opened = Opened(path, size="1000x700")
    opened.until(lambda: opened.window.watch.server)
    yield opened
    opened.close()


@pytest.fixture
def panel(opened: Opened, studio: LargeStudio) -> Iterator[ModelPanel]:
    """Open, with all endpoints asked; the settings are as at first again afterwards."""
    before = opened.window.settings.current.model_dump()
    opened.press("<Down>", opened.window.model.button)
    panel = opened.window.model.panel
    assert panel is not None
    watch = opened.window.choosing.endpoints
    opened.until(lambda: len(watch.said) == 3 and not watch._asking)  # the last word of a look comes a moment later
    opened.settle()
    yield panel
    panel.close()
    opened.window.settings.change(**{key: before[key] for key in ("base_url", "model", "endpoints")})
    opened.window.apply_settings(frozenset({"base_url", "model"}))
    opened.until(lambda: opened.window.watch.server and opened.window.watch.base_url == studio.base_url)


def here(panel: ModelPanel) -> str:
    return panel.list.current.model if panel.list.current else "–"


def test_typing_searches_and_enter_takes_the_model_with_its_server(
    opened: Opened, panel: ModelPanel, ollama: FakeOllama
) -> None:
    for key in ("<Key-l>", "<Key-l>", "<Key-a>", "<Key-m>", "<Key-a>", "<Key-3>"):
        opened.press(key)
    assert [row.name for row in panel.list.rows] == ["Ollama", "llama3.1:8b"]
    opened.press("<Return>")
    assert opened.window.model.panel is None
    settings = opened.window.settings.current
    assert (settings.base_url, settings.model) == (f"{ollama.root}/v1", "llama3.1:8b")
    opened.until(lambda: opened.window.watch.server and opened.window.watch.server.name == "Ollama")
    assert str(opened.window.model.button.cget("text")).startswith("llama3.1:8b")
    path = opened.window.settings.path
    assert path is not None and json.loads(path.read_text())["model"] == "llama3.1:8b"


def test_arrow_keys_walk_over_models_alone_and_the_list_follows(opened: Opened, panel: ModelPanel) -> None:
    assert here(panel) == "", "where the choice is"
    opened.press("<Down>")
    assert here(panel) == "qwen3-8b"
    opened.press("<Up>")
    opened.press("<Up>")
    assert here(panel) == ""
    opened.press("<Next>")
    assert here(panel).startswith("model-"), "a page further"
    panel.list.step(1_000)
    opened.settle()
    assert here(panel) == "llama3.1:8b", "the last model of all: what does not answer has none"
    texts = [panel.list.canvas.itemcget(item, "text") for item in panel.list.canvas.find_all()
             if panel.list.canvas.type(item) == "text"]  # fmt: skip
    assert "llama3.1:8b" in texts and "Model 3" not in texts
    assert len(panel.list.canvas.find_all()) < 120, "two hundred models cost no more than those in view"


def test_an_endpoint_that_does_not_answer_says_so(panel: ModelPanel) -> None:
    headings = {row.name: row for row in panel.list.rows if isinstance(row, Heading)}
    assert headings["Gone"].state.words == "does not answer"
    assert headings["Gone"].sentence
    assert headings["Studio"].state.words == "answers · 202 models, 1 loaded"


def test_a_swap_is_told_before_it_happens(opened: Opened, panel: ModelPanel) -> None:
    opened.press("<Down>")
    assert not panel.warning.winfo_ismapped()
    opened.press("<Down>")
    opened.settle()
    assert panel.warning.winfo_ismapped()
    assert str(panel.warning.cget("text")).startswith("Qwen3 8B is loaded and may have to go: LM Studio ")


def test_a_model_is_loaded_and_unloaded_by_hand(opened: Opened, panel: ModelPanel, studio: LargeStudio) -> None:
    opened.press("<Down>")
    opened.press("<Down>")
    opened.press("<Shift-Return>")
    busy = opened.window.choosing.endpoints.busy_words
    opened.until(lambda: studio.idle in studio.instances and not busy(studio.base_url, studio.idle))
    gemma = next(row for row in panel.list.rows if isinstance(row, Choice) and row.model == studio.idle)
    assert gemma.state == "loaded" and here(panel) == studio.idle, "it is listed further up, and the keyboard with it"
    opened.press("<Shift-Return>")
    opened.until(lambda: studio.idle not in studio.instances and not busy(studio.base_url, studio.idle))
    assert opened.window.settings.current.model == "", "nothing was chosen by that"


def test_what_goes_on_is_told_in_seconds(opened: Opened, panel: ModelPanel) -> None:
    watch = opened.window.choosing.endpoints
    watch._begin("loading", "http://127.0.0.1:9/v1", "slow")
    assert watch.busy_words("http://127.0.0.1:9/v1", "slow") == "loading, 0 s"
    watch._ended("http://127.0.0.1:9/v1", "slow", None, None)
    assert watch.busy_words("http://127.0.0.1:9/v1", "slow") == ""


def test_a_load_that_fails_says_why_at_its_model(opened: Opened, panel: ModelPanel) -> None:
    opened.window.choosing.endpoints.load("http://127.0.0.1:9/v1", "slow")
    faults = opened.window.choosing.endpoints.faults
    opened.until(lambda: faults)
    assert list(faults) == [("http://127.0.0.1:9/v1", "slow")]
    faults.clear()


def test_escape_empties_the_search_then_closes_and_stops_nothing(opened: Opened, panel: ModelPanel) -> None:
    opened.press("<Key-x>")
    opened.press("<Key-x>")
    opened.press("<Key-x>")
    assert panel.list.rows == []
    opened.press("<Escape>")
    assert panel.entry.get() == "" and opened.window.model.panel is panel
    opened.press("<Escape>")
    assert opened.window.model.panel is None
    assert opened.app.focus_get() is opened.window.model.button


def test_a_click_elsewhere_closes_it(opened: Opened, panel: ModelPanel) -> None:
    heard: list[object] = []
    opened.app.bind("<Button-1>", heard.append, add="+")
    opened.click(opened.window.helix.canvas)
    assert opened.window.model.panel is None
    opened.click(opened.window.helix.canvas)
    assert len(heard) == 2, "what others have bound there stays bound"


def test_a_click_on_a_model_takes_it(opened: Opened, panel: ModelPanel) -> None:
    canvas = panel.list.canvas
    item = next(i for i in canvas.find_all() if canvas.type(i) == "text" and canvas.itemcget(i, "text") == "Qwen3 8B")
    x, y = canvas.coords(item)
    for kind in ("<Motion>", "<ButtonPress-1>", "<ButtonRelease-1>"):
        if canvas.winfo_exists():
            canvas.event_generate(kind, x=int(x) + 4, y=int(y))
    opened.settle()
    assert opened.window.settings.current.model == "qwen3-8b" and opened.window.model.panel is None


def test_it_stays_in_the_window(opened: Opened, panel: ModelPanel) -> None:
    frame = panel.frame
    opened.window.look.zoom(+0.3)
    try:
        panel.fit()
        opened.settle()
        assert frame.winfo_x() >= 0 and frame.winfo_x() + frame.winfo_width() <= opened.app.winfo_width()
        assert frame.winfo_y() >= 0 and frame.winfo_y() + frame.winfo_height() <= opened.app.winfo_height()
    finally:
        opened.window.look.zoom(0.0)


def test_a_model_file_becomes_an_endpoint_and_is_used(
    opened: Opened, panel: ModelPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tkinter import filedialog

    path = tmp_path / "a model-Q4_K_M.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.setattr(filedialog, "askopenfilename", lambda **_: str(path))
    opened.click(panel.file_button)
    settings = opened.window.settings.current
    (added,) = [each for each in settings.endpoints if each.kind == "file"]
    assert (added.base_url, settings.base_url, settings.model) == (path.as_uri(), path.as_uri(), "")
    opened.window.model.open_file()
    assert sum(each.kind == "file" for each in opened.window.settings.current.endpoints) == 1, "it is remembered once"


def test_the_other_ways_lead_on(opened: Opened, panel: ModelPanel) -> None:
    opened.click(panel.demo_button)
    assert opened.window.watch.uses_demo and opened.window.model.button.cget("text") == "Demo model"
    opened.window.model.toggle()
    opened.settle()
    again = opened.window.model.panel
    assert again is not None and not any(isinstance(row, Choice) and row.is_chosen for row in again.list.rows)
    again.list.step(1)
    again.list.choose()
    opened.until(lambda: not opened.window.watch.uses_demo)


def test_endpoints_lead_to_the_settings(opened: Opened, panel: ModelPanel) -> None:
    opened.click(panel.endpoints_button)
    assert opened.window.header.page == 1
    opened.press("<Control-Tab>")
    assert isinstance(opened.window.model.button, tk.Misc) and opened.window.model.panel is None


def test_the_tab_key_goes_through_the_panel_and_out_of_it(opened: Opened, panel: ModelPanel) -> None:
    panel.entry.focus_force()
    opened.settle()
    for button in (panel.file_button, panel.demo_button, panel.endpoints_button):
        opened.press("<Tab>")
        assert opened.app.focus_get() is button and opened.window.model.panel is panel
    opened.press("<Tab>")
    opened.settle()
    assert opened.window.model.panel is None, "who goes on has left it"


def test_closing_the_panel_takes_its_question_back(
    opened: Opened, panel: ModelPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "LOOK_S", 60.0)
    with FaultServer({"m": lambda client: client.silence()}) as mute:
        settings = opened.window.settings
        endpoint = Endpoint(name="Mute", base_url=mute.url("m"), key="none")
        settings.change(endpoints=[*settings.current.endpoints, endpoint])
        panel._acts.look()
        opened.until(lambda: mute.is_connected)
        panel.close()
        mute.wait_until_idle()
        watch = opened.window.choosing.endpoints
        watch.look(is_passing=True)
        watch.look()  # somebody else wants to know, too
        opened.until(lambda: mute.is_connected)
        watch.look_away()
        opened.turn(50)
        assert mute.is_connected
