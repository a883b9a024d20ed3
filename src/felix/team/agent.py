"""One agent: what it is told at a checkpoint, and the thought it makes of it.

With a hub it reads the others and is watched while it thinks; without one it is simply a model with a role.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from felix.errors import FelixError
from felix.events import Activity, Again, AgentId, AgentState, Channel, Status, ThoughtComplete, ThoughtId
from felix.ledger.speech import Call, GrowingText, Thought
from felix.ledger.state import RunState
from felix.llm.chat import ChatRequest, Progress
from felix.settings import Settings
from felix.team.asking import asked_by
from felix.team.connection import Connection
from felix.team.connections import Place
from felix.team.hub import CentralPost, Moment
from felix.team.prompts import Brief, Prompt, Room, agent_prompt, assumed_context, estimate_tokens, question_prompt
from felix.team.rules import team_of
from felix.team.schedule import depth_at
from felix.team.speaking import Speaker, Spoken
from felix.team.tools.calls import Calls
from felix.team.tools.earlier import calls_before
from felix.team.tools.offer import Offer, RunTools
from felix.team.tools.retelling import turns_of
from felix.team.tools.telling import Telling
from felix.team.workflow import Member, Workflow, from_json

STOPPED_BY_USER = "Stopped by you."
A_BUG = "Felix made a mistake here – the log has the details."


@dataclass(frozen=True, slots=True)
class Occasion:
    """One go of an agent: the thought it is to become, and its place in the run."""

    thought_id: ThoughtId
    round: int
    checkpoint: float
    progress: float
    """The run's clock, 0 to 1."""


