"""What takes seconds to import is imported beside the loop, before anything is asked."""

from __future__ import annotations

import asyncio
import threading
from importlib import import_module
from types import ModuleType

import pytest

from felix.endpoints import Endpoint, ServerKind
from felix.errors import ServerError
from felix.llm import packages
from felix.settings import Settings
from felix.team.connection import connect


@pytest.mark.parametrize(
    ("kind", "base_url", "more"),
    [
        ("lmstudio", "http://127.0.0.1:9/v1", set()),
        ("anthropic", "http://127.0.0.1:9/v1", {"felix.llm.anthropic.client", packages.SDK}),
        ("auto", "https://api.anthropic.com/v1", {"felix.llm.anthropic.client", packages.SDK}),
    ],
)
def test_connecting_imports_what_the_answer_will_take(
    kind: ServerKind, base_url: str, more: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("anthropic")
    imported: dict[str, threading.Thread] = {}

    def remember(name: str) -> ModuleType:
        imported[name] = threading.current_thread()
        if name.startswith("felix.llm.transport"):
            return import_module(name)
        if base_url.startswith("https:") and name == packages.SDK:
            raise ImportError(name)  # nobody is asked out there in a test
        return threading

    monkeypatch.setattr(packages, "import_module", remember)
    monkeypatch.setattr(packages, "_imported", set())
    with pytest.raises((ServerError, ImportError)):
        asyncio.run(connect(Endpoint(name="n", base_url=base_url, kind=kind), "", Settings()))
    assert set(imported) == {"felix.llm.transport", "felix.llm.openai_client", *more}
    assert threading.main_thread() not in imported.values()
