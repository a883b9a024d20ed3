"""The hub's last word: one answer written from the agents' complete thoughts, streamed like theirs.

Who failed, was cut short or was not heard is said by Felix itself, beside the answer, and never left to the model.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import assert_never

from felix.endpoints import ServerKind
from felix.events import (
    HUB,
    SYNTHESIS,
    Activity,
    Again,
    AgentState,
    Channel,
    LeftOut,
    SynthesisComplete,
    SynthesisStarted,
    ThoughtId,
)
from felix.ledger.speech import Thought
from felix.ledger.state import RunState
from felix.llm.chat import ChatRequest, Progress
from felix.settings import Settings
from felix.team.agent import A_BUG, STOPPED_BY_USER, brief_for, cut_off
from felix.team.asking import asked_by_hub
from felix.team.connections import Connections, Place
from felix.team.hub import CentralPost
from felix.team.prompts import Prompt, Room, assumed_context, estimate_tokens, synthesis_prompt
from felix.team.speaking import Speaker, Spoken
from felix.team.workflow import Workflow


def usable(thoughts: Sequence[Thought]) -> tuple[list[Thought], list[Thought]]:
    """Complete thoughts, and those that ended otherwise but left text."""
    with_text = [t for t in thoughts if str(t.answer).strip()]
    return [t for t in with_text if t.status == "complete"], [t for t in with_text if t.status != "complete"]


def left_out(state: RunState, read: Collection[ThoughtId], room: Room) -> tuple[LeftOut, ...]:
    """The agents whose last word is not a complete thought, or of whom the hub read nothing, and why."""
    missing = []
    standing = state.standing()
    for agent in state.agents.values():
        own = [t for t in standing if t.agent_id == agent.agent_id]
        is_heard = any(t.thought_id in read for t in own)
        match _last_word(own):
            case None:
                reason = "The rounds ended before its turn."
                missing.append(LeftOut(agent_id=agent.agent_id, status="unheard", reason=reason))
            case Thought(status="complete") if not is_heard:
                reason = f"What it wrote did not fit the hub's context of {room}."
                missing.append(LeftOut(agent_id=agent.agent_id, status="unheard", reason=reason))
            case Thought(status="complete") | Thought(status=None):
                pass
            case Thought(status=str(status), error=error):
                reason = error or f"It ended {status}."
                missing.append(LeftOut(agent_id=agent.agent_id, status=status, reason=reason, is_heard=is_heard))
            case latest:
                assert_never(latest)  # type: ignore[arg-type]  # mypy does not narrow by attributes
    return tuple(missing)


def _last_word(own: Sequence[Thought]) -> Thought | None:
    """Of its latest turn the complete thought, though it was tried again in vain; else the newest attempt."""
    latest = [t for t in own if t.round == max(each.round for each in own)]
    return next((t for t in latest if t.status == "complete"), latest[-1] if latest else None)


def adopt(hub: CentralPost, thought: Thought, reason: str) -> None:
    """Take what the only agent has said for the answer, byte for byte; nobody is asked for it."""
    assert thought.status is not None
    number = hub.state.synthesis.number + 1 if hub.state.synthesis else 1
    sources = (thought.thought_id,)
    hub.emit(
        SynthesisStarted(
            sources=sources,
            left_out=(),
            early=False,
            mean_confidence=None,
            reason=reason,
            number=number,
        )
    )
    hub.finalize_synthesis(
        SynthesisComplete(
            status=thought.status,
            content=str(thought.answer),
            thinking="",
            finish_reason=thought.finish_reason,
            usage=None,
            left_out=(),
            ttft_s=None,
            duration_s=0.0,
            tokens_per_s=None,
            error=thought.error,
            model=thought.model,
            endpoint=thought.endpoint,
        )
    )


async def synthesise(
    task: str,
    workflow: Workflow,
    connections: Connections,
    hub: CentralPost,
    settings: Callable[[], Settings],
    *,
    early: bool,
    mean_confidence: float | None,
    reason: str,
    instructions: str = "",
    other_model: str = "",
    so_far: str = "",
) -> None:
    """Write the answer, telling the hub as it comes. Cancelling ends it as `stopped` there, with what it had.

    `instructions` and `other_model` are the user's, for this one; with `so_far` it goes on from that text.
    """
    spec, asked = workflow.synthesis, asked_by_hub(workflow)
    asked = replace(asked, model=other_model or asked.model)
    number = hub.state.synthesis.number + 1 if hub.state.synthesis else 1
    thought_id = SYNTHESIS if number == 1 else ThoughtId(f"{SYNTHESIS}.{number}")
    max_tokens = settings().max_tokens if spec.max_tokens is None else spec.max_tokens
    complete, unfinished = usable(hub.thoughts())

    def streams() -> bool:
        return settings().enable_streaming if spec.enable_streaming is None else spec.enable_streaming

    def prompt_for(context_length: int | None, kind: ServerKind = "other") -> tuple[Prompt, tuple[LeftOut, ...]]:
        room = Room(context_length, max_tokens, estimate_tokens(so_far), assumed=assumed_context(kind))
        prompt = synthesis_prompt(
            task,
            workflow,
            complete=complete,
            unfinished=unfinished,
            room=room,
            brief=brief_for(hub.state, HUB),
            instructions=instructions,
        )
        return prompt, left_out(hub.state, prompt.read, room)

    has_begun = False

    def begin(prompt: Prompt, missing: tuple[LeftOut, ...]) -> None:
        nonlocal has_begun
        if has_begun:  # in the queue, or at another place: it goes on
            return
        has_begun = True
        hub.emit(
            SynthesisStarted(
                sources=prompt.read,
                left_out=missing,
                early=early,
                mean_confidence=mean_confidence,
                reason=reason,
                number=number,
                instructions=instructions,
                model=other_model,
            )
        )

    def wait(position: int) -> None:
        begin(*prompt_for(connections.choice(asked)[2]))
        hub.emit(
            AgentState(
                agent_id=HUB,
                thought_id=thought_id,
                state="queued",
                round=hub.state.round,
                checkpoint=1.0,
                position=position,
                detail=connections.crowd(asked),
            )
        )

    async def speak(place: Place) -> None:
        connection = place.connection
        prompt, missing = prompt_for(connection.context_of(place.model), connection.kind)
        begin(prompt, missing)
        voice = _Voice(hub, place, prompt, missing, thought_id, spec.temperature)
        speaker = Speaker(
            connection.client,
            ChatRequest(prompt.messages, place.model, spec.temperature, max_tokens, HUB),
            silence_timeout_s=connection.silence_timeout_s,
            states_confidence=False,
            on_text=voice.show,
            on_progress=voice.progress,
            so_far=so_far,
        )
        started = time.monotonic()
        voice.begin()
        try:
            spoken = await speaker.speak(settings, streaming=streams, continue_most=workflow.continue_truncated)
            if await place.is_left(spoken):
                return
        except asyncio.CancelledError:
            voice.end(cut_off(speaker, "stopped", STOPPED_BY_USER, started, place.model))
            raise
        except Exception:  # a bug: see LLMAgent
            voice.end(cut_off(speaker, "failed", A_BUG, started, place.model))
            raise
        voice.end(spoken)

    try:
        await connections.ask(asked, speak, tell=wait)
    except asyncio.CancelledError:
        if has_begun and hub.state.synthesis and hub.state.synthesis.is_live:  # it was still in the queue
            hub.finalize_synthesis(_never_asked(hub.state.synthesis.left_out, spec.temperature))
        raise


def _never_asked(missing: tuple[LeftOut, ...], temperature: float) -> SynthesisComplete:
    return SynthesisComplete(
        status="stopped",
        content="",
        thinking="",
        finish_reason=None,
        usage=None,
        left_out=missing,
        ttft_s=None,
        duration_s=0.0,
        tokens_per_s=None,
        error=STOPPED_BY_USER,
        temperature=temperature,
    )


class _Voice:
    """How the doings of the hub's one answer reach the hub."""

    def __init__(
        self,
        hub: CentralPost,
        place: Place,
        prompt: Prompt,
        missing: tuple[LeftOut, ...],
        thought_id: ThoughtId,
        temperature: float,
    ) -> None:
        self._hub = hub
        self._place = place
        self._prompt = prompt
        self._missing = missing
        self._thought_id = thought_id
        self._temperature = temperature

    def begin(self) -> None:
        self._tell("connecting", read=self._prompt.read, cut=self._prompt.cut)
        if self._place.again:
            self._tell("retrying", detail=self._place.detail, again=self._place.again)

    def progress(self, step: Progress) -> None:
        if step.phase != "connecting" or step.detail:
            self._tell(step.phase, fraction=step.fraction, detail=step.detail, again=step.again)

    def show(self, channel: Channel, text: str, offset: int, tokens: int) -> None:
        self._hub.receive_partial_synthesis(text, offset=offset, channel=channel, tokens_so_far=tokens)

    def end(self, spoken: Spoken) -> None:
        cut = self._prompt.cut
        self._hub.finalize_synthesis(
            SynthesisComplete(
                status=spoken.status,
                content=spoken.content,
                thinking=spoken.thinking,
                finish_reason=spoken.finish_reason,
                usage=spoken.usage,
                left_out=self._missing,
                ttft_s=spoken.ttft_s,
                duration_s=spoken.duration_s,
                tokens_per_s=spoken.tokens_per_s,
                gaps_ms=spoken.gaps_ms,
                error=spoken.error,
                notes=(*self._place.notes, *((cut,) if cut else ()), *spoken.notes),
                model=spoken.model,
                endpoint=self._place.connection.endpoint,
                server=self._place.connection.server if self._place.connection.endpoint else "",
                failed_at=self._place.failed_at,
                temperature=self._temperature,
            )
        )

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
        self._hub.emit(
            AgentState(
                agent_id=HUB,
                thought_id=self._thought_id,
                state=state,
                round=self._hub.state.round,
                checkpoint=1.0,
                fraction=fraction,
                detail=detail,
                again=again,
                read=read,
                cut=cut,
                temperature=self._temperature,
                model=self._place.model,
                endpoint=self._place.connection.endpoint,
                failed_at=self._place.failed_at if state == "connecting" else (),
            )
        )
