"""Loading and unloading, and the list that shows it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from felix.errors import ServerError
from felix.llm.lmstudio import lists
from felix.llm.loading import load_model, unload_model
from felix.llm.models import list_models
from tests.servers.fakes import FakeLMStudio
from tests.servers.fakes.serving import Refusal, Request


def load(server: FakeLMStudio, model: str, context_length: int = 0) -> None:
    asyncio.run(load_model(server.base_url, "", "lmstudio", model, context_length=context_length))


def unload(server: FakeLMStudio, model: str) -> None:
    asyncio.run(unload_model(server.base_url, "", "lmstudio", model))


def commands(server: FakeLMStudio) -> list[tuple[str, Any]]:
    return [(r.path.rpartition("/")[2], r.json) for r in server.requests if r.method == "POST"]


def test_a_model_is_loaded_with_the_chosen_context_and_the_list_shows_it() -> None:
    with FakeLMStudio() as server:
        load(server, server.idle, 16_384)
        report = asyncio.run(list_models(server.base_url, kind="lmstudio"))
    model = report.model(server.idle)
    assert model is not None
    assert (model.loaded, model.context_length, model.slots) == (True, 16_384, 4)
    assert (model.parameters, model.has_tools, model.quantization) == ("27B", True, "Q4_K_M")
    assert server.loaded in server.instances, "no other model is unloaded for it"


@pytest.mark.parametrize("context_length", [0, 8192])
def test_a_model_that_stands_so_already_is_left_alone(context_length: int) -> None:
    with FakeLMStudio() as server:
        load(server, server.loaded, context_length)
        assert commands(server) == []


def test_a_model_that_stands_with_another_context_is_loaded_anew() -> None:
    with FakeLMStudio() as server:
        load(server, server.loaded, 4096)
        assert commands(server) == [
            ("unload", {"instance_id": server.loaded}),
            ("load", {"model": server.loaded, "context_length": 4096}),
        ]


def test_loaded_by_somebody_else_meanwhile_is_loaded() -> None:
    class Slow(FakeLMStudio):
        """Its list does not show yet what has just been loaded."""

        def other(self, request: Request) -> Refusal:
            if request.path == "/api/v1/models":
                return Refusal(200, {"models": [{"type": "llm", "key": self.loaded, "loaded_instances": []}]})
            return super().other(request)

    with Slow() as server:
        load(server, server.loaded)
        assert commands(server) == [("load", {"model": server.loaded})]


def test_a_model_is_unloaded_by_the_names_of_its_instances() -> None:
    with FakeLMStudio() as server:
        unload(server, server.loaded)
        assert commands(server) == [("unload", {"instance_id": server.loaded})]
        unload(server, server.loaded)
        assert len(commands(server)) == 1, "what is not loaded needs no unloading"


MODELS = {
    "models": [
        {"key": "a", "loaded_instances": [{"id": "a", "config": {"context_length": 1}}, {"id": "a:2", "config": {}}]},
        {"key": "b", "loaded_instances": [{"id": "mine", "config": {"context_length": 2}}]},
    ]
}


def test_a_model_loaded_twice_is_unloaded_one_by_one_or_by_its_own_name_at_once() -> None:
    class Two(FakeLMStudio):
        def other(self, request: Request) -> Refusal:
            return Refusal(200, MODELS if request.method == "GET" else {"instance_id": "x"})

    with Two() as server:
        for name in ("a:2", "b"):
            unload(server, name)
        assert commands(server) == [("unload", {"instance_id": "a:2"}), ("unload", {"instance_id": "mine"})]


def test_a_load_that_fails_is_told_in_the_servers_words() -> None:
    class Full(FakeLMStudio):
        def other(self, request: Request) -> Refusal:
            if request.path.endswith("/load"):
                message = "Failed to load model. Error: insufficient system resources."
                return Refusal(500, {"error": {"type": "model_load_failed", "message": message}})
            return super().other(request)

    with Full() as server, pytest.raises(ServerError) as caught:
        load(server, server.idle)
    assert str(caught.value) == (
        "LM Studio did not load the model: “Failed to load model. Error: insufficient system resources”"
        " – free memory or choose a shorter context."
    )


def test_an_unknown_model_and_a_wanted_token_are_told_as_what_they_are() -> None:
    class Guarded(FakeLMStudio):
        def other(self, request: Request) -> Refusal:
            words = "An LM Studio API token is required to make requests to this server."
            error = {"type": "invalid_request", "code": "invalid_api_key", "message": words}
            return Refusal(401, {"error": error})

    with FakeLMStudio() as server, pytest.raises(ServerError) as caught:
        load(server, "nobody")
    assert caught.value.fault == "unknown_model"
    with Guarded() as server, pytest.raises(ServerError) as caught:
        load(server, server.idle)
    assert caught.value.fault == "key"
    assert "API token is required" in str(caught.value)


def test_an_older_lm_studio_says_that_it_cannot() -> None:
    class Old(FakeLMStudio):
        def other(self, request: Request) -> Refusal:
            return Refusal(200, {"error": f"Unexpected endpoint or method. (GET {request.path})"})

    with Old() as server, pytest.raises(ServerError, match="or update it"):
        load(server, server.idle)


@pytest.mark.parametrize("kind", ["openai", "vllm", "other"])
def test_servers_that_cannot_be_told_to_load_say_so(kind: Any) -> None:
    with pytest.raises(ServerError, match="cannot be told to load"):
        asyncio.run(load_model("http://127.0.0.1:9/v1", "", kind, "m"))
    with pytest.raises(ServerError, match="cannot be told to unload"):
        asyncio.run(unload_model("http://127.0.0.1:9/v1", "", kind, "m"))


@pytest.mark.parametrize(
    ("capabilities", "thinks", "has_tools"),
    [
        (None, None, None),
        ({"trained_for_tool_use": True}, None, True),
        ({"reasoning": {"allowed_options": ["off", "on"], "default": "on"}}, True, False),
        ({"reasoning": {"allowed_options": ["off"]}}, False, False),
    ],
)
def test_what_a_model_can_is_told_as_far_as_it_is_known(
    capabilities: Any, thinks: bool | None, has_tools: bool | None
) -> None:
    (model,) = lists.from_v1({"models": [{"key": "a", "params_string": "8B", "capabilities": capabilities}]}) or ()
    assert (model.thinks, model.has_tools, model.parameters) == (thinks, has_tools, "8B")


@pytest.mark.parametrize("body", [None, [], {}, {"models": 7}, {"models": [{"name": "llama3:8b"}]}, {"error": "x"}])
def test_what_is_no_list_of_lm_studio_is_none(body: object) -> None:
    assert lists.from_v1(body) is None
    assert lists.instances(body) is None
