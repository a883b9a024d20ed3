"""One run while it goes on: its rounds, its synthesis, and what its user does to it meanwhile.

Everything that speaks is a task of its own in the run's TaskGroup, so each can be ended alone. The acts are plain
functions: they begin or end tasks and tell the hub; the one coroutine that carries the run out looks, whenever
something has changed, what is to be done next.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from felix.events import (
    HUB,
    Act,
    AgentId,
    AgentSpawned,
    AgentState,
    NoteAdded,
    PauseChanged,
    RoundStarted,
    RunStatus,
    ThoughtComplete,
    ThoughtId,
    WrapUpAsked,
)
from felix.ledger.state import Synthesis
from felix.settings import Settings
from felix.team.agent import STOPPED_BY_USER, LLMAgent
from felix.team.connection import Connection
from felix.team.hub import CentralPost
from felix.team.schedule import Round, Turn, schedule
from felix.team.synthesis import synthesise, usable
from felix.team.turnstile import Turnstile
from felix.team.workflow import Workflow

CONSENSUS_OF = 3
"""Agents that must have stated a confidence before their mean can end the rounds."""

NOTHING_SAID = "Wrapped up before anybody had said anything – run it again."


@dataclass(frozen=True, slots=True)
class Outcome:
    status: RunStatus
    reason: str = ""


STOPPED = Outcome("stopped", STOPPED_BY_USER)


@dataclass(frozen=True, slots=True)
class _Wish:
    """A synthesis that is to be made."""

    reason: str
    early: bool = False


@dataclass(frozen=True, slots=True)
class _Going:
    """Somebody who speaks or waits for it."""

    agent_id: AgentId
    act: Act | None
    task: asyncio.Task[None]


class Run:
    """Its methods without `async` are the user's acts; they return at once and do nothing where they make no sense."""

    def __init__(
        self,
        task: str,
        workflow: Workflow,
        connection: Connection,
        hub: CentralPost,
        settings: Callable[[], Settings],
        tasks: asyncio.TaskGroup,
    ) -> None:
        """`tasks` is entered and left by the caller: when it has been left, all that was said has ended."""
        self.outcome: Outcome | None = None
        """How the run ends, as soon as its synthesis has; until then whoever cancels it has stopped it."""
        self._task = task
        self._workflow = workflow
        self._connection = connection
        self._hub = hub
        self._settings = settings
        self._tasks = tasks
        self._started = time.monotonic()
        self._agents = {m.id: LLMAgent(m, workflow, connection, settings) for m in workflow.members()}
        self._turnstile = Turnstile(lambda: settings().max_parallel)
        self._going: dict[ThoughtId, _Going] = {}
        self._synthesis: asyncio.Task[object] | None = None
        self._wish: _Wish | None = None
        self._news = asyncio.Event()
        """Something has ended, or the user has done something."""

    async def carry_out(self) -> None:
        """All of it, from the first round on."""
        self._wish = await self._speak_in_rounds(schedule(self._workflow))
        await self._conclude()

    # ---------------------------------------------------------------- the user's acts

    def stop_agent(self, agent_id: AgentId) -> None:
        """End what an agent is saying; with its place in the queue free, the next one speaks. `HUB`: the synthesis."""
        if agent_id == HUB and self._synthesis is not None:
            self._synthesis.cancel()
        for going in self._going.values():
            if going.agent_id == agent_id:
                going.task.cancel()

    def wrap_up(self) -> None:
        """End what is being written for the synthesis, and make that from what has been said so far."""
        if self._has_come_to_synthesis or self._hub.state.is_wrapping_up:
            return
        self._hub.emit(WrapUpAsked())
        if self._hub.state.pause != "off":
            self._hub.emit(PauseChanged(state="off"))
        for going in self._going.values():
            if going.act != "ask":
                going.task.cancel()
        self._news.set()

    def pause(self) -> None:
        """Let the round that is on go to its end, and begin nothing after it."""
        if self._hub.state.pause == "off" and not self._has_come_to_synthesis and not self._hub.state.is_wrapping_up:
            self._hub.emit(PauseChanged(state="asked"))
            self._news.set()

    def go_on(self) -> None:
        """End the pause, or take back that it was asked for."""
        if self._hub.state.pause != "off":
            self._hub.emit(PauseChanged(state="off"))
            self._news.set()

    def add_note(self, text: str, agent_id: AgentId | None = None) -> None:
        """A word to one agent or all; it stands in every prompt that is written from now on."""
        if text.strip() and (agent_id is None or agent_id in self._hub.state.agents):
            self._hub.emit(NoteAdded(text=text.strip(), agent_id=agent_id))

    # ---------------------------------------------------------------- the rounds

    async def _speak_in_rounds(self, rounds: list[Round]) -> _Wish:
        await self._between()
        for each in rounds:
            if not self._hub.state.is_wrapping_up:
                await self._round(each, total=len(rounds))
                await self._between()
            if wish := self._why_enough(each, is_last=each is rounds[-1]):
                return wish
        return _Wish("All rounds are done.")

    def _why_enough(self, each: Round, *, is_last: bool) -> _Wish | None:
        """Why there is no round after this one; None when there may be."""
        if self._hub.state.is_wrapping_up:
            return _Wish("You asked for the synthesis now.")
        ends = [t for t in self._hub.thoughts() if t.round == each.number]
        if all(end.status == "failed" and not str(end.answer).strip() for end in ends):
            return _Wish(f"All agents of round {each.number} failed.")
        if not is_last and (limit := self._limit_reached()):
            return _Wish(limit)
        if not is_last and (agreed := self._consensus()):
            return _Wish(agreed, early=True)
        return None

    async def _round(self, each: Round, *, total: int) -> None:
        hub = self._hub
        agents = tuple(turn.agent_id for turn in each.turns)
        hub.emit(RoundStarted(number=each.number, total=total, t=each.t, agents=agents))
        for member in self._workflow.members():
            if member.spec.spawn_depth <= each.t and not hub.state.agents[member.id].has_spawned:
                depth = member.spec.spawn_depth
                hub.emit(AgentSpawned(agent_id=member.id, role=member.spec.role, depth=depth))
        await asyncio.wait([self._begin(turn, each) for turn in each.turns])

    def _begin(self, turn: Turn, each: Round) -> asyncio.Task[None]:
        thought_id = ThoughtId(f"{turn.agent_id}#{each.number}")

        async def speak() -> None:
            await self._agents[turn.agent_id].process_task_with_llm(self._task, each.t, self._hub)

        def tell(position: int) -> None:
            self._hub.emit(
                AgentState(
                    agent_id=turn.agent_id,
                    thought_id=thought_id,
                    state="queued",
                    round=each.number,
                    checkpoint=turn.checkpoint,
                    position=position,
                )
            )

        async def wait_and_speak() -> None:
            await self._turnstile.enter(tell)
            try:
                await speak()
            finally:
                self._turnstile.leave()

        task = self._tasks.create_task(wait_and_speak())
        self._going[thought_id] = _Going(turn.agent_id, None, task)

        def ended(_: asyncio.Task[None]) -> None:
            del self._going[thought_id]
            known = self._hub.state.thoughts.get(thought_id)
            if known is None or known.is_live:  # it was ended before it had its turn
                self._hub.finalize_streaming_thought(_never_asked(turn, each, thought_id))
            self._news.set()

        task.add_done_callback(ended)
        return task

    async def _between(self) -> None:
        """Between two steps: let what was asked for beside the rounds end, and wait as long as the run is paused."""
        while True:
            if self._is_busy:
                await self._next()
            elif self._hub.state.pause == "asked":
                self._hub.emit(PauseChanged(state="paused"))
            elif self._hub.state.pause == "paused":
                await self._next()
            else:
                return

    @property
    def _is_busy(self) -> bool:
        """Somebody still writes what the synthesis is to read."""
        return any(going.act != "ask" for going in self._going.values())

    @property
    def _has_come_to_synthesis(self) -> bool:
        return self._wish is not None or self._synthesis is not None or self.outcome is not None

    async def _next(self) -> None:
        self._news.clear()
        await self._news.wait()

    # ---------------------------------------------------------------- the end

    async def _conclude(self) -> None:
        """The synthesis, as often as it is wanted; returns when nobody speaks any more."""
        while True:
            if self._is_busy:
                await self._next()
            elif self._wish is not None:
                wish, self._wish = self._wish, None
                self.outcome = None
                self.outcome = await self._synthesise(wish)
            elif self._going:
                await self._next()
            else:
                return

    async def _synthesise(self, wish: _Wish) -> Outcome:
        complete, unfinished = usable(self._hub.thoughts())
        if not complete and not unfinished:
            if self._hub.state.is_wrapping_up:
                return Outcome("stopped", NOTHING_SAID)
            return Outcome("failed", self._commonest_failure())
        self._synthesis = self._tasks.create_task(self._write_synthesis(wish))
        await asyncio.wait({self._synthesis})
        self._synthesis = None
        return _outcome_of(self._hub.state.synthesis)

    def _write_synthesis(self, wish: _Wish) -> Coroutine[object, object, object]:
        return synthesise(
            self._task,
            self._workflow,
            self._connection,
            self._hub,
            self._settings,
            early=wish.early,
            mean_confidence=self._mean_confidence(),
            reason=wish.reason,
        )

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


def _never_asked(turn: Turn, each: Round, thought_id: ThoughtId) -> ThoughtComplete:
    return ThoughtComplete(
        agent_id=turn.agent_id,
        thought_id=thought_id,
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


def _outcome_of(synthesis: Synthesis | None) -> Outcome:
    """A run is complete when its synthesis is, and with nothing less."""
    match synthesis:
        case Synthesis(status="complete"):
            return Outcome("complete")
        case Synthesis(status="stopped", error=error):
            return Outcome("stopped", error or STOPPED_BY_USER)
        case Synthesis(status=str(status), error=error):
            return Outcome("failed", error or f"The synthesis ended {status}.")
        case _:  # it was stopped before it began
            return STOPPED
