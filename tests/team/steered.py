"""A run with a hand on it: what the user does when a certain record is seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from felix.events import Record, RunId, ThoughtComplete
from felix.ledger.state import RunState
from felix.settings import Settings
from felix.team.hub import CentralPost
from felix.team.mailbox import Mailbox
from felix.team.runner import run_workflow
from felix.team.steering import Act, Steering
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
    ) -> None:
        self.client = ScriptedClient(script)
        self.mailbox = Mailbox()
        self.hub = CentralPost(RunId("r"), mailboxes=lambda: [self.mailbox])
        self.steering = Steering()
        self.flow = flow
        self._hand = hand
        self._cancel_when = cancel_when
        self.connection = connection(self.client, context=context, silence_timeout_s=silence_timeout_s)
        self.settings = settings or always()
        for act in before:
            self.steering.do(act)
        asyncio.run(self._carry_out())
        self.records = [item for item in self.mailbox.take() if isinstance(item, Record)]
        self.state = self.hub.state

    async def _carry_out(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            self.task = tasks.create_task(
                run_workflow("Why?", self.flow, self.connection, self.hub, self.settings, steering=self.steering)
            )
            self.hub.register_streaming_callback(self._watch)

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
