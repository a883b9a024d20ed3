"""All events together: the record the hub makes of each, a sentence for what was done, and JSON both ways."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Annotated, assert_never

from felix.events.run import AgentAdded, AgentSpawned, RoundStarted, RunFinished, RunReopened, RunStarted, StoodStill
from felix.events.speech import (
    AgentState,
    PartialSynthesis,
    PartialThought,
    SynthesisComplete,
    SynthesisStarted,
    ThoughtAsked,
    ThoughtComplete,
)
from felix.events.steering import NoteAdded, PauseChanged, QuestionClosed, QuestionRaised, WrapUpAsked
from felix.events.tools import PartialToolCall, ToolAnswered, ToolCalled, ToolProgressed, ToolReturned
from felix.events.words import RunId, span_in_words

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Event = (
    RunStarted
    | RoundStarted
    | AgentSpawned
    | AgentAdded
    | AgentState
    | ThoughtAsked
    | PartialThought
    | ThoughtComplete
    | SynthesisStarted
    | PartialSynthesis
    | SynthesisComplete
    | NoteAdded
    | WrapUpAsked
    | PauseChanged
    | QuestionRaised
    | QuestionClosed
    | PartialToolCall
    | ToolCalled
    | ToolAnswered
    | ToolProgressed
    | ToolReturned
    | RunReopened
    | StoodStill
    | RunFinished
)

Deed = (
    AgentAdded
    | ThoughtAsked
    | NoteAdded
    | WrapUpAsked
    | PauseChanged
    | QuestionRaised
    | QuestionClosed
    | ToolAnswered
    | RunReopened
    | StoodStill
)
"""What happened to a run beside its plan: the acts of its user, of guards and of rules, and what befell Felix."""

PASSING = (AgentState, PartialThought, PartialSynthesis, PartialToolCall)
"""What a ledger does not keep: the end of the answer they belong to tells it again, with its trace."""


@dataclass(frozen=True, slots=True)
class Record:
    """An event as the hub stamped it. `seq` counts from 1 within a run and orders it; `at` is Unix seconds."""

    seq: int
    at: float
    run: RunId
    event: Event


def told(deed: Deed) -> str:
    """A deed in one sentence, for logs, terminals and exports."""
    match deed:
        case AgentAdded() | RunReopened():
            return deed.reason
        case ThoughtAsked(act="ask"):
            return f"You asked {deed.agent_id}: {deed.text}"
        case ThoughtAsked(act="retry"):
            return f"You had {deed.agent_id} try again."
        case ThoughtAsked():
            return f"You had {deed.agent_id} go on writing."
        case NoteAdded():
            return f"Your note to {deed.agent_id or 'all agents'}: {deed.text}"
        case WrapUpAsked():
            return "You asked for the synthesis now."
        case PauseChanged():
            return {
                "asked": "The run pauses after this round.",
                "paused": "The run is paused.",
                "off": "The run goes on.",
            }[deed.state]
        case QuestionRaised():
            return deed.text
        case QuestionClosed():
            return {
                "stop": "You had it stopped.",
                "go_on": "You let it go on.",
                "none": "It has ended by itself.",
            }[deed.answer]
        case ToolAnswered():
            return {
                "once": f"You let {deed.agent_id} use {deed.name} once.",
                "run": f"You let {deed.name} be used in this run.",
                "always": f"You let {deed.name} be used from now on.",
                "no": f"You did not let {deed.agent_id} use {deed.name}.",
            }[deed.answer]
        case StoodStill():
            what = "The computer slept" if deed.was_asleep else "Felix was halted, or its computer slept,"
            return f"{what} for {span_in_words(deed.seconds)} – the run goes on."
        case _:
            assert_never(deed)


def to_json(record: Record) -> dict[str, object]:
    """One flat object: `{"seq", "at", "run", "type", …}`, of JSON's own types only."""
    body = _event_adapter().dump_python(record.event, mode="json")
    return {"seq": record.seq, "at": record.at, "run": record.run, "type": body.pop("type"), **body}


def from_json(flat: dict[str, object]) -> Record:
    """The record again. Raises ValueError (pydantic's) when `flat` is no event; unknown fields are ignored."""
    envelope = _envelope_adapter().validate_python({name: flat.get(name) for name in _ENVELOPE})
    return Record(envelope.seq, envelope.at, envelope.run, _event_adapter().validate_python(flat))


@dataclass(frozen=True, slots=True)
class _Envelope:
    seq: int
    at: float
    run: RunId


_ENVELOPE = tuple(field.name for field in fields(_Envelope))


@cache
def _envelope_adapter() -> TypeAdapter[_Envelope]:
    from pydantic import TypeAdapter

    return TypeAdapter(_Envelope)


@cache
def _event_adapter() -> TypeAdapter[Event]:
    # Built when first needed: a window that only shows events never pays for it.
    from pydantic import Field, TypeAdapter

    return TypeAdapter(Annotated[Event, Field(discriminator="type")])
