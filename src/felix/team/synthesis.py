"""The hub's last word: one answer written from the agents' complete thoughts, streamed like theirs.

Who failed, was cut short or was not heard is said by Felix itself, beside the answer, and never left to the model.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import assert_never

from felix.events import (
    HUB,
    SYNTHESIS,
    Activity,
    AgentState,
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
from felix.team.connection import Connection
from felix.team.hub import CentralPost
from felix.team.prompts import Room, estimate_tokens, synthesis_prompt
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
        match _last_word(own):
            case None:
                reason = "The rounds ended before its turn."
                missing.append(LeftOut(agent_id=agent.agent_id, status="unheard", reason=reason))
            case Thought(status="complete") if not any(t.thought_id in read for t in own):
                reason = f"What it wrote did not fit the hub's context of {room}."
                missing.append(LeftOut(agent_id=agent.agent_id, status="unheard", reason=reason))
            case Thought(status="complete") | Thought(status=None):
                pass
            case Thought(status=str(status), error=error):
                missing.append(LeftOut(agent_id=agent.agent_id, status=status, reason=error or f"It ended {status}."))
            case latest:
                assert_never(latest)  # type: ignore[arg-type]  # mypy does not narrow by attributes
    return tuple(missing)


def _last_word(own: Sequence[Thought]) -> Thought | None:
    """Of its latest turn the complete thought, though it was tried again in vain; else the newest attempt."""
    latest = [t for t in own if t.round == max(each.round for each in own)]
    return next((t for t in latest if t.status == "complete"), latest[-1] if latest else None)


async def synthesise(
    task: str,
    workflow: Workflow,
    connection: Connection,
    hub: CentralPost,
    settings: Callable[[], Settings],
    *,
    early: bool,
    mean_confidence: float | None,
    reason: str,
    instructions: str = "",
    other_model: str = "",
    so_far: str = "",
) -> SynthesisComplete:
    """Write the answer, telling the hub as it comes. Cancelling ends it as `stopped` there, with what it had.

    `instructions` and `other_model` are the user's, for this one; with `so_far` it goes on from that text.
    """
    spec = workflow.synthesis
    model = other_model or spec.model or connection.model
    number = hub.state.synthesis.number + 1 if hub.state.synthesis else 1
    thought_id = SYNTHESIS if number == 1 else ThoughtId(f"{SYNTHESIS}.{number}")
    max_tokens = settings().max_tokens if spec.max_tokens is None else spec.max_tokens
    complete, unfinished = usable(hub.thoughts())
    room = Room(connection.context_of(model), max_tokens, estimate_tokens(so_far))
    prompt = synthesis_prompt(
        task,
        workflow,
        complete=complete,
        unfinished=unfinished,
        room=room,
        brief=brief_for(hub.state, HUB),
        instructions=instructions,
    )
    missing = left_out(hub.state, prompt.read, room)
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

    def tell(
        state: Activity,
        *,
        fraction: float | None = None,
        detail: str = "",
        read: tuple[ThoughtId, ...] = (),
        cut: str = "",
    ) -> None:
        hub.emit(
            AgentState(
                agent_id=HUB,
                thought_id=thought_id,
                state=state,
                round=hub.state.round,
                checkpoint=1.0,
                fraction=fraction,
                detail=detail,
                read=read,
                cut=cut,
                temperature=spec.temperature,
                model=model,
            )
        )

    def progress(step: Progress) -> None:
        if step.phase != "connecting" or step.detail:
            tell(step.phase, fraction=step.fraction, detail=step.detail)

    def streams() -> bool:
        return settings().enable_streaming if spec.enable_streaming is None else spec.enable_streaming

    def ended(spoken: Spoken) -> SynthesisComplete:
        return SynthesisComplete(
            status=spoken.status,
            content=spoken.content,
            thinking=spoken.thinking,
            finish_reason=spoken.finish_reason,
            usage=spoken.usage,
            left_out=missing,
            ttft_s=spoken.ttft_s,
            duration_s=spoken.duration_s,
            tokens_per_s=spoken.tokens_per_s,
            error=spoken.error,
            notes=(*((prompt.cut,) if prompt.cut else ()), *spoken.notes),
            model=spoken.model,
            temperature=spec.temperature,
        )

    speaker = Speaker(
        connection.client,
        ChatRequest(prompt.messages, model, spec.temperature, max_tokens, HUB),
        silence_timeout_s=connection.silence_timeout_s,
        states_confidence=False,
        on_text=lambda channel, text, offset, tokens: hub.receive_partial_synthesis(
            text, offset=offset, channel=channel, tokens_so_far=tokens
        ),
        on_progress=progress,
        so_far=so_far,
    )
    started = time.monotonic()
    tell("connecting", read=prompt.read, cut=prompt.cut)
    try:
        spoken = await speaker.speak(settings, streaming=streams, continue_most=workflow.continue_truncated)
    except asyncio.CancelledError:
        hub.finalize_synthesis(ended(cut_off(speaker, "stopped", STOPPED_BY_USER, started, model)))
        raise
    except Exception:  # a bug: see LLMAgent
        hub.finalize_synthesis(ended(cut_off(speaker, "failed", A_BUG, started, model)))
        raise
    result = ended(spoken)
    hub.finalize_synthesis(result)
    return result
