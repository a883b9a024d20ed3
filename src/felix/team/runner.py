"""A workflow carried out: its rounds one after another, the agents of a round at the same time, then the synthesis.

A run is one `asyncio.TaskGroup`. Cancelling its task is Stop: every thought that is under way or waits for its turn
ends as `stopped`, and the run with it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from felix.events import (
    AgentSpawned,
    AgentState,
    PlannedAgent,
    PlannedRound,
    PlannedTurn,
    RoundStarted,
    RunFinished,
    RunStarted,
    RunStatus,
    SynthesisComplete,
    ThoughtComplete,
    ThoughtId,
    Tokens,
)
from felix.settings import Settings
from felix.team.agent import STOPPED_BY_USER, LLMAgent
from felix.team.connection import Connection
from felix.team.hub import CentralPost, StreamingCallback
from felix.team.schedule import Round, Turn, schedule
from felix.team.synthesis import synthesise, usable
from felix.team.workflow import Workflow

CONSENSUS_OF = 3
"""Agents that must have stated a confidence before their mean can end the rounds."""

CRASHED = "Felix made a mistake – the log has the details; what was written is kept."

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Outcome:
    status: RunStatus
    reason: str = ""


async def run_workflow(
    task: str,
    workflow: Workflow,
    connection: Connection,
    hub: CentralPost,
    settings: Callable[[], Settings],
    *,
    callbacks: Iterable[StreamingCallback] = (),
) -> None:
    """Carry out `workflow` on `task`, telling `hub` everything, with exactly one `RunFinished` at its end.

    Raises only CancelledError, after the end has been told.
    """
    started = time.monotonic()
    outcome = _Outcome("crashed", CRASHED)
    try:
        async with asyncio.TaskGroup() as tasks:
            for callback in callbacks:
                hub.register_streaming_callback(callback, tasks)
            hub.emit(_plan(task, workflow, settings(), connection))
            try:
                outcome = await _Run(task, workflow, connection, hub, settings).carry_out()
            except asyncio.CancelledError:
                outcome = _Outcome("stopped", STOPPED_BY_USER)
                raise
            finally:
                hub.emit(_finished(hub, outcome, started))
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
    hub.emit(_finished(hub, _Outcome(status, reason), started))


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


class _Run:
    def __init__(
        self,
        task: str,
        workflow: Workflow,
        connection: Connection,
        hub: CentralPost,
        settings: Callable[[], Settings],
    ) -> None:
        self._task = task
        self._workflow = workflow
        self._connection = connection
        self._hub = hub
        self._settings = settings
        self._started = time.monotonic()
        self._agents = {m.id: LLMAgent(m, workflow, connection, settings) for m in workflow.members()}

    async def carry_out(self) -> _Outcome:
        rounds = schedule(self._workflow)
        early, reason = False, "All rounds are done."
        for each in rounds:
            ends = await self._round(each, total=len(rounds))
            if all(end.status == "failed" and not end.content.strip() for end in ends):
                reason = f"All agents of round {each.number} failed."
                break
            if each is not rounds[-1] and (limit := self._limit_reached()):
                reason = limit
                break
            if each is not rounds[-1] and (agreed := self._consensus()):
                early, reason = True, agreed
                break
        complete, unfinished = usable(self._hub.thoughts())
        if not complete and not unfinished:
            return _Outcome("failed", self._commonest_failure())
        answer = await synthesise(
            self._task,
            self._workflow,
            self._connection,
            self._hub,
            self._settings,
            early=early,
            mean_confidence=self._mean_confidence(),
            reason=reason,
        )
        return _outcome_of(answer)

    async def _round(self, each: Round, *, total: int) -> list[ThoughtComplete]:
        hub = self._hub
        agents = tuple(turn.agent_id for turn in each.turns)
        hub.emit(RoundStarted(number=each.number, total=total, t=each.t, agents=agents))
        for member in self._workflow.members():
            if member.spec.spawn_depth <= each.t and not hub.state.agents[member.id].has_spawned:
                depth = member.spec.spawn_depth
                hub.emit(AgentSpawned(agent_id=member.id, role=member.spec.role, depth=depth))
        queue = _Queue(self._settings().max_parallel, hub, each)
        async with asyncio.TaskGroup() as tasks:
            turns = [tasks.create_task(self._turn(turn, each, queue)) for turn in each.turns]
        return [turn.result() for turn in turns]

    async def _turn(self, turn: Turn, each: Round, queue: _Queue) -> ThoughtComplete:
        try:
            await queue.enter(turn)
        except asyncio.CancelledError:
            self._hub.finalize_streaming_thought(_never_asked(turn, each))
            raise
        try:
            return await self._agents[turn.agent_id].process_task_with_llm(self._task, each.t, self._hub)
        finally:
            queue.leave()

    def _consensus(self) -> str:
        """Why the rounds may end now; empty when they may not."""
        threshold, mean = self._workflow.consensus_threshold, self._mean_confidence()
        if threshold is None or mean is None or mean < threshold:
            return ""
        return f"The agents' mean confidence of {mean:.2f} reached {threshold:.2f}."

    def _mean_confidence(self) -> float | None:
        """Of the agents' latest values; None until `CONSENSUS_OF` of them have stated one."""
        values = [agent.confidence for agent in self._hub.state.agents.values()]
        stated = [value for value in values if value is not None]
        # rounded: the mean of three times 0.7 is a hair below 0.7
        return round(sum(stated) / len(stated), 6) if len(stated) >= CONSENSUS_OF else None

    def _limit_reached(self) -> str:
        limits = self._workflow.limits
        used = sum(t.usage.completion if t.usage else t.tokens for t in self._hub.thoughts())
        if limits.tokens and used >= limits.tokens:
            return f"The workflow's limit of {limits.tokens:,} tokens was reached."
        if limits.minutes and time.monotonic() - self._started >= limits.minutes * 60:
            return f"The workflow's limit of {limits.minutes:g} minutes was reached."
        return ""

    def _commonest_failure(self) -> str:
        """One sentence with a next step: the reason most agents gave."""
        reasons = Counter(t.error for t in self._hub.thoughts() if t.error)
        if not reasons:
            return "No agent wrote anything – try again, or choose another model."
        return reasons.most_common(1)[0][0]


