"""The client against a server that speaks Ollama's documented interface."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from felix.endpoints import ServerKind
from felix.errors import ServerError
from felix.llm.batching import complete_whole
from felix.llm.chat import Answer, ChatClient, Note, Progress
from felix.llm.loading import load_model, unload_model
from felix.llm.models import ServerReport, list_models, make_client
from tests.llm.asking import Heard, ask, question
from tests.servers.fakes import FakeOllama, Script
from tests.servers.fakes.script import End, Refuse, Say
from tests.servers.fakes.serving import Refusal, Request

T = TypeVar("T")

LONG = "word " * 4_000
"""20,000 bytes."""


def use(server: FakeOllama, what: Callable[[ChatClient], Awaitable[T]], *, context_length: int = 0) -> T:
    async def run() -> T:
        client = make_client(server.base_url, kind="ollama", context_length=context_length)
        try:
            return await what(client)
        finally:
            await client.aclose()

    return asyncio.run(run())


def asked(server: FakeOllama, path: str) -> list[Request]:
    return [request for request in server.requests if request.path == path]


def body(server: FakeOllama, **settings: Any) -> Any:
    context_length = settings.pop("context_length", 0)
    use(server, lambda client: ask(client, question(**settings)), context_length=context_length)
    return server.answered[-1].json


def test_the_request_says_what_was_asked_and_nothing_else() -> None:
    with FakeOllama() as server:
        assert body(server, model=server.idle) == {
            "model": server.idle,
            "messages": [{"role": "user", "content": "Hello"}],
            "stream": True,
        }
        options = body(server, model=server.idle, max_tokens=7, temperature=0.5, context_length=8192)["options"]
        assert options == {"num_ctx": 8192, "num_predict": 7, "temperature": 0.5}


def test_a_model_that_stands_with_a_context_of_its_own_is_not_loaded_anew() -> None:
    """A request that names no context would have Ollama load the model with its default."""
    with FakeOllama(context_length=32_768) as server:
        assert body(server, model=server.loaded)["options"] == {"num_ctx": 32_768}


@pytest.mark.parametrize(
    ("model", "context_length", "phase"),
    [
        (FakeOllama.loaded, 0, "waiting"),
        (FakeOllama.loaded, 4096, "waiting"),
        (FakeOllama.loaded, 16_384, "loading"),
        (FakeOllama.idle, 0, "loading"),
        ("gpt-oss:120b-cloud", 0, "waiting"),
    ],
)
def test_the_wait_for_a_load_is_told_as_one(model: str, context_length: int, phase: str) -> None:
    heard = Heard()
    with FakeOllama() as server:
        use(server, lambda c: ask(c, question(model=model), heard=heard), context_length=context_length)
    detail = model if phase == "loading" else ""
    assert heard.progress == [Progress("connecting"), Progress(phase, detail=detail)]  # type: ignore[arg-type]


def test_a_model_that_cannot_have_the_context_is_not_said_to_load_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.llm.ollama.client._STAYS_LOADED_S", 0.0)
    heard = Heard()

    async def twice(client: ChatClient) -> None:
        for _ in range(2):
            await ask(client, question(model=FakeOllama.loaded), heard=heard)

    with FakeOllama() as server:
        use(server, twice, context_length=1_000_000)
    assert [progress.phase for progress in heard.progress] == ["connecting", "loading", "connecting", "waiting"]


def test_what_is_loaded_is_asked_once_while_a_model_is_in_use() -> None:
    async def thrice(client: ChatClient) -> None:
        for _ in range(3):
            await ask(client, question(model=FakeOllama.loaded))

    with FakeOllama() as server:
        use(server, thrice)
        assert len(asked(server, "/api/ps")) == 1


def test_a_server_that_does_not_tell_what_is_loaded_still_answers() -> None:
    class Mute(FakeOllama):
        def other(self, request: Request) -> Refusal:
            return Refusal(404, b"404 page not found")

    heard = Heard()
    with Mute() as server:
        answer = use(server, lambda client: ask(client, question(model="x"), heard=heard))
    assert answer.status == "complete"
    assert [progress.phase for progress in heard.progress] == ["connecting", "waiting"]


def test_another_server_that_has_ollamas_lists_is_not_sent_to_its_address_to_look_for_a_fault() -> None:
    class Another(FakeOllama):
        def objection(self, request: Request) -> Refusal:
            return Refusal(404, {"error": {"message": "File Not Found", "code": 404}})

    with Another() as server:
        answer = use(server, lambda client: ask(client, question(model="x")))
    assert answer.error == (
        f"{server.base_url} answers, but not as Ollama does – set its kind to automatic in Settings."
    )


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("model", [FakeOllama.loaded, FakeOllama.idle])
def test_a_prompt_that_was_cut_is_told(model: str, *, streaming: bool) -> None:
    request = question(LONG, model=model)

    async def answered(client: ChatClient) -> Answer:
        return await (ask(client, request) if streaming else complete_whole(client, request))

    with FakeOllama(Script(Say("Hello"), End(), prompt_tokens=2_050)) as server:
        server.running[FakeOllama.idle] = 4096
        (note,) = use(server, answered).notes
    assert note == "Ollama cut the prompt to 2,050 tokens, its context holds 4,096 – raise the context length"


def test_a_prompt_is_held_against_the_context_that_its_request_asked_for() -> None:
    class Obeying(FakeOllama):
        def objection(self, request: Request) -> Refusal | None:
            self.running[request.json["model"]] = request.json["options"]["num_ctx"]
            return None

    with Obeying(Script(Say("Hello"), End(), prompt_tokens=4_097), context_length=4096) as server:
        answer = use(server, lambda c: ask(c, question(LONG, model=server.loaded)), context_length=16_384)
    assert answer.notes == ()


def test_a_prompt_that_was_read_whole_is_not_remarked_on() -> None:
    with FakeOllama(Script(Say("Hello"), End(), prompt_tokens=4_001), context_length=8192) as server:
        assert use(server, lambda client: ask(client, question(LONG, model=server.loaded))).notes == ()


def test_the_speed_is_the_servers_own() -> None:
    with FakeOllama(Script(Say("Hello"), End(), completion_tokens=20)) as server:
        answer = use(server, lambda client: ask(client, question(model=server.loaded)))
    assert answer.tokens_per_s == pytest.approx(20 / 0.052479709)
    assert answer.usage and answer.usage.prompt_tokens_per_s == pytest.approx(answer.usage.prompt_tokens / 0.013074791)


def test_a_model_that_is_not_there_is_to_be_pulled() -> None:
    with FakeOllama(Script(Refuse("model"))) as server:
        answer = use(server, lambda client: ask(client, question(model="qwen9")))
    assert answer.fault == "unknown_model"
    assert answer.error == "Ollama has no model “qwen9” – pull it first (“ollama pull qwen9”), or choose another model."


def test_a_full_queue_is_said_as_busy_and_asked_again() -> None:
    heard = Heard()
    with FakeOllama(Script(Refuse("busy")), Script(Say("Hello"), End())) as server:
        answer = use(server, lambda client: ask(client, question(model=server.loaded), heard=heard))
    assert answer.status == "complete"
    retry = next(progress for progress in heard.progress if progress.phase == "retrying")
    assert "busy" in retry.detail


def test_too_little_memory_is_not_tried_again() -> None:
    class Full(FakeOllama):
        def refusal(self, refuse: Refuse, request: Request) -> Refusal:
            return Refusal(500, {"error": "model requires more system memory (48.2 GiB) than is available (29.1 GiB)"})

    with Full(Script(Refuse("server"))) as server:
        answer = use(server, lambda client: ask(client, question(model=server.idle)))
        assert len(server.answered) == 1
    assert "too little memory" in (answer.error or "")


def listed(server: FakeOllama, kind: ServerKind | None = None) -> ServerReport:
    return asyncio.run(list_models(server.base_url, kind=kind or "auto"))


@pytest.mark.parametrize("kind", [None, "ollama"])
def test_its_models_are_listed_with_details_of_those_that_are_loaded(kind: ServerKind | None) -> None:
    with FakeOllama(context_length=8192) as server:
        report = listed(server, kind)
        assert [request.json for request in asked(server, "/api/show")] == [{"model": server.loaded}]
    assert (report.kind, report.name) == ("ollama", "Ollama")
    loaded, idle = report.models
    assert (loaded.id, loaded.loaded, loaded.context_length, loaded.max_context_length) == (
        server.loaded,
        True,
        8192,
        40960,
    )
    assert (loaded.thinks, loaded.has_tools, loaded.parameters, loaded.quantization) == (True, True, "8.2B", "Q4_K_M")
    assert (idle.id, idle.loaded, idle.thinks) == (server.idle, False, None)


def test_a_model_is_found_by_its_name_without_the_tag() -> None:
    class Latest(FakeOllama):
        loaded = "llama3:latest"

    with Latest() as server:
        found = listed(server).model("llama3")
    assert found
    assert found.id == "llama3:latest"


def test_something_else_is_not_taken_for_ollama() -> None:
    class Other(FakeOllama):
        def other(self, request: Request) -> Refusal:
            return Refusal(404, b"404 page not found")

    with Other() as server, pytest.raises(ServerError) as caught:
        listed(server, "ollama")
    assert caught.value.fault == "not_a_model_server"


def test_a_model_is_loaded_with_a_context_and_unloaded() -> None:
    with FakeOllama() as server:
        asyncio.run(load_model(server.base_url, "", "ollama", server.idle, context_length=16_384))
        assert server.running[server.idle] == 16_384
        assert server.requests[-1].json["keep_alive"] == "60m"
        asyncio.run(unload_model(server.base_url, "", "ollama", server.idle))
        assert server.idle not in server.running
        with pytest.raises(ServerError, match="pull it first"):
            asyncio.run(load_model(server.base_url, "", "ollama", "qwen9"))


def test_the_note_about_a_cut_prompt_is_a_note_of_the_stream() -> None:
    async def deltas(client: ChatClient) -> list[object]:
        return [delta async for delta in client.stream(question(LONG, model=FakeOllama.loaded))]

    with FakeOllama(Script(Say("Hello"), End(), prompt_tokens=4_096)) as server:
        assert isinstance(use(server, deltas)[-1], Note)
