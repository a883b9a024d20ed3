"""A llama.cpp server without a model of its own, which loads what it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from felix.errors import ServerError
from felix.llm.loading import load_model, unload_model
from felix.llm.models import list_models
from tests.servers.fakes import FakeLlamaCpp
from tests.servers.fakes.serving import Refusal, Request


class Router(FakeLlamaCpp):
    """Each look at its list finds a load one step further."""

    def __init__(self, *steps: dict[str, Any]) -> None:
        super().__init__()
        self._steps: Iterator[dict[str, Any]] = iter(steps)
        self.state: dict[str, Any] = {"value": "unloaded"}

    def other(self, request: Request) -> Refusal:
        match request.method, request.path:
            case "GET", "/models" | "/v1/models":
                listed = {"id": "qwen", "object": "model", "owned_by": "llamacpp", "status": self.state}
                self.state = next(self._steps, self.state)
                return Refusal(200, {"object": "list", "data": [listed]})
            case "POST", "/models/load" | "/models/unload":
                return Refusal(200, {"success": True})
        return self._error(404, "File Not Found", "not_found_error")


def commands(server: FakeLlamaCpp) -> list[tuple[str, Any]]:
    return [(request.path, request.json) for request in server.requests if request.method == "POST"]


def load(server: FakeLlamaCpp, model: str = "qwen") -> None:
    asyncio.run(load_model(server.base_url, "", "llamacpp", model))


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.llm.llamacpp._LOOK_S", 0.0)


def test_a_model_stands_when_the_load_returns() -> None:
    loading, loaded = {"value": "loading"}, {"value": "loaded"}
    with Router(loading, loading, loaded) as server:
        load(server)
        assert commands(server) == [("/models/load", {"model": "qwen"})]
        assert server.state == loaded


@pytest.mark.parametrize("value", ["loaded", "sleeping"])
def test_what_stands_is_not_loaded_again(value: str) -> None:
    with Router() as server:
        server.state = {"value": value}
        load(server)
        assert commands(server) == []


def test_a_load_that_is_under_way_is_waited_for() -> None:
    with Router({"value": "loading"}, {"value": "loaded"}) as server:
        server.state = {"value": "loading"}
        load(server)
        assert commands(server) == []


def test_a_load_that_fails_is_told() -> None:
    failed = {"value": "unloaded", "failed": True, "exit_code": 1}
    with Router({"value": "loading"}, failed) as server, pytest.raises(ServerError, match="could not load qwen"):
        load(server)


def test_a_model_is_unloaded() -> None:
    with Router() as server:
        server.state = {"value": "loaded"}
        asyncio.run(unload_model(server.base_url, "", "llamacpp", "qwen"))
        assert commands(server) == [("/models/unload", {"model": "qwen"})]


def test_the_list_tells_what_is_loaded() -> None:
    with Router() as server:
        report = asyncio.run(list_models(server.base_url))
        assert [(m.id, m.loaded, m.slots, m.busy) for m in report.models] == [("qwen", False, None, None)]
        server.state = {"value": "sleeping"}
        report = asyncio.run(list_models(server.base_url))
        assert [m.loaded for m in report.models] == [True]


def test_a_server_with_one_model_and_an_unknown_model_are_told() -> None:
    with Router() as server, pytest.raises(ServerError) as caught:
        load(server, "nobody")
    assert caught.value.fault == "unknown_model"

    class Single(Router):
        def other(self, request: Request) -> Refusal:
            return Refusal(200, {"object": "list", "data": [{"id": "qwen", "owned_by": "llamacpp"}]})

    with Single() as server, pytest.raises(ServerError, match="the one model it was started with"):
        load(server)
