"""A run that asks several servers over real HTTP, told by its records."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from felix.endpoints import Endpoint, unnamed
from felix.events import AgentState, Record, RunId, SynthesisComplete, ThoughtComplete
from felix.ledger.state import RunState
from felix.settings import Settings
from felix.team.connection import Connection, connect
from felix.team.connections import Connections
from felix.team.hub import CentralPost
from felix.team.mailbox import Mailbox
from felix.team.runner import run_workflow
from felix.team.workflow import Workflow

Watch = Callable[[Record], None]


class Mixed:
    """A run that has been carried out; `watch` sees its records as they come, on its loop."""

    def __init__(
        self,
        flow: Workflow,
        endpoints: Sequence[Endpoint],
        *,
        in_use: str = "http://127.0.0.1:9/v1",
        watch: Watch | None = None,
        stop_when: Callable[[Record], bool] | None = None,
        **changes: object,
    ) -> None:
        values = {"base_url": in_use, "endpoints": endpoints, "streaming_batch_interval": 0.0, **changes}
        self.settings = Settings.model_validate(values)
        self.mailbox = Mailbox()
        self.hub = CentralPost(RunId("r"), mailboxes=lambda: [self.mailbox])
        self.reached: list[str] = []
        asyncio.run(self._run(flow, watch, stop_when))
        self.records = [item for item in self.mailbox.take() if isinstance(item, Record)]
        folded = RunState(run=RunId("r"))
        for record in self.records:
            folded.apply(record)
        assert folded == self.state

    @property
    def state(self) -> RunState:
        return self.hub.state

    async def _reach(self, endpoint: Endpoint) -> Connection:
        self.reached.append(endpoint.name)
        return await connect(endpoint, "", self.settings)

    async def _run(self, flow: Workflow, watch: Watch | None, stop_when: Callable[[Record], bool] | None) -> None:
        connections = Connections(unnamed(self.settings.base_url), self._reach, lambda: self.settings)
        await connections.open(flow)
        try:
            async with asyncio.TaskGroup() as tasks:
                run = tasks.create_task(run_workflow("Why?", flow, connections, self.hub, lambda: self.settings))

                def see(record: Record) -> None:
                    if watch:
                        watch(record)
                    if stop_when and stop_when(record):
                        run.cancel()

                self.hub.register_streaming_callback(see)
        finally:
            await connections.aclose()

    def ends(self) -> dict[str, ThoughtComplete]:
        """By thought."""
        return {r.event.thought_id: r.event for r in self.records if isinstance(r.event, ThoughtComplete)}

    def said(self) -> dict[str, tuple[str, str]]:
        """(status, endpoint) by thought, and of the synthesis."""
        ends: dict[str, tuple[str, str]] = {name: (end.status, end.endpoint) for name, end in self.ends().items()}
        for record in self.records:
            if isinstance(record.event, SynthesisComplete):
                ends["synthesis"] = (record.event.status, record.event.endpoint)
        return ends

    def queued(self) -> set[str]:
        """Who had to wait for a place."""
        events = [r.event for r in self.records if isinstance(r.event, AgentState)]
        return {event.agent_id for event in events if event.state == "queued"}

    def doings(self, agent_id: str) -> list[AgentState]:
        return [r.event for r in self.records if isinstance(r.event, AgentState) and r.event.agent_id == agent_id]
