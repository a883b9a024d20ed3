"""What a server is and has, and what the user is told when it is or has not."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from felix.errors import ServerError
from felix.llm.chat import Finish, Progress, Text
from felix.llm.lmstudio.client import LMStudioClient
from felix.llm.models import ConnectionCheck, ModelInfo, ServerReport, check_connection, list_models, make_client
from tests.llm.asking import Heard, ask, question
from tests.llm.scripted import ScriptedClient
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import QUIRKS

UNEXPECTED = {"error": "Unexpected endpoint or method. (GET /x)"}


def paths(replies: dict[str, Any]) -> Callable[[Connection], None]:
    """A server by its paths below the quirk's name; what it does not have it answers as LM Studio does."""

    def reply(client: Connection) -> None:
        path = "/" + client.request.path.split("/", 2)[2]
        body = replies.get(path, UNEXPECTED)
        if callable(body):
            body(client)
        else:
            client.reply_json(body)

    return reply


def lmstudio_model(key: str, *, kind: str = "llm", instances: tuple[str, ...] = ()) -> dict[str, Any]:
    config = {"context_length": 8192, "parallel": 4, "flash_attention": True}
    return {
        "type": kind,
        "key": key,
        "display_name": key.title(),
        "quantization": {"name": "Q4_K_M", "bits_per_weight": 4},
        "size_bytes": 5_000_000_000,
        "max_context_length": 131072,
        "loaded_instances": [{"id": id_, "config": config} for id_ in instances],
    }


LMSTUDIO = {
    "/api/v1/models": {
        "models": [
            lmstudio_model("gemma"),
            lmstudio_model("nomic", kind="embedding", instances=("nomic",)),
            lmstudio_model("qwen", instances=("qwen", "qwen:2")),
        ]
    },
    "/v1/chat/completions": QUIRKS["ok"],
}


def listed(server: FaultServer, replies: dict[str, Any] | Callable[[Connection], None]) -> ServerReport:
    server.replies["it"] = replies if callable(replies) else paths(replies)
    return asyncio.run(list_models(server.url("it")))


def refused(server: FaultServer, replies: dict[str, Any] | Callable[[Connection], None]) -> ServerError:
    with pytest.raises(ServerError) as caught:
        listed(server, replies)
    assert " – " in str(caught.value)
    return caught.value


def test_lm_studio_lists_its_loaded_models_first_with_the_context_as_loaded(fault_server: FaultServer) -> None:
    report = listed(fault_server, LMSTUDIO)
    assert (report.kind, report.name) == ("lmstudio", "LM Studio")
    assert [(m.id, m.loaded, m.context_length, m.slots) for m in report.models] == [
        ("qwen", True, 8192, 4),
        ("qwen:2", True, 8192, 4),
        ("gemma", False, None, None),
    ]
    assert report.models[0] == ModelInfo("qwen", "Qwen", True, 8192, 131072, 5_000_000_000, "Q4_K_M", 4)
    assert report.latency_ms > 0


def test_with_nothing_loaded_the_downloaded_models_are_listed(fault_server: FaultServer) -> None:
    report = listed(fault_server, {"/api/v1/models": {"models": [lmstudio_model("gemma"), lmstudio_model("qwen")]}})
    assert [(m.id, m.loaded) for m in report.models] == [("gemma", False), ("qwen", False)]
    assert report.model("") == report.models[0]


def test_an_older_lm_studio_is_asked_its_older_way(fault_server: FaultServer) -> None:
    data = [
        {"id": "a", "type": "llm", "state": "not-loaded", "max_context_length": 4096, "quantization": "Q8_0"},
        {"id": "b", "type": "vlm", "state": "loaded", "max_context_length": 8192, "loaded_context_length": 2048},
        {"id": "e", "type": "embeddings", "state": "loaded"},
    ]
    report = listed(fault_server, {"/api/v0/models": {"object": "list", "data": data}})
    assert report.kind == "lmstudio"
    assert [(m.id, m.loaded, m.context_length) for m in report.models] == [("b", True, 2048), ("a", False, None)]