class LLMAgent:
    """An agent of a workflow, and what it has thought so far."""

    def __init__(
        self,
        member: Member,
        workflow: Workflow,
        connection: Connection,
        settings: Callable[[], Settings],
        tools: RunTools | None = None,
    ) -> None:
        """Without `tools` it may use none, whatever its workflow names."""
        self.member = member
        self._tools = tools
        self._workflow = workflow
        self._connection = connection
        self._settings = settings
        self._own: list[Thought] = []
        """Complete ones, for when there is no hub to remember them."""
        self._alone = 0
        """Thoughts begun without a hub."""

    @property
    def model(self) -> str:
        return asked_by(self._workflow, self.member.spec).model or self._connection.model

    def checkpoint_at(self, current_time: float) -> float:
        """The deepest checkpoint this agent has reached when the run's clock stands at `current_time` (0 to 1)."""
        spec = self.member.spec
        depth = depth_at(current_time, spawn=spec.spawn_depth, speed=spec.speed)
        reached = [c for c in self._workflow.checkpoints if depth is not None and spec.spawn_depth <= c <= depth + 1e-6]
        return max(reached, default=spec.spawn_depth)

    async def process_task_with_llm(
        self,
        task: str,
        current_time: float,
        central_post: CentralPost | None = None,
        enable_streaming: bool = True,  # noqa: FBT001, FBT002  the published signature
    ) -> ThoughtComplete:
        """Think about `task` at the moment `current_time` (0 to 1) of the run's clock, and return the thought.

        Streams when this argument, the workflow and the settings all say so. Expected failures are thoughts with the
        status `failed`, never exceptions. Cancelling ends the thought as `stopped` at the hub, with what it had.
        """
        self._alone += central_post is None
        number = central_post.state.round if central_post else self._alone
        occasion = Occasion(
            ThoughtId(f"{self.member.id}#{number}"), number, self.checkpoint_at(current_time), current_time
        )
        prompt = self.prompt(task, occasion, central_post)
        thought = await self.speak(prompt, occasion, central_post, enable_streaming=enable_streaming)
        assert thought is not None  # only a place can be left
        return thought

    def prompt(
        self, task: str, occasion: Occasion, hub: CentralPost | None, *, model: str = "", so_far: str = ""
    ) -> Prompt:
        """What it is told there; with `so_far` there is room for that text, which is to be continued."""
        room = self._room(model, so_far)
        if hub:
            return turn_prompt(task, self._workflow, self.member, hub.state, occasion, room)
        return agent_prompt(
            task, self._workflow, self.member, checkpoint=occasion.checkpoint, own=self._own, others=(), room=room
        )

    def question_prompt(self, task: str, question: str, hub: CentralPost, *, model: str = "") -> Prompt:
        """What it is told when the user asks it about its own thoughts."""
        own = [t for t in hub.thoughts() if t.agent_id == self.member.id and str(t.answer).strip()]
        brief = brief_for(hub.state, self.member.id)
        room = self._room(model, "")
        return question_prompt(task, self.member, own=own, question=question, room=room, brief=brief)

    async def speak(
        self,
        prompt: Prompt,
        occasion: Occasion,
        hub: CentralPost | None,
        *,
        model: str = "",
        so_far: str = "",
        used: Sequence[Call] = (),
        states_confidence: bool = True,
        enable_streaming: bool = True,
        place: Place | None = None,
    ) -> ThoughtComplete | None:
        """Say what `prompt` asks for, going on from `so_far`; all else as in `process_task_with_llm`.

        `used` are the tool calls in `so_far`. `model` is another one than its own. Where no confidence is asked for,
        one that is stated all the same is taken off and counts for nothing. None is returned, and no end is told, when
        `place` is left: the thought goes on at another one.
        """
        spec, model = self.member.spec, model or self.model
        temperature = spec.temperature_at(occasion.checkpoint)
        connection, notes = self._connection, place.notes if place else ()
        offer, why_none = self._offer(model)
        if why_none:
            notes = (*notes, why_none)
        voice = _Voice(hub, self.member, occasion, prompt, temperature, model, connection, place, notes)
        turns, behind = turns_of(so_far, used, offer)
        speaker = Speaker(
            connection.client,
            ChatRequest(prompt.messages, model, temperature, self._max_tokens(), self.member.id),
            silence_timeout_s=connection.silence_timeout_s,
            states_confidence=not self._workflow.synthesis.skip,
            on_text=voice.show,
            on_progress=voice.progress,
            so_far=so_far,
            turns=turns,
            behind=behind,
            calls=self._calls(offer, occasion, hub, place, model),
        )

        def streams() -> bool:
            chosen = spec.enable_streaming
            return enable_streaming and (self._settings().enable_streaming if chosen is None else chosen)

        started = time.monotonic()
        voice.begin(place)
        try:
            spoken = await speaker.speak(
                self._settings, streaming=streams, continue_most=self._workflow.continue_truncated
            )
            if place and await place.is_left(spoken):
                return None
        except asyncio.CancelledError:
            speaker.interrupted()
            voice.end(cut_off(speaker, "stopped", STOPPED_BY_USER, started, model))
            raise
        except Exception:  # a bug: the thought ends all the same, and the run's one handler logs it
            voice.end(cut_off(speaker, "failed", A_BUG, started, model))
            raise
        thought = voice.end(spoken if states_confidence else replace(spoken, confidence=None))
        if thought.status == "complete" and hub is None:
            self._own.append(_remembered(thought))
        return thought

    def _room(self, model: str, so_far: str) -> Room:
        context = self._connection.context_of(model or self.model)
        offer, _ = self._offer(model or self.model)
        assumed = assumed_context(self._connection.kind)
        return Room(context, self._max_tokens(), estimate_tokens(so_far), offer.tokens if offer else None, assumed)

    def _offer(self, model: str) -> tuple[Offer, str]:
        """The tools that its model gets, and why none, when it has some that it cannot use."""
        offer = self._tools.of(self.member) if self._tools else Offer()
        if self._tools and self._tools.missing:
            return Offer(), self._tools.missing
        if offer and model in self._connection.toolless:
            return Offer(), f"{model} was not taught to call tools: it was asked without them"
        context = self._connection.context_of(model)
        if offer and context and offer.tokens > context // 2:
            needs = f"its {len(offer.specs)} tools need ~{offer.tokens:,} tokens to be described"
            return Offer(), f"{needs}, more than half its context: it was asked without them – name fewer of them"
        return offer, ""

    def _calls(
        self, offer: Offer, occasion: Occasion, hub: CentralPost | None, place: Place | None, model: str
    ) -> Calls | None:
        if not offer or self._tools is None:
            return None
        number, agent_id = occasion.round, self.member.id
        context = self._connection.context_of(model)
        return Calls(
            self._tools,
            offer,
            Telling(hub, agent_id, occasion.thought_id, round_number=number, checkpoint=occasion.checkpoint),
            context=context,
            room=Room(context, self._max_tokens(), assumed=assumed_context(self._connection.kind)).question,
            before=calls_before(hub.state, agent_id, number, but=occasion.thought_id) if hub else (),
            aside=place.aside if place else nullcontext,
        )

    def _max_tokens(self) -> int:
        own = self.member.spec.max_tokens
        return self._settings().max_tokens if own is None else own


def turn_prompt(
    task: str, workflow: Workflow, member: Member, state: RunState, occasion: Occasion, room: Room
) -> Prompt:
    """What a run tells `member` at its turn; a turn that is taken again reads what had been said before it, too."""
    # A round is one moment: nobody in it reads the others. A hub that is used without a run has no rounds.
    earlier = [
        t for t in state.standing() if t.status == "complete" and (t.round < occasion.round or not occasion.round)
    ]
    return agent_prompt(
        task,
        workflow,
        member,
        checkpoint=occasion.checkpoint,
        own=[t for t in earlier if t.agent_id == member.id],
        others=[t for t in earlier if t.agent_id != member.id],
        room=room,
        brief=brief_for(state, member.id) if state.plan else None,
    )


