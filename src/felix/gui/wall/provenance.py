"""Who has read whom: the cards behind a card, and those it stands behind, marked while it is pointed at.

A mark is a thin edge – at the left of a card that was read, at the right of one that has read – and words in place of
its depth.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from felix.events import AgentId, ThoughtId
from felix.gui.wall.card_words import author
from felix.ledger.state import Agent, RunState

CALM_MS = 200
"""A pointer that only crosses a card marks nothing."""


class Relation(NamedTuple):
    """How one agent's thoughts stand to those of the agent that is pointed at."""

    was_read: bool = False
    """By that agent's latest words."""
    has_read: bool = False

    def words(self, agent_id: AgentId) -> str:
        match self:
            case (True, True):
                return f"{agent_id}: each has read the other"
            case (True, False):
                return f"read by {agent_id}"
            case (False, True):
                return f"has read {agent_id}"
            case _:
                return ""


class Markable(Protocol):
    """What a card is here."""

    agent: Agent | None

    def mark(self, relation: Relation, words: str) -> None: ...


def relations(agent: Agent, state: RunState) -> dict[AgentId, Relation]:
    """All who were read by an agent, or have read it; not itself."""
    was_read = {author(thought) for thought in _latest_read(agent)}
    own = {thought.thought_id for thought in agent.thoughts}
    has_read = {thought.agent_id for thought in state.thoughts.values() if not own.isdisjoint(thought.read)}
    return {
        each: Relation(each in was_read, each in has_read) for each in (was_read | has_read) - {agent.agent_id}
    }  # fmt: skip


def in_words(agent: Agent, state: RunState) -> str:
    """Two lines at most: what its latest words rest on, and who has read any of them."""
    own = {thought.thought_id for thought in agent.thoughts}
    readers = [t.thought_id for t in state.thoughts.values() if not own.isdisjoint(t.read)]
    lines = (
        ("Has read ", _named(_latest_read(agent), state, agent.agent_id)),
        ("Was read by ", _named(readers, state, agent.agent_id)),
    )
    return "\n".join(words + names for words, names in lines if names)


class Provenance:
    """Marks cards; `cards` gives those on the wall. Tk's thread only."""

    def __init__(self, owner: tk.Misc, cards: Callable[[], Mapping[AgentId, Markable]]) -> None:
        self._owner, self._cards = owner, cards
        self._state = RunState()
        self._pointed: Markable | None = None
        self._marked: set[AgentId] = set()
        self._after = ""
        owner.bind("<Destroy>", lambda _event: self._cancel(), add="+")

    def show(self, state: RunState) -> None:
        """The run has changed; so may have who has read whom."""
        self._state = state
        if self._pointed is not None and not self._after:
            self._draw()

    def point(self, card: Markable) -> None:
        """The pointer or the keyboard has come to a card."""
        if card is not self._pointed:
            self._cancel()
            self._pointed = card
            self._after = self._owner.after(CALM_MS, self._draw)

    def leave(self) -> None:
        """It has gone."""
        self._cancel()
        self._pointed = None
        self._draw()

    def _cancel(self) -> None:
        if self._after:
            self._owner.after_cancel(self._after)
            self._after = ""

    def _draw(self) -> None:
        self._after = ""
        agent = self._pointed.agent if self._pointed is not None else None
        related = relations(agent, self._state) if agent is not None else {}
        cards = self._cards()
        for agent_id in self._marked - related.keys():
            if (card := cards.get(agent_id)) is not None:
                card.mark(Relation(), "")
        for agent_id, relation in related.items():
            if agent is not None and (card := cards.get(agent_id)) is not None:
                card.mark(relation, relation.words(agent.agent_id))
        self._marked = set(related)


def _latest_read(agent: Agent) -> tuple[ThoughtId, ...]:
    """What stood in the prompt of the newest thought that has read any."""
    return next((thought.read for thought in reversed(agent.thoughts) if thought.read), ())


def _named(thoughts: Iterable[ThoughtId], state: RunState, but: AgentId) -> str:
    """`research-1 (round 1), critic-1 (rounds 1, 2)`."""
    rounds: dict[AgentId, list[str]] = {}
    for thought_id in thoughts:
        thought = state.thoughts.get(thought_id)
        if (agent_id := author(thought_id)) != but:
            number = str(thought.round) if thought is not None else "?"
            if number not in rounds.setdefault(agent_id, []):
                rounds[agent_id].append(number)
    return ", ".join(
        f"{agent_id} (round{'s' * (len(numbers) > 1)} {', '.join(numbers)})" for agent_id, numbers in rounds.items()
    )
