"""A log that the power left torn: what can be read is whole, and what was kept is a beginning of what was told."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from felix.events import RunId
from felix.ledger.file import Ledger
from felix.ledger.reader import Reader
from tests.ledger.told import Told

TRIALS = 200
"""Of each way to tear a log."""
SECTOR = 512


def cut(log: bytearray, chance: random.Random) -> None:
    del log[chance.randrange(len(log)) :]


def zeroed(log: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(log) // SECTOR) * SECTOR
    log[start : start + SECTOR] = bytes(SECTOR)


def flipped(log: bytearray, chance: random.Random) -> None:
    log[chance.randrange(len(log))] ^= 1 << chance.randrange(8)


class Left(NamedTuple):
    """What is on the disk when the power fails."""

    file: bytes
    log: bytes
    told: list[str]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """One run is over, of the second three thoughts are."""
    path = tmp_path_factory.mktemp("left") / "ledger.db"
    ledger = Ledger.open(path)
    Told(ledger, "over").whole()
    ledger.commit()
    told = Told(ledger, "on").start()
    for number in range(1, 4):
        told.write("Word by word", number=number).end(f"Thought {number} " * 50, number=number)
        ledger.save_drafts()
        ledger.commit()
    told.write("Half", " of it", number=4)
    ledger.save_drafts()
    told_so_far = [body for (body,) in ledger._db.execute("SELECT body FROM event ORDER BY id")]
    left = Left(path.read_bytes(), path.with_name("ledger.db-wal").read_bytes(), told_so_far)
    ledger.close()
    return left


@pytest.mark.slow
@pytest.mark.parametrize("tear", [cut, zeroed, flipped])
def test_a_torn_log_costs_its_end_and_nothing_else(
    left: Left, tmp_path: Path, tear: Callable[[bytearray, random.Random], None]
) -> None:
    lengths = set()
    for trial in range(TRIALS):
        folder = tmp_path / str(trial)
        folder.mkdir()
        path = folder / "ledger.db"
        path.write_bytes(left.file)
        log = bytearray(left.log)
        tear(log, random.Random(trial))
        path.with_name("ledger.db-wal").write_bytes(log)
        ledger = Ledger.open(path)
        assert ledger.health.is_kept, f"trial {trial}: {ledger.health.sentence}"
        assert ledger._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = [body for (body,) in ledger._db.execute("SELECT body FROM event ORDER BY id")]
        known = [body for body in kept if body in set(left.told)]
        assert known == left.told[: len(known)], f"trial {trial}: not a beginning"
        lengths.add(len(known))
        ledger.close()
        with Reader(path) as reader:
            assert all(row.status == ("complete" if row.run == "over" else "interrupted") for row in reader.runs())
            for thought in reader.state(RunId("on")).thoughts.values():
                assert thought.status in {"complete", "interrupted"}
                assert (thought.status == "complete") == str(thought.answer).startswith("Thought")
        shutil.rmtree(folder)
    assert len(lengths) > 2, "the tears were not worth much"