def test_any_other_server_is_asked_the_common_way(fault_server: FaultServer) -> None:
    data = [{"id": "m", "object": "model", "owned_by": "me"}, {"id": "text-embedding-3"}, {"id": "whisper-1"}]
    report = listed(fault_server, {"/v1/models": {"object": "list", "data": data}})
    assert (report.kind, [m.id for m in report.models]) == ("other", ["m"])


def test_llama_cpp_tells_the_context_of_one_slot(fault_server: FaultServer) -> None:
    report = listed(
        fault_server,
        {
            "/v1/models": {"data": [{"id": "/m/x.gguf", "owned_by": "llamacpp", "meta": {"n_ctx_train": 32768}}]},
            "/props": {"default_generation_settings": {"n_ctx": 4096}, "total_slots": 4},
        },
    )
    assert report.kind == "llamacpp"
    assert report.models[0] == ModelInfo("/m/x.gguf", "x.gguf", True, 4096, 32768, None, "", 4)


def test_vllm_tells_the_context_in_the_list(fault_server: FaultServer) -> None:
    report = listed(fault_server, {"/v1/models": {"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 9}]}})
    assert (report.kind, report.models[0].context_length) == ("vllm", 9)


def test_a_server_without_models_says_so(fault_server: FaultServer) -> None:
    embedding = lmstudio_model("nomic", kind="embedding")
    assert refused(fault_server, {"/api/v1/models": {"models": [embedding]}}).fault == "no_model"


@pytest.mark.parametrize("quirk", ["html_200", "html_404", "empty_200", "no_content_204", "lm_200_unexpected_endpoint"])
def test_what_answers_but_is_no_model_server_is_told_apart(fault_server: FaultServer, quirk: str) -> None:
    error = refused(fault_server, QUIRKS[quirk])
    assert error.fault == "not_a_model_server"
    assert "answers, but is no model server" in str(error)


@pytest.mark.parametrize(
    ("quirk", "fault"), [("err401", "key"), ("html_502", "overloaded"), ("redirect_302", "redirected")]
)
def test_other_refusals_keep_their_reason(fault_server: FaultServer, quirk: str, fault: str) -> None:
    assert refused(fault_server, QUIRKS[quirk]).fault == fault


def test_nothing_listening_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ServerError) as caught:
        asyncio.run(list_models(f"http://127.0.0.1:{port}/v1"))
    assert caught.value.fault == "unreachable"
    assert "nothing listens" in str(caught.value)


def test_a_server_that_takes_the_question_and_hangs_is_told(fault_server: FaultServer) -> None:
    with pytest.raises(ServerError) as caught:
        asyncio.run(list_models(fault_server.url("silence_before_headers"), timeout_s=0.1))
    assert caught.value.fault == "silent"


def test_something_that_sends_for_ever_is_not_read_for_ever(
    fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trickle(client: Connection) -> None:
        client.head(content_type="multipart/x-mixed-replace")
        while not client.server.stopping.wait(0.02):
            client.send(b"a picture of the yard")

    monkeypatch.setattr("felix.llm.transport.CONNECT_LOOPBACK_S", 0.5)
    fault_server.replies["it"] = trickle

    async def run() -> None:
        async with asyncio.timeout(20):
            await list_models(fault_server.url("it"), timeout_s=0.5)

    with pytest.raises(ServerError) as caught:
        asyncio.run(run())
    assert caught.value.fault == "silent"


def test_the_key_goes_along_and_nothing_of_the_environment(
    fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "leaked")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    fault_server.replies["it"] = paths(LMSTUDIO)
    asyncio.run(list_models(fault_server.url("it"), "sk-mine"))
    assert {request.headers.get("authorization") for request in fault_server.requests} == {"Bearer sk-mine"}


def checked(server: FaultServer, replies: dict[str, Any], **asked: Any) -> ConnectionCheck:
    report = listed(server, replies)

    async def run() -> ConnectionCheck:
        client = make_client(report.base_url, "", report.kind)
        try:
            return await check_connection(client, report, **asked)
        finally:
            await client.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize("streaming", [True, False])
def test_the_check_asks_for_one_token_the_way_a_run_would(fault_server: FaultServer, streaming: bool) -> None:
    reply = QUIRKS["ok"] if streaming else QUIRKS["json_200_not_stream"]
    check = checked(fault_server, {**LMSTUDIO, "/v1/chat/completions": reply}, streaming=streaming)
    assert check.ok
    assert check.sentence.startswith("LM Studio answers with quirk")
    assert "context 8,192 tokens" in check.sentence
    assert (check.ttft_s is not None) == streaming
    *_, post = fault_server.posts("it")
    assert (post.json["model"], post.json["max_tokens"], "stream" in post.json) == ("qwen", 1, streaming)


def test_the_check_says_when_lm_studio_does_not_have_the_model(fault_server: FaultServer) -> None:
    check = checked(fault_server, LMSTUDIO, model="gone")
    assert (check.ok, check.fault) == (False, "unknown_model")
    assert fault_server.posts("it") == []


@pytest.mark.parametrize(
    ("quirk", "fault"), [("err404_model", "unknown_model"), ("err404_no_model", "no_model"), ("err401", "key")]
)
def test_the_check_passes_the_servers_refusal_on(fault_server: FaultServer, quirk: str, fault: str) -> None:
    check = checked(fault_server, {**LMSTUDIO, "/v1/chat/completions": QUIRKS[quirk]})
    assert (check.ok, check.fault) == (False, fault)
    assert " – " in check.sentence


@pytest.mark.parametrize("end", ["length", "stop"])
def test_a_check_whose_only_token_cannot_be_seen_is_good(end: str) -> None:
    report = ServerReport("other", "model server", (ModelInfo("m", "m", loaded=True),), 1.0)
    check = asyncio.run(check_connection(ScriptedClient([Text(""), Finish(end, "m")]), report))
    assert (check.ok, check.model) == (True, "m")


def test_a_model_that_must_be_loaded_first_is_shown_as_loading(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = paths(LMSTUDIO)

    def phases(model: str) -> list[str]:
        heard = Heard()

        async def run() -> None:
            client = LMStudioClient(fault_server.url("it"))
            for _ in range(2):
                await ask(client, question(model=model), heard=heard)
            await client.aclose()

        asyncio.run(run())
        return [progress.phase for progress in heard.progress]

    assert phases("gemma") == ["connecting", "loading", "connecting", "waiting"]
    assert phases("qwen") == ["connecting", "waiting"] * 2


def test_a_list_that_fails_does_not_keep_lm_studio_from_answering(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = paths(
        {"/api/v1/models": lambda c: c.raw(b"oops"), "/v1/chat/completions": QUIRKS["ok"]}
    )
    heard = Heard()

    async def run() -> str:
        client = LMStudioClient(fault_server.url("it"))
        answer = await ask(client, heard=heard)
        await client.aclose()
        return answer.status

    assert asyncio.run(run()) == "complete"
    assert heard.progress == [Progress("connecting"), Progress("waiting")]


def test_lists_of_any_shape_do_no_harm(fault_server: FaultServer) -> None:
    for body in (None, [], {}, {"models": [None, {}, {"key": 7}]}, {"data": [None, {}, {"id": 3}]}, "x", 7):
        fault_server.replies["it"] = lambda client, body=body: client.reply_text(  # type: ignore[misc]
            json.dumps(body).encode(), "200 OK", "application/json"
        )
        with pytest.raises(ServerError):
            asyncio.run(list_models(fault_server.url("it")))
