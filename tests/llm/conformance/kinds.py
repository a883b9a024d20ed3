"""Every kind of client, with the fake server that speaks its dialect and what that dialect can say.

A new kind of client is one more entry here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import TypeVar

import pytest

from felix.endpoints import ServerKind
from felix.llm.chat import Answer, ChatClient, ChatRequest, Delta, Message
from felix.llm.models import make_client
from tests.llm.asking import Heard, ask
from tests.servers.fakes import (
    FakeAnthropic,
    FakeGroq,
    FakeLlamaCpp,
    FakeLMStudio,
    FakeOllama,
    FakeOpenAI,
    FakeServer,
    FakeVLLM,
    Script,
)
from tests.servers.fakes.script import Fault, Step

T = TypeVar("T")

QUESTION = (Message("system", "Be brief."), Message("user", "Grüße an \ud83d alle 🌍"))
"""Half an emoji among it: what a user pastes must not break a request."""
CONVERSATION = (Message("user", "Hello"), Message("assistant", "Hi"), Message("user", "Go on"))

MOST = frozenset[Fault]({"context", "key", "model", "rate", "server", "busy"})
LOCAL = frozenset[Fault]({"context", "key", "model", "server"})


@dataclass(frozen=True)
class Kind:
    """One kind of client."""

    name: str
    client: ServerKind
    server: type[FakeServer]
    model: str = "qwen3-8b"
    messages: tuple[Message, ...] = QUESTION
    path: str = "/v1/chat/completions"
    """Where its questions must arrive."""
    refusals: frozenset[Fault] = MOST
    """What this server is documented to refuse with."""
    progress: frozenset[str] = frozenset()
    """Phases this server tells in parts."""
    is_like_another: bool = False
    """Its wire differs little from another kind's: looked at with the slow tests."""
    has_tools: bool = True
    has_fragments: bool = True
    """The arguments of a tool call come in pieces."""
    has_signs_of_life: bool = True
    has_busy_streams: bool = True
    """A stream that began well may still end with word that the server is too busy."""
    has_late_head: bool = False
    """Nothing at all comes before the first token."""
    finish: dict[str, str] = field(
        default_factory=lambda: {"stop": "stop", "length": "length", "refused": "content_filter"}
    )
    """What an end is called; a server without a word for it cannot refuse."""

    def __str__(self) -> str:
        return self.name

    def request(
        self, *, max_tokens: int = 0, temperature: float | None = None, messages: tuple[Message, ...] = ()
    ) -> ChatRequest:
        return ChatRequest(messages or self.messages, self.model, temperature, max_tokens, "research-1")

    def open(self, server: FakeServer, api_key: str = "") -> ChatClient:
        if self.client == "anthropic":
            # takes seconds on a busy machine, which are no silence of the server
            import_module("anthropic.resources.messages")
        return make_client(server.base_url, api_key, self.client)


KINDS = (
    Kind("openai", "openai", FakeOpenAI, model="gpt-5.6-mini"),
    Kind("groq", "groq", FakeGroq, model="qwen/qwen3-32b", path="/openai/v1/chat/completions"),
    Kind("llamacpp", "llamacpp", FakeLlamaCpp, refusals=LOCAL, progress=frozenset({"reading"})),
    Kind("vllm", "vllm", FakeVLLM, is_like_another=True),
    Kind("other", "other", FakeOpenAI, model="gpt-4o-mini", is_like_another=True),
    Kind("lmstudio-v1", "lmstudio", FakeLMStudio, messages=CONVERSATION, refusals=LOCAL, has_busy_streams=False),
    Kind(
        "lmstudio",
        "lmstudio",
        FakeLMStudio,
        path="/api/v1/chat",
        refusals=LOCAL,
        has_busy_streams=False,
        progress=frozenset({"loading", "reading"}),
        has_tools=False,
        finish={"stop": "stop", "length": "length"},
    ),
    Kind(
        "ollama",
        "ollama",
        FakeOllama,
        model="qwen3:8b",
        path="/api/chat",
        has_fragments=False,
        has_signs_of_life=False,
        has_busy_streams=False,
        has_late_head=True,
        finish={"stop": "stop", "length": "length"},
    ),
    Kind(
        "anthropic",
        "anthropic",
        FakeAnthropic,
        model="claude-haiku-5-5",
        path="/v1/messages",
        finish={"stop": "stop", "length": "length", "refused": "refusal"},
    ),
)


def kinds_that(can: Callable[[Kind], object]) -> pytest.MarkDecorator:
    """A test for all kinds that can do something."""
    return pytest.mark.parametrize("kind", [pytest.param(k, id=k.name, marks=needs(k)) for k in KINDS if can(k)])


def needs(kind: Kind) -> list[pytest.MarkDecorator]:
    """What a test of this kind waits for: the slow tests, an optional package."""
    marks = [pytest.mark.slow] if kind.is_like_another else []
    if kind.client == "anthropic":
        reason = "the Anthropic client needs `pip install felix[anthropic]`"
        marks.append(pytest.mark.skipif(find_spec("anthropic") is None, reason=reason))
    return marks


every_kind = kinds_that(lambda _: True)


@dataclass
class Talk:
    """One question and what became of it."""

    answer: Answer
    heard: Heard
    server: FakeServer


def talk(
    kind: Kind,
    script: Script | tuple[Step, ...],
    *more: Script,
    request: ChatRequest | None = None,
    api_key: str = "",
    silence_timeout_s: float = 10,
) -> Talk:
    """Ask a new server that plays these scripts one question, the way a run does."""
    return asyncio.run(
        converse(kind, script, *more, request=request, api_key=api_key, silence_timeout_s=silence_timeout_s)
    )


async def converse(
    kind: Kind,
    script: Script | tuple[Step, ...],
    *more: Script,
    request: ChatRequest | None = None,
    api_key: str = "",
    silence_timeout_s: float = 10,
) -> Talk:
    """`talk`, on the loop of the caller."""
    first = script if isinstance(script, Script) else Script(*script)
    with kind.server(first, *more) as server:
        heard = Heard()
        async with opened(kind, server, api_key) as client:
            answer = await ask(client, request or kind.request(), heard=heard, silence_timeout_s=silence_timeout_s)
        return Talk(answer, heard, server)


def deltas(kind: Kind, script: Script) -> list[Delta]:
    """What the client itself makes of a script."""

    async def read(client: ChatClient) -> list[Delta]:
        return [delta async for delta in client.stream(kind.request())]

    return use(kind, script, read)


def use(kind: Kind, script: Script, what: Callable[[ChatClient], Awaitable[T]]) -> T:
    """Do something with a client of a new server."""

    async def run(server: FakeServer) -> T:
        async with opened(kind, server) as client:
            return await what(client)

    with kind.server(script) as server:
        return asyncio.run(run(server))


@asynccontextmanager
async def opened(kind: Kind, server: FakeServer, api_key: str = "") -> AsyncIterator[ChatClient]:
    client = kind.open(server, api_key)
    try:
        yield client
    finally:
        await client.aclose()
