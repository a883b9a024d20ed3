"""The ledger as a file: what is in it after what, who may write to it, and what a crash leaves."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from felix.errors import LedgerError
from felix.events import NoteAdded, Record, RunId, RunReopened, SynthesisComplete, ThoughtComplete
from felix.ledger import file, schema
from felix.ledger.file import Health, Ledger
from felix.ledger.reader import Reader
from tests.ledger.folding import again
from tests.ledger.told import Told

RUN = RunId("r")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "ledger.db"


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(path)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def kept(path: Path, *, keep_days: int = 0) -> Ledger:
    ledger = Ledger.open(path, keep_days=keep_days)
    assert ledger.health == Health("kept", path)
    return ledger


def test_a_new_ledger_says_what_it_is_and_syncs_every_commit(path: Path) -> None:
    ledger = kept(path)
    assert rows(path, "PRAGMA application_id") == [(schema.APPLICATION_ID,)]
    assert rows(path, "PRAGMA user_version") == [(len(schema.STEPS),)]
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    assert ledger._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert ledger._db.execute("PRAGMA foreign_keys").fetchone() == (1,)
    ledger.close()
    assert sorted(each.name for each in path.parent.iterdir()) == ["ledger.db", "ledger.db.lock"]


def test_a_program_that_looks_into_the_ledger_takes_nothing_of_it_while_felix_writes_and_reads(path: Path) -> None:
    ledger = kept(path)
    Told(ledger).start()
    ledger.commit()
    with Reader(path) as reader:
        assert len(reader.runs()) == 1
    # as any browser of databases does; the last to leave would put the log into the file and delete it
    look = "import sqlite3, sys; print(len(sqlite3.connect(sys.argv[1]).execute('select * from run').fetchall()))"
    assert subprocess.check_output([sys.executable, "-c", look, str(path)]).strip() == b"1"
    assert path.with_name("ledger.db-wal").exists()
    Told(ledger, RunId("r2")).start()
    ledger.commit()
    with Reader(path) as reader:
        assert len(reader.runs()) == 2
    ledger.close()


def test_what_was_told_is_in_the_file_before_anybody_hears_of_it(path: Path) -> None:
    ledger = kept(path)
    told = Told(ledger).start()
    assert told.heard == []
    told.write("It ", "is ").hub.flush()
    assert [record.event.type for record in told.heard] == [
        "run_started", "round_started", "agent_spawned", "agent_state", "partial_thought", "partial_thought",
    ]  # fmt: skip
    assert [record.seq for record in told.heard] == [1, 2, 3, 4, 5, 6]
    with Reader(path) as reader:
        assert [record.seq for record in reader.records(RUN)] == [1, 2, 3]
    ledger.close()


def test_all_that_is_told_within_one_turn_of_the_loop_is_one_transaction(path: Path) -> None:
    async def run() -> list[str]:
        ledger = Ledger.open(path, loop=asyncio.get_running_loop())
        begun: list[str] = []
        ledger._db.set_trace_callback(lambda sql: begun.append(sql) if sql.startswith(("BEGIN", "COMMIT")) else None)
        told = Told(ledger).start()
        assert told.heard == []
        await asyncio.sleep(0)
        assert len(told.heard) == 3
        ledger.close()
        return begun

    assert asyncio.run(run()) == ["BEGIN IMMEDIATE", "COMMIT"]


def test_no_chunk_is_an_event_of_its_own_and_the_trace_tells_them_all(path: Path) -> None:
    ledger = kept(path)
    told = Told(ledger).whole()
    told.hub.flush()
    assert {kind for (kind,) in rows(path, "SELECT DISTINCT type FROM event")} == {
        "run_started", "round_started", "agent_spawned", "thought_complete", "synthesis_started",
        "synthesis_complete", "run_finished",
    }  # fmt: skip
    end = next(r.event for r in ledger.records(RUN) if isinstance(r.event, ThoughtComplete))
    assert end.trace is not None and sum(end.trace.answer[1::2]) == len("Because of tides.")
    assert len(end.trace.answer) == 4
    with Reader(path) as reader:
        assert reader.state(RUN) == told.hub.state
    ledger.close()


def test_a_draft_is_saved_apart_and_gone_in_the_transaction_of_the_end(path: Path) -> None:
    ledger = kept(path)
    told = Told(ledger).start().write("Half ", "of it")
    ledger.commit()
    ledger.save_drafts()
    drafts = rows(path, "SELECT thought, body FROM draft ORDER BY seq")
    assert [thought for thought, _ in drafts] == ["research-1#1", "research-1#1"]
    assert '"partial":"Half of it"' in str(drafts[1][1]), "pieces that follow one another are one row"
    assert rows(path, "SELECT count(*) FROM event WHERE body LIKE '%Half%'") == [(0,)]
    statements: list[str] = []
    ledger._db.set_trace_callback(statements.append)
    told.end("Half of it, and the rest.")
    ledger.commit()
    words = [
        sql.split()[0]
        for sql in statements
        if sql.startswith(("BEGIN", "INSERT INTO event", "DELETE FROM draft", "COMMIT"))
    ]
    assert words == ["BEGIN", "INSERT", "DELETE", "COMMIT"]
    assert rows(path, "SELECT count(*) FROM draft") == [(0,)]
    ledger.close()


def test_drafts_of_all_agents_go_down_together_four_times_a_second(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "DRAFT_S", 0.05)

    async def run() -> int:
        ledger = Ledger.open(path, loop=asyncio.get_running_loop())
        runs = [Told(ledger, f"run-{n}").start().write("Some text") for n in range(5)]
        await asyncio.sleep(0)
        begun: list[str] = []
        saved = asyncio.Event()

        def watch(sql: str) -> None:
            begun.append(sql)
            if sql == "COMMIT":
                asyncio.get_running_loop().call_soon(saved.set)

        ledger._db.set_trace_callback(watch)
        await asyncio.wait_for(saved.wait(), 10)
        ledger._db.set_trace_callback(None)
        ledger.close()
        assert len(runs) == 5
        return begun.count("BEGIN IMMEDIATE")

    assert asyncio.run(run()) == 1
    assert rows(path, "SELECT count(DISTINCT run) FROM draft") == [(5,)]


def test_the_first_end_of_a_thought_and_of_a_run_is_the_one_that_stands(path: Path) -> None:
    ledger = kept(path)
    told = Told(ledger).whole()
    end = next(r for r in told.hub._ledger.records(RUN) if isinstance(r.event, ThoughtComplete))  # type: ignore[union-attr]
    over = ledger.records(RUN)[-1]
    ledger.append(Record(100, end.at, RUN, end.event))
    ledger.append(Record(101, over.at, RUN, over.event))
    ledger.commit()
    assert [r.event.type for r in ledger.records(RUN)].count("thought_complete") == 1
    assert [r.event.type for r in ledger.records(RUN)].count("run_finished") == 1
    told.hub.emit(RunReopened(reason="More."))
    told.synthesise("Again.", number=2).finish("stopped").finish("complete")
    ledger.commit()
    assert [r.event.type for r in ledger.records(RUN)].count("run_finished") == 2
    assert [r.event.content for r in ledger.records(RUN) if isinstance(r.event, SynthesisComplete)] == [
        "All in all.", "Again.",
    ]  # fmt: skip
    ledger.close()


def test_half_characters_and_nul_come_back_as_they_were(path: Path) -> None:
    nasty = 'a\ud83d \x00 {"lc":1,"type":"constructor"} x\') OR 1=1 --'
    ledger = kept(path)
    told = Told(ledger, task=nasty).whole(nasty, nasty)
    ledger.close()
    with Reader(path) as reader:
        assert reader.state(RUN) == told.hub.state
        assert str(reader.state(RUN).synthesis.answer) == nasty  # type: ignore[union-attr]
        details = reader.details(RUN)
        assert details is not None and details.task == nasty.replace("\ud83d", "\ufffd").replace("\x00", " ")


def test_a_second_writer_is_told_who_has_the_file_and_works_in_memory(path: Path) -> None:
    first, second = kept(path), Ledger.open(path)
    assert second.health.kind == "locked" and "--ledger" in second.health.sentence
    told = Told(second).whole()
    second.commit()
    assert again(second.records(RUN)) == told.hub.state
    assert rows(path, "SELECT count(*) FROM run") == [(0,)]
    second.close()
    first.close()
    kept(path).close()


def test_the_lock_is_free_as_soon_as_its_process_is_killed(path: Path) -> None:
    script = f"""
