"""`/ws`: what is said as messages that grow; who is allowed may end one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from felix.events import (
    AgentId,
    CallId,
    Leave,
    Record,
    RunId,
    ThoughtId,
    ToolAnswered,
    ToolCalled,
    ToolReturned,
)
from felix.ledger.state import RunState
from felix.web.messages import Telling
from felix.web.watcher import Watcher
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import DONE, ROLE, STOP, event, status, text
from tests.test_engine import listing
from tests.web.served import ONE, WAIT_S, WITH_TOOLS, Served, begin, calculates

Json = dict[str, Any]  # Any: whatever the server says


@contextmanager
def socket(server: Served, query: str = "") -> Iterator[ClientConnection]:
    address = f"ws://{server.host}/ws{query}"
    with connect(address, origin=server.serving.address, additional_headers=server.bearer) as opened:
        yield opened


def said(opened: ClientConnection) -> Json:
    message: Json = json.loads(opened.recv(WAIT_S))
    return message


def until(opened: ClientConnection, kind: str, author: str = "") -> list[Json]:
    """Everything up to the update that ends a message."""
    told: list[Json] = []
    while not told or told[-1]["type"] != kind or not str(told[-1].get("id", "")).partition("/")[2].startswith(author):
        told.append(said(opened))
    return told


def test_a_message_grows_and_ends(own: Served, held: FaultServer) -> None:
    with socket(own) as opened:
        run = begin(own, held)
        first = f"{run}/research-1#1"
        assert said(opened) == {
            "type": "message_new", "id": first, "author": "research-1", "content": "", "metadata": {"streaming": True},
        }  # fmt: skip
        chunk = {"type": "message_stream", "message_id": first, "is_final": False, "metadata": {"tool_calls": []}}
        assert said(opened) == {**chunk, "chunk": "Hello"}
        held.gate.set()
        told = until(opened, "message_update")
        assert "".join(each["chunk"] for each in told[:-1]) == " world"
        assert [each["is_final"] for each in told[:-1]] == [False] * (len(told) - 2) + [True]
        assert told[-1] == {
            "type": "message_update",
            "id": first,
            "content": "Hello world",
            "metadata": {"streaming": False, "status": "complete"},
        }
        hub = until(opened, "message_update")
        assert (hub[0]["author"], hub[-1]["content"]) == ("hub", "Hello world")


def test_who_comes_in_the_middle_is_told_the_text_so_far(own: Served, held: FaultServer) -> None:
    begin(own, held)
    with socket(own) as opened:
        assert said(opened)["type"] == "message_new"
        assert said(opened)["chunk"] == "Hello"
        held.gate.set()
        assert until(opened, "message_update")[-1]["content"] == "Hello world"


def test_a_run_that_has_ended_is_told_whole(shown: Served, ended: RunId) -> None:
    with socket(shown, f"?run={ended}") as opened:
        told = until(opened, "message_update", "synthesis")
    assert {each["author"] for each in told if each["type"] == "message_new"} == {"research-1", "hub"}
    ends = [each for each in told if each["type"] == "message_update"]
    assert all(each["content"] and each["metadata"] == {"streaming": False, "status": "complete"} for each in ends)


def test_a_failure_is_told_in_a_sentence(own: Served, fault_server: FaultServer) -> None:
    fault_server.replies["bad"] = listing(status("400 Bad Request", {"error": {"message": "no such thing"}}))
    own.settings.override(base_url=fault_server.url("bad"))
    with socket(own) as opened:
        own.engine.start("Why?", ONE)
        end = until(opened, "message_update")[-1]
    assert end["metadata"]["status"] == "failed" and end["metadata"]["error"].endswith(".")


def test_nobody_stops_anything_on_a_server_that_only_shows(shown: Served, held: FaultServer) -> None:
    run = begin(shown, held)
    with socket(shown) as opened:
        assert said(opened)["type"] == "message_new" and said(opened)["chunk"] == "Hello"
        opened.send(json.dumps({"type": "stream_cancel", "message_id": f"{run}/research-1#1"}))
        refused = said(opened)
        assert (refused["type"], refused["status"]) == ("error", 403) and "--allow-control" in refused["error"]
        held.gate.set()
        assert until(opened, "message_update")[-1]["metadata"]["status"] == "complete"


def test_who_is_allowed_ends_what_is_being_said(own: Served, held: FaultServer) -> None:
    run = begin(own, held)
    with socket(own) as opened:
        assert said(opened)["type"] == "message_new" and said(opened)["chunk"] == "Hello"
        opened.send(json.dumps({"type": "stream_cancel", "message_id": f"{run}/research-1#1"}))
        end = until(opened, "message_update")[-1]
        assert (end["content"], end["metadata"]["status"]) == ("Hello", "stopped")
        opened.send(json.dumps({"type": "stream_cancel", "message_id": f"{run}/research-1#1"}))
        held.gate.set()
        told = [said(opened)]
        while told[-1]["type"] != "error":
            told.append(said(opened))
        assert told[-1]["status"] == 404


def test_tool_calls_stand_in_what_is_streamed(own: Served, fault_server: FaultServer) -> None:
    fault_server.replies["tools"] = listing(calculates)
    own.settings.override(base_url=fault_server.url("tools"), model="m")
    with socket(own) as opened:
        run = own.engine.start("Why?", WITH_TOOLS)
        told = until(opened, "message_update", "research")
    calls = [each["metadata"]["tool_calls"] for each in told if each["type"] == "message_stream"]
    asked = {"id": calls[0][0]["id"], "name": "calculator", "arguments": '{"expression": "2+2"}'}
    assert calls[0] == [{**asked, "status": "running"}]
    assert calls[-1] == [{**asked, "status": "ok", "result": "4"}]
    with socket(own, f"?run={run}") as opened:
        again = until(opened, "message_update", "research")
    assert again[-2]["metadata"]["tool_calls"] == calls[-1]


@pytest.mark.parametrize(
    ("answer", "statuses"), [("once", ["asking", "running", "ok"]), ("no", ["asking", "refused", "ok"])]
)
def test_a_call_that_asks_goes_on_when_it_was_answered(answer: Leave, statuses: list[str]) -> None:
    run, agent, thought, call = RunId("run"), AgentId("a"), ThoughtId("a#1"), CallId("c1")
    which: Json = {"agent_id": agent, "thought_id": thought, "call_id": call, "name": "shell"}
    watcher = Watcher()
    telling = Telling(watcher)
    telling.join(RunState(run=run), is_whole=True)
    called = ToolCalled(
        **which, arguments="{}", round=1, checkpoint=0.0, position=0, began_at=1.0, asks="It may write."
    )
    returned = ToolReturned(**which, status="ok", content="done", duration_s=1.0)
    told = [called, ToolAnswered(**which, answer=answer), returned]
    telling.hear([Record(seq, 1.0, run, each) for seq, each in enumerate(told, start=1)])
    messages = [json.loads(piece.data) for piece in asyncio.run(watcher.take())]
    calls = [each["metadata"]["tool_calls"][0] for each in messages if each["type"] == "message_stream"]
    assert [each["status"] for each in calls] == statuses
    assert calls[-1]["result"] == "done"


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"type": "execute"}', "[" * 20_000])
def test_what_is_not_understood_is_told_and_does_nothing(shown: Served, text: str) -> None:
    with socket(shown) as opened:
        opened.send(text)
        assert said(opened)["status"] == 400


def test_the_end_of_the_server_closes_it(fresh: Served) -> None:
    with socket(fresh) as opened:
        fresh.wait(lambda: fresh.serving.watchers == 1)
        fresh.serving.close()
        with pytest.raises(ConnectionClosed):
            opened.recv(WAIT_S)


def test_text_that_turns_out_to_be_thinking_is_taken_back(own: Served, fault_server: FaultServer) -> None:
    def late(client: Connection) -> None:
        client.head()
        client.send(event(ROLE) + event(text("I think")))
        client.wait(client.server.gate)
        client.send(event(text("</think>\nSo.")) + event(STOP) + DONE)
        client.end()

    fault_server.replies["late"] = listing(late)
    own.settings.override(base_url=fault_server.url("late"))
    with socket(own) as opened:
        own.engine.start("Why?", ONE)
        assert said(opened)["type"] == "message_new" and said(opened)["chunk"] == "I think"
        fault_server.gate.set()
        taken_back = until(opened, "message_update")[-1]
        assert (taken_back["content"], taken_back["metadata"]) == ("", {"streaming": True})
        told = until(opened, "message_update")
    assert told[-1]["content"] == "So." and not any("think" in str(each) for each in told)
