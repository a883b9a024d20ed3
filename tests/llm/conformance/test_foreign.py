"""Against aimock, a mock from npm: Ollama, Anthropic and OpenAI as somebody else read their documentation.

Its Ollama puts thinking where Ollama itself does not, so thinking is looked at in the other two only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest

from felix.endpoints import ServerKind
from felix.llm.batching import complete_whole
from felix.llm.chat import Answer, ChatClient, Text
from felix.llm.models import list_models, make_client
from tests.llm.asking import Heard, ask, question
from tests.servers.aimock import Aimock

pytestmark = pytest.mark.slow

T = TypeVar("T")

TEXT = "Ein 🌍 für alle: 10 µs\n„so“"
"""Cut after every fourth UTF-16 unit, which is in the middle of the globe."""
ANSWERS: list[dict[str, Any]] = [
    {"match": {"userMessage": "plain"}, "response": {"content": "abc" + TEXT}},
    {"match": {"userMessage": "think"}, "response": {"content": "Hello", "reasoning": "Let me see."}},
    {
        "match": {"userMessage": "tool"},
        "response": {"toolCalls": [{"name": "get_time", "arguments": {"tz": "UTC", "at": [1, 2]}}]},
    },
    {"match": {"userMessage": "slow"}, "response": {"content": "la " * 4_000}, "latency": 20},
    {
        "match": {"userMessage": "cut"},
        "response": {"content": "Hello world, and on"},
        "latency": 20,
        "truncateAfterChunks": 5,
    },
    {
        "match": {"userMessage": "busy"},
        "response": {"error": {"message": "server busy, please try again", "type": "overloaded_error"}, "status": 503},
    },
]
PLACES: dict[ServerKind, tuple[str, str]] = {
    "ollama": ("", "/api/chat"),
    "anthropic": ("", "/v1/messages"),
    "openai": ("/v1", "/v1/chat/completions"),
}
every_dialect = pytest.mark.parametrize("kind", PLACES)


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    with Aimock(ANSWERS, tmp_path_factory.mktemp("aimock")) as server:
        yield server


def use(server: Aimock, kind: ServerKind, what: Callable[[ChatClient], Awaitable[T]]) -> T:
    async def run() -> T:
        client = make_client(server.root + PLACES[kind][0], "sk-mine", kind)
        try:
            return await what(client)
        finally:
            await client.aclose()

    return asyncio.run(run())


def answer_of(server: Aimock, kind: ServerKind, words: str, heard: Heard | None = None) -> Answer:
    return use(server, kind, lambda client: ask(client, question(words, model="gpt-4o"), heard=heard))


@every_dialect
def test_text_comes_in_pieces_and_whole_characters(aimock: Aimock, kind: ServerKind) -> None:
    heard = Heard()
    answer = answer_of(aimock, kind, "plain", heard)
    assert (answer.text, answer.status, answer.error) == ("abc" + TEXT, "complete", None)
    assert heard.text() == answer.text
    assert len(heard.chunks) > 4


@every_dialect
def test_a_tool_call_is_put_together(aimock: Aimock, kind: ServerKind) -> None:
    answer = answer_of(aimock, kind, "tool")
    (call,) = answer.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("get_time", {"tz": "UTC", "at": [1, 2]})
    assert call.id
    assert answer.status == "complete"


@pytest.mark.parametrize("kind", ["anthropic", "openai"])
def test_thinking_comes_apart_from_the_answer(aimock: Aimock, kind: ServerKind) -> None:
    answer = answer_of(aimock, kind, "think")
    assert (answer.text, answer.reasoning, answer.status) == ("Hello", "Let me see.", "complete")


@every_dialect
def test_the_answer_in_one_piece_is_the_same(aimock: Aimock, kind: ServerKind) -> None:
    answer = use(aimock, kind, lambda client: complete_whole(client, question("plain", model="gpt-4o")))
    assert (answer.text, answer.status) == ("abc" + TEXT, "complete")


@every_dialect
def test_a_connection_that_breaks_is_not_a_complete_answer(aimock: Aimock, kind: ServerKind) -> None:
    answer = answer_of(aimock, kind, "cut")
    assert (answer.status, answer.fault) == ("unconfirmed", "cut")
    assert answer.text
    assert "Hello world, and on".startswith(answer.text)


@every_dialect
def test_a_refusal_is_told(aimock: Aimock, kind: ServerKind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)
    answer = answer_of(aimock, kind, "busy")
    assert (answer.status, answer.fault) == ("failed", "overloaded")
    assert "server busy, please try again" in (answer.error or "")


@every_dialect
def test_leaving_a_stream_is_at_once(aimock: Aimock, kind: ServerKind) -> None:
    async def leave(client: ChatClient) -> float:
        loop = asyncio.get_running_loop()
        stream = client.stream(question("slow", model="gpt-4o"))
        async for delta in stream:
            if isinstance(delta, Text):
                break
        left = loop.time()
        await stream.aclose()  # type: ignore[attr-defined]
        return loop.time() - left

    assert use(aimock, kind, leave) < 1


@every_dialect
def test_the_question_arrived_where_that_dialect_has_it(aimock: Aimock, kind: ServerKind) -> None:
    answer_of(aimock, kind, "plain")
    asked = aimock.asked(PLACES[kind][1])
    assert any(entry["body"]["messages"][-1]["content"] == "plain" for entry in asked)


def test_the_models_of_ollama_are_listed(aimock: Aimock) -> None:
    report = asyncio.run(list_models(aimock.root, kind="ollama"))
    assert (report.kind, report.name) == ("ollama", "Ollama")
    assert "gpt-4o" in {model.id for model in report.models}
