"""Text that a client must not lose, though what carries it breaks off or bears another name."""

from __future__ import annotations

import asyncio
import json

import pytest

from felix.endpoints import ServerKind
from felix.llm.batching import complete_whole
from felix.llm.chat import Answer
from felix.llm.models import make_client
from tests.llm.asking import ask, ask_once, question
from tests.servers.fault_server import Connection, FaultServer, Reply
from tests.servers.quirks import DONE, STOP, event, stream, text


def line(content: str, **more: object) -> bytes:
    """One line of Ollama's dialect, without its end."""
    said = {"model": "quirk", "message": {"role": "assistant", "content": content}, "done": False, **more}
    return json.dumps(said).encode()


def asked(server: FaultServer, kind: ServerKind, *, streaming: bool = True) -> Answer:
    async def run() -> Answer:
        client = make_client(server.url("it"), kind=kind)
        try:
            return await (ask(client) if streaming else complete_whole(client, question(), silence_timeout_s=10))
        finally:
            await client.aclose()

    return asyncio.run(run())


def breaking_off(*pieces: bytes) -> Reply:
    """A reply that ends without the end of its body."""

    def reply(client: Connection) -> None:
        client.head()
        for piece in pieces:
            client.send(piece)

    return reply


def test_a_message_that_only_lacks_its_line_end_is_kept_when_the_connection_breaks(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = breaking_off(event(text("Hello")), event(text(" world"), end=b"\n"))
    answer = asked(fault_server, "other")
    assert (answer.text, answer.status, answer.notes) == ("Hello world", "unconfirmed", ())


def test_half_a_message_is_not_told_as_damage_when_the_connection_breaks(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = breaking_off(event(text("Hello")), event(text(" world"))[:-9])
    answer = asked(fault_server, "other")
    assert (answer.text, answer.status, answer.notes) == ("Hello", "unconfirmed", ())


def test_an_answer_whose_last_line_has_no_end_is_whole_though_the_connection_breaks(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = breaking_off(line("Hello") + b"\n", line(" world", done=True))
    answer = asked(fault_server, "ollama")
    assert (answer.text, answer.status) == ("Hello world", "complete")


def test_an_error_that_came_before_the_connection_broke_is_the_one_told(fault_server: FaultServer) -> None:
    error = event({"error": {"message": "the disk is full"}}, end=b"\n")
    fault_server.replies["it"] = breaking_off(event(text("Hello")), error)
    answer = asked(fault_server, "other")
    assert (answer.text, answer.status) == ("Hello", "failed")
    assert "the disk is full" in (answer.error or "")


def test_lines_that_are_labelled_as_one_object_are_read_as_they_come(fault_server: FaultServer) -> None:
    def reply(client: Connection) -> None:
        client.head(content_type="application/json")
        client.send(line("Hello") + b"\n")
        client.silence()

    fault_server.replies["it"] = reply

    async def first() -> str:
        client = make_client(fault_server.url("it"), kind="ollama")
        pieces: list[str] = []
        try:
            async with asyncio.timeout(20):
                async for delta in client.stream(question()):
                    if content := getattr(delta, "text", ""):
                        pieces.append(content)
                        break
        finally:
            await client.aclose()
        return "".join(pieces)

    assert asyncio.run(first()) == "Hello"


@pytest.mark.parametrize("streaming", [True, False])
def test_a_stream_under_another_label_is_read_in_the_end(fault_server: FaultServer, streaming: bool) -> None:
    body = event(text("Hello")) + event(text(" world")) + event(STOP) + DONE
    fault_server.replies["it"] = stream(body[:1], body[1:], content_type="text/plain")
    answer = asked(fault_server, "other", streaming=streaming)
    assert (answer.text, answer.status) == ("Hello world", "complete")


@pytest.mark.parametrize("kind", ["other", "ollama", "lmstudio"])
def test_json_without_a_bottom_is_no_answer_and_no_crash(fault_server: FaultServer, kind: ServerKind) -> None:
    depth = 60_000
    fault_server.replies["it"] = stream(b"[" * depth + b"]" * depth, content_type="application/json")
    assert asked(fault_server, kind).fault == "not_a_model_server"


def test_the_end_of_a_failed_attempt_is_not_the_end_of_the_next(
    fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)

    def reply(client: Connection) -> None:
        is_first = len(fault_server.posts("it")) == 1
        failed = (event(STOP), event({"error": {"code": 503, "message": "busy"}}))
        stream(*(failed if is_first else (event(text("half an ans")),)))(client)

    fault_server.replies["it"] = reply
    answer = ask_once(fault_server.url("it"))
    assert (answer.text, answer.status, answer.finish_reason) == ("half an ans", "unconfirmed", "")


@pytest.mark.parametrize("content_type", ["text/event-stream", "audio/mpeg"])
@pytest.mark.parametrize("streaming", [True, False])
def test_what_never_makes_a_message_does_not_fill_the_memory(
    fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch, content_type: str, streaming: bool
) -> None:
    def sing(client: Connection) -> None:
        client.head(content_type=content_type)
        client.send(b"data: {")
        while not client.server.stopping.is_set():
            client.send(b"la" * 500)

    monkeypatch.setattr("felix.llm.exchange.MOST_UNREAD", 100_000)
    fault_server.replies["it"] = sing
    answer = asked(fault_server, "other", streaming=streaming)
    assert (answer.status, answer.fault) == ("failed", "not_a_model_server")
