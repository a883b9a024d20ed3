"""The ledger under any order of runs, crashes, full disks and marks, against a model of a few dictionaries."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from felix.events import PASSING, NoteAdded, Record, RunId, RunReopened
from felix.ledger import search
from felix.ledger.file import Ledger
from felix.ledger.reader import Reader
from felix.ledger.rows import state_of
from tests.ledger.told import Told

TEXT = st.text(alphabet=st.characters(exclude_categories=()), min_size=1, max_size=40)


class LedgerMachine(RuleBasedStateMachine):
    """Runs that are going are hubs; what came out of them is what must be in the file."""

    live = Bundle("live")
    ended = Bundle("ended")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="felix-machine-"))
        self.path = self.folder / "ledger.db"
        self.ledger = Ledger.open(self.path)
        self.count = 0
        self.hubs: dict[RunId, Told] = {}
        self.deleted: set[RunId] = set()
        self.pinned: set[RunId] = set()
        self.names: dict[RunId, str] = {}
        self.is_full = False

    def teardown(self) -> None:
        self.room()
        self.ledger.close()
        shutil.rmtree(self.folder)

    # ------------------------------------------------------------ runs

    @rule(target=live, task=TEXT)
    def start(self, task: str) -> Told:
        self.count += 1
        told = Told(self.ledger, f"run-{self.count}", task=task, at=1_000.0 * self.count).start()
        self.hubs[told.run] = told
        return told

    @rule(told=live, pieces=st.lists(TEXT, min_size=1, max_size=3))
    def write(self, told: Told, pieces: list[str]) -> None:
        if told.run in self.hubs and told.hub.state.is_running:
            number = len(told.hub.state.thoughts) + 1
            told.write(*pieces, number=number)

    @rule(told=live, text=TEXT)
    def end(self, told: Told, text: str) -> None:
        if told.run in self.hubs and told.hub.state.is_running:
            number = max(1, len(told.hub.state.thoughts))
            told.end(text, number=number).end("a second end", number=number)

    @rule(target=ended, told=consumes(live), text=TEXT)
    def finish(self, told: Told, text: str) -> RunId:
        if told.run in self.hubs and told.hub.state.is_running:
            for number, thought in enumerate(told.hub.state.thoughts.values(), start=1):
                if thought.is_live:
                    told.end("so far", "stopped", number=number)
            told.synthesise(text).finish().finish("failed")
        return told.run

    @rule(target=ended, task=TEXT, text=TEXT)
    def whole(self, task: str, text: str) -> RunId:
        told = self.start(task)
        told.write(text).end(text)
        return self.finish(told, text)

    @rule(run=ended, text=TEXT)
    def open_again(self, run: RunId, text: str) -> None:
        records = self.ledger.records(run)
        told = self.hubs.get(run)
        if records and run not in self.deleted and (told is None or not told.hub.state.is_running):
            again = Told(self.ledger, run, at=records[-1].at, state=state_of(records, run))
            again.heard += records
            again.hub.emit(RunReopened(reason="More of it."))
            syntheses = len(again.hub.state.earlier) + bool(again.hub.state.synthesis)
            again.synthesise(text, number=syntheses + 1).finish()
            self.hubs[run] = again

    # ------------------------------------------------------------ what happens to the file

    @rule()
    def commit(self) -> None:
        self.ledger.commit()

    @rule()
    def save_drafts(self) -> None:
        self.ledger.save_drafts()

    @rule()
    def fill(self) -> None:
        pages = self.ledger._db.execute("PRAGMA page_count").fetchone()[0]
        self.ledger._db.execute(f"PRAGMA max_page_count = {pages}")
        self.is_full = True

    @rule()
    def room(self) -> None:
        self.ledger._db.execute("PRAGMA max_page_count = 1000000")
        self.is_full = False
        if self.ledger._unsaved:
            self.ledger._retry()
            assert self.ledger.health.is_kept

    @rule()
    def crash(self) -> None:
        """Everything that was not in the file is gone, and with it the hubs."""
        if not self.ledger.health.is_kept:
            self.room()
        heard = {run: durable(told) for run, told in self.hubs.items() if run not in self.deleted}
        going = {run for run, told in self.hubs.items() if told.hub.state.is_running}
        for run in going:
            self.hubs[run].hub.emit(NoteAdded(text="nobody heard this", agent_id=None))
        self.ledger._lock.free()  # type: ignore[union-attr]
        self.ledger._db.close()
        self._open()
        for run, records in heard.items():
            kept = self.ledger.records(run)
            assert kept[: len(records)] == records, "what was told is in the file"
            assert not any(isinstance(record.event, NoteAdded) for record in kept)
            if run in going:
                assert state_of(kept, run).status == "interrupted"
        self.hubs.clear()

    @rule()
    def close(self) -> None:
        self.room()
        self.ledger.close()
        self._open()
        self.hubs.clear()

    def _open(self) -> None:
        self.ledger = Ledger.open(self.path)
        assert self.ledger.health.is_kept, self.ledger.health
        self.names = {run: name for run, name in self.names.items() if run not in self.deleted}
        self.deleted.clear()  # an opening purges
        self.is_full = False

    # ------------------------------------------------------------ the user's marks

    @rule(run=ended, name=TEXT)
    def rename(self, run: RunId, name: str) -> None:
        if not self.is_full and self.ledger.records(run):
            self.ledger.rename(run, name)
            self.names[run] = name

    @rule(run=ended, is_pinned=st.booleans())
    def pin(self, run: RunId, *, is_pinned: bool) -> None:
        if not self.is_full and self.ledger.records(run):
            self.ledger.pin(run, is_pinned=is_pinned)
            (self.pinned.add if is_pinned else self.pinned.discard)(run)

    @rule(run=ended, is_undone=st.booleans())
    def delete(self, run: RunId, *, is_undone: bool) -> None:
        if not self.is_full and self.ledger.records(run):
            self.ledger.delete(run)
            self.deleted.add(run)
            self.the_list_is_what_is_not_deleted()
            if is_undone:
                self.ledger.restore(run)
                self.deleted.discard(run)

    @rule(words=TEXT)
    def search(self, words: str) -> None:
        with Reader(self.path) as reader:
            reader.runs(words)  # whatever is typed is no fault

    # ------------------------------------------------------------ what always holds

    @invariant()
    def what_was_told_is_known(self) -> None:
        for run, told in self.hubs.items():
            known = self.ledger.records(run)  # commits
            if run not in self.deleted:
                assert known == durable(told)
                if not told.hub.state.is_running:
                    assert state_of(known, run) == told.hub.state

    @invariant()
    def the_file_tells_no_draft_for_a_thought(self) -> None:
        for body, ends in self.ledger._db.execute("SELECT type, ends FROM event"):
            assert body not in {"partial_thought", "partial_synthesis", "agent_state"}
            assert (ends is not None) == (body in {"thought_complete", "synthesis_complete", "run_finished"})
        orphans = "SELECT count(*) FROM draft JOIN run ON run.id = draft.run WHERE run.status IS NOT NULL"
        assert self.ledger._db.execute(orphans).fetchone() == (0,)

    @invariant()
    def the_list_is_what_is_not_deleted(self) -> None:
        self.ledger.commit()
        if self.ledger.health.is_kept:
            with Reader(self.path) as reader:
                rows = {row.run: row for row in reader.runs()}
            assert not self.deleted & set(rows)
            assert set(self.hubs) - self.deleted <= set(rows)
            for run, row in rows.items():
                assert row.is_pinned == (run in self.pinned)
                if name := " ".join(search.plain(self.names.get(run, "")).split()):
                    assert row.name == name


def durable(told: Told) -> list[Record]:
    return [record for record in told.heard if not isinstance(record.event, PASSING)]


LedgerMachine.TestCase.settings = settings(max_examples=settings().max_examples // 4, stateful_step_count=30)
TestLedgerMachine = LedgerMachine.TestCase
