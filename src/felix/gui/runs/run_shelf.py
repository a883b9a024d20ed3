"""The runs of the ledger in the window: what the list shows, what is opened from it, and what is done to a run there.

All is asked of the engine, whose worker has the ledger; an answer that a later question has overtaken is dropped. It is
a view of the run that goes on, whichever is shown: its row tells how far it is.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial

from felix.engine import Engine
from felix.errors import FelixError
from felix.events import AgentId, Record, RunId
from felix.gui.bridge import Bridge
from felix.gui.kit import Kit
from felix.gui.runs.runs_list import RunActs, RunsList
from felix.gui.runs.runs_words import arranged, live_words
from felix.gui.text.shown_text import to_clipboard
from felix.ledger.file import Ledger
from felix.ledger.reader import Reader, RunRow
from felix.ledger.state import RunState

TICK_S = 0.5


class RunShelf:
    """`list` is what the user sees of it. Tk's thread."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        engine: Engine,
        bridge: Bridge,
        *,
        on_shown: Callable[[RunId | None], object],
        say: Callable[[str], object],
    ) -> None:
        """`on_shown` hears that another run has been put on screen, None for none; `say` tells what went wrong."""
        self._kit, self._engine, self._bridge = kit, engine, bridge
        self._on_shown, self._say = on_shown, say
        self.list = RunsList(
            parent,
            kit,
            RunActs(
                on_open=lambda row: self.open(row.run),
                on_new=self.begin_new,
                on_search=self._search_for,
                on_rename=self._rename,
                on_pin=self._pin,
                on_delete=lambda row: self.delete(row.run),
                on_undo=self._restore,
                on_copy=self._copy,
            ),
        )
        self.list.on_too_late = self._forget_deleted
        self.shown: RunId | None = None
        self._search = ""
        self._asked = self._opening = 0
        """Numbers of the newest question for the list, and for a run."""
        self._deleted: list[RunId] = []
        """What can be taken back, the newest last."""
        self._was_shown: RunId | None = None
        """Of those, the one that was on screen."""
        self.is_deleting = False
        """While another one, or none, is shown for that: the keyboard stays where the key is that takes it back."""
        self._state = RunState()
        self._phase: tuple[object, ...] = ()
        self._next_tick = 0.0

    # -- what is there -------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Ask what there is now."""
        search = self._search
        self._asked = self._engine.ask_ledger(partial(_runs, search=search))
        self._bridge.expect(self._asked, partial(self._listed, self._asked, search))

    def _search_for(self, words: str) -> None:
        self._search = words
        self.refresh()

    def _listed(self, number: int, search: str, value: object, error: FelixError | None) -> None:
        if number != self._asked:
            return
        if error is not None:
            self._say(str(error))
            return
        assert isinstance(value, list)
        gone = set(self._deleted)
        self.list.show([row for row in value if row.run not in gone], search)

    # -- which is shown ------------------------------------------------------------------------------------------------

    def open(
        self,
        run: RunId,
        then: Callable[[], object] | None = None,
        or_else: Callable[[], object] | None = None,
    ) -> None:
        """Put a run on screen: the one that goes on as it stands, any other as it ended.

        `then` is called when it is there; `or_else`, and nothing said, when there is no such run any more.
        """
        self._opening = 0
        if self._bridge.knows(run) and self._bridge.live.is_running and run == self._bridge.live_run:
            self._bridge.follow(run)
            self._show(run)
            return
        self.list.set_shown(run)  # at once; what it says comes in a moment
        self._opening = self._engine.ask_ledger(partial(_records, run=run))
        self._bridge.expect(self._opening, partial(self._opened, self._opening, run, then, or_else))

    def _opened(
        self,
        number: int,
        run: RunId,
        then: Callable[[], object] | None,
        or_else: Callable[[], object] | None,
        value: object,
        error: FelixError | None,
    ) -> None:
        if number != self._opening:
            return
        if error is not None or not value:
            self.list.set_shown(self.shown)
            if or_else is not None:
                or_else()
            else:
                self._say(str(error) if error else "That run is no longer in the ledger.")
            return
        assert isinstance(value, list)
        self._bridge.open(value)
        self._show(run)
        if then is not None:
            then()

    def begin_new(self) -> None:
        """Leave the run that is shown for a task yet to be written."""
        self._opening = 0
        self._bridge.leave()
        self._show(None)

    def follow(self, run: RunId | None) -> None:
        """Another part of the window has put a run on screen."""
        self._forget_deleted()
        if run != self.shown:
            self._opening = 0
            self.shown = run
            self.list.set_shown(run)

    def _show(self, run: RunId | None) -> None:
        self.shown = run
        self.list.set_shown(run)
        self._on_shown(run)

    # -- what is done to one -------------------------------------------------------------------------------------------

    def delete(self, run: RunId) -> None:
        """Take a run out of the list; until the next one, or a run that begins, that can be taken back."""
        self._deleted = [run]
        self._was_shown = None
        self.list.show([row for row in self.list.rows if row.run != run], self._search)
        self.list.say_deleted(len(self._deleted))
        if run == self.shown:
            self._was_shown = run
            self.is_deleting = True
            self.begin_new()
            self.is_deleting = False
        self._change(lambda ledger: ledger.delete(run))

    def _restore(self) -> None:
        runs, self._deleted = self._deleted, []
        was_shown, self._was_shown = self._was_shown, None

        def restore(ledger: Ledger) -> None:
            for run in runs:
                ledger.restore(run)

        self._change(restore)
        if was_shown is not None and self.shown is None:
            self.open(was_shown)

    def _forget_deleted(self) -> None:
        self._deleted, self._was_shown = [], None
        self.list.say_deleted(0)

    def _rename(self, row: RunRow, name: str) -> None:
        self._change(lambda ledger: ledger.rename(row.run, name))

    def _pin(self, row: RunRow) -> None:
        self._change(lambda ledger: ledger.pin(row.run, is_pinned=not row.is_pinned))

    def _change(self, change: Callable[[Ledger], object]) -> None:
        """Have it done, then show what there is."""
        self._bridge.expect(self._engine.change_ledger(change), self._changed)

    def _changed(self, _value: object, error: FelixError | None) -> None:
        if error is not None:
            self._deleted = []
            self.list.say_deleted(0)
            self._say(str(error))
        self.refresh()

    def _copy(self, row: RunRow) -> None:
        self._bridge.expect(self._engine.ask_ledger(partial(_task, run=row.run)), self._copied)

    def _copied(self, task: object, error: FelixError | None) -> None:
        if error is not None:
            self._say(str(error))
        else:
            to_clipboard(self.list.frame, str(task))

    # -- View, of the run that goes on ---------------------------------------------------------------------------------

    def show(self, state: RunState) -> None:
        self._next_tick = 0.0
        self.update(state, set())

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        # before its first record a run is not in the ledger
        phase = (state.run, state.status, state.seq > 0, state.ended_at)
        if phase != self._phase:
            self._phase = phase
            self.list.set_live(live_words(state, state.now) if state.run else None)
            self.refresh()
        self._state = state

    def tick(self, now: float) -> bool:
        if now >= self._next_tick:
            self._next_tick = now + TICK_S
            self.list.set_live(live_words(self._state, self._state.now) if self._state.run else None)
        return False


def _runs(reader: Reader, search: str) -> list[RunRow]:
    return arranged(reader.runs(search))


def _task(reader: Reader, run: RunId) -> str:
    details = reader.details(run)
    return details.task if details else ""


def _records(reader: Reader, run: RunId) -> list[Record]:
    return reader.records(run)
