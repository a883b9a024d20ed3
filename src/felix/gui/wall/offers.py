"""What a user may ask of an agent or of the synthesis at a moment of the run, and the acts that ask for it.

Views offer what stands in the set they get and call the act; what an act does, only the window knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from felix.events import AgentId, CallId, Leave, ThoughtId
from felix.ledger.speech import Agent, Speech, Thought
from felix.ledger.state import RunState
from felix.team.outcome import CAME_TO_NOTHING

Offer = Literal["stop", "retry", "continue", "ask", "again", "leave"]
"""`again`: the synthesis once more, with other instructions or another model; `leave`: an answer to a tool call."""
Offers = frozenset[Offer]
NOTHING: Offers = frozenset()


@dataclass(frozen=True, slots=True)
class CardActs:
    """What a card can ask for; each returns at once."""

    offers: Callable[[Agent, RunState], Offers]
    stop: Callable[[AgentId], object]
    retry: Callable[[ThoughtId], object]
    edit: Callable[[ThoughtId], object]
    """Have the user change the prompt first, or the model."""
    go_on: Callable[[ThoughtId], object]
    """Continue writing."""
    ask: Callable[[AgentId, str], object]
    answer: Callable[[str, bool], object]
    """A guard's question by its id, and whether to stop."""
    leave: Callable[[CallId, Leave], object] = lambda _call, _leave: None
    """The user's word to a tool call."""
    tell: Callable[[str], object] = lambda _sentence: None
    """Says why what a key stands for cannot be asked now."""


@dataclass(frozen=True, slots=True)
class SynthesisActs:
    """What the synthesis can be asked for."""

    offers: Callable[[RunState], Offers]
    again: Callable[[], object]
    go_on: Callable[[], object]
    stop: Callable[[], object]
    answer: Callable[[str, bool], object]


def turn_of(agent: Agent) -> Thought | None:
    """The thought its card speaks of: what the agent does now, else its latest turn, which no answer to the user is."""
    latest = agent.latest
    if latest is None or latest.is_live:
        return latest
    return next((each for each in reversed(agent.thoughts) if each.act != "ask"), latest)


def is_awaited(agent: Agent, state: RunState) -> bool:
    """Whether what the agent did came to nothing before its run ended, and it will be asked again as that goes on."""
    turn = turn_of(agent)
    if not state.is_continuing or state.reopened_at is None or turn is None or turn.ended_at is None:
        return False
    return turn.status in CAME_TO_NOTHING and turn.ended_at <= state.reopened_at


def offers_for(agent: Agent, state: RunState) -> Offers:
    """What can be asked of an agent now."""
    thought = turn_of(agent)
    if thought is None:
        return NOTHING
    if thought.is_live:
        if not state.is_running:
            return NOTHING
        return frozenset(("stop", "leave")) if any(call.is_asking for call in thought.calls) else frozenset(("stop",))
    is_concluding = state.synthesis is not None and state.synthesis.is_live
    if state.is_running and (is_concluding or state.is_wrapping_up):
        return NOTHING  # the hub has taken what there is
    offers: set[Offer] = set()
    if thought.act != "ask" and not is_awaited(agent, state):
        offers.add("retry")
        if _can_go_on(thought):
            offers.add("continue")
    if any(each.answer for each in agent.thoughts if not each.is_live):
        offers.add("ask")
    return frozenset(offers)


def why_not_ask(agent: Agent, state: RunState) -> str:
    """Why there can be no question to an agent now, in a sentence that says when there can."""
    name, speaks = agent.agent_id, agent.latest is not None and agent.latest.is_live
    if speaks and state.is_running:
        return f"{name} can be asked when what it writes now is done."
    is_concluding = state.synthesis is not None and state.synthesis.is_live
    if state.is_running and (is_concluding or state.is_wrapping_up):
        return f"{name} can be asked when the answer is done."
    if not any(each.answer for each in agent.thoughts):
        return f"{name} has said nothing yet that it could be asked about."
    return f"{name} cannot be asked here: choose the run's end, or wait for the run that goes on."


def offers_for_synthesis(state: RunState) -> Offers:
    """What can be asked of the hub now."""
    synthesis = state.synthesis
    if state.is_running:
        return frozenset(("stop",)) if synthesis is not None and synthesis.is_live else NOTHING
    if not any(thought.answer for thought in state.thoughts.values()):
        return NOTHING
    return frozenset(("again", "continue")) if synthesis and _can_go_on(synthesis) else frozenset(("again",))


def _can_go_on(speech: Speech) -> bool:
    return not speech.is_live and speech.status != "complete" and bool(str(speech.answer).strip())
