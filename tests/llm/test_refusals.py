"""What a server does not take of a request: left out or renamed once, by what the error names for machines first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from felix.endpoints import ServerKind
from felix.llm.chat import Answer, ChatRequest
from felix.llm.models import make_client
from tests.llm.asking import ask, question
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import QUIRKS


def refusing(refused: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Callable[[Connection], None]:
    """A server that answers with HTTP 400 and this error while there is one."""

    def reply(client: Connection) -> None:
        error = refused(client.request.json)
        if error:
            client.reply_json({"error": error}, "400 Bad Request")
        else:
            QUIRKS["ok"](client)

    return reply


def asked(
    server: FaultServer, *requests: ChatRequest, kind: ServerKind = "other"
) -> tuple[list[Answer], list[dict[str, Any]]]:
    """The answers, and every request that came."""

    async def run() -> list[Answer]:
        client = make_client(server.url("it"), "", kind)
        try:
            return [await ask(client, request) for request in requests]
        finally:
            await client.aclose()

    return asyncio.run(run()), [post.json for post in server.posts("it")]


def test_the_param_of_an_error_says_which_field_was_refused(fault_server: FaultServer) -> None:
    def refused(body: dict[str, Any]) -> dict[str, Any] | None:
        message = "Unsupported value: only the default is supported. See also stream_options."
        return (
            {"message": message, "param": "temperature", "code": "unsupported_value"} if "temperature" in body else None
        )

    fault_server.replies["it"] = refusing(refused)
    (answer,), posts = asked(fault_server, question(temperature=0.2))
    assert (answer.status, answer.notes) == ("complete", ("the server accepts no temperature",))
    assert [("temperature" in post, "stream_options" in post) for post in posts] == [(True, True), (False, True)]


def test_a_limit_is_renamed_by_its_param_though_no_other_name_is_told(fault_server: FaultServer) -> None:
    def refused(body: dict[str, Any]) -> dict[str, Any] | None:
        error = {"message": "Unrecognized request argument.", "param": "max_tokens", "code": "unknown_parameter"}
        return error if "max_tokens" in body else None

    fault_server.replies["it"] = refusing(refused)
    (answer,), posts = asked(fault_server, question(max_tokens=7))
    assert answer.status == "complete"
    assert [post.get("max_completion_tokens") for post in posts] == [None, 7]


@pytest.mark.parametrize(
    ("field", "code"), [("max_tokens", "integer_above_max_value"), ("temperature", "decimal_above_max_value")]
)
def test_a_value_out_of_range_is_told_and_not_dropped(fault_server: FaultServer, field: str, code: str) -> None:
    error = {"message": f"Invalid '{field}': at most 5.", "param": field, "code": code}
    fault_server.replies["it"] = refusing(lambda _: error)
    (answer,), posts = asked(fault_server, question(max_tokens=7, temperature=0.2))
    assert (answer.status, answer.fault, len(posts)) == ("failed", "rejected", 1)
    assert "at most 5" in (answer.error or "")


def test_an_error_about_another_field_is_told_though_it_speaks_of_ours(fault_server: FaultServer) -> None:
    error = {"message": "messages: too many, whatever the temperature", "param": "messages", "code": "invalid"}
    fault_server.replies["it"] = refusing(lambda _: error)
    (answer,), posts = asked(fault_server, question(temperature=0.2))
    assert (answer.status, len(posts)) == ("failed", 1)


def test_what_one_model_refuses_is_still_sent_to_another(fault_server: FaultServer) -> None:
    def refused(body: dict[str, Any]) -> dict[str, Any] | None:
        takes_none = body["model"] == "o9" and "temperature" in body
        return {"message": "No.", "param": "temperature", "code": "unsupported_value"} if takes_none else None

    fault_server.replies["it"] = refusing(refused)
    requests = [question(model=model, temperature=0.2) for model in ("o9", "plain", "o9")]
    _, posts = asked(fault_server, *requests)
    assert [(post["model"], "temperature" in post) for post in posts] == [
        ("o9", True),
        ("o9", False),
        ("plain", True),
        ("o9", False),
    ]


def test_groq_is_asked_to_keep_the_thinking_apart_unless_the_model_has_none(fault_server: FaultServer) -> None:
    def refused(body: dict[str, Any]) -> dict[str, Any] | None:
        has_none = body["model"] == "plain" and "reasoning_format" in body
        message = "`reasoning_format` is not supported with this model"
        return {"message": message, "type": "invalid_request_error"} if has_none else None

    fault_server.replies["it"] = refusing(refused)
    answers, posts = asked(fault_server, question(model="qwen"), question(model="plain"), kind="groq")
    assert [answer.status for answer in answers] == ["complete", "complete"]
    assert [post.get("reasoning_format") for post in posts] == ["parsed", "parsed", None]


@pytest.mark.parametrize(("kind", "name"), [("openai", "max_completion_tokens"), ("vllm", "max_tokens")])
def test_each_kind_is_asked_with_its_own_name_for_the_limit(
    fault_server: FaultServer, kind: ServerKind, name: str
) -> None:
    fault_server.replies["it"] = QUIRKS["ok"]
    _, (post,) = asked(fault_server, question(max_tokens=7), kind=kind)
    assert post[name] == 7
    assert {"reasoning_format", "return_progress"}.isdisjoint(post)


def without(limits: dict[str, str]) -> Callable[[Connection], None]:
    """A server whose models each refuse one name of the limit."""

    def refused(body: dict[str, Any]) -> dict[str, Any] | None:
        name = limits[body["model"]]
        return {"message": "No.", "param": name, "code": "unsupported_parameter"} if name in body else None

    return refusing(refused)


def test_a_limit_goes_by_its_other_name_for_all_who_ask_at_once(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = without({"quirk": "max_tokens"})

    async def run() -> list[Answer]:
        client = make_client(fault_server.url("it"))
        try:
            return await asyncio.gather(*(ask(client, question(max_tokens=7)) for _ in range(6)))
        finally:
            await client.aclose()

    assert [answer.status for answer in asyncio.run(run())] == ["complete"] * 6


def test_each_model_of_a_server_has_its_own_name_for_the_limit(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = without({"new": "max_tokens", "old": "max_completion_tokens"})
    requests = [question(model=model, max_tokens=7) for model in ("new", "old", "new", "old")]
    answers, posts = asked(fault_server, *requests)
    assert [answer.status for answer in answers] == ["complete"] * 4
    assert len(posts) == 5  # one of them twice, once


def test_a_limit_that_is_refused_by_both_names_is_told(fault_server: FaultServer) -> None:
    error = {"message": "No limits: neither max_tokens nor max_completion_tokens."}
    fault_server.replies["it"] = refusing(lambda _: error)
    (answer,), posts = asked(fault_server, question(max_tokens=7))
    assert (answer.status, len(posts)) == ("failed", 2)
