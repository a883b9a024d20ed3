"""The Settings tab with the engine behind it, against servers that speak the documented wire."""

from __future__ import annotations

from pathlib import Path

import pytest

from felix.llm import discovery
from tests.gui.opened import Opened, write_settings
from tests.servers.fakes.lmstudio import FakeLMStudio
from tests.servers.fakes.ollama import FakeOllama
from tests.servers.fakes.openai import FakeVLLM


@pytest.mark.slow
def test_endpoints_are_asked_found_added_and_their_models_loaded(
    display: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeLMStudio() as studio, FakeOllama() as ollama, FakeVLLM() as box:
        monkeypatch.setattr(discovery, "usual_addresses", lambda _environment: (studio.base_url, ollama.base_url))
        entries = [
            {"name": "Studio", "base_url": studio.base_url, "context_length": 2048},
            {"name": "Box", "base_url": box.base_url},
            {"name": "Gone", "base_url": "http://127.0.0.1:9/v1"},
        ]
        file = write_settings(tmp_path / "settings.json", base_url=studio.base_url, endpoints=entries)
        felix = Opened(file)
        try:
            felix.window.show_settings()
            part = felix.window.settings_page.tab.endpoints
            felix.until(lambda: all("asking" not in state for *_, state in part.list.words))
            assert [state for *_, state in part.list.words] == [
                "answers · 2 models, 1 loaded", "answers · 1 model, 1 loaded", "does not answer",
            ]  # fmt: skip

            felix.until(lambda: part.models.rows)
            row = part.models.rows[studio.idle]
            assert row.button is not None
            row.button.invoke()
            assert row.entry is not None and row.entry.get() == "2048", "as the endpoint says"
            felix.settle()
            felix.press("<Return>", row.entry)
            felix.until(lambda: studio.idle in studio.instances)
            assert studio.instances[studio.idle]["context_length"] == 2048
            felix.until(lambda: part.models.rows[studio.idle].row.shown.startswith("Loaded · 2k"))
            button = part.models.rows[studio.loaded].button
            assert button is not None
            button.invoke()
            felix.until(lambda: studio.loaded not in studio.instances)
            felix.until(lambda: part.list.words[0][3] == "answers · 2 models, 1 loaded")

            part._fill_add()
            assert part.add_button.menu.entrycget(0, "label").startswith("Ollama at 127.0.0.1:")
            part.add_button.menu.invoke(0)
            felix.until(
                lambda: part.list.words[-1] == ("Ollama", "", part.list.words[-1][2], "answers · 2 models, 1 loaded")
            )
            assert felix.window.settings.current.endpoints[-1].base_url == f"{ollama.root}/v1"
            felix.until(lambda: "Connected" in part.connection.badge.cget("text"))
            felix.turn(400)
            felix.screenshot("settings-endpoints")
        finally:
            felix.close()
