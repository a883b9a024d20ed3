"""The client against a server that speaks the documented Messages API."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from felix.errors import ServerError
from felix.llm.anthropic.client import MOST_TOKENS, AnthropicClient, conversation
from felix.llm.anthropic.headers import VERSION, headers, is_anthropic
from felix.llm.chat import Answer, ChatClient, ChatRequest, Message
from felix.llm.models import list_models, make_client
from tests.llm.asking import Heard, ask, question
from tests.servers.fakes import FakeAnthropic, Script
from tests.servers.fakes.script import End, Refuse, Say
from tests.servers.fakes.serving import Refusal, Request
from tests.servers.fault_server import Connection, FaultServer

pytest.importorskip("anthropic", reason="asks through Anthropic's package: `pip install felix[anthropic]`")

T = TypeVar("T")

MODEL = "claude-haiku-5-5"


def use(base_url: str, what: Callable[[ChatClient], Awaitable[T]], *, api_key: str = "") -> T:
    async def run() -> T:
        client = make_client(base_url, api_key, "anthropic")
        try:
            return await what(client)
        finally:
            await client.aclose()

    return asyncio.run(run())


def asked(server: FakeAnthropic, request: ChatRequest, *, heard: Heard | None = None) -> Answer:
    return use(server.base_url, lambda client: ask(client, request, heard=heard))


class Picky(FakeAnthropic):
    """Tells how much each model writes."""

    def other(self, request: Request) -> Refusal:
        if request.path == f"/v1/models/{MODEL}":
            return Refusal(200, {"type": "model", "id": MODEL, "max_tokens": 64_000})
        return super().other(request)


class Refusing(FakeAnthropic):
    """Refuses everything in one way."""

    def __init__(self, status: int, kind: str, words: str, **retry: str) -> None:
        super().__init__(Script(Refuse("server")))
        self._refusal = Refusal(status, {"type": "error", "error": {"type": kind, "message": words}}, retry)

    def refusal(self, refuse: Refuse, request: Request) -> Refusal:
        return self._refusal


def test_the_request_says_what_was_asked_and_nothing_else() -> None:
    with FakeAnthropic() as server:
        asked(server, question(model=MODEL, max_tokens=7))
        (request,) = server.requests
    assert request.json == {
        "model": MODEL,
        "max_tokens": 7,
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
    }
    assert request.headers["anthropic-version"] == VERSION


def test_the_system_prompt_and_the_turns_are_as_the_api_wants_them() -> None:
    messages = (
        Message("system", "Be brief."),
        Message("system", "Be kind."),
        Message("user", "a"),
        Message("user", "b \ud83d"),
        Message("assistant", " "),
        Message("user", "c"),
        Message("assistant", "d"),
    )
    assert conversation(messages) == (
        "Be brief.\n\nBe kind.",
        [{"role": "user", "content": "a\n\nb \ufffd\n\nc"}, {"role": "assistant", "content": "d"}],
    )


def test_instructions_alone_are_the_question() -> None:
    assert conversation((Message("system", "Say yes."),)) == ("", [{"role": "user", "content": "Say yes."}])


def test_a_model_is_let_write_as_much_as_it_can() -> None:
    async def twice(client: ChatClient) -> None:
        await ask(client, question(model=MODEL))
        await ask(client, question(model=MODEL))

    with Picky() as server:
        use(server.base_url, twice)
        assert [request.json["max_tokens"] for request in server.answered] == [64_000, 64_000]
        assert len(server.requests) == 3, "the list is asked once"
    with FakeAnthropic() as server:
        asked(server, question(model=MODEL))
        assert server.answered[-1].json["max_tokens"] == MOST_TOKENS


def test_a_temperature_that_is_not_taken_is_left_out_and_told() -> None:
    async def twice(client: ChatClient) -> tuple[Answer, Answer]:
        request = question(model=MODEL, max_tokens=7, temperature=0.5)
        return await ask(client, request), await ask(client, request)

    with FakeAnthropic() as server:
        first, second = use(server.base_url, twice)
        assert ["temperature" in request.json for request in server.answered] == [True, False, False]
    for answer in (first, second):
        assert (answer.status, answer.notes) == ("complete", ("the model takes no temperature",))


def test_to_anthropic_itself_no_temperature_is_sent_at_all() -> None:
    async def body() -> dict[str, Any]:
        client = AnthropicClient("https://api.anthropic.com/v1", "sk-ant-x")
        try:
            return client._body(question(model=MODEL, temperature=0.5), 7, streaming=True)
        finally:
            await client.aclose()

    assert "temperature" not in str(asyncio.run(body()))


def test_the_key_goes_where_its_server_looks_for_it() -> None:
    assert headers("https://api.anthropic.com/v1", "sk-ant-x") == {"anthropic-version": VERSION}
    assert headers("http://127.0.0.1:1234/v1", "sk-lm-x") == {"anthropic-version": VERSION, "x-api-key": "sk-lm-x"}
    assert not is_anthropic("https://anthropic.com.example.org/v1")


def test_nothing_of_the_environment_reaches_the_server(
    fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the package reads besides, such as ANTHROPIC_PROFILE, it reads only where no key is given."""
    for name in ("API_KEY", "AUTH_TOKEN", "PROFILE", "WEBHOOK_SIGNING_KEY", "IDENTITY_TOKEN", "ORGANIZATION_ID"):
        monkeypatch.setenv(f"ANTHROPIC_{name}", "leaked")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9/leaked")
    everywhere = ("X-Leaked", "Authorization", "Anthropic-Version", "Anthropic-Beta", "Host", "Accept", "Content-Type")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "\n".join(f"{name}: leaked" for name in everywhere))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    def say(client: Connection) -> None:
        client.head()
        client.send(b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}}\n\n')
        client.send(b'data: {"type":"message_stop"}\n\n')
        client.end()

    fault_server.replies["it"] = say
    for key in ("", "sk-mine"):
        request = question(max_tokens=7)
        assert use(fault_server.url("it"), lambda client: ask(client, request), api_key=key).status == "complete"  # noqa: B023
    without, with_key = fault_server.posts("it")
    for post in (without, with_key):
        assert b"leaked" not in post.raw_head + post.body
        assert post.headers["anthropic-version"] == VERSION
    assert {"authorization", "x-api-key"}.isdisjoint(without.headers)
    assert with_key.headers["authorization"] == "Bearer sk-mine"


