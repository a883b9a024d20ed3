"""The ledger: an append-only log of everything that happened, in one SQLite file with one writer.

What is appended within one turn of the loop goes down in one transaction, and is handed on only then: whoever was told
something will find it in the file after a crash. A file that cannot take it never stops a run: the events are kept in
memory, `health` says so, and they are offered to the file again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from felix.errors import LedgerError
from felix.events import Record, RunFinished, RunId, SynthesisComplete, ThoughtComplete, ToolCalled
from felix.ledger import rows, search
from felix.ledger.drafts import Drafts, whose
from felix.ledger.health import Health
from felix.ledger.lock import Lock
from felix.ledger.opening import Opened, fault, in_memory, open_file
from felix.ledger.reader import Reader
from felix.ledger.recovery import recover
from felix.ledger.results import ResultFiles

__all__ = ["Health", "Ledger"]

DRAFT_S = 0.25
"""Between two savings of what is being written: the most text that a crash may cost."""
RETRY_S = 5.0
"""Between two tries to save what the file did not take."""
DAY_S = 86_400

_log = logging.getLogger(__name__)

Then = Callable[[], None]


class _Waiting(NamedTuple):
    record: Record
    then: Then | None


class Ledger:
    """The writer. Everything on one thread, the worker's; made by `Ledger.open`."""

    def __init__(
        self, opened: Opened, loop: asyncio.AbstractEventLoop | None, on_health: Callable[[Health], None] | None
    ) -> None:
        self.health = opened.health
        path = opened.health.path if opened.health.is_kept else None
        self.results = ResultFiles(path.parent / "results" if path else None)
        self._db = opened.db
        self._lock: Lock | None = opened.lock
        self._loop = loop
        self._on_health = on_health
        self._waiting: list[_Waiting] = []
        self._unsaved: list[Record] = []
        """What the file did not take."""
        self._fault = self.health
        """The last one of the file."""
        self._drafts = Drafts()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @classmethod
    def open(
        cls,
        path: Path | None,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        on_health: Callable[[Health], None] | None = None,
        keep_days: int = 0,
    ) -> Ledger:
        """Take the file, end what a crash left open in it, and remove what is deleted or older than `keep_days`.

        With a loop, commits come by themselves; without one the caller calls `commit`. Never raises for a file that
        cannot be used: the ledger is in memory then, and `health` says why.
        """
        ledger = cls(open_file(path), loop, on_health)
        if ledger.health.is_kept:
            try:
                recover(ledger._db)
                ledger.purge(keep_days=keep_days)
            except (sqlite3.Error, ValueError, LedgerError) as error:
                _log.warning("the ledger could not be put in order: %s", error)
                ledger._give_up(error)
        return ledger

    # ---------------------------------------------------------------- what happens

    def append(self, record: Record, then: Then | None = None) -> None:
        """Take a durable record; `then` is called once it is in the file (or the file has failed to take it)."""
        event = record.event
        if isinstance(event, ThoughtComplete | SynthesisComplete):
            self._drafts.forget(record.run, whose(event))
        elif isinstance(event, RunFinished):
            self._drafts.forget(record.run)
        self._waiting.append(_Waiting(record, then))
        if len(self._waiting) == 1 and self._loop is not None:
            self._loop.call_soon(self.commit)

    def draft(self, record: Record) -> None:
        """Take a passing record: what a crash within the next moments would otherwise cost."""
        self._drafts.add(record)
        self._later("drafts", DRAFT_S, self.save_drafts)

    def commit(self) -> None:
        """Write all that was appended since the last time, in one transaction, and hand it on."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        records = [each.record for each in waiting]
        if self._unsaved:
            self._unsaved += records
            self._tell_unsaved()
        else:
            try:
                if any(isinstance(record.event, ToolCalled) for record in records):
                    # what a model wrote before it called a tool is there when the tool has begun
                    self._write(records, self._drafts.waiting())
                    self._drafts.saved()
                else:
                    self._write(records)
            except sqlite3.Error as error:
                self._unsaved += records
                self._fail(error)
        for each in waiting:
            if each.then is not None:
                each.then()

    def save_drafts(self) -> None:
        """Write what is being written; comes by itself every `DRAFT_S` while something is."""
        self.commit()  # a draft of a run that is not in the file yet would have no place
        if self._unsaved or not self._drafts:
            return  # what the file did not take goes first
        try:
            self._write(drafts=self._drafts.waiting())
            self._drafts.saved()
        except sqlite3.Error as error:
            self._fail(error)

    def records(self, run: RunId, after: int = 0, only: Sequence[str] = ()) -> list[Record]:
        """All durable records of a run after a number, also those that the file did not take; `only` of some types."""
        self.commit()
        try:
            kept = rows.records(self._db, run, after, only)
        except (sqlite3.Error, ValueError) as error:
            if not self._unsaved:
                raise LedgerError(f"The run could not be read from the ledger ({error}) – restart Felix.") from None
            kept = []
        unsaved = [record for record in self._unsaved if record.run == run and record.seq > after]
        return kept + [record for record in unsaved if not only or record.event.type in only]

    @property
    def unsaved(self) -> list[Record]:
        """What the file has not, and a reader of it cannot know."""
        self.commit()
        if self._lock is not None:
            return list(self._unsaved)
        with self.reader() as reader:
            return [record for row in reader.runs() for record in reader.records(row.run)]

    def reader(self) -> Reader:
        """For looking at a ledger in memory, on the writer's thread; one in a file has readers of its own."""
        self.commit()
        return Reader(self._db)

    # ---------------------------------------------------------------- the user's marks

    def rename(self, run: RunId, name: str) -> None:
        """Empty: the first line of its task again."""
        name = " ".join(search.plain(name).split())
        with self._change():
            if not name:
                task = self._db.execute("SELECT task FROM run WHERE run = ?", (run,)).fetchone()
                name = rows.title(task[0]) if task else ""
            self._db.execute("UPDATE run SET name = ? WHERE run = ?", (name, run))
            self._db.execute("UPDATE search SET name = ? WHERE rowid = (SELECT id FROM run WHERE run = ?)", (name, run))

    def pin(self, run: RunId, *, is_pinned: bool) -> None:
        self._mark("is_pinned", int(is_pinned), run)

    def dismiss(self, run: RunId) -> None:
        """The user has seen that it was interrupted."""
        self._mark("is_seen", 1, run)

    def delete(self, run: RunId) -> None:
        """Out of every list; it is there until the next `purge`."""
        self._mark("deleted_at", time.time(), run)

    def restore(self, run: RunId) -> None:
        self._mark("deleted_at", None, run)

    def purge(self, *, keep_days: int = 0) -> None:
        """Remove for good: of the runs that have ended the deleted ones, and those older than `keep_days` (0: none)
        that are not pinned."""
        oldest = time.time() - keep_days * DAY_S if keep_days else 0.0
        with self._change():
            gone = self._db.execute(
                "SELECT id, run FROM run WHERE status IS NOT NULL"
                " AND (deleted_at IS NOT NULL OR (started_at < ? AND NOT is_pinned))",
                (oldest,),
            ).fetchall()
            for run_id, _ in gone:
                search.remove(self._db, run_id)
                self._db.execute("DELETE FROM run WHERE id = ?", (run_id,))
        for _, run in gone:
            self.results.remove(run)

    def compact(self) -> None:
        """Give the room of what was removed back to the disk; takes a while. Raises LedgerError while a run is on."""
        self.commit()
        if self._db.execute("SELECT 1 FROM run WHERE status IS NULL").fetchone():
            raise LedgerError("The ledger cannot be compacted while a run is going – try again when it has ended.")
        with _told():
            self._db.execute("INSERT INTO search (search) VALUES ('optimize')")
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint (TRUNCATE)")

    def close(self) -> None:
        """Write what waits, leave one whole file, free the lock. A second call does nothing."""
        self.commit()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._loop = None
        if self._unsaved:
            self._retry()
        with contextlib.suppress(sqlite3.Error):  # it is whole with its log, too
            self._db.execute("PRAGMA wal_checkpoint (TRUNCATE)")
        self._db.close()
        if self._lock is not None:
            self._lock.free()

    # ---------------------------------------------------------------- writing

    def _write(self, records: Iterable[Record] = (), drafts: Iterable[Record] = ()) -> None:
        with self._transaction():
            for record in records:
                rows.insert(self._db, record)
            for record in drafts:
                rows.insert_draft(self._db, record)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # some faults have rolled back by themselves
                self._db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        """A transaction on behalf of the user; raises LedgerError."""
        self.commit()
        with _told(), self._transaction():
            yield

    def _mark(self, column: str, value: object, run: RunId) -> None:
        with self._change():
            self._db.execute(f"UPDATE run SET {column} = ? WHERE run = ?", (value, run))

    # ---------------------------------------------------------------- when the file does not take it

    def _fail(self, error: sqlite3.Error) -> None:
        _log.warning("the ledger could not be written: %s", error)
        self._fault = fault(self.health.path, error)
        self._tell_unsaved()
        if self._fault.kind != "damaged":
            self._later("retry", RETRY_S, self._retry)

    def _tell_unsaved(self) -> None:
        kind, path = self._fault.kind, self._fault.path
        runs = len({record.run for record in (*self._unsaved, *self._drafts.waiting())})
        what = "what happens now" if not runs else "1 run" if runs == 1 else f"{runs} runs"
        verb = "are" if runs > 1 else "is"
        match kind:
            case "damaged":
                why, then = f"{path} is damaged", "restart Felix, it offers a copy of what can be read"
            case "full":
                why, then = "The disk is full", f"make room; Felix tries again every {RETRY_S:.0f} seconds"
            case _:
                why, then = f"{path} cannot be written", f"Felix tries again every {RETRY_S:.0f} seconds"
        self._say(Health(kind, path, f"{why}: {what} {verb} in memory only – {then}."))

    def _retry(self) -> None:
        """Offer the file what it did not take, all or nothing."""
        try:
            self._write(self._unsaved, self._drafts.waiting())
        except sqlite3.Error as error:
            self._fail(error)
            return
        self._unsaved = []
        self._drafts.saved()
        self._say(Health("kept", self.health.path))

    def _give_up(self, error: Exception) -> None:
        """In memory from now on: the file cannot even be put in order."""
        self.health = fault(self.health.path, error)
        self._db.close()
        self._db = in_memory()
        if self._lock is not None:
            self._lock.free()
            self._lock = None

    def _say(self, health: Health) -> None:
        if health != self.health:
            self.health = health
            if self._on_health is not None:
                self._on_health(health)

    def _later(self, name: str, delay_s: float, work: Callable[[], None]) -> None:
        """Once, unless it is planned already."""
        if self._loop is None or name in self._timers:
            return

        def due() -> None:
            del self._timers[name]
            work()

        self._timers[name] = self._loop.call_later(delay_s, due)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What SQLite refuses as one sentence."""
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(f"The ledger could not be changed ({error}) – try again in a moment.") from None