class _Queue:
    """Places for those who may speak at once; the others wait in order and are told their number."""

    def __init__(self, places: int, hub: CentralPost, each: Round) -> None:
        self._places = asyncio.Semaphore(places)
        self._hub = hub
        self._round = each
        self._waiting: list[Turn] = []

    async def enter(self, turn: Turn) -> None:
        if self._places.locked():
            self._waiting.append(turn)
            self._tell(turn, len(self._waiting))
        try:
            await self._places.acquire()
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)
        for position, other in enumerate(self._waiting, start=1):
            self._tell(other, position)

    def leave(self) -> None:
        self._places.release()

    def _tell(self, turn: Turn, position: int) -> None:
        self._hub.emit(
            AgentState(
                agent_id=turn.agent_id,
                thought_id=_thought_id(turn, self._round),
                state="queued",
                round=self._round.number,
                checkpoint=turn.checkpoint,
                position=position,
            )
        )


def _thought_id(turn: Turn, each: Round) -> ThoughtId:
    return ThoughtId(f"{turn.agent_id}#{each.number}")


def _never_asked(turn: Turn, each: Round) -> ThoughtComplete:
    return ThoughtComplete(
        agent_id=turn.agent_id,
        thought_id=_thought_id(turn, each),
        role=turn.role,
        round=each.number,
        checkpoint=turn.checkpoint,
        status="stopped",
        content="",
        thinking="",
        confidence=None,
        finish_reason=None,
        usage=None,
        read=(),
        ttft_s=None,
        duration_s=0.0,
        tokens_per_s=None,
        error=STOPPED_BY_USER,
    )


def _outcome_of(answer: SynthesisComplete) -> _Outcome:
    """A run is complete when its synthesis is, and with nothing less."""
    if answer.status == "complete":
        return _Outcome("complete")
    if answer.status == "stopped":
        return _Outcome("stopped", answer.error or STOPPED_BY_USER)
    return _Outcome("failed", answer.error or f"The synthesis ended {answer.status}.")


def _finished(hub: CentralPost, outcome: _Outcome, started: float) -> RunFinished:
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
