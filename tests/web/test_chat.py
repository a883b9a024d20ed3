"""`POST /chat/stream`: a message in, tokens out; a conversation is a thread of runs."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from felix.ledger.reader import Reader
from tests.servers.fault_server import FaultServer
from tests.servers.quirks import GOOD, events, status
from tests.test_engine import follow, is_event, listing
from tests.web.served import WAIT_S, Served, dechunked, head, on_word, read_head, served
from tests.web.served import events as streamed

ONE = "name: One\nagents: [{id: research, role: research}]\ncheckpoints: [0]\n"


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that may be talked to, with a short workflow of the user's."""
    folder = tmp_path_factory.mktemp("talking")
    workflows = folder / "workflows"
    workflows.mkdir()
    (workflows / "one.yaml").write_text(ONE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("felix.places.user_workflows", lambda: workflows)
        with served(folder, allow_control=True, workflow="one") as server:
            yield server


@contextmanager
def posted(talking: Served, body: dict[str, Any]) -> Iterator[tuple[dict[str, str], Iterator[Any]]]:
    """The headers of the answer, and the data of its events as they come."""
    data = json.dumps(body).encode()
    headers = {"Host": talking.host, **talking.bearer, "Content-Type": "application/json"}
    with socket.create_connection(("127.0.0.1", talking.port), WAIT_S) as sock:
        sock.sendall(head("POST", "/chat/stream", {**headers, "Content-Length": str(len(data))}) + data)
        code, told, rest = read_head(sock)
        assert code == 200, rest
        yield told, (each.data for each in streamed(dechunked(sock, rest)))


def said(talking: Served, body: dict[str, Any]) -> tuple[str, list[Any]]:
    with posted(talking, body) as (headers, data):
        return headers["x-conversation-id"], list(data)


def test_a_message_is_answered_with_the_words_of_the_synthesis(talking: Served, fault_server: FaultServer) -> None:
    fault_server.replies["good"] = listing(events(*GOOD))
    talking.settings.override(base_url=fault_server.url("good"))
    _, data = said(talking, {"message": "Why?"})
    assert data[-1] == "[DONE]"
    assert all(set(each) == {"token"} for each in data[:-1])
    assert "".join(each["token"] for each in data[:-1]) == "Hello world"
    run = talking.json("/runs")["runs"][0]
    assert (run["name"], run["workflow"], run["status"]) == ("Why?", "One", "complete")


def test_an_agent_by_itself_is_read_as_it_writes(talking: Served, fault_server: FaultServer) -> None:
    fault_server.replies["held"] = listing(on_word)
    talking.settings.override(base_url=fault_server.url("held"))
    with posted(talking, {"message": "Why?", "workflow": "one_agent"}) as (_, data):
        assert next(data) == {"token": "Hello"}
        fault_server.gate.set()
        assert list(data) == [{"token": " world"}, "[DONE]"]


def test_a_conversation_goes_on_through_runs_that_follow(talking: Served, fault_server: FaultServer) -> None:
    fault_server.replies["good"] = listing(events(*GOOD))
    talking.settings.override(base_url=fault_server.url("good"))
    conversation, _ = said(talking, {"message": "Why?"})
    assert said(talking, {"message": "Really?", "conversation_id": conversation})[0] == conversation
    with Reader(talking.ledger) as reader:
        assert [row.name for row in reader.thread(reader.runs()[0].run)] == ["Why?", "Really?"]
    own_name, _ = said(talking, {"message": "Else?", "conversation_id": "mine"})
    assert own_name == "mine"
    said(talking, {"message": "And?", "conversation_id": "mine", "workflow": "One"})
    with Reader(talking.ledger) as reader:
        assert [row.name for row in reader.thread(reader.runs()[0].run)] == ["Else?", "And?"]
    assert any("Hello world" in str(each.json) for each in fault_server.posts("good")[4:])


def test_an_error_is_one_sentence_and_then_it_is_done(talking: Served, fault_server: FaultServer) -> None:
    fault_server.replies["bad"] = listing(status("400 Bad Request", {"error": {"message": "no such thing"}}))
    talking.settings.override(base_url=fault_server.url("bad"))
    _, data = said(talking, {"message": "Why?"})
    assert data[-1] == "[DONE]" and set(data[-2]) == {"error"} and data[-2]["error"].endswith(".")


def test_who_leaves_does_not_stop_the_run_and_another_question_waits_for_its_end(
    talking: Served, fault_server: FaultServer
) -> None:
    fault_server.replies["held"] = listing(on_word)
    talking.settings.override(base_url=fault_server.url("held"))
    mailbox = talking.engine.subscribe()
    with posted(talking, {"message": "Why?", "conversation_id": "mine"}):
        follow(mailbox, is_event("partial_thought"))
    talking.wait(lambda: talking.serving.watchers == 0)
    busy = talking.post("/chat/stream", {"message": "And?", "conversation_id": "mine"})
    assert busy.status == 409 and "still waits" in json.loads(busy.body)["error"]
    fault_server.gate.set()
    follow(mailbox, is_event("run_finished"))
    assert talking.json("/runs")["runs"][0]["status"] == "complete"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "There is no message"),
        ({"message": "  "}, "There is no message"),
        ({"message": 5}, "`message` is to be a text"),
        ({"message": "Why?", "workflow": "nowhere"}, "There is no workflow called nowhere"),
        ({"message": "Why?", "workflow": "/etc/hosts.yaml"}, "There is no workflow called"),
        ({"message": "Why?", "conversation_id": "x" * 201}, "`conversation_id` is to be a text"),
        ([], "This is no JSON object"),
    ],
)
def test_what_is_no_message_is_one_sentence(talking: Served, body: object, sentence: str) -> None:
    answer = talking.post("/chat/stream", body)
    assert answer.status == 400 and json.loads(answer.body)["error"].startswith(sentence)


def test_no_file_of_this_machine_can_be_named_from_outside(talking: Served, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text(ONE)
    answer = talking.post("/chat/stream", {"message": "Why?", "workflow": str(tmp_path / "secret.yaml")})
    assert answer.status == 400 and "no file can be named from outside" in json.loads(answer.body)["error"]
