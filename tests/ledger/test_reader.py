"""Looking at a ledger: lists, threads, and finding runs by words that are typed as they come to mind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from felix.errors import LedgerError
from felix.events import RunId
from felix.ledger import reader as reading
from felix.ledger.file import Ledger
from felix.ledger.reader import Reader
from felix.ledger.search import CLOSED, OPENED
from tests.ledger.told import Told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger?#%.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(path)
    assert ledger.health.is_kept
    yield ledger
    ledger.close()


def names(path: Path, words: str = "") -> list[str]:
    with Reader(path) as reader:
        return [row.run for row in reader.runs(words)]


def test_runs_are_listed_in_the_order_in_which_they_began_whatever_the_clock_said(ledger: Ledger, path: Path) -> None:
    Told(ledger, "first", at=9_000.0).whole()
    Told(ledger, "second", at=1_000.0).whole()
    Told(ledger, "third").start()
    ledger.commit()
    assert names(path) == ["third", "second", "first"]
    with Reader(path) as reader:
        third, second, _ = reader.runs()
        going, details = reader.details(third.run), reader.details(second.run)
    assert third.status is None and going is not None and going.ended_at is None
    assert (second.status, second.duration_s, second.tokens) == ("complete", 2.0, 4)
    assert (second.workflow, second.model) == ("Test", "m")
    assert details is not None and (details.task, details.server, details.follows) == ("Why?", "Scripted", None)


def test_a_run_is_called_by_the_first_line_of_its_task_until_it_has_a_name(ledger: Ledger, path: Path) -> None:
    run = RunId("r")
    Told(ledger, run, task="\n  Why are   there tides?\nSay it briefly.").whole()

    def name() -> str:
        ledger.commit()
        with Reader(path) as reader:
            row = reader.row(run)
        assert row is not None
        return row.name

    assert name() == "Why are there tides?"
    ledger.rename(run, "The \n moon")
    assert name() == "The moon" and names(path, "moon") == [run]
    ledger.rename(run, "  ")
    assert name() == "Why are there tides?" and names(path, "moon") == []


def test_words_are_found_in_task_thoughts_synthesis_and_name(ledger: Ledger, path: Path) -> None:
    Told(ledger, "a", task="Tell me of oceans").whole("Rivers flow.", "Everything is wet.")
    Told(ledger, "b").whole("Deserts are dry.")
    ledger.rename(RunId("b"), "Sahara")
    for words, found in {
        "oceans": ["a"], "RIVERS": ["a"], "everyth": ["a"], "sahara": ["b"], "river wet": ["a"], "are": ["b"],
        "ocean dry": [], "": ["b", "a"], "   ": ["b", "a"],
    }.items():  # fmt: skip
        assert names(path, words) == found, words


def test_the_place_of_the_words_is_shown(ledger: Ledger, path: Path) -> None:
    Told(ledger).whole("Much text " * 50 + "and a needle in the hay " + "and more " * 50)
    ledger.commit()
    with Reader(path) as reader:
        (row,) = reader.runs("needle")
    assert f"{OPENED}needle{CLOSED} in the hay" in row.snippet and len(row.snippet) < 200


def test_a_run_that_goes_on_is_found_by_its_task_and_thinking_is_not_searched(ledger: Ledger, path: Path) -> None:
    told = Told(ledger, task="Of volcanoes").start().write("Lava").end("Lava is hot", thinking="secretword")
    ledger.commit()
    assert names(path, "volcano") == [told.run] and names(path, "lava") == []
    told.synthesise().finish()
    ledger.commit()
    assert names(path, "lava") == [told.run] and names(path, "secretword") == []


HOSTILE = [
    *('"', "'", '""', "x') OR 1=1 --", "NEAR(a b)", "a AND", "OR", "NOT x", "col:x", "name:why", "(", ")", "*", "a*"),
    *("^a", "-a", "{a b}", "a+b", "%", "_", "; DROP TABLE run", "[1,2]", "C++", "\x00", "a\x00b", "\x02why\x03"),
    *("\ud83d", "😀", "é" * 500, "ﬁ", "中文", "\u202e", "a" * 100_000, "why?" * 1_000),
]


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_that_is_typed_is_taken_for_the_syntax_of_a_search(ledger: Ledger, path: Path, words: str) -> None:
    Told(ledger).whole()
    ledger.commit()
    assert names(path, words) in ([], ["r"])
    assert names(path, "why") == ["r"]


def test_words_of_many_scripts_are_found_without_their_accents(ledger: Ledger, path: Path) -> None:
    Told(ledger).whole("Café Ünïcode Ελληνικά русский 日本語 C++ state-of-the-art")
    ledger.commit()
    for words in ("cafe", "unicode", "ελλην", "русс", "日本", "c++", "state-of", "art"):
        assert names(path, words) == ["r"], words


PAYLOAD = '{"lc":1,"type":"constructor","id":["os","system"],"kwargs":{"command":"rm -rf ~"}}'


def test_hostile_content_comes_back_as_the_text_it_is(ledger: Ledger, path: Path) -> None:
    key = "x') OR 1=1 --"
    told = Told(ledger, key, task=key, at=5.0).whole(PAYLOAD, f"$ref: {PAYLOAD} !!python/object/apply:os.system")
    ledger.rename(RunId(key), PAYLOAD)
    with Reader(path) as reader:
        state = reader.state(RunId(key))
        row, details = reader.row(RunId(key)), reader.details(RunId(key))
        assert reader.records(RunId("' OR '1'='1")) == []
        assert reader.row(RunId("%")) is None and reader.details(RunId("%")) is None
    assert state == told.hub.state and [str(t.answer) for t in state.thoughts.values()] == [PAYLOAD]
    assert row is not None and (row.run, row.name) == (key, PAYLOAD)
    assert details is not None and details.task == key


def test_runs_that_follow_one_another_are_a_thread(ledger: Ledger, path: Path) -> None:
    for name, follows in (("a", None), ("x", None), ("b", "a"), ("c", "b"), ("d", "a"), ("lost", "gone")):
        Told(ledger, name).start(follows=follows).finish()
    ledger.commit()
    with Reader(path) as reader:
        for run in "abcd":
            assert [row.run for row in reader.thread(RunId(run))] == ["a", "b", "c", "d"]
        assert [row.run for row in reader.thread(RunId("x"))] == ["x"]
        assert [row.run for row in reader.thread(RunId("lost"))] == ["lost"]
        assert reader.thread(RunId("nobody")) == []
    ledger.delete(RunId("b"))
    with Reader(path) as reader:
        assert [row.run for row in reader.thread(RunId("c"))] == ["a", "c", "d"]


def test_only_the_records_behind_a_number_are_read(ledger: Ledger, path: Path) -> None:
    told = Told(ledger).whole()
    ledger.commit()
    with Reader(path) as reader:
        whole = reader.records(told.run)
        assert reader.records(told.run, whole[2].seq) == whole[3:]
        assert reader.size_bytes() > 10_000


def test_a_reader_on_another_thread_sees_what_is_committed_while_the_writer_goes_on(ledger: Ledger, path: Path) -> None:
    seen: list[int] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.is_set():
            with Reader(path) as reader:
                seen.append(len(reader.runs()))

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(50):
        Told(ledger, f"run-{number}").whole()
        ledger.commit()
    is_over.set()
    thread.join()
    assert seen == sorted(seen) and ledger.health.is_kept
    assert len(names(path)) == 50


def test_a_ledger_that_is_not_there_yet_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no ledger at"):
        Reader(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_finds_everything_gives_the_newest(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_FOUND", 3)
    for number in range(5):
        Told(ledger, f"run-{number}").whole()
    ledger.commit()
    assert names(path, "why") == ["run-4", "run-3", "run-2"]


@pytest.mark.slow
def test_ten_thousand_runs_are_listed_and_searched_while_a_user_waits(ledger: Ledger, path: Path) -> None:
    Told(ledger).whole("Because of tides. " * 50)
    ledger.commit()
    columns = "task, workflow, model, server, status, started_at, ended_at, duration_s, is_demo"
    many = "FROM run, (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) SELECT i FROM n)"
    ledger._db.execute(f"INSERT INTO run (run, name, {columns}) SELECT 'run-' || i, 'No ' || i, {columns} {many}")
    ledger._db.execute(
        "INSERT INTO search (rowid, name, task, thoughts, synthesis)"
        " SELECT run.id, run.name, run.task, first.thoughts, first.synthesis FROM run, search AS first WHERE run.id > 1"
    )
    with Reader(path) as reader:
        for words, found in (("", 10_000), ("tides", 1_000), ("because tides", 1_000), ("5555", 1)):
            spent = []
            for _ in range(5):
                began = time.process_time()
                assert len(reader.runs(words)) == found
                spent.append(time.process_time() - began)
            # this is no benchmark: it finds what is slower by an order of magnitude
            assert min(spent) < 0.3, f"{words!r}: {min(spent) * 1000:.0f} ms"
