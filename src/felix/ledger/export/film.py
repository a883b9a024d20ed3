"""A run as a film: when each answer began, did what, and had how much of its text, in ms since the run began.

It is the replay of `ledger.replay` written down, so that a page can show any moment of it without knowing an event.
Text is counted as browsers count it, in UTF-16 units of what `harmless` makes of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import assert_never

from felix.events import (
    HUB,
    AgentAdded,
    AgentSpawned,
    AgentState,
    NoteAdded,
    PartialSynthesis,
    PartialThought,
    PartialToolCall,
    PauseChanged,
    QuestionClosed,
    QuestionRaised,
    Record,
    RoundStarted,
    RunFinished,
    RunReopened,
    RunStarted,
    StoodStill,
    SynthesisComplete,
    SynthesisStarted,
    ThoughtAsked,
    ThoughtComplete,
    ThoughtId,
    ToolAnswered,
    ToolCalled,
    ToolProgressed,
    ToolReturned,
    WrapUpAsked,
    told,
)
from felix.ledger.replay import expand
from felix.ledger.run_clock import RunClock, clock_of
from felix.ledger.speech import Speech
from felix.ledger.state import RunState
from felix.ledger.words import harmless


@dataclass(slots=True)
class Scene:
    """One answer in time; all times in ms."""

    began: int
    ended: int | None = None
    """None for one that has no end yet."""
    states: list[int | str] = field(default_factory=list)
    """Two values for each: since when, what it did."""
    thinking: list[int] = field(default_factory=list)
    """Two values for each chunk: when, and how much there was then."""
    answer: list[int] = field(default_factory=list)

    def say(self, ms: int, channel: str, text: str) -> None:
        chunks = self.thinking if channel == "thinking" else self.answer
        chunks += (ms, (chunks[-1] if chunks else 0) + units(harmless(text)))


@dataclass(slots=True)
class Film:
    clock: RunClock
    total: int = 1
    """How long the run was, in ms; 1 at least."""
    scenes: dict[ThoughtId, Scene] = field(default_factory=dict)
    syntheses: dict[int, Scene] = field(default_factory=dict)
    """By number."""
    rounds: list[tuple[int, int]] = field(default_factory=list)
    """When each began, and its number."""
    spawned: dict[str, int] = field(default_factory=dict)
    """When each agent came."""
    deeds: list[tuple[int, str]] = field(default_factory=list)
    """What users, guards and rules did, in a sentence."""


def film(records: Iterable[Record], state: RunState) -> Film:
    """The film of a run, and of the state that its records make; times in which it was closed are cut out."""
    durable = list(records)
    clock = clock_of(durable)
    result = Film(clock)
    number = 1
    for record in expand(durable):
        event, ms = record.event, round(clock.position(record.at) * 1000)
        result.total = max(result.total, ms)
        match event:
            case RoundStarted():
                result.rounds.append((ms, event.number))
            case AgentSpawned():
                result.spawned[event.agent_id] = ms
            case AgentState(agent_id=agent_id) if agent_id == HUB:
                pass
            case AgentState() | PartialToolCall() | ToolCalled():
                result.scenes.setdefault(event.thought_id, Scene(ms))
            case PartialThought():
                scene = result.scenes.setdefault(event.thought_id, Scene(ms))
                scene.say(ms, event.channel, event.partial)
            case ThoughtComplete():
                result.scenes.setdefault(event.thought_id, Scene(ms)).ended = ms
            case SynthesisStarted():
                number = event.number
                result.syntheses[number] = Scene(ms)
            case PartialSynthesis():
                result.syntheses.setdefault(number, Scene(ms)).say(ms, event.channel, event.partial)
            case SynthesisComplete():
                result.syntheses.setdefault(number, Scene(ms)).ended = ms
            case ThoughtAsked():
                result.scenes.setdefault(event.thought_id, Scene(ms))
                result.deeds.append((ms, harmless(told(event))))
            case (
                AgentAdded()
                | NoteAdded()
                | WrapUpAsked()
                | PauseChanged()
                | QuestionRaised()
                | QuestionClosed()
                | ToolAnswered()
                | RunReopened()
                | StoodStill()
            ):
                result.deeds.append((ms, harmless(told(event))))
            case ToolProgressed() | ToolReturned() | RunStarted() | RunFinished():
                pass
            case _:
                assert_never(event)
    made: list[tuple[Speech, Scene | None]] = [(each, result.scenes.get(name)) for name, each in state.thoughts.items()]
    made += [(each, result.syntheses.get(each.number)) for each in state.syntheses]
    for speech, shot in made:
        if shot is not None:
            for ms, activity in speech.states:
                shot.states += (round(clock.position(speech.opened_at + ms / 1000) * 1000), activity)
    return result


def units(text: str) -> int:
    """Its length as browsers count it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
