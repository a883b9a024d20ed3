"""What has changed of a run since the last frame: the bridge gathers it, and views draw no more than that."""

from __future__ import annotations

from felix.events import (
    HUB,
    AgentAdded,
    AgentId,
    AgentSpawned,
    AgentState,
    Event,
    PartialSynthesis,
    PartialThought,
    PartialToolCall,
    RunStarted,
    SynthesisComplete,
    SynthesisStarted,
    ThoughtAsked,
    ThoughtComplete,
    ToolAnswered,
    ToolCalled,
    ToolProgressed,
    ToolReturned,
)


class Changes:
    """What a frame has to show of a run."""

    __slots__ = ("dirty", "is_changed", "is_new")

    def __init__(self) -> None:
        self.dirty: set[AgentId] = set()
        self.is_new = self.is_changed = False

    def add(self, event: Event) -> None:
        """Take an event in."""
        self.is_changed = True
        if isinstance(event, RunStarted):
            self.is_new = True
        elif (agent_id := _whom(event)) is not None:
            self.dirty.add(agent_id)


def _whom(event: Event) -> AgentId | None:
    """The agent an event is about, `HUB` for the synthesis, None for the run as a whole."""
    match event:
        case PartialThought() | AgentState() | ThoughtAsked() | ThoughtComplete() | AgentSpawned():
            return event.agent_id
        case PartialToolCall() | ToolCalled() | ToolAnswered() | ToolProgressed() | ToolReturned():
            return event.agent_id
        case AgentAdded():
            return event.agent.agent_id
        case PartialSynthesis() | SynthesisStarted() | SynthesisComplete():
            return HUB
        case _:
            return None
