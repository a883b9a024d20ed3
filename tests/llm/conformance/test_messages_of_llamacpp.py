"""The Anthropic client against llama.cpp's own server, which speaks the Messages API beside OpenAI's."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from felix.llm.batching import complete_streaming, complete_whole
from felix.llm.chat import ChatClient
from felix.llm.models import make_client
from tests.llm.asking import Heard, ask, question
from tests.servers.llamacpp import LlamaServer

T = TypeVar("T")


@pytest.fixture(scope="module", autouse=True)
def _package() -> None:
    pytest.importorskip("anthropic", reason="the Anthropic client needs `pip install felix[anthropic]`")


def use(server: LlamaServer, what: Callable[[ChatClient], Awaitable[T]], *, api_key: str = "") -> T:
    async def run() -> T:
        client = make_client(server.base_url, api_key, "anthropic")
        try:
            return await what(client)
        finally:
            await client.aclose()

    return asyncio.run(run())


def busy_slots(server: LlamaServer) -> int:
    with urllib.request.urlopen(server.base_url.removesuffix("/v1") + "/slots", timeout=5) as reply:
        return sum(slot["is_processing"] for slot in json.load(reply))


def test_text_streams_in_pieces_and_is_counted(llama_server: LlamaServer) -> None:
    heard = Heard()
    request = question(model=llama_server.model, max_tokens=60, temperature=0.0)
    answer = use(llama_server, lambda client: ask(client, request, heard=heard))
    assert (answer.status, answer.model, answer.notes) == ("complete", llama_server.model, ())
    assert answer.text == heard.text() != ""
    assert len(heard.chunks) > 3
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0
    assert 0 < answer.usage.completion_tokens <= 60


def test_thinking_comes_apart_from_the_answer(thinking_llama_server: LlamaServer) -> None:
    heard = Heard()
    request = question(model="tiny-babble")
    answer = use(thinking_llama_server, lambda client: ask(client, request, heard=heard))
    assert answer.status == "complete"
    assert answer.text == heard.text() != ""
    assert answer.reasoning == heard.text("thinking") != ""


def test_a_cut_answer_is_truncated(llama_server: LlamaServer) -> None:
    answer = use(llama_server, lambda client: ask(client, question(model="tiny-babble", max_tokens=3)))
    assert answer.status == "truncated"


def test_the_answer_in_one_piece(thinking_llama_server: LlamaServer) -> None:
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


def test_stop_frees_the_slot(llama_server: LlamaServer) -> None:
    async def stop(client: ChatClient) -> None:
        writing = asyncio.Event()
        # About as much as a slot holds, and always some: stopped after the first piece.
        request = question("Hello", max_tokens=3_000)
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            task = group.create_task(
                complete_streaming(client, request, batch_interval=0, callback=lambda _: writing.set())
            )
            await writing.wait()
            task.cancel()
        until = time.monotonic() + 10
        while await asyncio.to_thread(busy_slots, llama_server):
            assert time.monotonic() < until, "the server still works for nobody"

    use(llama_server, stop)


def test_a_wanted_key_is_told(llama_model: str) -> None:
    with LlamaServer(llama_model, api_key="sk-right") as server:
        assert use(server, ask, api_key="wrong").fault == "key"
        assert use(server, lambda c: ask(c, question(max_tokens=1)), api_key="sk-right").fault is None
