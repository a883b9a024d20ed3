"""What keeping runs costs, without a window: a commit, 10,000 runs in a list and searched, bytes, a replay's frames."""

from __future__ import annotations

import gc
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.runs import told
from felix.events import ThoughtComplete
from felix.ledger.file import Ledger
from felix.ledger.reader import Reader

COMMITS = 200
RUNS = 10_000
MADE = 400
"""Of them, as the engine makes them; the others are copies, because they need half a minute."""
COPIED = """
INSERT INTO run SELECT id + {shift}, run || '-{copy}', name, task, workflow, model, server, status,
    started_at - {earlier_s}, ended_at - {earlier_s}, duration_s, tokens, is_demo, follows, is_pinned, is_seen,
    deleted_at FROM run WHERE id <= 400;
INSERT INTO event (run, seq, type, ends, body) SELECT run + {shift}, seq, type, ends, body FROM event WHERE run <= 400;
INSERT INTO search (rowid, name, task, thoughts, synthesis)
    SELECT rowid + {shift}, name, task, thoughts, synthesis FROM search WHERE rowid <= 400;
"""
DAY_S = 86_400
SEARCHES = ("federated", "patients cost", "nobody asked", "xylophone")
"""Words that are everywhere, two of them together, and one that is nowhere."""


def measure() -> dict[str, float]:
    """Milliseconds, and bytes of the file per 1,000 tokens."""
    with tempfile.TemporaryDirectory(prefix="felix-benchmark-") as folder:
        there = Path(folder)
        return {**_commits(there / "commits.db"), **_bytes(there / "bytes.db"), **_many(there / "many.db")}


def _commits(path: Path) -> dict[str, float]:
    """Thoughts of 500 tokens, each in a commit of its own."""
    ledger = Ledger.open(path)
    started, round_started, *rest = told("commits", began_at=time.time(), agents=COMMITS, tokens=500)
    for record in (started, round_started):
        ledger.append(record)
    ledger.commit()
    seconds = []
    for record in rest:
        if isinstance(record.event, ThoughtComplete):
            ledger.append(record)
            began = time.perf_counter()
            ledger.commit()
            seconds.append(time.perf_counter() - began)
    ledger.close()
    ordered = sorted(seconds)
    return {
        "commit_p50_ms": round(1000 * ordered[len(ordered) // 2], 2),
        "commit_p99_ms": round(1000 * ordered[int(0.99 * len(ordered))], 2),
    }


def _bytes(path: Path) -> dict[str, float]:
    """What a run of 48,000 tokens takes of the disk, with all that makes it searchable and lets it be played again."""
    ledger = Ledger.open(path)
    for record in told("bytes", began_at=time.time(), agents=47, tokens=1_000):
        ledger.append(record)
    ledger.commit()
    ledger.close()
    return {"bytes_per_1000_tokens": round(path.stat().st_size / 47.5)}


def _many(path: Path) -> dict[str, float]:
    """A list of `RUNS`, and words looked for in them."""
    ledger = Ledger.open(path)
    now = time.time()
    for number in range(MADE):
        for record in told(f"run-{number:05}", began_at=now - number * 60, tokens=40):
            ledger.append(record)
    ledger.commit()
    ledger.close()
    with closing(sqlite3.connect(path)) as db, db:
        for copy in range(1, RUNS // MADE):
            db.executescript(COPIED.format(shift=copy * MADE, copy=copy, earlier_s=copy * DAY_S))
    with Reader(path) as reader, _without_collector():
        searches = {words: _median(lambda words=words: reader.runs(words)) for words in SEARCHES}
        assert reader.runs(SEARCHES[0]) and not reader.runs(SEARCHES[-1])
        return {
            "open_ms": _median(lambda: Reader(path).close()),
            "list_ms": _median(reader.runs),
            "search_ms": max(searches.values()),
            "state_ms": _median(lambda: reader.state(reader.runs()[0].run)),
            "megabytes": round(path.stat().st_size / 2**20, 1),
        }


@contextmanager
def _without_collector() -> Iterator[None]:
    """As in the window, which collects when it has time to."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _median(act: Callable[[], object], times: int = 5) -> float:
    """Milliseconds, the middle of a few."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    return round(1000 * statistics.median(seconds), 1)
