"""What a real llama.cpp server is under this dialect, beside what the conformance suite asks of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from felix.llm.chat import ChatClient, Text
from felix.llm.models import check_connection, list_models, make_client
from tests.llm.asking import ask, question
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


def test_the_answer_is_the_same_through_either_dialect(llama_server: LlamaServer) -> None:
    request = question(model=llama_server.model, max_tokens=40, temperature=0.0)

    async def through(kind: str) -> str:
        client = make_client(llama_server.base_url, "", kind)  # type: ignore[arg-type]
        try:
            return (await ask(client, request)).text
        finally:
            await client.aclose()

    assert asyncio.run(through("anthropic")) == asyncio.run(through("llamacpp")) != ""


def test_the_server_is_listed_and_checked_under_this_dialect(llama_server: LlamaServer) -> None:
    report = asyncio.run(list_models(llama_server.base_url, kind="anthropic"))
    (model,) = report.models
    assert (report.kind, model.id, model.context_length, model.slots) == ("anthropic", "tiny-babble", 4096, 4)
    check = use(llama_server, lambda client: check_connection(client, report))
    assert check.ok
    assert check.sentence.startswith("Messages server answers with tiny-babble, first token after ")


def test_closing_the_stream_early_leaves_the_client_usable(llama_server: LlamaServer) -> None:
    async def twice(client: ChatClient) -> str:
        stream = client.stream(question(model="tiny-babble"))
        async for delta in stream:
            if isinstance(delta, Text):
                break
        await stream.aclose()  # type: ignore[attr-defined]
        return (await ask(client, question(model="tiny-babble"))).status

    assert use(llama_server, twice) == "complete"