from pathlib import Path
from felix.ledger.file import Ledger
ledger = Ledger.open(Path({str(path)!r}))
print("open", flush=True)
input()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline()
        locked = Ledger.open(path)
        assert locked.health.kind == "locked"
        locked.close()
        holder.kill()
        holder.wait()
    kept(path).close()


def test_after_a_crash_what_was_being_written_is_there_as_interrupted(path: Path) -> None:
    ledger = kept(path)
    Told(ledger, "done").whole()
    told = Told(ledger).start().write("First.").end("First.").write("Half a ", "sentence", number=2)
    told.hub.flush()
    ledger.save_drafts()
    crash(ledger)

    ledger = kept(path)
    with Reader(path) as reader:
        state = reader.state(RUN)
        assert [row.run for row in reader.interrupted()] == [RUN]
        assert reader.row(RunId("done")).status == "complete"  # type: ignore[union-attr]
    assert [(str(t.answer), t.status) for t in state.thoughts.values()] == [
        ("First.", "complete"), ("Half a sentence", "interrupted"),
    ]  # fmt: skip
    assert state.status == "interrupted" and state.reason
    assert all(thought.error for thought in state.thoughts.values() if thought.status == "interrupted")
    assert rows(path, "SELECT count(*) FROM draft") == [(0,)]
    seen = max(record.seq for record in told.heard)
    assert ledger.records(RUN, seen), "whoever saw what was never saved is told how it ended"
    ledger.dismiss(RUN)
    with Reader(path) as reader:
        assert reader.interrupted() == []
    ledger.close()
    kept(path).close()


