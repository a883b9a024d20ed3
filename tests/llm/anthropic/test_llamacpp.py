"""Messages of a real llama.cpp server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from felix.errors import ServerError
from felix.llm.batching import complete_streaming, complete_whole
from felix.llm.chat import ChatClient, Text
from felix.llm.models import check_connection, list_models, make_client
from tests.llm.asking import Heard, ask, question
from tests.llm.test_llamacpp import busy_slots
from tests.servers.llamacpp import LlamaServer

pytest.importorskip("anthropic", reason="asks through Anthropic's package: `pip install felix[anthropic]`")

T = TypeVar("T")


def use(server: LlamaServer, what: Callable[[ChatClient], Awaitable[T]], *, api_key: str = "") -> T:
    async def run() -> T:
        client = make_client(server.base_url, api_key, "anthropic")
        try:
            return await what(client)
        finally:
            await client.aclose()

    return asyncio.run(run())


def test_text_streams_in_chunks_and_is_counted(llama_server: LlamaServer) -> None:
    heard = Heard()
    request = question(model=llama_server.model, max_tokens=60, temperature=0.0)
    answer = use(llama_server, lambda client: ask(client, request, heard=heard))
    assert (answer.status, answer.notes) == ("complete", ())
    assert answer.text == heard.text() != ""
    assert answer.reasoning == ""
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= 60 < 60 + answer.usage.prompt_tokens
    assert len(heard.chunks) > 3


def test_the_answer_is_the_same_through_either_dialect(llama_server: LlamaServer) -> None:
    request = question(model=llama_server.model, max_tokens=40, temperature=0.0)

    async def through(kind: str) -> str:
        client = make_client(llama_server.base_url, "", kind)  # type: ignore[arg-type]
        try:
            return (await ask(client, request)).text
        finally:
            await client.aclose()

    assert asyncio.run(through("anthropic")) == asyncio.run(through("llamacpp")) != ""


def test_thinking_comes_apart_from_the_answer(thinking_llama_server: LlamaServer) -> None:
    heard = Heard()
    # Without chance this model thinks on and on about this.
    answer = use(
        thinking_llama_server, lambda client: ask(client, question("Hello there", model="tiny-babble"), heard=heard)
    )
    assert answer.reasoning == heard.text("thinking") != ""
    assert "think>" not in answer.text + answer.reasoning


def test_a_cut_answer_is_truncated(llama_server: LlamaServer) -> None:
    answer = use(llama_server, lambda client: ask(client, question(model="tiny-babble", max_tokens=3)))
    assert (answer.status, answer.finish_reason) == ("truncated", "length")


def test_without_streaming_the_answer_comes_whole(llama_server: LlamaServer) -> None:
    answer = use(llama_server, lambda client: complete_whole(client, question(model="tiny-babble")))
    assert answer.status == "complete"
    assert answer.text
    assert answer.usage is not None


def test_a_prompt_that_does_not_fit_is_told_and_not_tried_again(llama_server: LlamaServer) -> None:
    heard = Heard()
    answer = use(llama_server, lambda client: ask(client, question("word " * 20_000), heard=heard))
    assert (answer.status, answer.fault) == ("failed", "context")
    assert not [progress for progress in heard.progress if progress.phase == "retrying"]


def test_stop_frees_the_slot_while_the_answer_is_written(llama_server: LlamaServer) -> None:
    async def stop(client: ChatClient) -> None:
        writing = asyncio.Event()
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            task = group.create_task(
                complete_streaming(client, question("Tell me all"), batch_interval=0, callback=lambda _: writing.set())
            )
            await writing.wait()
            task.cancel()
        until = time.monotonic() + 10
        while await asyncio.to_thread(busy_slots, llama_server):
            assert time.monotonic() < until, "the server still works for nobody"

    use(llama_server, stop)


def test_the_server_is_listed_and_checked_under_this_dialect(llama_server: LlamaServer) -> None:
    report = asyncio.run(list_models(llama_server.base_url, kind="anthropic"))
    (model,) = report.models
    assert (report.kind, model.id, model.context_length, model.slots) == ("anthropic", "tiny-babble", 4096, 4)
    check = use(llama_server, lambda client: check_connection(client, report))
    assert check.ok
    assert check.sentence.startswith("Messages server answers with tiny-babble, first token after ")


def test_a_wanted_key_is_told(llama_model: str) -> None:
    with LlamaServer(llama_model, api_key="sk-right") as server:
        for wrong in ("", "wrong"):
            assert use(server, ask, api_key=wrong).fault == "key"
        with pytest.raises(ServerError):
            asyncio.run(list_models(server.base_url, "wrong-too", kind="anthropic"))
        right = use(server, lambda c: ask(c, question(max_tokens=1)), api_key="sk-right")
        assert right.fault is None


def test_closing_the_stream_early_leaves_the_client_usable(llama_server: LlamaServer) -> None:
    async def twice(client: ChatClient) -> str:
        stream = client.stream(question(model="tiny-babble"))
        async for delta in stream:
            if isinstance(delta, Text):
                break
        await stream.aclose()  # type: ignore[attr-defined]
        return (await ask(client, question(model="tiny-babble"))).status

    assert use(llama_server, twice) == "complete"
