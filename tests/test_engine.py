"""The engine through its door, against a server with faults and the demo model, over real HTTP."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from felix.engine import Engine
from felix.errors import ServerError
from felix.events import Record, RunFinished, RunId
from felix.ledger.state import RunState
from felix.llm.models import ConnectionCheck, ServerReport
from felix.settings import SettingsFile
from felix.team.mailbox import Item, Mailbox, Reply
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import GOOD, events, silence_after_headers, silence_before_headers, silence_mid
from tests.team.scripted import workflow

WAIT_S = 20


@pytest.fixture
def settings(tmp_path: Path) -> SettingsFile:
    settings = SettingsFile(tmp_path / "settings.json")
    settings.load()
    return settings


@pytest.fixture
def engine(settings: SettingsFile) -> Iterator[Engine]:
    with Engine(settings, demo_speed=1_000) as engine:
        yield engine


@pytest.fixture
def slow_engine(settings: SettingsFile) -> Iterator[Engine]:
    """Its demo model writes as in real life: there is time to stop it."""
    with Engine(settings) as engine:
        yield engine


def follow(mailbox: Mailbox, until: Callable[[Item], bool]) -> list[Item]:
    """Everything up to the item that is waited for."""
    taken: list[Item] = []
    deadline = time.monotonic() + WAIT_S
    pause = threading.Event()
    while time.monotonic() < deadline:
        for item in mailbox.take():
            taken.append(item)
            if until(item):
                return taken
        pause.wait(0.005)
    raise AssertionError(f"it did not come within {WAIT_S} s; there was {taken}")


def is_event(kind: str) -> Callable[[Item], bool]:
    return lambda item: isinstance(item, Record) and item.event.type == kind


def folded(items: list[Item], run: RunId) -> RunState:
    state = RunState(run=run)
    for item in items:
        if isinstance(item, Record):
            state.apply(item)
    return state


def test_a_run_against_the_demo_model_is_complete(engine: Engine) -> None:
    mailbox = engine.subscribe()
    run = engine.start("Why?", workflow(checkpoints="[0]"), demo=True)
    state = folded(follow(mailbox, is_event("run_finished")), run)
    assert state.status == "complete" and state.plan is not None and state.plan.demo
    assert state.synthesis is not None and "[research-1]" in str(state.synthesis.answer)
    assert all(thought.confidence is not None for thought in state.thoughts.values())


def test_nobody_listening_is_one_failed_run_with_one_sentence(engine: Engine, settings: SettingsFile) -> None:
    settings.override(base_url="http://127.0.0.1:9/v1")
    mailbox = engine.subscribe()
    engine.start("Why?", workflow())
    ends = [r.event for r in follow(mailbox, is_event("run_finished")) if isinstance(r, Record)]
    assert [event.type for event in ends] == ["run_started", "run_finished"]
    assert isinstance(ends[-1], RunFinished) and ends[-1].status == "failed"
    assert "127.0.0.1:9" in ends[-1].reason


def test_stop_while_a_demo_agent_writes_ends_the_run_as_stopped(slow_engine: Engine) -> None:
    mailbox = slow_engine.subscribe()
    run = slow_engine.start("Why?", workflow(), demo=True)
    items = follow(mailbox, is_event("partial_thought"))
    slow_engine.stop(run)
    state = folded(items + follow(mailbox, is_event("run_finished")), run)
    assert state.status == "stopped"
    assert {thought.status for thought in state.thoughts.values()} == {"stopped"}


def test_stop_right_behind_start_is_not_lost(engine: Engine) -> None:
    mailbox = engine.subscribe()
    engine.stop(engine.start("Why?", workflow(), demo=True))
    ends = [r.event for r in follow(mailbox, is_event("run_finished")) if isinstance(r, Record)]
    assert isinstance(ends[-1], RunFinished) and ends[-1].status == "stopped"


def test_a_bug_before_there_is_a_connection_ends_the_run_as_crashed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, logged_errors: list[logging.LogRecord]
) -> None:
    async def broken(settings: object, api_key: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("felix.servers.connect", broken)
    mailbox = engine.subscribe()
    run = engine.start("Why?", workflow())
    state = folded(follow(mailbox, is_event("run_finished")), run)
    assert state.status == "crashed" and "log" in state.reason
    assert [record.getMessage() for record in logged_errors] == [f"run {run} crashed"]
    logged_errors.clear()


def test_stop_while_connecting_says_how_long_it_took(settings: SettingsFile) -> None:
    asked = threading.Event()

    def silent(client: Connection) -> None:
        asked.set()
        client.silence()

    with FaultServer({"slow": silent}) as server, Engine(settings) as engine:
        settings.override(base_url=server.url("slow"))
        mailbox = engine.subscribe()
        run = engine.start("Why?", workflow())
        assert asked.wait(WAIT_S)
        engine.stop(run)
        state = folded(follow(mailbox, is_event("run_finished")), run)
    assert state.status == "stopped" and state.duration_s


@pytest.mark.filterwarnings("error")
def test_what_is_asked_of_an_engine_that_has_closed_is_let_fall(settings: SettingsFile) -> None:
    with Engine(settings) as engine:
        mailbox = engine.subscribe()
    engine.start("Why?", workflow(), demo=True)
    engine.ask_server("http://127.0.0.1:9/v1")
    gc.collect()  # a coroutine that nobody awaited would warn now
    assert not any(isinstance(item, Record | Reply) for item in mailbox.take())


def test_leaving_the_engine_in_the_middle_of_a_run_ends_thread_and_run(settings: SettingsFile) -> None:
    with Engine(settings) as engine:
        mailbox = engine.subscribe()
        engine.start("Why?", workflow(), demo=True)
        follow(mailbox, is_event("partial_thought"))
    assert "felix-worker" not in [thread.name for thread in threading.enumerate()]
    ends = [item.event for item in mailbox.take() if isinstance(item, Record) and item.event.type == "run_finished"]
    assert [end.status for end in ends if isinstance(end, RunFinished)] == ["stopped"]
    engine.stop(RunId("whatever"))  # a click that comes late


def test_two_runs_at_once_are_told_apart(engine: Engine) -> None:
    mailbox = engine.subscribe()
    runs = {engine.start("Why?", workflow(checkpoints="[0]"), demo=True) for _ in range(2)}
    ended: dict[RunId, str] = {}

    def both(item: Item) -> bool:
        if isinstance(item, Record) and isinstance(item.event, RunFinished):
            ended[item.run] = item.event.status
        return ended.keys() == runs

    follow(mailbox, both)
    assert list(ended.values()) == ["complete", "complete"]


def test_asking_a_server_and_testing_it_are_answered_by_number(engine: Engine, fault_server: FaultServer) -> None:
    mailbox = engine.subscribe()
    asked = engine.ask_server("http://127.0.0.1:9/v1")
    reply = follow(mailbox, lambda item: isinstance(item, Reply))[-1]
    assert isinstance(reply, Reply) and reply.number == asked
    assert isinstance(reply.error, ServerError) and reply.error.fault == "unreachable"
    engine.ask_server("", demo=True)
    reply = follow(mailbox, lambda item: isinstance(item, Reply))[-1]
    assert isinstance(reply, Reply) and isinstance(reply.value, ServerReport)
    engine.test_server(reply.value.base_url, reply.value.models[0].id)
    reply = follow(mailbox, lambda item: isinstance(item, Reply))[-1]
    assert isinstance(reply, Reply) and isinstance(reply.value, ConnectionCheck) and reply.value.ok


def listing(reply: Callable[[Connection], None]) -> Callable[[Connection], None]:
    """A reply that also lists a model, as a run asks for first."""

    def answer(client: Connection) -> None:
        if client.request.method == "GET":
            is_list = client.request.path.endswith("/v1/models") and "/api/" not in client.request.path
            body = {"object": "list", "data": [{"id": "m", "object": "model"}]} if is_list else {"error": "no"}
            client.reply_json(body, "200 OK" if is_list else "404 Not Found")
        else:
            reply(client)

    return answer


def hub_is_silent(client: Connection) -> None:
    (silence_mid if b"You are the hub" in client.request.body else events(*GOOD))(client)


@pytest.mark.parametrize(
    ("phase", "reply", "calls"),
    [
        ("before headers", silence_before_headers, 1),
        ("reading the prompt", silence_after_headers, 1),
        ("writing", silence_mid, 1),
        ("synthesis", hub_is_silent, 2),
    ],
)
def test_stop_reaches_the_server_in_every_phase(
    settings: SettingsFile, phase: str, reply: Callable[[Connection], None], calls: int
) -> None:
    flow = workflow("{id: research, role: research}", checkpoints="[0]")
    with FaultServer({"slow": listing(reply)}) as server, Engine(settings) as engine:
        settings.override(base_url=server.url("slow"), streaming_batch_interval=0.0)
        mailbox = engine.subscribe()
        run = engine.start("Why?", flow)
        asked = server.wait_for("slow", calls)
        engine.stop(run)
        assert asked.gone.wait(5), f"the server saw no disconnect while {phase}"
        state = folded(follow(mailbox, is_event("run_finished")), run)
        assert state.status == "stopped"


@pytest.mark.slow
def test_a_key_store_that_waits_for_the_user_does_not_keep_felix_from_ending(tmp_path: Path) -> None:
    script = f"""
import pathlib, threading
from felix.engine import Engine
from felix.keys import KeyStore
from felix.settings import SettingsFile
from tests.team.scripted import workflow

asked = threading.Event()

class Locked(KeyStore):
    def key_for(self, endpoint, **how):
        asked.set()
        threading.Event().wait(30)

with Engine(SettingsFile(pathlib.Path({str(tmp_path)!r}) / "settings.json"), Locked()) as engine:
    engine.start("Why?", workflow())
    print("asked" if asked.wait(10) else "never asked")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=15, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "asked\n", "")
