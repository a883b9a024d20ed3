"""The whole way against a real llama.cpp server."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from felix.errors import ServerError
from felix.llm.batching import complete_streaming, complete_whole
from felix.llm.chat import ChatClient, Progress
from felix.llm.models import check_connection, list_models, make_client
from tests.llm.asking import Heard, ask, question
from tests.servers.llamacpp import LlamaServer

T = TypeVar("T")

LONG = "Hello there " * 300
"""About 2,400 tokens: more than one batch, and little enough for a slot."""


def use(server: LlamaServer, what: Callable[[ChatClient], Awaitable[T]], *, api_key: str = "") -> T:
    async def run() -> T:
        client = make_client(server.base_url, api_key, "llamacpp")
        try:
            return await what(client)
        finally:
            await client.aclose()

    return asyncio.run(run())


def busy_slots(server: LlamaServer) -> int:
    with urllib.request.urlopen(server.base_url.removesuffix("/v1") + "/slots", timeout=5) as reply:
        return sum(slot["is_processing"] for slot in json.load(reply))


def test_the_server_tells_its_model_and_the_context_of_a_slot(llama_server: LlamaServer) -> None:
    report = asyncio.run(list_models(llama_server.base_url))
    (model,) = report.models
    assert (report.kind, report.name) == ("llamacpp", "llama.cpp")
    assert (model.id, model.loaded, model.context_length, model.slots) == ("tiny-babble", True, 4096, 4)
    assert (model.busy, model.has_tools, model.parameters, model.quantization) == (0, True, "0.6M", "F16")


def test_text_streams_in_chunks_and_is_counted(llama_server: LlamaServer) -> None:
    heard = Heard()
    # No other test asks this: the server remembers what it has read, and that has no speed.
    request = question("What needs counting?", model=llama_server.model, max_tokens=60, temperature=0.0)
    answer = use(llama_server, lambda client: ask(client, request, heard=heard))
    assert answer.status == "complete"
    assert answer.text == heard.text() != ""
    assert answer.reasoning == ""
    assert answer.usage is not None
    assert 1 < answer.usage.completion_tokens <= 60
    assert answer.ttft_s is not None
    assert answer.ttft_s <= answer.duration_s
    assert answer.usage.prompt_tokens_per_s, "by the server's own timings"
    assert answer.tokens_per_s == answer.usage.tokens_per_s
    assert len(heard.chunks) > 3


def test_thinking_comes_apart_from_the_answer(thinking_llama_server: LlamaServer) -> None:
    heard = Heard()
    answer = use(thinking_llama_server, lambda client: ask(client, question(model="tiny-babble"), heard=heard))
    assert answer.status == "complete"
    assert answer.text == heard.text()
    assert answer.reasoning == heard.text("thinking") != ""
    assert "think>" not in answer.text + answer.reasoning


def test_a_cut_answer_is_truncated(llama_server: LlamaServer) -> None:
    answer = use(llama_server, lambda client: ask(client, question(model="tiny-babble", max_tokens=3)))
    assert (answer.status, answer.finish_reason) == ("truncated", "length")


def test_without_streaming_the_answer_comes_whole(thinking_llama_server: LlamaServer) -> None:
    answer = use(thinking_llama_server, lambda client: complete_whole(client, question(model="tiny-babble")))
    assert answer.status == "complete"
    assert answer.text
    assert answer.reasoning
    assert answer.usage is not None


def test_a_prompt_that_does_not_fit_is_told_and_not_tried_again(llama_server: LlamaServer) -> None:
    heard = Heard()
    answer = use(llama_server, lambda client: ask(client, question("word " * 20_000), heard=heard))
    assert (answer.status, answer.fault) == ("failed", "context")
    assert not [progress for progress in heard.progress if progress.phase == "retrying"]


def test_reading_a_long_prompt_is_reported_by_the_server(llama_server: LlamaServer) -> None:
    heard = Heard()
    use(llama_server, lambda client: ask(client, question(LONG, max_tokens=1), heard=heard))
    fractions = [progress.fraction for progress in heard.progress if progress.phase == "reading"]
    assert fractions[-1] == 1.0
    assert fractions == sorted(f for f in fractions if f is not None)
    assert heard.progress[:2] == [Progress("connecting"), Progress("waiting")]


def test_four_answers_are_written_at_once(thinking_llama_server: LlamaServer) -> None:
    async def four(client: ChatClient) -> list[tuple[float, float]]:
        times: list[tuple[float, float]] = []

        async def one() -> None:
            heard = Heard()
            # Without chance this model thinks on and on about this.
            request = question("Hello", max_tokens=200, temperature=0.0)
            await complete_streaming(client, request, batch_interval=0, callback=heard.chunks.append)
            times.append((heard.chunks[0].timestamp, heard.chunks[-1].timestamp))

        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(one())
        return times

    times = use(thinking_llama_server, four)
    assert max(first for first, _ in times) < min(last for _, last in times)


def test_stop_frees_the_slot_while_the_prompt_is_read(llama_server: LlamaServer) -> None:
    async def stop(client: ChatClient) -> None:
        reading = asyncio.Event()
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            task = group.create_task(
                complete_streaming(
                    client,
                    question(f"Again: {LONG}"),
                    batch_interval=0,
                    on_progress=lambda progress: reading.set() if progress.phase == "reading" else None,
                )
            )
            await reading.wait()
            task.cancel()
        until = time.monotonic() + 10
        while await asyncio.to_thread(busy_slots, llama_server):
            assert time.monotonic() < until, "the server still works for nobody"

    use(llama_server, stop)


def test_the_check_tells_how_fast_the_server_answers(llama_server: LlamaServer) -> None:
    report = asyncio.run(list_models(llama_server.base_url))
    check = use(llama_server, lambda client: check_connection(client, report))
    assert check.ok
    assert check.sentence.startswith("llama.cpp answers with tiny-babble, first token after ")


@pytest.mark.parametrize("api_key", ["", "wrong"])
def test_a_wanted_key_is_told(llama_model: str, api_key: str) -> None:
    with LlamaServer(llama_model, api_key="sk-right") as server:
        answer = use(server, ask, api_key=api_key)
        assert answer.fault == "key"
        with pytest.raises(ServerError) as caught:
            asyncio.run(list_models(server.base_url, "wrong-too"))
        assert "wrong" not in str(caught.value)
        assert use(server, lambda c: ask(c, question(max_tokens=1)), api_key="sk-right").fault is None
