"""A workflow carried out: its rounds one after another, the agents of a round at the same time, then the synthesis.

A run is one `asyncio.TaskGroup`. Cancelling its task is Stop: every thought that is under way or waits for its turn
ends as `stopped`, and the run with it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from felix.events import (
    PlannedAgent,
    PlannedRound,
    PlannedTurn,
    RunFinished,
    RunStarted,
    RunStatus,
    Tokens,
)
from felix.settings import Settings
from felix.team.connection import Connection
from felix.team.hub import CentralPost, StreamingCallback
from felix.team.run import STOPPED, Outcome, Run
from felix.team.schedule import schedule
from felix.team.steering import Steering
from felix.team.workflow import Workflow, as_json

CRASHED = "Felix made a mistake – the log has the details; what was written is kept."

_log = logging.getLogger(__name__)


async def run_workflow(
    task: str,
    workflow: Workflow,
    connection: Connection,
    hub: CentralPost,
    settings: Callable[[], Settings],
    *,
    steering: Steering | None = None,
    callbacks: Iterable[StreamingCallback] = (),
) -> None:
    """Carry out `workflow` on `task`, telling `hub` everything, with exactly one `RunFinished` at its end.

    The user's acts reach it through `steering`. Raises only CancelledError, after the end has been told.
    """
    started = time.monotonic()
    steering = steering or Steering()
    outcome = Outcome("crashed", CRASHED)
    run: Run | None = None
    try:
        async with asyncio.TaskGroup() as watchers:
            for callback in callbacks:
                hub.register_streaming_callback(callback, watchers)
            hub.emit(_plan(task, workflow, settings(), connection))
            hub.flush()  # the task is in the ledger before the first request goes out
            try:
                async with asyncio.TaskGroup() as tasks:
                    run = Run(task, workflow, connection, hub, settings, tasks)
                    steering.begin(run)
                    await run.carry_out()
                    steering.end()
                outcome = run.outcome or outcome
            except asyncio.CancelledError:
                outcome = run.outcome if run and run.outcome else STOPPED
                raise
            finally:
                steering.end()
                hub.finish(_finished(hub, outcome, started))
                await asyncio.shield(hub.drain())
    except* Exception:  # noqa: BLE001  a bug must end this run, not the program
        _log.exception("run %s crashed", hub.run)


def give_up(
    task: str,
    workflow: Workflow,
    hub: CentralPost,
    settings: Callable[[], Settings],
    *,
    started: float,
    status: RunStatus,
    reason: str,
) -> None:
    """Tell of a run that ended before there was a connection; `started` is on the monotonic clock."""
    hub.emit(_plan(task, workflow, settings(), None))
    hub.finish(_finished(hub, Outcome(status, reason), started))


def _plan(task: str, workflow: Workflow, settings: Settings, connection: Connection | None) -> RunStarted:
    """What is going to happen, as far as the workflow says."""
    model = connection.model if connection else settings.model
    return RunStarted(
        task=task,
        workflow=workflow.name,
        agents=planned_agents(workflow, model),
        rounds=planned_rounds(workflow),
        server=connection.server if connection else settings.base_url,
        server_name=connection.server_name if connection else "",
        model=model,
        context_length=connection.context_of(model) if connection else None,
        streaming=settings.enable_streaming,
        batch_interval_s=settings.streaming_batch_interval,
        max_parallel=settings.max_parallel,
        consensus_threshold=workflow.consensus_threshold,
        helix_turns=workflow.helix.turns,
        demo=bool(connection and connection.is_demo),
        definition=as_json(workflow),
    )


def planned_agents(workflow: Workflow, model: str = "") -> tuple[PlannedAgent, ...]:
    """The agents of a workflow; `model` is for those that name none."""
    return tuple(
        PlannedAgent(
            agent_id=member.id,
            code=member.code,
            role=member.spec.role,
            spawn=member.spec.spawn_depth,
            model=member.spec.model or model,
        )
        for member in workflow.members()
    )


def planned_rounds(workflow: Workflow) -> tuple[PlannedRound, ...]:
    return tuple(
        PlannedRound(
            number=each.number,
            t=each.t,
            turns=tuple(PlannedTurn(agent_id=turn.agent_id, checkpoint=turn.checkpoint) for turn in each.turns),
        )
        for each in schedule(workflow)
    )


def _finished(hub: CentralPost, outcome: Outcome, started: float) -> RunFinished:
    speeches = [*hub.state.thoughts.values(), *([hub.state.synthesis] if hub.state.synthesis else [])]
    counted = [speech.usage for speech in speeches if speech.usage]
    usage = (
        Tokens(
            prompt=sum(usage.prompt for usage in counted),
            completion=sum(usage.completion for usage in counted),
        )
        if counted and len(counted) == len(speeches)
        else None
    )
    return RunFinished(status=outcome.status, reason=outcome.reason, duration_s=time.monotonic() - started, usage=usage)
