"""One real model, reached in three ways: llama.cpp's two dialects, and the file that Felix serves itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from felix.endpoints import ServerKind
from felix.llm.batching import complete_whole
from felix.llm.chat import Answer, ChatClient
from felix.llm.models import list_models, make_client
from tests.llm.asking import Heard, ask, question
from tests.servers.llamacpp import LlamaServer

T = TypeVar("T")

WAYS: tuple[ServerKind, ...] = ("llamacpp", "anthropic", "file")

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("kind", WAYS)]


@pytest.fixture
def address(kind: ServerKind, llama_model: str, request: pytest.FixtureRequest) -> str:
    if kind == "file":
        return Path(llama_model).as_uri()
    if kind == "anthropic":
        pytest.importorskip("anthropic", reason="the Anthropic client needs `pip install felix[anthropic]`")
    server: LlamaServer = request.getfixturevalue("thinking_llama_server")
    return server.base_url


def use(address: str, kind: ServerKind, what: Callable[[ChatClient], Awaitable[T]]) -> T:
    async def run() -> T:
        client = make_client(address, "", kind)
        try:
            return await what(client)
        finally:
            await client.aclose()

    return asyncio.run(run())


def test_an_answer_streams_with_its_thinking_apart_and_is_counted(address: str, kind: ServerKind) -> None:
    heard = Heard()
    request = question("Hello there", model="tiny-babble", temperature=0.0)
    answer = use(address, kind, lambda client: ask(client, request, heard=heard, silence_timeout_s=60))
    assert (answer.status, answer.error) == ("complete", None)
    assert answer.text == heard.text() != ""
    assert answer.reasoning == heard.text("thinking") != ""
    assert "think>" not in answer.text + answer.reasoning
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens >= len(heard.chunks) / 2
    assert len(heard.chunks) > 3


def test_the_answer_in_one_piece_is_the_same(address: str, kind: ServerKind) -> None:
    request = question("Hello there", model="tiny-babble", temperature=0.0)

    async def both(client: ChatClient) -> tuple[Answer, Answer]:
        return await ask(client, request, silence_timeout_s=60), await complete_whole(client, request)

    streamed, whole = use(address, kind, both)
    assert whole.text == streamed.text != ""
    assert (whole.reasoning, whole.status) == (streamed.reasoning, "complete")


def test_the_end_of_the_limit_is_told(address: str, kind: ServerKind) -> None:
    request = question(model="tiny-babble", max_tokens=3)
    answer = use(address, kind, lambda client: ask(client, request, silence_timeout_s=60))
    assert answer.finish_reason == "length"
    assert "token limit" in (answer.error or "") or answer.status == "truncated"


def test_a_prompt_that_does_not_fit_is_told_once(address: str, kind: ServerKind) -> None:
    heard = Heard()
    request = question("word " * 60_000, model="tiny-babble")
    answer = use(address, kind, lambda client: ask(client, request, heard=heard, silence_timeout_s=60))
    assert (answer.status, answer.fault) == ("failed", "context")
    assert not [progress for progress in heard.progress if progress.phase == "retrying"]


def test_its_models_are_listed(address: str, kind: ServerKind) -> None:
    report = asyncio.run(list_models(address, kind=kind))
    assert report.kind == kind
    assert len(report.models) == 1
