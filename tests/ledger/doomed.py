"""python -m tests.ledger.doomed LEDGER TRIALS SEED URL: engines killed in the middle of a run, and what is left.

Everything is imported once; each trial is a fork with a real engine, which asks the model server at URL, and a real
SIGKILL. What a fork has printed came out of its mailbox: that is what "acknowledged" means. Prints one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from felix.engine import Engine
from felix.events import PASSING, PartialThought, Record, RunFinished, RunId, ThoughtComplete
from felix.ledger import file
from felix.ledger.file import Ledger
from felix.ledger.recovery import GAP
from felix.ledger.rows import state_of
from felix.settings import SettingsFile
from tests.team.scripted import workflow

LONGEST_S = 0.3
"""Between the first thing a fork says and its death, at most."""
ANSWER = " ".join(f"word-{number}" for number in range(30))
"""What the server says, each time."""


def main(path: Path, trials: int, seed: int, url: str) -> None:
    chance = random.Random(seed)
    # a fork lives a fraction of a second: its drafts go down as much more often
    file.DRAFT_S = 0.03
    for _ in told(path.with_name("warm-up.db"), url, runs=1):
        pass  # all that is imported when first needed is there now, for every fork; no thread is left
    found: Counter[str] = Counter()
    for _ in range(trials):
        lines = doomed(path, url, after_s=chance.uniform(0.0, LONGEST_S))
        found["trials"] += 1
        found.update(judge(path, lines))
    print(json.dumps(found))


def doomed(path: Path, url: str, *, after_s: float) -> list[list[str | int]]:
    """What a fork told before it was killed."""
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.close(out)
        for record in told(path, url, runs=1_000):
            os.write(into, json.dumps(line(record)).encode() + b"\n")
        os._exit(1)  # not reached: the end comes from outside
    os.close(into)
    said = b""
    kill_at = float("inf")
    while True:
        ready, _, _ = select.select([out], [], [], max(0.0, min(kill_at - time.monotonic(), 30.0)))
        if not ready:
            os.kill(child, signal.SIGKILL)
            kill_at = float("inf")
            continue
        piece = os.read(out, 1 << 20)
        if not piece:
            break
        if not said:
            kill_at = time.monotonic() + after_s
        said += piece
    os.close(out)
    os.waitpid(child, 0)
    return [json.loads(line) for line in said[: said.rfind(b"\n") + 1].splitlines()]


def told(path: Path, url: str, *, runs: int) -> Iterator[Record]:
    """Runs, one after another, as they come out of the mailbox."""
    settings = SettingsFile(path.with_name("settings.json"))
    settings.override(streaming_batch_interval=0.0, base_url=url)
    team = workflow("{id: research, role: research, count: 2}", checkpoints="[0, 0.5]")
    with Engine(settings, ledger=path) as engine:
        assert engine.health.is_kept, engine.health
        mailbox = engine.subscribe()
        for _ in range(runs):
            engine.start("Why do tides come twice a day?", team)
            is_over = False
            while not is_over:
                for item in mailbox.take():
                    if isinstance(item, Record):
                        yield item
                        is_over |= isinstance(item.event, RunFinished)
                time.sleep(0.001)


def line(record: Record) -> list[str | int]:
    """What the judge compares with: of text the length."""
    event = record.event
    if isinstance(event, PartialThought) and event.channel == "answer":
        return [record.run, record.seq, event.type, event.thought_id, event.offset + len(event.partial)]
    return [record.run, record.seq, event.type, "", int(isinstance(event, PASSING))]


def judge(path: Path, lines: list[list[str | int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    with contextlib.closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as db:
        found["corrupt"] += db.execute("PRAGMA integrity_check").fetchone()[0] != "ok"
        kept = {
            (run, seq): kind
            for run, seq, kind in db.execute("SELECT run.run, seq, type FROM event JOIN run ON run.id = event.run")
        }
        open_before = {run for (run,) in db.execute("SELECT run FROM run WHERE status IS NULL")}
    acknowledged = [each for each in lines if not each[4] and each[2] != "partial_thought"]
    found["acknowledged"] += len(acknowledged)
    found["lost"] += sum(kept.get((run, seq)) != kind for run, seq, kind, *_ in acknowledged)
    ledger = Ledger.open(path)
    found["unusable"] += not ledger.health.is_kept
    for run in sorted({str(each[0]) for each in lines}):
        for record in ledger.records(RunId(run)):
            if isinstance(record.event, ThoughtComplete) and record.event.status == "complete":
                found["taken for complete"] += record.event.content != ANSWER
    for run in sorted(open_before):
        found["unfinished"] += 1
        records = ledger.records(RunId(run))
        state = state_of(records, RunId(run))
        found["taken for complete"] += state.status != "interrupted"
        last = max(seq for (each, seq) in kept if each == run)
        for record in records:
            if record.seq > last and isinstance(record.event, ThoughtComplete):
                found["recovered thoughts"] += 1
                found["recovered characters"] += len(record.event.content)
                found["wrong text"] += not ANSWER.startswith(record.event.content)
                found["taken for complete"] += record.event.status != "interrupted"
        found["renumbered"] += any(last < record.seq < last + GAP // 2 for record in records)
        found["still live"] += any(thought.is_live for thought in state.thoughts.values())
    ledger.close()
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
