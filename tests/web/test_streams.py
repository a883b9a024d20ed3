"""A run as server-sent events: durable ones once and in order, partial text whole, whoever leaves and comes back."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import shutil
import socket
import subprocess
import threading

import pytest

from felix.engine import Engine
from felix.events import PASSING, Record, RunId, from_json
from felix.ledger.reader import Reader
from felix.ledger.state import RunState
from felix.web import start
from felix.web.watcher import MOST_EVENTS, SLICE, STUCK_BEATS, Piece, Watcher
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import DONE, GOOD, ROLE, STOP, event, text
from tests.servers.quirks import events as replied
from tests.test_engine import follow, is_event, listing
from tests.web.served import ONE, WAIT_S, Event, Served, ask, begin, dechunked, events, finished, head, kept, read_head

FLOOD = "word " * 1_000


BATCH, PIECES = 20, 160


class Flood:
    """More than anybody keeps for who does not read, a batch at a time: each on the word of one who does."""

    def __init__(self) -> None:
        self.word = threading.Semaphore(0)

    def __call__(self, client: Connection) -> None:
        if b"You are the hub" in client.request.body:
            return replied(*GOOD)(client)
        client.head()
        client.send(event(ROLE) + event(text("Hello")))
        for _ in range(PIECES // BATCH):
            assert self.word.acquire(timeout=WAIT_S)
            client.send(event(text(FLOOD)) * BATCH)
        client.send(event(STOP) + DONE)
        return client.end()


def records(told: list[Event]) -> list[Record]:
    return [from_json(each.data) for each in told]


def texts(told: list[Event]) -> dict[str, str]:
    """What the partial events of each thought come to, put together by their offsets."""
    state = RunState()
    whole: dict[str, str] = {}
    for record in records(told):
        state.apply(record)
        for name, thought in state.thoughts.items():
            if thought.is_live:
                whole[name] = str(thought.answer)
    return whole


def test_who_comes_in_the_middle_gets_the_past_the_text_so_far_and_what_follows(own: Served, held: FaultServer) -> None:
    run = begin(own, held)
    with own.stream(f"/runs/{run}/events") as stream:
        told: list[Event] = []
        for each in stream:
            told.append(each)
            if each.name == "partial_thought":
                break
        assert each.data["partial"] == "Hello" and each.data["offset"] == 0 and not each.id
        held.gate.set()
        told += stream
    seqs = [int(each.id) for each in told if each.id]
    assert seqs == sorted(set(seqs)) == kept(own, run)
    assert told[-1].name == "run_finished"
    assert texts(told) == {"research-1#1": "Hello world"}


def test_names_and_json_are_those_of_the_command_line(shown: Served, ended: RunId) -> None:
    with shown.stream(f"/runs/{ended}/events") as stream:
        told = list(stream)
    exported = json.loads(shown.get(f"/runs/{ended}/export.json?thinking=1").body)["events"]
    assert [each.data for each in told] == exported
    assert all(each.name == each.data["type"] and int(each.id) == each.data["seq"] for each in told)


@pytest.mark.parametrize("how", ["header", "address"])
def test_who_comes_back_gets_what_came_behind_their_last_event(shown: Served, ended: RunId, how: str) -> None:
    seqs = kept(shown, ended)
    after = str(seqs[2])
    said = {"Last_Event_ID": after} if how == "header" else {}
    with shown.stream(f"/runs/{ended}/events?after={after if how == 'address' else 0}", **said) as stream:
        assert [int(each.id) for each in stream] == seqs[3:]
    done = shown.get(f"/runs/{ended}/events", Last_Event_ID=str(seqs[-1]))
    assert done.status == 204, "a browser that has everything would come back for ever"


@pytest.mark.slow
def test_a_client_that_loses_its_connection_again_and_again_misses_nothing(own: Served) -> None:
    """It is cut after random numbers of bytes, and comes back with the last id it has seen."""
    dice = random.Random(5)
    mailbox = own.engine.subscribe()
    run = own.engine.start("Why?", ONE, demo=True)
    follow(mailbox, is_event("run_started"))
    told: list[Event] = []
    last, tries = "0", 0
    while not told or told[-1].name != "run_finished":
        tries += 1
        assert tries < 500
        with own.stream(f"/runs/{run}/events", Last_Event_ID=last) as stream:
            for each in itertools.islice(stream, dice.randrange(1, 12)):
                told.append(each)
                last = each.id or last
    seqs = [int(each.id) for each in told if each.id]
    assert seqs == kept(own, run), "each durable event once, and in order"
    state, whole = RunState(), {}
    for record in records(told):
        state.apply(record)
        whole |= {name: str(each.answer) for name, each in state.thoughts.items()}
    with Reader(own.ledger) as reader:
        assert whole == {name: str(each.answer) for name, each in reader.state(run).thoughts.items()}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_reads_a_live_run_to_its_end(own: Served, held: FaultServer) -> None:
    run = begin(own, held)
    command = ["curl", "-sN", "--max-time", "20", "-H", f"Authorization: Bearer {own.serving.token}"]
    address = f"{own.serving.address}/runs/{run}/events"
    with subprocess.Popen([*command, address], stdout=subprocess.PIPE, text=True) as curl:
        assert curl.stdout is not None
        lines = []
        for line in curl.stdout:
            lines.append(line)
            if '"partial":"Hello"' in line:
                held.gate.set()
    assert curl.returncode == 0
    ids = [int(line.removeprefix("id: ")) for line in lines if line.startswith("id: ")]
    assert ids == kept(own, run)
    assert lines[-3:][0].startswith("event: run_finished")


def test_a_watcher_who_leaves_does_not_stop_the_run(own: Served, held: FaultServer) -> None:
    run = begin(own, held)
    with own.stream(f"/runs/{run}/events") as stream:
        next(stream)
        assert own.serving.watchers == 1
    held.gate.set()
    with own.stream(f"/runs/{run}/events") as stream:
        assert list(stream)[-1].data["status"] == "complete"
    own.wait(lambda: own.serving.watchers == 0)


def test_the_list_is_told_when_runs_begin_and_end(own: Served, held: FaultServer) -> None:
    with own.stream("/events") as stream:
        own.wait(lambda: own.serving.watchers == 1)
        run = begin(own, held)
        first = next(stream)
        assert (first.name, first.data) == ("runs_changed", {"run": run, "type": "run_started"})
        assert own.json("/runs")["runs"][0]["status"] is None
        held.gate.set()
        assert next(stream).data == {"run": run, "type": "run_finished"}
        assert own.json("/runs")["runs"][0]["status"] == "complete"


def test_a_run_that_ended_and_goes_on_is_told_to_who_has_stayed(own: Served, held: FaultServer) -> None:
    run = begin(own, held)
    held.gate.set()
    with own.stream(f"/events?run={run}") as stream:
        names = [next(stream).name for _ in range(3)]
        assert names[0] == "run_started"
        assert any(each.name == "run_finished" for each in stream)
        own.engine.synthesise_again(run)
        seen = [each.name for each in itertools.islice(stream, 3)]
        assert "run_reopened" in seen


def test_nobody_is_told_of_another_run(own: Served, held: FaultServer) -> None:
    run = begin(own, held)
    with own.stream(f"/runs/{run}/events") as stream:
        next(stream)
        held.replies["good"] = listing(replied(*GOOD))
        other = finished(own, held.url("good"))
        held.gate.set()
        assert {each.data["run"] for each in stream} == {run} != {other}


@pytest.mark.slow
def test_a_run_that_another_process_writes_is_read_from_the_ledger(own: Served, held: FaultServer) -> None:
    run = begin(own, held)
    with Engine(own.settings, ledger=own.ledger) as engine:
        assert not engine.health.is_kept, "it should have found the ledger in use"
        beside = Served(engine, start(engine), own.settings, own.ledger)
        try:
            with beside.stream(f"/runs/{run}/events") as stream:
                assert next(stream).name == "run_started"
                held.gate.set()
                told = list(stream)
            assert told[-1].name == "run_finished"
            assert [1, *(int(each.id) for each in told)] == kept(own, run)
        finally:
            beside.serving.close()


def test_there_are_only_so_many_watchers(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.web.feeds.MOST_WATCHERS", 2)
    with own.stream("/events"), own.stream("/events"):
        own.wait(lambda: own.serving.watchers == 2)
        full = own.get("/events")
        assert full.status == 503 and "2 are watching already" in json.loads(full.body)["error"]
    own.wait(lambda: own.serving.watchers == 0)
    with own.stream("/events"):
        own.wait(lambda: own.serving.watchers == 1)


def test_a_run_that_is_not_there_and_a_number_that_is_none_are_one_sentence(shown: Served) -> None:
    for path, status in (("/runs/none/events", 404), ("/events?run=none", 404), ("/runs/none/events?after=x", 400)):
        answer = shown.get(path)
        assert answer.status == status and json.loads(answer.body)["error"].endswith(".")


def test_streams_are_never_compressed_and_all_else_is(shown: Served, ended: RunId) -> None:
    packed = {"Accept_Encoding": "gzip, br"}
    for path in ("/", f"/runs/{ended}", f"/runs/{ended}/export.html", f"/runs/{ended}/export.json"):
        assert shown.get(path, **packed).headers.get("content-encoding") == "gzip", path
        assert "content-encoding" not in shown.get(path).headers
    assert "content-encoding" not in shown.get(f"/runs/{ended}/events", **packed).headers


def test_the_end_of_the_server_is_the_end_of_every_stream_and_of_its_tokens(fresh: Served, held: FaultServer) -> None:
    run = begin(fresh, held)
    with fresh.stream(f"/runs/{run}/events") as stream:
        next(stream)
        cookie = fresh.cookie()
        fresh.serving.close()
        list(stream)  # it ends
    with pytest.raises(OSError, match="refused"):
        ask(fresh.port, "GET", "/runs", {"Host": fresh.host, "Cookie": cookie})
    assert not fresh.serving.is_running


def test_a_question_that_is_half_asked_holds_nothing_up(fresh: Served) -> None:
    headers = {"Host": fresh.host, **fresh.bearer, "Content-Type": "application/json", "Content-Length": "9"}
    here = ("127.0.0.1", fresh.port)
    with socket.create_connection(here, WAIT_S) as staying:
        for asked in (staying, socket.create_connection(here, WAIT_S)):
            asked.sendall(head("POST", "/chat/stream", headers) + b"{")
            assert fresh.get("/status").status == 200
        asked.close()  # who leaves is no fault to be logged
        assert fresh.get("/status").status == 200
        fresh.serving.close()
    assert not fresh.serving.is_running


def test_who_does_not_read_is_dropped_and_the_others_see_the_run_unhindered(
    own: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("felix.web.watcher.MOST_BYTES", 400_000)
    flood = Flood()
    with FaultServer({"held": listing(flood)}) as server, socket.socket() as deaf:
        run = begin(own, server)
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(WAIT_S)
        deaf.connect(("127.0.0.1", own.port))
        deaf.sendall(head("GET", f"/runs/{run}/events", {"Host": own.host, **own.bearer}))
        status, _, rest = read_head(deaf)
        assert status == 200
        told: list[Event] = []
        wanted = len("Hello")
        with own.stream(f"/runs/{run}/events") as stream:
            for each in stream:
                told.append(each)
                if each.name == "partial_thought" and each.data["offset"] + len(each.data["partial"]) >= wanted:
                    wanted += BATCH * len(FLOOD)
                    flood.word.release()
        assert told[-1].name == "run_finished" and told[-1].data["status"] == "complete"
        assert len(texts(told)["research-1#1"]) == PIECES * len(FLOOD) + len("Hello")
        late = list(events(dechunked(deaf, rest)))  # only now it reads
    assert late[-1].name == "resync"
    assert late[-1].data["after"] == max(int(each.id) for each in late if each.id) < int(told[-1].id)


def test_a_queue_has_its_bounds() -> None:
    for piece in (Piece(b"x" * 10), Piece(b"x" * 1_000_000)):
        watcher = Watcher()
        for _ in range(MOST_EVENTS + 1):
            watcher.put(piece)
        assert watcher.is_dropped and watcher.is_over and watcher.is_idle


def test_a_socket_that_takes_nothing_is_closed_and_a_slow_one_is_not() -> None:
    aborted: list[str] = []

    async def write(watcher: Watcher, word: asyncio.Event) -> None:
        async def send(_: bytes) -> None:
            await word.wait()
            word.clear()

        await watcher.write(send, b"x" * SLICE * 3)

    async def both() -> None:
        stuck, slow = Watcher(abort=lambda: aborted.append("stuck")), Watcher(abort=lambda: aborted.append("slow"))
        never, sometimes = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(write(stuck, never))
            tasks.create_task(write(slow, sometimes))
            for _ in range(STUCK_BEATS + 2):
                await asyncio.sleep(0)
                stuck.beat()
                slow.beat()
                sometimes.set()
                await asyncio.sleep(0)
            writing.cancel()

    asyncio.run(both())
    assert set(aborted) == {"stuck"}


def test_passing_events_have_no_number_to_come_back_to(own: Served, held: FaultServer) -> None:
    run = begin(own, held)
    held.gate.set()
    with own.stream(f"/runs/{run}/events") as stream:
        for each in stream:
            assert bool(each.id) != isinstance(from_json(each.data).event, PASSING)
