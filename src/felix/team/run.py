"""One run while it goes on: its rounds, its synthesis, and what its user does to it meanwhile.

Everything that speaks is a task of its own in the run's TaskGroup, so each can be ended alone. The acts are plain
functions: they begin or end tasks and tell the hub; the one coroutine that carries the run out looks, whenever
something has changed, what is to be done next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from felix.events import (
    HUB,
    SYNTHESIS,
    Act,
    AgentId,
    AgentSpawned,
    CallId,
    Leave,
    NoteAdded,
    PauseChanged,
    PlannedRound,
    PlannedTurn,
    QuestionClosed,
    RoundStarted,
    ThoughtId,
    ToolAnswered,
    WrapUpAsked,
)
from felix.ledger.speech import Speech, Synthesis, Thought
from felix.settings import Settings
from felix.team.connections import Connections
from felix.team.guards import Guards
from felix.team.hub import CentralPost
from felix.team.outcome import (
    BROKE_OFF,
    CAME_TO_NOTHING,
    Outcome,
    commonest_failure,
    consensus,
    mean_confidence,
    outcome_of,
)
from felix.team.rules import addition
from felix.team.synthesis import adopt, synthesise, usable
from felix.team.tools.offer import RunTools
from felix.team.turns import Turns
from felix.team.workflow import Workflow

NOTHING_SAID = "Wrapped up before anybody had said anything – run it again."


@dataclass(frozen=True, slots=True)
class _Wish:
    """A synthesis that is to be made."""

    reason: str
    early: bool = False
    instructions: str = ""
    model: str = ""
    so_far: str = ""
    """What it goes on from."""


WRAP_UP = _Wish("You asked for the synthesis now.")


class Run:
    """Its methods without `async` are the user's acts; they return at once and do nothing where they make no sense."""

    def __init__(
        self,
        workflow: Workflow,
        connections: Connections,
        hub: CentralPost,
        settings: Callable[[], Settings],
        tasks: asyncio.TaskGroup,
        *,
        outcome: Outcome | None = None,
        tools: RunTools | None = None,
    ) -> None:
        """`hub` has been told the plan. `tasks` is entered and left by the caller: then all that was said has ended.

        `outcome` is that of a run which had ended before: it stands until there is another synthesis.
        """
        assert hub.state.plan is not None
        self.outcome = outcome
        """How the run ends, as soon as its synthesis has; until then whoever cancels it has stopped it."""
        self._task = hub.state.plan.task
        self._workflow = workflow
        self._connections = connections
        self._hub = hub
        self._settings = settings
        self._tasks = tasks
        self._guards = Guards(hub, workflow.limits, silence_timeout_s=connections.main.silence_timeout_s)
        self._tools = tools
        self._turns = Turns(workflow, connections, hub, settings, tasks, self._has_said, tools)
        self._synthesis: asyncio.Task[object] | None = None
        self._wish: _Wish | None = None
        self._news = asyncio.Event()
        """Something has ended, or the user has done something."""

    async def carry_out(self) -> None:
        """All of it, from the first round on."""
        async with self._guarded():
            self._wish = await self._speak_in_rounds()
            await self._conclude()

    async def carry_on(self, *, is_wrapping_up: bool) -> None:
        """The rest of a run that ended before its time: turns that came to nothing, rounds that never began, the
        synthesis."""
        synthesis = self._hub.state.synthesis
        self.outcome = None
        async with self._guarded():
            if synthesis is not None and synthesis.status not in BROKE_OFF:
                self.outcome = outcome_of(synthesis)  # only the word that all was done had been missing
            elif synthesis is not None and (is_wrapping_up or self._hub.state.earlier):
                self._wish = _again(synthesis, synthesis.reason)
            else:
                self._wish = WRAP_UP if is_wrapping_up else await self._speak_in_rounds()
                if synthesis is not None:
                    self._wish = replace(_again(synthesis, self._wish.reason), early=self._wish.early)
            await self._conclude()

    async def follow_wishes(self) -> None:
        """What the user wants of a run that has ended."""
        async with self._guarded():
            await self._conclude()

    @asynccontextmanager
    async def _guarded(self) -> AsyncGenerator[None]:
        watches = [self._tasks.create_task(each.watch()) for each in (self._guards, self._connections)]
        try:
            yield
        finally:
            for watch in watches:
                watch.cancel()
            self._guards.close()

    # ---------------------------------------------------------------- the user's acts

    def stop_agent(self, agent_id: AgentId) -> None:
        """End what an agent is saying; with its place in the queue free, the next one speaks. `HUB`: the synthesis."""
        if agent_id == HUB and self._synthesis is not None:
            self._synthesis.cancel()
        self._turns.stop(agent_id)

    def wrap_up(self) -> None:
        """End what is being written for the synthesis, and make that from what has been said so far."""
        if self._has_come_to_synthesis or self._hub.state.is_wrapping_up:
            return
        self._hub.emit(WrapUpAsked())
        if self._hub.state.pause != "off":
            self._hub.emit(PauseChanged(state="off"))
        self._turns.wrap_up()
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

    def answer(self, question_id: str, *, stop: bool) -> None:
        """The user's answer to a guard: to stop means that agent, or to wrap up where the run as a whole is meant."""
        question = self._hub.state.questions.get(question_id)
        if question is None:
            return
        self._hub.emit(QuestionClosed(question_id=question_id, answer="stop" if stop else "go_on"))
        if stop and question.agent_id is None:
            self.wrap_up()
        elif stop and question.agent_id is not None:
            self.stop_agent(question.agent_id)

    def answer_tool(self, call_id: CallId, leave: Leave) -> None:
        """The user's word to a tool call that asks; one for the run goes for all that wait for the same."""
        calls = {call.call_id: (t, call) for t in self._hub.state.thoughts.values() for call in t.calls}
        leave, answered = self._tools.answer(call_id, leave) if self._tools else (leave, [])
        for each in answered:
            thought, call = calls[each]
            self._hub.emit(
                ToolAnswered(
                    agent_id=thought.agent_id,
                    thought_id=thought.thought_id,
                    call_id=each,
                    name=call.name,
                    answer=leave,
                )
            )
        self._hub.flush()  # before the tool is set to work, as with a call that asks nobody

    def retry(self, thought_id: ThoughtId, *, prompt: str = "", model: str = "") -> None:
        """Have a thought that has ended thought again, with the user's wording of its prompt or another model."""
        before = self._hub.state.thoughts.get(thought_id)
        if before is None or before.is_live:
            return
        if before.act == "ask":
            self.ask_agent(before.agent_id, before.asked)
            return
        self._turns.take_again(before, "retry", text=prompt.strip(), model=model)

    def continue_writing(self, thought_id: ThoughtId) -> None:
        """Have an answer that was cut gone on with; the new one begins with its text. `SYNTHESIS`: the latest."""
        synthesis = self._hub.state.synthesis
        if thought_id.partition(".")[0] == SYNTHESIS and synthesis is not None and self._workflow.synthesis.skip:
            thought_id = synthesis.sources[-1]
        if thought_id.partition(".")[0] == SYNTHESIS:
            if synthesis is not None and _can_go_on(synthesis) and self._wish is None:
                reason = "You had the hub go on writing."
                self._wish = replace(_again(synthesis, reason), so_far=str(synthesis.answer))
                self._news.set()
            return
        before = self._hub.state.thoughts.get(thought_id)
        if before is not None and before.act != "ask" and _can_go_on(before):
            self._turns.take_again(before, "continue", model=before.wanted_model)

    def synthesise_again(self, *, instructions: str = "", model: str = "") -> None:
        """Have another synthesis made, when there has been one or the run has ended without."""
        if self.outcome is not None or self._synthesis is not None:
            self._wish = _Wish("You asked for another synthesis.", instructions=instructions.strip(), model=model)
            self._news.set()

    def ask_agent(self, agent_id: AgentId, question: str) -> None:
        """Ask an agent about its own thoughts; the answer is a thought of its own that nobody else reads."""
        if agent_id in self._hub.state.agents and question.strip():
            self._turns.answer(agent_id, question.strip())

    # ---------------------------------------------------------------- the rounds

    async def _speak_in_rounds(self) -> _Wish:
        """Round by round; of a run that is continued what is missing of those that were, and the rest."""
        state = self._hub.state
        number, begun = 1, state.round
        await self._between()
        while each := next((each for each in state.rounds if each.number == number), None):
            missing = [turn for turn in each.turns if not self._has_ended(turn, each)]
            if missing and not state.is_wrapping_up:
                await self._round(each, missing)
                await self._between()
            if wish := self._why_enough(each, may_agree=number >= begun):
                return wish
            if number >= begun:
                self._grow(each)
            number += 1
        return _Wish("All rounds are done.")

    def _why_enough(self, each: PlannedRound, *, may_agree: bool) -> _Wish | None:
        """Why there is no round after this one; None when there may be. They cannot agree in one that had a next."""
        if self._hub.state.is_wrapping_up:
            return WRAP_UP
        ends = [t for t in self._hub.thoughts() if t.round == each.number]
        if all(end.status == "failed" and not str(end.answer).strip() for end in ends):
            return _Wish(f"All agents of round {each.number} failed.")
        is_last = each is self._hub.state.rounds[-1]
        if may_agree and not is_last and (agreed := consensus(self._workflow, self._hub.state)):
            return _Wish(agreed, early=True)
        return None

    def _grow(self, after: PlannedRound) -> None:
        """Add the agents that the workflow's rules want after a round, once."""
        state = self._hub.state
        if any(agent.reason and agent.spawn == after.t for agent in state.agents.values()):
            return  # before the run was interrupted
        for rule in self._workflow.rules:
            if added := addition(self._workflow, rule, state, after, self._connections.choice):
                self._hub.emit(added)

    def _has_ended(self, turn: PlannedTurn, each: PlannedRound) -> bool:
        return any(t.status not in CAME_TO_NOTHING for t in self._turns.attempts(turn.agent_id, each.number))

    async def _round(self, each: PlannedRound, turns: Sequence[PlannedTurn]) -> None:
        hub = self._hub
        agents = tuple(turn.agent_id for turn in turns)
        hub.emit(RoundStarted(number=each.number, total=len(hub.state.rounds), t=each.t, agents=agents))
        for agent in list(hub.state.agents.values()):
            if agent.spawn <= each.t and not agent.has_spawned:
                hub.emit(AgentSpawned(agent_id=agent.agent_id, role=agent.role, depth=agent.spawn))
        await asyncio.wait([self._turns.take(turn, each) for turn in turns])

    def _has_said(self, agent_id: AgentId, act: Act | None, thought: Thought) -> None:
        """Called before anybody goes on who has waited for it: there is no moment without the thought's end."""
        if act in ("retry", "continue") and thought.replaces and self._is_past_synthesis and self._wish is None:
            did = "tried again" if act == "retry" else "gone on writing"
            if synthesis := self._hub.state.synthesis:  # a run that ended without one stays as it ended
                self._wish = _again(synthesis, f"{agent_id} has {did}.")
        self._guards.look()
        self._news.set()

    async def _between(self) -> None:
        """Between two steps: let what was asked for beside the rounds end, and wait as long as the run is paused."""
        while True:
            if self._turns.are_busy:
                await self._next()
            elif self._hub.state.pause == "asked":
                self._hub.emit(PauseChanged(state="paused"))
            elif self._hub.state.pause == "paused":
                await self._next()
            else:
                return

    @property
    def _has_come_to_synthesis(self) -> bool:
        return self._wish is not None or self._is_past_synthesis

    @property
    def _is_past_synthesis(self) -> bool:
        """What is said from now on reaches only another one."""
        return self._synthesis is not None or self.outcome is not None

    async def _next(self) -> None:
        self._news.clear()
        await self._news.wait()

    # ---------------------------------------------------------------- the end

    async def _conclude(self) -> None:
        """The synthesis, as often as it is wanted; returns when nobody speaks any more."""
        while True:
            if self._turns.are_busy:
                await self._next()
            elif self._wish is not None:
                wish, self._wish = self._wish, None
                self.outcome = None
                self.outcome = await self._synthesise(wish)
            elif self._turns.are_on:
                await self._next()
            else:
                return

    async def _synthesise(self, wish: _Wish) -> Outcome:
        complete, unfinished = usable(self._hub.thoughts())
        if not complete and not unfinished:
            if self._hub.state.is_wrapping_up:
                return Outcome("stopped", NOTHING_SAID)
            return Outcome("failed", commonest_failure(self._hub.thoughts()))
        if self._workflow.synthesis.skip:
            adopt(self._hub, (complete or unfinished)[-1], wish.reason)
            return outcome_of(self._hub.state.synthesis)
        self._synthesis = self._tasks.create_task(self._write_synthesis(wish))
        await asyncio.wait({self._synthesis})
        self._synthesis = None
        return outcome_of(self._hub.state.synthesis)

    def _write_synthesis(self, wish: _Wish) -> Coroutine[object, object, object]:
        return synthesise(
            self._task,
            self._workflow,
            self._connections,
            self._hub,
            self._settings,
            early=wish.early,
            mean_confidence=mean_confidence(self._hub.state),
            reason=wish.reason,
            instructions=wish.instructions,
            other_model=wish.model,
            so_far=wish.so_far,
        )


def _can_go_on(speech: Speech) -> bool:
    return not speech.is_live and speech.status != "complete" and bool(str(speech.answer).strip())


def _again(synthesis: Synthesis, reason: str) -> _Wish:
    """Another one, as the user wanted that."""
    return _Wish(reason, synthesis.early, synthesis.instructions, synthesis.wanted_model)
