"""The servers of this folder as pytest fixtures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.demo import demo_server
from tests.servers.fault_server import FaultServer
from tests.servers.llamacpp import LlamaServer, make_model


@pytest.fixture
def fault_server() -> Iterator[FaultServer]:
    """A model server with every quirk, for one test."""
    with FaultServer() as server:
        yield server


@pytest.fixture(scope="session")
def fast_demo_server() -> Iterator[str]:
    """Base URL of the demo model, speaking a thousand times as fast as for people."""
    with demo_server(1_000) as base_url:
        yield base_url


@pytest.fixture(scope="session")
def llama_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of the tiny model, made once per session."""
    pytest.importorskip("xllamacpp", reason="the real llama.cpp server needs `pip install xllamacpp gguf numpy`")
    return str(make_model(tmp_path_factory.mktemp("model") / "tiny-babble.gguf"))


@pytest.fixture(scope="session")
def llama_server(llama_model: str) -> Iterator[LlamaServer]:
    """A real llama.cpp server with four slots that answers without thinking."""
    with LlamaServer(llama_model) as server:
        yield server


@pytest.fixture(scope="session")
def thinking_llama_server(llama_model: str) -> Iterator[LlamaServer]:
    """The same, thinking before each answer."""
    with LlamaServer(llama_model, think=True) as server:
        yield server