@contextmanager
def missing(package: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = importlib.util.find_spec
    with monkeypatch.context() as patch:
        patch.setattr("felix.llm.anthropic.client.find_spec", lambda name: None if name == package else found(name))
        yield


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with missing("anthropic", monkeypatch), pytest.raises(ServerError, match=r"pip install anthropic"):
        make_client("https://api.anthropic.com/v1", "sk-ant-x", "anthropic")


@pytest.mark.parametrize(
    ("status", "kind", "words", "fault", "sentence"),
    [
        (401, "authentication_error", "invalid bearer token", "key", "set the key in Settings"),
        (402, "billing_error", "Payment required", "rejected", "see to its billing"),
        (403, "permission_error", "No access", "key", "give it access to the model"),
        (404, "not_found_error", "model: claude-9", "unknown_model", "choose another model"),
        (413, "request_too_large", "Too large", "context", "shorten the task"),
        (400, "invalid_request_error", "prompt is too long: 2 tokens > 1 maximum", "context", "shorten the task"),
        (400, "invalid_request_error", "Your credit balance is too low", "rejected", "see to its billing"),
        (429, "rate_limit_error", "You have reached your limit", "rate_limit", "spending limit is reached"),
    ],
)
def test_a_refusal_says_what_to_do_and_is_not_tried_again(
    status: int, kind: str, words: str, fault: str, sentence: str
) -> None:
    with Refusing(status, kind, words) as server:
        answer = asked(server, question(model=MODEL, max_tokens=7))
        assert len(server.answered) == 1
    assert answer.fault == fault
    assert words in (answer.error or "")
    assert sentence in (answer.error or "")


def test_a_rate_that_will_be_free_again_is_waited_for() -> None:
    scripts = (Script(Refuse("rate", retry_after="0.1")), Script(Refuse("busy")), Script(Say("Hello"), End()))
    with FakeAnthropic(*scripts) as server:
        assert asked(server, question(model=MODEL, max_tokens=7)).status == "complete"
        assert len(server.answered) == 3


def test_the_list_is_read_to_its_last_page() -> None:
    class Long(FakeAnthropic):
        def other(self, request: Request) -> Refusal:
            after = request.raw.partition(b"after_id=")[2].partition(b" ")[0].decode()
            number = int(after.removeprefix("m") or 0) + 1
            model = {"type": "model", "id": f"m{number}", "display_name": f"M {number}", "max_input_tokens": 200_000}
            model |= {"capabilities": {"thinking": {"supported": number == 1}}}
            if number == 2:
                model["lifecycle"] = "retired"
            return Refusal(200, {"data": [model], "has_more": number < 3, "last_id": model["id"]})

    with Long() as server:
        report = asyncio.run(list_models(server.base_url, "sk-x", kind="anthropic"))
        assert all(request.headers["anthropic-version"] == VERSION for request in server.requests)
    assert report.kind == "anthropic"
    assert [(model.id, model.name, model.loaded, model.context_length, model.thinks) for model in report.models] == [
        ("m1", "M 1", True, 200_000, True),
        ("m3", "M 3", True, 200_000, False),
    ]
