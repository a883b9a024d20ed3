"""Who carries the runs of a batch out, several at once: the engine of this process.

`Crew` is what a batch needs of it; another one spreads the runs over many machines.
"""

from __future__ import annotations

from typing import Protocol

from felix.engine import Engine
from felix.events import Record, RunId
from felix.team.mailbox import Mailbox
from felix.team.workflow import Workflow


class Crew(Protocol):
    """Used on one thread. Every method returns at once."""

    def start(self, task: str, workflow: Workflow) -> RunId: ...

    def go_on(self, run: RunId) -> None:
        """Continue a run that has ended before its time; called only for one that can."""

    def stop(self, run: RunId) -> None: ...

    def take(self) -> list[Record]:
        """What has happened since the last time. Every run that was started or continued comes to a `RunFinished`."""
        ...


class LocalCrew:
    """All runs on one engine: they share its servers, and the ledger."""

    def __init__(self, engine: Engine, *, demo: bool = False) -> None:
        self._engine = engine
        self._demo = demo
        self._mailbox: Mailbox = engine.subscribe()

    def start(self, task: str, workflow: Workflow) -> RunId:
        return self._engine.start(task, workflow, demo=self._demo)

    def go_on(self, run: RunId) -> None:
        self._engine.continue_run(run)

    def stop(self, run: RunId) -> None:
        self._engine.stop(run)

    def take(self) -> list[Record]:
        return [item for item in self._mailbox.take() if isinstance(item, Record)]
