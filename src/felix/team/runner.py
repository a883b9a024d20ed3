"""A workflow carried out: its rounds one after another, the agents of a round at the same time, then the synthesis.

A run is one `asyncio.TaskGroup`. Cancelling its task is Stop: every thought that is under way or waits for its turn
ends as `stopped`, and the run with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from felix.clock import elapsed
from felix.endpoints import unnamed
from felix.errors import FelixError, ToolError
from felix.events import (
    Exchange,
    PlannedAgent,
    PlannedRound,
    PlannedTurn,
    RunFinished,
    RunId,
    RunReopened,
    RunStarted,
    RunStatus,
    Tokens,
)
from felix.settings import Settings
from felix.team.asking import Asked, Choice, asked_by
from felix.team.connection import Connection, out_of_reach
from felix.team.connections import Connections
from felix.team.hub import CentralPost, StreamingCallback
from felix.team.outcome import STOPPED, Outcome
from felix.team.run import Run
from felix.team.schedule import schedule
from felix.team.steering import Steering
from felix.team.tools.offer import RunTools
from felix.team.tools.toolbox import Toolbox
from felix.team.workflow import Member, Workflow, as_json, from_json

CRASHED = "Felix made a mistake – the log has the details; what was written is kept."

_log = logging.getLogger(__name__)


async def run_workflow(
    task: str,
    workflow: Workflow,
    connections: Connections,
    hub: CentralPost,
    settings: Callable[[], Settings],
    *,
    steering: Steering | None = None,
    callbacks: Iterable[StreamingCallback] = (),
    follows: RunId | None = None,
    history: tuple[Exchange, ...] = (),
    tools: RunTools | None = None,
) -> None:
    """Carry out `workflow` on `task`, telling `hub` everything, with exactly one `RunFinished` at its end.

    The user's acts reach it through `steering`. `history` is the conversation up to the run that this one `follows`.
    A workflow that names tools which `tools` does not have fails before anything is asked of a model. Raises only
    CancelledError, after the end has been told.
    """
    started = elapsed()
    steering, tools = steering or Steering(), tools or RunTools(Toolbox(), hub=hub)

    async def work(run: Run) -> None:
        await run.carry_out()

    try:
        async with asyncio.TaskGroup() as watchers:
            for callback in callbacks:
                hub.register_streaming_callback(callback, watchers)
            hub.emit(_plan(task, workflow, settings(), connections, follows=follows, history=history))
            hub.flush()  # the task is in the ledger before the first request goes out
            try:
                await tools.open(workflow)
            except FelixError as error:
                await _finish(hub, Outcome("failed", str(error)), started, steering)
                return
            except asyncio.CancelledError:
                await _finish(hub, STOPPED, started, steering)
                raise
            await _conduct(workflow, connections, hub, settings, steering, work, started, before=None, tools=tools)
    except* Exception:  # noqa: BLE001  a bug must end this run, not the program
        _log.exception("run %s crashed", hub.run)
        await _finish(hub, Outcome("crashed", CRASHED), started, steering)


async def reopen_run(
    hub: CentralPost,
    connect: Callable[[Workflow], Awaitable[Connections]],
    settings: Callable[[], Settings],
    steering: Steering,
    *,
    reason: str,
    is_continued: bool = False,
    tools: RunTools | None = None,
) -> None:
    """Go on with a run that has ended, from `RunReopened` to another `RunFinished`.

    It carries out the acts that `steering` brings, and with `is_continued` what is missing of a run that ended before
    its time. Raises WorkflowError, before anything is told, when the run's workflow cannot be read any more, and
    CancelledError as `run_workflow`.
    """
    state, started, tools = hub.state, elapsed(), tools or RunTools(Toolbox(), hub=hub)
    assert state.plan is not None
    workflow = from_json(state.plan.definition)
    # Who goes on with a run they had stopped wants its rounds; after a crash the wish to wrap up still stands.
    is_wrapping_up = state.is_wrapping_up and state.status == "interrupted"
    before = Outcome(state.status or "interrupted", state.reason)
    hub.emit(RunReopened(reason=reason, is_continued=is_continued))

    async def work(run: Run) -> None:
        if is_continued:
            await run.carry_on(is_wrapping_up=is_wrapping_up)
        else:
            await run.follow_wishes()

    try:
        try:
            connections = await connect(workflow)
        except FelixError as error:
            if is_continued:
                await _finish(hub, replace(before, reason=str(error)), started, steering)
                return
            connections = _out_of_reach(state.plan, error, settings)
        except asyncio.CancelledError:
            await _finish(hub, before, started, steering)
            raise
        try:
            try:
                await tools.open(workflow)
            except ToolError as error:
                if is_continued:
                    await _finish(hub, replace(before, reason=str(error)), started, steering)
                    return
                tools.do_without(str(error))  # who only wants another synthesis needs none
            except asyncio.CancelledError:
                await _finish(hub, before, started, steering)
                raise
            await _conduct(workflow, connections, hub, settings, steering, work, started, before=before, tools=tools)
        finally:
            await asyncio.shield(connections.aclose())
    except* Exception:  # noqa: BLE001  as in run_workflow
        _log.exception("run %s crashed", hub.run)
        await _finish(hub, Outcome("crashed", CRASHED), started, steering)


async def _conduct(
    workflow: Workflow,
    connections: Connections,
    hub: CentralPost,
    settings: Callable[[], Settings],
    steering: Steering,
    work: Callable[[Run], Awaitable[None]],
    started: float,
    *,
    before: Outcome | None,
    tools: RunTools,
) -> None:
    """`work` on a run, and its end, when everybody who spoke has ended."""
    outcome = Outcome("crashed", CRASHED)
    run: Run | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            run = Run(workflow, connections, hub, settings, tasks, outcome=before, tools=tools)
            steering.begin(run)
            try:
                await work(run)
            finally:
                steering.end()  # before the group is left: it takes in nobody any more
        outcome = run.outcome or outcome
    except asyncio.CancelledError:
        outcome = run.outcome if run and run.outcome else STOPPED
        raise
    finally:
        await _finish(hub, outcome, started, steering)


async def _finish(hub: CentralPost, outcome: Outcome, started: float, steering: Steering) -> None:
    steering.end()
    hub.finish(_finished(hub, outcome, started))
    await asyncio.shield(hub.drain())


def give_up(
    task: str,
    workflow: Workflow,
    hub: CentralPost,
    settings: Callable[[], Settings],
    *,
    started: float,
    status: RunStatus,
    reason: str,
    follows: RunId | None = None,
    history: tuple[Exchange, ...] = (),
) -> None:
    """Tell of a run that ended before there was a connection; `started` is a time of `elapsed`."""
    hub.emit(_plan(task, workflow, settings(), None, follows=follows, history=history))
    hub.finish(_finished(hub, Outcome(status, reason), started))


def _plan(
    task: str,
    workflow: Workflow,
    settings: Settings,
    connections: Connections | None,
    *,
    follows: RunId | None = None,
    history: tuple[Exchange, ...] = (),
) -> RunStarted:
    """What is going to happen, as far as the workflow says."""
    connection = connections.main if connections else None
    model = connection.model if connection else settings.model
    return RunStarted(
        task=task,
        workflow=workflow.name,
        agents=planned_agents(workflow, model, connections.choice if connections else None),
        rounds=planned_rounds(workflow),
        server=connection.server if connection else settings.base_url,
        server_name=connection.server_name if connection else "",
        model=model,
        context_length=connection.context_of(model) if connection else None,
        streaming=settings.enable_streaming,
        batch_interval_s=settings.streaming_batch_interval,
        max_parallel=connections.max_parallel if connections else settings.max_parallel,
        consensus_threshold=workflow.consensus_threshold,
        helix_turns=workflow.helix.turns,
        demo=bool(connection and connection.is_demo),
        definition=as_json(workflow),
        follows=follows,
        context=history[-1].answer if history else "",
        history=history,
    )


def planned_agents(workflow: Workflow, model: str = "", choice: Choice | None = None) -> tuple[PlannedAgent, ...]:
    """The agents of a workflow. Without a `choice`, `model` is for those that name none and ask the server in use."""

    def unasked(asked: Asked) -> tuple[str, str, int | None]:
        return asked.endpoint, asked.model or ("" if asked.endpoint else model), None

    def planned(member: Member) -> PlannedAgent:
        endpoint, name, context = (choice or unasked)(asked_by(workflow, member.spec))
        return PlannedAgent(
            agent_id=member.id,
            code=member.code,
            role=member.spec.role,
            spawn=member.spec.spawn_depth,
            model=name,
            endpoint=endpoint,
            context_length=context,
        )

    return tuple(planned(member) for member in workflow.members())


def _out_of_reach(plan: RunStarted, error: FelixError, settings: Callable[[], Settings]) -> Connections:
    """Those of a run whose servers could not be reached when the user wanted more of it."""
    before = Connection(
        out_of_reach(unnamed(plan.server), error).client,
        plan.server,
        plan.server_name,
        plan.model,
        {plan.model: plan.context_length},
        0,
    )
    return Connections.to(before, settings)


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
    state = hub.state
    speeches = [*state.thoughts.values(), *state.earlier, *([state.synthesis] if state.synthesis else [])]
    asked = [speech for speech in speeches if speech.asked_at is not None]
    counted = [speech.usage for speech in asked if speech.usage]
    usage = (
        Tokens(
            prompt=sum(usage.prompt for usage in counted),
            completion=sum(usage.completion for usage in counted),
        )
        if counted and len(counted) == len(asked)
        else None
    )
    spent_s = (state.duration_s or 0.0) + max(0.0, elapsed() - started - state.idle_until(hub.now()))
    return RunFinished(status=outcome.status, reason=outcome.reason, duration_s=spent_s, usage=usage)
