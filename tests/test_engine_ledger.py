"""The engine and its ledger, through the engine's door: what is kept, who comes back, what a second Felix does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from felix.engine import Engine
from felix.errors import FelixError
from felix.events import PASSING, PartialSynthesis, PartialThought, Record, RunFinished, RunId
from felix.ledger.file import Health, Ledger
from felix.ledger.reader import Reader, RunRow
from felix.ledger.state import RunState
from felix.settings import SettingsFile
from felix.team.mailbox import Item, Mailbox, Reply
from felix.team.workflow import from_json
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import GOOD, events, silence_mid, status
from tests.team.scripted import workflow
from tests.test_engine import folded, follow, is_event, listing


@pytest.fixture
def settings(tmp_path: Path) -> SettingsFile:
    settings = SettingsFile(tmp_path / "settings.json")
    settings.load()
    return settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def engine(settings: SettingsFile, path: Path) -> Iterator[Engine]:
    """One whose server gives the same short answer at once."""
    with FaultServer({"good": listing(events(*GOOD))}) as server:
        settings.override(base_url=server.url("good"))
        with Engine(settings, demo_speed=1_000, ledger=path) as engine:
            yield engine


def reply_to(engine: Engine, mailbox: Mailbox, number: int) -> object:
    def is_it(item: Item) -> bool:
        return isinstance(item, Reply) and item.number == number

    reply = follow(mailbox, is_it)[-1]
    assert isinstance(reply, Reply)
    if reply.error:
        raise reply.error
    return reply.value


def records(items: list[Item]) -> list[Record]:
    return [item for item in items if isinstance(item, Record)]


@pytest.mark.parametrize("streaming", [True, False])
def test_a_run_is_in_the_ledger_as_it_was_shown(
    settings: SettingsFile, engine: Engine, path: Path, *, streaming: bool
) -> None:
    settings.override(enable_streaming=streaming)
    mailbox = engine.subscribe()
    flow = workflow(checkpoints="[0]", more="description: 'Kept whole'\n")
    run = engine.start("Why?", flow, demo=True)
    state = folded(follow(mailbox, is_event("run_finished")), run)
    assert engine.health == Health("kept", path)
    with Reader(path) as reader:
        assert reader.state(run) == state
        row, details = reader.row(run), reader.details(run)
    assert row is not None and (row.status, row.name, row.is_demo, row.workflow) == ("complete", "Why?", True, "Test")
    assert details is not None and (details.task, details.server) == ("Why?", "Demo model")
    assert row.duration_s == state.duration_s and row.tokens
    assert state.plan is not None and from_json(state.plan.definition) == flow


def cut(client: Connection) -> None:
    client.head(connection="close")
    client.send(b'data: {"choices":[{"delta":{"content":"Half"}}]}\n\n')


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        (events(*GOOD), "complete"),
        (status("500 Internal Server Error", {"error": {"message": "broken"}}), "failed"),
        (cut, "failed"),
        (silence_mid, "stopped"),
    ],
    ids=["good", "failing", "cut", "stopped"],
)
def test_every_kind_of_run_is_told_again_by_the_ledger(
    settings: SettingsFile, path: Path, reply: Callable[[Connection], None], wanted: str
) -> None:
    with FaultServer({"it": listing(reply)}) as server, Engine(settings, ledger=path) as engine:
        settings.override(base_url=server.url("it"))
        mailbox = engine.subscribe()
        run = engine.start("Why?", workflow(checkpoints="[0]"))
        items: list[Item] = []
        if wanted == "stopped":
            items += follow(mailbox, is_event("partial_thought"))
            engine.stop(run)
        items += follow(mailbox, is_event("run_finished"))
    state = folded(items, run)
    assert state.status == wanted
    with Reader(path) as reader:
        assert reader.state(run) == state
        assert reader.row(run).status == wanted  # type: ignore[union-attr]


def test_the_task_is_in_the_file_before_the_model_is_asked(settings: SettingsFile, path: Path) -> None:
    found: list[RunRow] = []

    def look(client: Connection) -> None:
        with Reader(path) as reader:
            found.extend(reader.runs())
        events(*GOOD)(client)

    with FaultServer({"it": listing(look)}) as server, Engine(settings, ledger=path) as engine:
        settings.override(base_url=server.url("it"))
        mailbox = engine.subscribe()
        engine.start("Why?", workflow("{id: research, role: research}", checkpoints="[0]"))
        follow(mailbox, is_event("run_finished"))
    assert found and found[0].name == "Why?" and found[0].status is None


def test_whatever_comes_out_of_a_mailbox_is_in_the_file(engine: Engine, path: Path) -> None:
    mailbox = engine.subscribe()
    engine.start("Why?", workflow())
    is_over = False
    while not is_over:
        for item in records(mailbox.take()):
            if not isinstance(item.event, PASSING):
                with Reader(path) as reader:
                    assert item in reader.records(item.run, item.seq - 1)[:1]
            is_over |= isinstance(item.event, RunFinished)


def test_a_reader_who_comes_back_gets_what_it_missed_and_nothing_twice(settings: SettingsFile, path: Path) -> None:
    with Engine(settings, demo_speed=20, ledger=path) as engine:
        settings.override(streaming_batch_interval=0.02)
        whole = engine.subscribe()
        run = engine.start("Why?", workflow(), demo=True)
        before = follow(whole, is_event("thought_complete"))
        before += follow(whole, is_event("partial_thought"))
        first = records(before)
        left_at = first[len(first) // 2].seq
        back = engine.subscribe(run, left_at)
        after = follow(back, is_event("run_finished"))
        rest = follow(whole, is_event("run_finished"))
    came = records(after)
    caught_up = next(n for n, record in enumerate(came) if isinstance(record.event, PASSING))
    assert all(not isinstance(record.event, PASSING) for record in came[:caught_up])
    durable = [r.seq for r in came if not isinstance(r.event, PASSING)]
    known = [r.seq for r in records([*before, *rest]) if not isinstance(r.event, PASSING)]
    assert durable == [seq for seq in known if seq > left_at]
    lengths: dict[tuple[str, str], int] = {}
    for record in came[caught_up:]:
        event = record.event
        if isinstance(event, PartialThought | PartialSynthesis):
            key = (getattr(event, "thought_id", "synthesis"), event.channel)
            assert event.offset == lengths.get(key, 0), "each text is told from its beginning, and goes on where it was"
            lengths[key] = event.offset + len(event.partial)
    state = RunState(run=run)
    for record in [*first[: len(first) // 2 + 1], *came]:
        state.apply(record)
    assert state == folded([*before, *rest], run)


def test_a_reader_who_comes_when_all_is_over_gets_the_whole_run(engine: Engine) -> None:
    mailbox = engine.subscribe()
    run = engine.start("Why?", workflow(checkpoints="[0]"))
    state = folded(follow(mailbox, is_event("run_finished")), run)
    assert folded(follow(engine.subscribe(run), is_event("run_finished")), run) == state


def test_a_thought_of_which_nothing_came_yet_is_told_too(settings: SettingsFile, path: Path) -> None:
    with (
        FaultServer({"it": listing(lambda client: client.silence())}) as server,
        Engine(settings, ledger=path) as engine,
    ):
        settings.override(base_url=server.url("it"))
        engine.start("Why?", workflow("{id: research, role: research}", checkpoints="[0]"))
        server.wait_for("it")
        (run,) = engine._hubs
        came = follow(engine.subscribe(run), is_event("agent_state"))
        state = folded(came, run)
        assert [thought.activity for thought in state.thoughts.values()] in (["connecting"], ["waiting"])
        engine.stop(run)


def test_the_ledger_is_asked_and_changed_by_number(engine: Engine, path: Path) -> None:
    mailbox = engine.subscribe()
    run = engine.start("Why?", workflow(checkpoints="[0]"))
    follow(mailbox, is_event("run_finished"))
    threads: list[str] = []

    def look(reader: Reader) -> list[RunRow]:
        threads.append(threading.current_thread().name)
        return reader.runs("why")

    rows = reply_to(engine, mailbox, engine.ask_ledger(look))
    assert isinstance(rows, list) and [row.run for row in rows] == [run]
    assert threads != ["felix-worker"], "a long search must not hold a stream up"
    reply_to(engine, mailbox, engine.change_ledger(lambda ledger: ledger.rename(run, "Tides")))
    rows = reply_to(engine, mailbox, engine.ask_ledger(lambda reader: reader.runs("tides")))
    assert isinstance(rows, list) and [row.name for row in rows] == ["Tides"]


def test_a_question_that_fails_is_answered_all_the_same(engine: Engine, logged_errors: list[logging.LogRecord]) -> None:
    mailbox = engine.subscribe()
    with pytest.raises(FelixError, match="log"):
        reply_to(engine, mailbox, engine.ask_ledger(lambda reader: 1 / 0))
    assert logged_errors.pop().exc_info


def test_without_a_file_runs_are_kept_as_long_as_the_engine(settings: SettingsFile) -> None:
    with Engine(settings, demo_speed=1_000) as engine:
        assert engine.health.kind == "memory"
        mailbox = engine.subscribe()
        run = engine.start("Why?", workflow(checkpoints="[0]"), demo=True)
        items = follow(mailbox, is_event("run_finished"))
        assert not [item for item in items if isinstance(item, Health)]
        state = reply_to(engine, mailbox, engine.ask_ledger(lambda reader: reader.state(run)))
        assert state == folded(items, run)


def test_a_second_engine_runs_in_memory_shows_the_file_too_and_says_so_first(
    engine: Engine, settings: SettingsFile, path: Path
) -> None:
    first = engine.subscribe()
    kept = engine.start("Why?", workflow(checkpoints="[0]"))
    follow(first, is_event("run_finished"))
    with Engine(settings, demo_speed=1_000, ledger=path) as second:
        mailbox = second.subscribe()
        run = second.start("And?", workflow(checkpoints="[0]"))
        items = follow(mailbox, is_event("run_finished"))
        assert isinstance(items[0], Health) and items[0].kind == "locked" == second.health.kind
        rows = reply_to(second, mailbox, second.ask_ledger(lambda reader: reader.runs()))
        assert isinstance(rows, list) and [row.run for row in rows] == [run, kept]
        assert folded(follow(second.subscribe(run), is_event("run_finished")), run).status == "complete"
    with Reader(path) as reader:
        assert [row.run for row in reader.runs()] == [kept]


def test_a_disk_that_fills_in_the_middle_of_a_run_is_told_through_the_mailbox(
    settings: SettingsFile, path: Path
) -> None:
    with Engine(settings, demo_speed=1_000, ledger=path) as engine:
        mailbox = engine.subscribe()

        def fill(ledger: Ledger) -> None:
            pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
            ledger._db.execute(f"PRAGMA max_page_count = {pages}")

        reply_to(engine, mailbox, engine.change_ledger(fill))
        run = engine.start("Why?", workflow(), demo=True)
        items = follow(mailbox, is_event("run_finished"))
        assert [item.kind for item in items if isinstance(item, Health)][:1] == ["full"]
        assert engine.health.kind == "full" and "1 run is in memory only" in engine.health.sentence
        state = folded(items, run)
        assert state.status == "complete"
        assert folded(follow(engine.subscribe(run), is_event("run_finished")), run) == state
        reply_to(
            engine, mailbox, engine.change_ledger(lambda ledger: ledger._db.execute("PRAGMA max_page_count = 100000"))
        )
    # leaving the engine is one more try
    with Reader(path) as reader:
        assert reader.state(run) == state


def test_a_run_is_opened_again_as_it_was_and_its_numbers_go_on(engine: Engine) -> None:
    mailbox = engine.subscribe()
    run = engine.start("Why?", workflow(checkpoints="[0]"))
    items = follow(mailbox, is_event("run_finished"))
    reopened = engine._reopen(run)
    assert reopened.state == folded(items, run)
    assert reopened.state.seq == records(items)[-1].seq
    with pytest.raises(FelixError, match="not in this ledger"):
        engine._reopen(RunId("nobody"))


@pytest.mark.slow
def test_stop_that_races_completion_leaves_one_end(settings: SettingsFile, path: Path) -> None:
    flow = workflow("{id: research, role: research}", checkpoints="[0]")
    waiting = threading.Event()
    with FaultServer({"it": listing(events(*GOOD))}) as server, Engine(settings, ledger=path) as engine:
        settings.override(base_url=server.url("it"), streaming_batch_interval=0.0)
        mailbox = engine.subscribe()
        ended: list[str] = []
        takes_s = 0.0
        for attempt in range(41):
            began = time.monotonic()
            run = engine.start("Why?", flow)
            if attempt:
                waiting.wait(takes_s * (attempt % 20) / 13)  # to half as long again as the first one took
                engine.stop(run)
            end = records(follow(mailbox, is_event("run_finished")))[-1].event
            takes_s = takes_s or time.monotonic() - began
            assert isinstance(end, RunFinished)
            ended.append(end.status)
        waiting.wait(0.02)
        assert not [r for r in records(mailbox.take()) if r.run == run], "nothing comes behind the end"
    assert set(ended) <= {"complete", "stopped"} and len(set(ended)) == 2, ended
    with Reader(path) as reader:
        for row in reader.runs():
            kinds = [record.event.type for record in reader.records(row.run)]
            assert kinds.count("run_finished") == 1 and kinds.count("thought_complete") <= 1
            assert kinds.count("synthesis_complete") == kinds.count("synthesis_started")
