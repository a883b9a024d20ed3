"""Files that cannot be the ledger, and a disk that takes no more: a sentence each, nothing touched, the run goes on."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from felix.errors import LedgerError
from felix.events import RunId
from felix.ledger import file
from felix.ledger.file import Health, Ledger
from felix.ledger.reader import Reader
from felix.ledger.salvage import salvage
from tests.ledger.folding import again
from tests.ledger.told import Told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def filled(path: Path, *, runs: int = 40) -> Path:
    ledger = Ledger.open(path)
    for number in range(runs):
        Told(ledger, f"run-{number}", at=1_000.0 + number).whole(f"Thought {number} " * 200, f"Synthesis {number}")
    ledger.close()
    return path


def random_bytes(path: Path) -> None:
    path.write_bytes(hashlib.shake_128(b"noise").digest(8_192))


def text(path: Path) -> None:
    path.write_text("Dear diary, this is no ledger at all.\n" * 50, encoding="utf-8")


def empty(path: Path) -> None:
    path.touch()


def of_another_program(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE song (name)")
    db.commit()
    db.close()


def newer(path: Path) -> None:
    filled(path, runs=1)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()


def broken_in_the_middle(path: Path) -> None:
    content = bytearray(filled(path).read_bytes())
    for page in range(8, len(content) // 4096, 3):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    os.truncate(filled(path), path.stat().st_size // 8192 * 4096)


FAULTS: list[tuple[Callable[[Path], None], str, str]] = [
    (random_bytes, "damaged", "damaged"),
    (text, "foreign", "no ledger of Felix"),
    (empty, "empty", "is empty"),
    (of_another_program, "foreign", "no ledger of Felix"),
    (newer, "newer", "newer Felix"),
    (broken_in_the_middle, "damaged", "damaged"),
    (cut_off, "damaged", "damaged"),
]


@pytest.mark.parametrize(("make", "kind", "words"), FAULTS, ids=[make.__name__ for make, _, _ in FAULTS])
def test_a_file_that_cannot_be_the_ledger_is_kept_to_the_byte_and_felix_works(
    path: Path, make: Callable[[Path], None], kind: str, words: str
) -> None:
    make(path)
    before = path.read_bytes()
    ledger = Ledger.open(path)
    assert (ledger.health.kind, ledger.health.path) == (kind, path)
    assert words in ledger.health.sentence and "\n" not in ledger.health.sentence
    assert "--ledger" in ledger.health.sentence
    told = Told(ledger).whole()
    ledger.commit()
    assert again(ledger.records(told.run)) == told.hub.state
    with ledger.reader() as reader:
        assert [row.run for row in reader.runs("tides")] == [told.run]
    ledger.close()
    assert path.read_bytes() == before


@pytest.fixture
def somebody(tmp_path: Path) -> Iterator[Path]:
    """A folder for somebody whom rights hold for: nothing is read-only for root."""
    folder = Path(tempfile.mkdtemp(prefix="felix-rights-"))
    folder.chmod(0o777)
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, 65_534, 65_534)
        os.seteuid(65_534)
    yield folder
    if is_root:
        os.seteuid(0)
    for each in (folder, *folder.iterdir()):
        each.chmod(0o777)
    shutil.rmtree(folder)


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
def test_a_folder_without_the_right_to_write_is_one_sentence(somebody: Path) -> None:
    somebody.chmod(0o555)
    ledger = Ledger.open(somebody / "ledger.db")
    assert ledger.health.kind == "read_only" and "Permission denied" in ledger.health.sentence
    Told(ledger).whole()
    ledger.close()


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
def test_the_runs_in_a_file_without_the_right_to_write_can_be_read(somebody: Path) -> None:
    path = filled(somebody / "ledger.db", runs=2)
    path.chmod(0o444)
    before = path.read_bytes()
    ledger = Ledger.open(path)
    assert ledger.health.kind == "read_only" and ledger.health.is_readable
    ledger.close()
    assert path.read_bytes() == before
    somebody.chmod(0o555)
    with Reader(path) as reader:
        assert len(reader.runs()) == 2 and reader.state(RunId("run-1")).status == "complete"


def test_a_folder_in_the_place_of_the_file_is_one_sentence(path: Path) -> None:
    path.mkdir()
    ledger = Ledger.open(path)
    assert ledger.health.kind == "read_only" and str(path) in ledger.health.sentence
    ledger.close()


def test_a_full_disk_stops_no_run_and_what_waited_is_saved_when_there_is_room(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "RETRY_S", 0.02)
    news: list[Health] = []

    async def run() -> Told:
        saved = asyncio.Event()

        def hear(health: Health) -> None:
            news.append(health)
            if health.is_kept:
                saved.set()

        ledger = Ledger.open(path, loop=asyncio.get_running_loop(), on_health=hear)
        Told(ledger, "before").whole()
        await asyncio.sleep(0)
        pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
        ledger._db.execute(f"PRAGMA max_page_count = {pages + 1}")
        told = Told(ledger).start().write("Some ").end("Some text " * 2_000).synthesise().finish()
        await asyncio.sleep(0)
        assert [record.event.type for record in told.heard][-1] == "run_finished", "the run goes on"
        assert [health.kind for health in news] == ["full"]
        assert "in memory only" in news[0].sentence and "1 run" in news[0].sentence
        assert again(ledger.records(told.run)) == told.hub.state
        with Reader(path) as reader:
            assert [row.run for row in reader.runs()] == ["before"]
        with Reader(path, unsaved=ledger.unsaved) as reader:
            assert [(row.run, row.status) for row in reader.runs()] == [(told.run, "complete"), ("before", "complete")]
            assert reader.state(told.run) == told.hub.state
        ledger._db.execute("PRAGMA max_page_count = 100000")
        await asyncio.wait_for(saved.wait(), 10)
        ledger.close()
        return told

    told = asyncio.run(run())
    assert news[1] == Health("kept", path)
    with Reader(path) as reader:
        assert reader.state(told.run) == told.hub.state


def test_a_disk_that_fills_while_text_streams_costs_no_text(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "RETRY_S", 0.02)

    async def run() -> Told:
        saved = asyncio.Event()
        ledger = Ledger.open(
            path, loop=asyncio.get_running_loop(), on_health=lambda health: saved.set() if health.is_kept else None
        )
        told = Told(ledger).start()
        await asyncio.sleep(0)
        pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
        ledger._db.execute(f"PRAGMA max_page_count = {pages}")
        told.write("x" * 20_000)
        ledger.save_drafts()
        assert ledger.health.kind == "full"
        ledger._db.execute("PRAGMA max_page_count = 100000")
        await asyncio.wait_for(saved.wait(), 10)
        ledger._db.close()
        ledger._lock.free()  # type: ignore[union-attr]  # as if it had crashed
        return told

    told = asyncio.run(run())
    ledger = Ledger.open(path)
    with Reader(path) as reader:
        assert [str(t.answer) for t in reader.state(told.run).thoughts.values()] == ["x" * 20_000]
    ledger.close()


def test_damage_that_shows_while_felix_runs_is_told_and_stops_no_run(path: Path) -> None:
    filled(path)
    ledger = Ledger.open(path)
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)
    ledger._db.execute("PRAGMA shrink_memory")
    told = Told(ledger).whole()
    ledger.commit()
    assert ledger.health.kind == "damaged" and [r.event.type for r in told.heard][-1] == "run_finished"
    assert again(ledger.records(told.run)) == told.hub.state
    ledger.close()


@pytest.mark.parametrize("damage", [broken_in_the_middle, cut_off])
def test_a_salvage_copy_holds_what_can_be_read_and_leaves_the_damaged_file_alone(
    path: Path, damage: Callable[[Path], None]
) -> None:
    damage(path)
    before = path.read_bytes()
    saved = salvage(path)
    assert path.read_bytes() == before and saved.path.parent == path.parent
    ledger = Ledger.open(saved.path)
    assert ledger.health.is_kept
    ledger.close()
    with Reader(saved.path) as reader:
        found = reader.runs()
        assert 0 < len(found) == saved.runs <= 40
        for row in found:
            state = reader.state(row.run)
            number = row.run.removeprefix("run-")
            for thought in state.thoughts.values():
                assert str(thought.answer) in {f"Thought {number} " * 200, ""}


def test_a_whole_ledger_is_salvaged_whole(path: Path) -> None:
    filled(path, runs=5)
    with Reader(path) as reader, Reader(salvage(path).path) as copy:
        assert [row.run for row in copy.runs()] == [row.run for row in reader.runs()]
        assert all(copy.state(row.run) == reader.state(row.run) for row in reader.runs())


@pytest.mark.parametrize("make", [random_bytes, empty, of_another_program])
def test_a_file_with_nothing_in_it_to_be_read_says_so(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    with pytest.raises(LedgerError, match="backup"):
        salvage(path)
    assert [each.name for each in path.parent.iterdir()] == ["ledger.db"]


@pytest.mark.parametrize("make", [random_bytes, text, empty, of_another_program, newer])
def test_a_reader_says_in_one_sentence_what_it_cannot_read(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    with pytest.raises(LedgerError) as error:
        Reader(path).runs()
    assert str(error.value).endswith(".") and "\n" not in str(error.value)


def test_the_log_of_a_ledger_that_is_gone_does_not_get_into_the_new_one(path: Path) -> None:
    ledger = Ledger.open(path)
    Told(ledger).whole()
    ledger.commit()
    wal = path.with_name(path.name + "-wal")
    left = wal.read_bytes()
    assert left
    ledger.close()
    path.unlink()
    wal.write_bytes(left)
    ledger = Ledger.open(path)
    assert ledger.health.is_kept and ledger._db.execute("SELECT count(*) FROM event").fetchone() == (0,)
    ledger.close()
    assert path.read_bytes()[:16] == b"SQLite format 3\0"


@pytest.mark.parametrize(("make", "kind", "words"), FAULTS, ids=[make.__name__ for make, _, _ in FAULTS])
def test_whoever_only_reads_is_told_the_same_of_such_a_file(
    path: Path, make: Callable[[Path], None], kind: str, words: str
) -> None:
    make(path)

    def read() -> None:
        with Reader(path) as reader:
            reader.runs()
            for row in reader.runs():
                reader.records(row.run)
            pytest.skip("the damage lies where no reader looks")

    with pytest.raises(LedgerError) as told:
        read()
    assert str(told.value).startswith(f"{path} ") and words in str(told.value)
    assert "--ledger" in str(told.value) and "restart" not in str(told.value)