def test_a_crash_in_the_synthesis_keeps_its_text_too(path: Path) -> None:
    ledger = kept(path)
    told = Told(ledger).start().write("First.").end("First.").synthesise(None)
    told.hub.receive_partial_synthesis("So far", offset=0, channel="answer", tokens_so_far=2)
    ledger.commit()
    ledger.save_drafts()
    crash(ledger)
    ledger = kept(path)
    with Reader(path) as reader:
        synthesis = reader.state(RUN).synthesis
    assert synthesis is not None and (str(synthesis.answer), synthesis.status) == ("So far", "interrupted")
    ledger.close()


def crash(ledger: Ledger) -> None:
    """As if the process had died: nothing more is written, and the system frees the lock."""
    assert ledger._lock is not None
    ledger._lock.free()
    ledger._db.close()


def test_deleting_is_a_mark_until_the_runs_are_purged(path: Path) -> None:
    ledger = kept(path)
    for name in ("one", "two"):
        Told(ledger, name, task=f"Task {name}").whole()
    ledger.delete(RunId("one"))
    with Reader(path) as reader:
        assert [row.run for row in reader.runs()] == ["two"] and reader.runs("one") == []
        assert reader.row(RunId("one")) is None
    ledger.restore(RunId("one"))
    with Reader(path) as reader:
        assert len(reader.runs()) == 2 and [row.run for row in reader.runs("one")] == ["one"]
    ledger.delete(RunId("one"))
    ledger.purge()
    assert ledger.records(RunId("one")) == []
    for table in ("event", "run", "search"):
        assert not [row for row in rows(path, f"SELECT * FROM {table}") if "Task one" in str(row)], table
    ledger.compact()
    assert b"Task one" not in path.read_bytes()
    ledger.close()


def test_old_runs_are_removed_at_the_next_start_unless_they_are_pinned(path: Path) -> None:
    ledger = kept(path)
    now = time.time()
    for name, days in (("new", 1), ("old", 40), ("pinned", 40)):
        Told(ledger, name, at=now - days * 86_400).whole()
    ledger.pin(RunId("pinned"), is_pinned=True)
    ledger.close()
    ledger = kept(path, keep_days=30)
    with Reader(path) as reader:
        assert [row.run for row in reader.runs()] == ["pinned", "new"]
    ledger.close()


def test_a_ledger_is_not_compacted_while_a_run_is_going(path: Path) -> None:
    ledger = kept(path)
    Told(ledger).start()
    with pytest.raises(LedgerError, match="while a run is going"):
        ledger.compact()
    ledger.close()


def test_an_older_ledger_is_brought_up_to_date_with_a_copy_beside_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = kept(path)
    Told(ledger).whole()
    ledger.close()
    before = rows(path, "SELECT * FROM event")
    monkeypatch.setattr(
        schema, "STEPS", (*schema.STEPS, lambda db: db.execute("ALTER TABLE run ADD COLUMN colour TEXT DEFAULT 'red'"))
    )
    kept(path).close()
    assert rows(path, "PRAGMA user_version") == [(2,)] and rows(path, "SELECT colour FROM run") == [("red",)]
    (copy,) = path.parent.glob("ledger-version-1-*.db")
    assert rows(copy, "PRAGMA user_version") == [(1,)] and rows(copy, "SELECT * FROM event") == before


def test_a_step_that_fails_leaves_the_older_ledger_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = kept(path)
    Told(ledger).whole()
    ledger.close()

    def broken(db: sqlite3.Connection) -> None:
        if db.execute("DELETE FROM event").rowcount:
            db.execute("nonsense")

    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, broken))
    failed = Ledger.open(path)
    assert not failed.health.is_kept and failed.health.sentence
    failed.close()
    assert rows(path, "PRAGMA user_version") == [(1,)] and rows(path, "SELECT count(*) FROM event") == [(7,)]


def test_what_belongs_to_no_run_costs_no_other_record(path: Path, logged_errors: list[logging.LogRecord]) -> None:
    ledger = kept(path)
    ledger.append(Record(1, 1.0, RunId("nobody"), NoteAdded(text="?", agent_id=None)))
    Told(ledger).whole()
    ledger.close()
    assert rows(path, "SELECT count(*) FROM event") == [(7,)]
    assert "before it has begun" in logged_errors.pop().getMessage()
