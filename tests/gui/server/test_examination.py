"""The connection doctor in the window, against servers that speak the documented wire."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from felix.gui.server.doctor_panel import DoctorPanel
from felix.llm import discovery
from tests.gui.opened import Opened, free_port, write_settings
from tests.servers.fakes.lmstudio import FakeLMStudio
from tests.servers.fakes.openai import FakeOpenAI
from tests.servers.machine import Machine

Open = Callable[..., Opened]


@pytest.fixture
def open_window(display: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens a window, at its settings, on a machine without other model servers."""
    monkeypatch.setattr(discovery, "usual_addresses", lambda _environment: ())
    opened: list[Opened] = []

    def open_one(**settings: Any) -> Opened:
        opened.append(Opened(write_settings(tmp_path / "settings.json", has_connected=True, **settings)))
        opened[-1].window.show_settings()
        opened[-1].settle()
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def examined(felix: Opened) -> DoctorPanel:
    """The panel, when it has said what it found."""
    felix.window.settings_page.tab.endpoints.examine_button.invoke()
    panel = felix.window.settings_page.examination.panel
    assert panel is not None
    settled(felix, panel)
    return panel


def settled(felix: Opened, panel: DoctorPanel) -> None:
    felix.until(lambda: panel.again_button.instate(["!disabled"]) and panel.words)


@pytest.mark.slow
def test_a_model_is_loaded_by_one_click_and_that_can_be_taken_back(open_window: Open) -> None:
    with FakeLMStudio() as server:
        server.instances.clear()
        felix = open_window(base_url=server.base_url, model=server.idle)
        panel = examined(felix)
        load = next(button for button in panel.repairs if "Load" in str(button.cget("text")))
        load.invoke()
        felix.until(lambda: server.idle in server.instances and panel.undo_button.winfo_ismapped())
        settled(felix, panel)
        assert not any("Load" in str(button.cget("text")) for button in panel.repairs)
        panel.undo_button.invoke()
        felix.until(lambda: not server.instances and not panel.undo_button.winfo_ismapped())


@pytest.mark.slow
def test_an_address_is_mended_by_one_click_and_brought_back_by_another(open_window: Open) -> None:
    with FakeOpenAI() as server:
        wrong = f"http://127.0.0.1:{server.port}/wrong"
        entry = {"name": "Desk", "base_url": wrong}
        felix = open_window(base_url=wrong, endpoints=[entry])
        settings = felix.window.settings
        panel = examined(felix)
        assert "fault" in panel.verdict.cget("text")
        assert panel.repairs, panel.words
        panel.repairs[0].invoke()
        felix.until(lambda: settings.current.base_url == server.base_url)
        assert settings.current.endpoints[0].base_url == server.base_url
        settled(felix, panel)
        felix.until(lambda: "fault" not in panel.verdict.cget("text"))
        panel.undo_button.invoke()
        felix.until(lambda: settings.current.base_url == wrong)
        assert settings.current.endpoints[0].base_url == wrong
        settled(felix, panel)


@pytest.mark.slow
def test_the_same_question_is_asked_streamed_and_whole(open_window: Open) -> None:
    with FakeOpenAI() as server:
        felix = open_window(base_url=server.base_url)
        panel = examined(felix)
        panel.compare_button.invoke()
        felix.until(lambda: "First word" in felix.words(panel.overlay.body))
        said = felix.words(panel.overlay.body)
        assert "Streamed" in said and "Whole" in said
        assert "the text is the same" in panel.words[-1]
        felix.screenshot("connection-doctor")
        felix.press("<Escape>")
        assert not panel.is_open


def test_each_finding_is_shown_as_it_is_found_and_closing_takes_the_question_back(open_window: Open) -> None:
    with Machine("gpu", holds=True) as gpu:
        felix = open_window(base_url=gpu.base_url)
        felix.window.settings_page.tab.endpoints.examine_button.invoke()
        panel = felix.window.settings_page.examination.panel
        assert panel is not None
        felix.until(lambda: "Context" in felix.words(panel.overlay.body))
        assert "Answer" not in felix.words(panel.overlay.body).replace("Examining – Answer", "")
        assert panel.verdict.cget("text").startswith("Examining – Answer")
        assert panel.again_button.instate(["disabled"])
        gpu.wait_for(1)
        panel.overlay.close()
        gpu.wait_until_idle()


@pytest.mark.slow
def test_what_comes_after_the_panel_was_closed_is_no_fault(open_window: Open) -> None:
    felix = open_window(base_url=f"http://127.0.0.1:{free_port()}/v1")
    felix.window.settings_page.tab.endpoints.examine_button.invoke()
    panel = felix.window.settings_page.examination.panel
    assert panel is not None
    panel.overlay.close()
    until = time.monotonic() + 0.5
    felix.until(lambda: time.monotonic() > until)
    assert felix.window.settings_page.tab.endpoints.examine_button.instate(["!disabled"])