def wording_of(state: RunState, thought_id: ThoughtId, settings: Settings) -> str:
    """What the user may reword when a thought is to be thought again. Raises FelixError for one there is not."""
    thought = state.thoughts.get(thought_id)
    if thought is None or state.plan is None:
        raise FelixError(f"There is no thought {thought_id} in this run – choose another one.")
    if thought.asked:
        return thought.asked
    workflow = from_json(state.plan.definition)
    member = next(each for each in team_of(workflow, state.agents.values()) if each.id == thought.agent_id)
    own = member.spec.max_tokens
    agent = state.agents[thought.agent_id]
    context = agent.context_length if agent.endpoint or agent.context_length else state.plan.context_length
    room = Room(context, settings.max_tokens if own is None else own)
    occasion = Occasion(thought_id, thought.round, thought.checkpoint, state.t)
    return turn_prompt(state.plan.task, workflow, member, state, occasion, room).wording


def brief_for(state: RunState, agent_id: AgentId) -> Brief:
    """The team, the user's notes to `agent_id` and to all, and the answer the run began with."""
    notes = tuple(note.text for note in state.notes if note.agent_id in (None, agent_id))
    plan = state.plan
    return Brief(tuple(state.agents), notes, plan.context, plan.history) if plan else Brief(tuple(state.agents), notes)


class _Voice:
    """How the doings of one turn reach the hub, where there is one."""

    def __init__(
        self,
        hub: CentralPost | None,
        member: Member,
        occasion: Occasion,
        prompt: Prompt,
        temperature: float,
        model: str,
        connection: Connection,
        place: Place | None,
        notes: tuple[str, ...],
    ) -> None:
        """`notes` say how it came to be asked there."""
        self.temperature = temperature
        self._hub = hub
        self._moment = Moment(member.id, occasion.thought_id, member.spec.role, occasion.checkpoint, occasion.progress)
        self._round = occasion.round
        self._prompt = prompt
        self._model = model
        self._endpoint = connection.endpoint
        self._server = connection.server if connection.endpoint else ""
        self._failed_at = place.failed_at if place else ()
        self._notes = notes

    def begin(self, place: Place | None) -> None:
        self._tell("connecting", read=self._prompt.read, cut=self._prompt.cut)
        if place and place.again:
            self._tell("retrying", detail=place.detail, again=place.again)

    def progress(self, step: Progress) -> None:
        if step.phase != "connecting" or step.detail:
            self._tell(step.phase, fraction=step.fraction, detail=step.detail, again=step.again)

    def show(self, channel: Channel, text: str, offset: int, tokens: int) -> None:
        if self._hub:
            self._hub.receive_partial_thought(self._moment, text, offset=offset, channel=channel, tokens_so_far=tokens)

    def end(self, spoken: Spoken) -> ThoughtComplete:
        moment = self._moment
        thought = ThoughtComplete(
            agent_id=moment.agent_id,
            thought_id=moment.thought_id,
            role=moment.role,
            round=self._round,
            checkpoint=moment.checkpoint,
            status=spoken.status,
            content=spoken.content,
            thinking=spoken.thinking,
            confidence=spoken.confidence,
            finish_reason=spoken.finish_reason,
            usage=spoken.usage,
            read=self._prompt.read,
            ttft_s=spoken.ttft_s,
            duration_s=spoken.duration_s,
            tokens_per_s=spoken.tokens_per_s,
            gaps_ms=spoken.gaps_ms,
            error=spoken.error,
            notes=(*self._notes, *spoken.notes),
            model=spoken.model,
            endpoint=self._endpoint,
            server=self._server,
            failed_at=self._failed_at,
            temperature=self.temperature,
            cut=self._prompt.cut,
        )
        if self._hub:
            self._hub.finalize_streaming_thought(thought)
        return thought

    def _tell(
        self,
        state: Activity,
        *,
        fraction: float | None = None,
        detail: str = "",
        again: Again | None = None,
        read: tuple[ThoughtId, ...] = (),
        cut: str = "",
    ) -> None:
        if self._hub is None:
            return
        self._hub.emit(
            AgentState(
                agent_id=self._moment.agent_id,
                thought_id=self._moment.thought_id,
                state=state,
                round=self._round,
                checkpoint=self._moment.checkpoint,
                fraction=fraction,
                detail=detail,
                again=again,
                read=read,
                cut=cut,
                temperature=self.temperature,
                model=self._model,
                endpoint=self._endpoint,
                failed_at=self._failed_at if state == "connecting" else (),
            )
        )


def cut_off(speaker: Speaker, status: Status, error: str, started: float, model: str) -> Spoken:
    """What is kept of what was said and was ended from outside; `started` is on the monotonic clock."""
    return Spoken(
        status=status,
        content=str(speaker.text),
        thinking=str(speaker.thinking),
        confidence=None,
        finish_reason=None,
        usage=None,
        ttft_s=None,
        duration_s=time.monotonic() - started,
        tokens_per_s=None,
        error=error,
        notes=(),
        model=model,
    )


def _remembered(event: ThoughtComplete) -> Thought:
    return Thought(
        thought_id=event.thought_id,
        agent_id=event.agent_id,
        role=event.role,
        round=event.round,
        checkpoint=event.checkpoint,
        status=event.status,
        answer=GrowingText(event.content),
        confidence=event.confidence,
    )
