"""What is being written at this moment, as events for a reader who comes back: each text once, from its beginning.

How each came about in time, which passing events have told, is told behind it, with what its speaker does now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from felix.events import (
    HUB,
    SYNTHESIS,
    AgentId,
    AgentState,
    Channel,
    Event,
    PartialSynthesis,
    PartialThought,
    PartialToolCall,
    ThoughtId,
)
from felix.ledger.speech import Call, Speech, Thought
from felix.ledger.state import RunState


def in_progress(state: RunState) -> Iterator[tuple[float, Event]]:
    """Each with its moment, in Unix seconds: of a text, when the first of it came."""
    for thought in state.thoughts.values():
        if thought.is_live:
            texts = _texts(thought)
            yield from ((at, _partial(thought, state.t, channel, text)) for at, channel, text in texts)
            yield from ((call.opened_at, _call(thought, call)) for call in thought.calls if call.called_at is None)
            told = replace(
                _activity(thought, thought.agent_id, thought.thought_id, thought.round, thought.checkpoint),
                read=thought.read,
                cut=thought.cut,
            )
            yield texts[-1][0] if texts else thought.opened_at, told
    synthesis = state.synthesis
    if synthesis is not None and synthesis.is_live:
        for at, channel, text in _texts(synthesis):
            yield at, PartialSynthesis(channel=channel, partial=text, offset=0, tokens_so_far=synthesis.tokens)
        yield synthesis.opened_at, _activity(synthesis, HUB, SYNTHESIS, 0, 1.0)


def _texts(speech: Speech) -> list[tuple[float, Channel, str]]:
    both: list[tuple[float | None, Channel, str]] = [
        (speech.thinking_at, "thinking", str(speech.thinking)),
        (speech.answer_at, "answer", str(speech.answer)),
    ]
    return [(at or speech.opened_at, channel, text) for at, channel, text in both if text]


def _partial(thought: Thought, t: float, channel: Channel, text: str) -> PartialThought:
    return PartialThought(
        agent_id=thought.agent_id,
        thought_id=thought.thought_id,
        role=thought.role,
        checkpoint=thought.checkpoint,
        progress=t,
        channel=channel,
        partial=text,
        offset=0,
        tokens_so_far=thought.tokens,
    )


def _call(thought: Thought, call: Call) -> PartialToolCall:
    """A call that is being written; one that was whole is in the ledger."""
    return PartialToolCall(
        agent_id=thought.agent_id,
        thought_id=thought.thought_id,
        call_id=call.call_id,
        name=call.name,
        checkpoint=thought.checkpoint,
        position=call.position,
        partial=str(call.arguments),
        offset=0,
    )


def _activity(speech: Speech, agent_id: AgentId, thought_id: ThoughtId, round_: int, checkpoint: float) -> AgentState:
    return AgentState(
        agent_id=agent_id,
        thought_id=thought_id,
        state=speech.activity,
        round=round_,
        checkpoint=checkpoint,
        position=speech.position,
        fraction=speech.fraction,
        detail=speech.detail,
        again=speech.again,
        temperature=speech.temperature,
        model=speech.model,
        endpoint=speech.endpoint,
        failed_at=speech.failed_at,
        trace=speech.trace,
    )
