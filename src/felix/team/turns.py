"""Whoever speaks in a run or waits for it: turns in rounds, turns that are taken again, answers to the user.

Each is a task of its own, so each can be ended alone; it waits for a place where its agent is to be asked, and tells
how it ended, whatever happened to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal

from felix.events import (
    Act,
    AgentId,
    AgentState,
    PlannedRound,
    PlannedTurn,
    ThoughtAsked,
    ThoughtComplete,
    ThoughtId,
)
from felix.ledger.speech import Thought
from felix.settings import Settings
from felix.team.agent import STOPPED_BY_USER, LLMAgent, Occasion
from felix.team.asking import asked_by
from felix.team.connections import Connections, Place
from felix.team.hub import CentralPost
from felix.team.rules import team_of
from felix.team.tools.offer import RunTools
from felix.team.workflow import Member, Workflow

Ended = Callable[[AgentId, Act | None, Thought], None]
"""Called when a thought has its end, before anybody goes on who has waited for it."""

Speak = Callable[[LLMAgent, Place], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class _Going:
    """Somebody who speaks or waits for it."""

    agent_id: AgentId
    act: Act | None
    task: asyncio.Task[None]


class Turns:
    """Of one run, whose plan `hub` has been told. `tasks` is the run's group."""

    def __init__(
        self,
        workflow: Workflow,
        connections: Connections,
        hub: CentralPost,
        settings: Callable[[], Settings],
        tasks: asyncio.TaskGroup,
        ended: Ended,
        tools: RunTools | None = None,
    ) -> None:
        assert hub.state.plan is not None
        self._task = hub.state.plan.task
        self._workflow = workflow
        self._connections = connections
        self._hub = hub
        self._settings = settings
        self._tasks = tasks
        self._tell_end = ended
        self._tools = tools
        self._going: dict[ThoughtId, _Going] = {}

    @property
    def are_on(self) -> bool:
        """Somebody still speaks."""
        return bool(self._going)

    @property
    def are_busy(self) -> bool:
        """Somebody still writes what the synthesis is to read."""
        return any(going.act != "ask" for going in self._going.values())

    def stop(self, agent_id: AgentId) -> None:
        """End what an agent is saying."""
        for going in self._going.values():
            if going.agent_id == agent_id:
                going.task.cancel()

    def wrap_up(self) -> None:
        """End what is being written for the synthesis."""
        for going in self._going.values():
            if going.act != "ask":
                going.task.cancel()

    def attempts(self, agent_id: AgentId, round_number: int) -> list[Thought]:
        """An agent's goes at its turn in a round."""
        thoughts = self._hub.state.agents[agent_id].thoughts
        return [t for t in thoughts if t.round == round_number and t.act != "ask"]

    def take(self, turn: PlannedTurn, each: PlannedRound) -> asyncio.Task[None]:
        """A turn in a round; of a run that is continued, once more."""
        if attempts := self.attempts(turn.agent_id, each.number):
            return self.take_again(attempts[-1], "retry")
        occasion = Occasion(ThoughtId(f"{turn.agent_id}#{each.number}"), each.number, turn.checkpoint, each.t)

        async def speak(speaker: LLMAgent, place: Place) -> None:
            prompt = speaker.prompt(self._task, occasion, self._hub, model=place.model)
            await speaker.speak(prompt, occasion, self._hub, model=place.model, place=place)

        return self._begin(turn.agent_id, occasion, speak, None)

    def take_again(
        self, before: Thought, act: Literal["retry", "continue"], *, text: str = "", model: str = ""
    ) -> asyncio.Task[None]:
        """The turn of a thought once more, with a number of its own; `text` and `model` are the user's."""
        state, agent_id = self._hub.state, before.agent_id
        number = 1 + len(self.attempts(agent_id, before.round))
        thought_id = ThoughtId(f"{agent_id}#{before.round}.{number}")
        occasion = Occasion(thought_id, before.round, before.checkpoint, state.t)
        self._ask(agent_id, occasion, act, of=before.thought_id, text=text, model=model)
        so_far = str(before.answer) if act == "continue" else ""

        async def speak(speaker: LLMAgent, place: Place) -> None:
            prompt = speaker.prompt(self._task, occasion, self._hub, model=place.model, so_far=so_far)
            if text:
                prompt = prompt.reworded(text, list(state.thoughts.values()))
            calls = before.calls if act == "continue" else ()
            await speaker.speak(prompt, occasion, self._hub, model=place.model, so_far=so_far, used=calls, place=place)

        return self._begin(agent_id, occasion, speak, act, model=model)

    def answer(self, agent_id: AgentId, question: str) -> asyncio.Task[None]:
        """An answer of an agent to the user, about its own thoughts."""
        state = self._hub.state
        agent = state.agents[agent_id]
        number = 1 + sum(t.act == "ask" for t in agent.thoughts)
        occasion = Occasion(ThoughtId(f"{agent_id}#ask{number}"), state.round, agent.depth, state.t)
        self._ask(agent_id, occasion, "ask", text=question)

        async def speak(speaker: LLMAgent, place: Place) -> None:
            prompt = speaker.question_prompt(self._task, question, self._hub, model=place.model)
            await speaker.speak(prompt, occasion, self._hub, model=place.model, states_confidence=False, place=place)

        return self._begin(agent_id, occasion, speak, "ask")

    def _ask(
        self,
        agent_id: AgentId,
        occasion: Occasion,
        act: Act,
        *,
        of: ThoughtId | None = None,
        text: str = "",
        model: str = "",
    ) -> None:
        self._hub.emit(
            ThoughtAsked(
                agent_id=agent_id,
                thought_id=occasion.thought_id,
                act=act,
                of=of,
                round=occasion.round,
                checkpoint=occasion.checkpoint,
                text=text,
                model=model,
            )
        )

    def _member(self, agent_id: AgentId) -> Member:
        members = team_of(self._workflow, self._hub.state.agents.values())
        return next(each for each in members if each.id == agent_id)

    def _begin(
        self, agent_id: AgentId, occasion: Occasion, speak: Speak, act: Act | None, *, model: str = ""
    ) -> asyncio.Task[None]:
        """Have an agent speak as soon as there is a place for it; `model` is another one than its own."""
        member = self._member(agent_id)
        asked = asked_by(self._workflow, member.spec)

        def tell(position: int) -> None:
            self._hub.emit(
                AgentState(
                    agent_id=agent_id,
                    thought_id=occasion.thought_id,
                    state="queued",
                    round=occasion.round,
                    checkpoint=occasion.checkpoint,
                    position=position,
                    detail=self._connections.crowd(asked),
                )
            )

        async def speak_at(place: Place) -> None:
            tools = None if act == "ask" else self._tools  # who is asked about its thoughts does nothing new
            await speak(LLMAgent(member, self._workflow, place.connection, self._settings, tools), place)

        task = self._tasks.create_task(
            self._connections.ask(replace(asked, model=model or asked.model), speak_at, tell=tell)
        )
        self._going[occasion.thought_id] = _Going(agent_id, act, task)
        task.add_done_callback(lambda _: self._ended(agent_id, occasion, act))
        return task

    def _ended(self, agent_id: AgentId, occasion: Occasion, act: Act | None) -> None:
        del self._going[occasion.thought_id]
        thoughts = self._hub.state.thoughts
        thought = thoughts.get(occasion.thought_id)
        if thought is None or thought.is_live:  # it was ended before it had its turn
            self._hub.finalize_streaming_thought(
                _never_asked(agent_id, self._hub.state.agents[agent_id].role, occasion)
            )
            act = None  # whatever was wanted of it
        self._tell_end(agent_id, act, thoughts[occasion.thought_id])


def _never_asked(agent_id: AgentId, role: str, occasion: Occasion) -> ThoughtComplete:
    return ThoughtComplete(
        agent_id=agent_id,
        thought_id=occasion.thought_id,
        role=role,
        round=occasion.round,
        checkpoint=occasion.checkpoint,
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
