"""A run with a hand on it: what the user does when a certain record is seen."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path

from felix.errors import FelixError
from felix.events import PASSING, Exchange, Record, RunId, ThoughtComplete
from felix.ledger.file import Ledger
from felix.ledger.results import ResultFiles
from felix.ledger.state import RunState
from felix.settings import Settings
from felix.team.connections import Connections
from felix.team.hub import CentralPost
from felix.team.mailbox import Mailbox
from felix.team.runner import reopen_run, run_workflow
from felix.team.steering import Act, Steering
from felix.team.tools.offer import RunTools
from felix.team.tools.toolbox import Toolbox
from felix.team.workflow import Workflow
from tests.team.scripted import Script, ScriptedClient, always, connection

Hand = Callable[[Record], Iterable[Act] | Act | None]
"""What to do when a record has been seen: acts, each a step of the loop later, as a click is."""


class Steered:
    """A run that has been carried out under `hand`."""

    def __init__(
        self,
        script: Script,
        flow: Workflow,
        hand: Hand | None = None,
        *,
        settings: Callable[[], Settings] | None = None,
        before: Iterable[Act] = (),
        cancel_when: Callable[[Record], bool] | None = None,
        context: int | None = 16_384,
        silence_timeout_s: float = 0,
        earlier: str = "",
        tools: Toolbox | None = None,
        asks: bool = True,
        results: Path | None = None,
    ) -> None:
        self.client = ScriptedClient(script)
        self.mailbox = Mailbox()
        self.hub = CentralPost(RunId("r"), mailboxes=lambda: [self.mailbox])
        self.steering = Steering()
        self.flow = flow
        self._hand = hand
        self.settings = settings or always()
        self._cancel_when = cancel_when
        self.connection = connection(self.client, context=context, silence_timeout_s=silence_timeout_s)
        for act in before:
            self.steering.do(act)
        self.records: list[Record] = []
        self._toolbox, self._asks, self._results = tools, asks, results
        self._carry_out(
            lambda: run_workflow(
                "Why?",
                self.flow,
                self.places(),
                self.hub,
                self.settings,
                steering=self.steering,
                history=(Exchange(task="Before?", answer=earlier),) if earlier else (),
                tools=self._tools(),
            )
        )

    @property
    def state(self) -> RunState:
        return self.hub.state

    def reopen(
        self,
        *acts: Act,
        hand: Hand | None = None,
        cancel_when: Callable[[Record], bool] | None = None,
        is_continued: bool = False,
        error: FelixError | None = None,
    ) -> Steered:
        """Do something to the run that has ended; with `error` its server cannot be reached any more."""
        self._hand, self._cancel_when = hand, cancel_when
        self.steering = Steering()
        for act in acts:
            self.steering.do(act)

        async def connect(workflow: Workflow) -> Connections:
            if error:
                raise error
            return self.places()

        self._carry_out(
            lambda: reopen_run(
                self.hub,
                connect,
                self.settings,
                self.steering,
                reason="Again.",
                is_continued=is_continued,
                tools=self._tools(),
            )
        )
        return self

    def _tools(self) -> RunTools | None:
        if self._toolbox is None:
            return None
        return RunTools(self._toolbox, asks=self._asks, hub=self.hub, files=ResultFiles(self._results))

    def places(self) -> Connections:
        return Connections.to(self.connection, self.settings)

    def crash_behind(self, cut: int) -> Steered:
        """The run as the next start finds it when the program died behind its record number `cut`."""
        with tempfile.TemporaryDirectory(prefix="felix-crash-") as folder:
            died = Ledger.open(Path(folder) / "ledger.db")
            for record in self.records[:cut]:
                (died.draft if isinstance(record.event, PASSING) else died.append)(record)
            died.save_drafts()
            died.close()
            found = Ledger.open(Path(folder) / "ledger.db")
            told = found.records(self.hub.run)
            found.close()
        times, self.records = [record.at for record in told], []
        self.hub = CentralPost(
            self.hub.run, mailboxes=lambda: [self.mailbox], clock=lambda: times.pop(0) if times else time.time()
        )
        for record in told:
            self.hub.emit(record.event)
        self.records += [item for item in self.mailbox.take() if isinstance(item, Record)]
        return self

    def _carry_out(self, run: Callable[[], Coroutine[object, object, None]]) -> None:
        async def carry_out() -> None:
            async with asyncio.TaskGroup() as tasks:
                self.hub.register_streaming_callback(self._watch)
                self.task = tasks.create_task(run())

        asyncio.run(carry_out())
        self.records += [item for item in self.mailbox.take() if isinstance(item, Record)]

    def _watch(self, record: Record) -> None:
        loop = asyncio.get_running_loop()
        if self._cancel_when and self._cancel_when(record):
            loop.call_soon(self.task.cancel)
        acts = self._hand(record) if self._hand else None
        for act in [acts] if callable(acts) else acts or []:
            loop.call_soon(self.steering.do, act)

    def events(self, kind: str) -> list[object]:
        return [r.event for r in self.records if r.event.type == kind]

    def ends(self) -> dict[str, str]:
        return {r.event.thought_id: r.event.status for r in self.records if isinstance(r.event, ThoughtComplete)}

    def check(self) -> None:
        """What is true of every run, whatever was done to it."""
        ends = [r.event.thought_id for r in self.records if isinstance(r.event, ThoughtComplete)]
        assert len(ends) == len(set(ends)), "a thought ended twice"
        assert set(ends) == set(self.state.thoughts), "a thought has no end"
        kinds = [r.event.type for r in self.records]
        assert kinds[-1] == "run_finished"
        assert kinds.count("run_finished") == 1 + kinds.count("run_reopened")
        assert kinds.count("synthesis_started") == kinds.count("synthesis_complete")
        assert kinds.count("question_raised") == kinds.count("question_closed")
        assert self.client.speaking == 0, "a stream is still open"
        folded = RunState(run=RunId("r"))
        for record in self.records:
            folded.apply(record)
        assert folded == self.state


def once(kind: str, act: Act, **fields: object) -> Hand:
    """Do `act` at the first event of that kind with those fields."""
    done = False

    def hand(record: Record) -> Act | None:
        nonlocal done
        event = record.event
        if done or event.type != kind or any(getattr(event, name, None) != value for name, value in fields.items()):
            return None
        done = True
        return act

    return hand


def together(*hands: Hand) -> Hand:
    def both(record: Record) -> list[Act]:
        acts: list[Act] = []
        for hand in hands:
            found = hand(record)
            acts += [found] if callable(found) else found or []
        return acts

    return both
