"""What a thought has read, and what has read it: their cards marked while it is pointed at.

A card that is pointed at stands for the thought under the pointer, and elsewhere for its latest.

A mark is a thin edge – at the left of a card that was read, at the right of one that has read – and words in place of
its depth.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from felix.events import AgentId
from felix.ledger.speech import Agent, Thought
from felix.ledger.state import RunState

CALM_MS = 200
"""A pointer that only crosses a card marks nothing."""


class Relation(NamedTuple):
    """How an agent's thoughts stand to the one that is pointed at, as the rounds they were said in."""

    was_read: tuple[int, ...] = ()
    """By the thought that is pointed at."""
    has_read: tuple[int, ...] = ()
    """That thought."""

    @property
    def words(self) -> str:
        """`read its round 1, read by its rounds 2, 3`, said of the thought that is pointed at; empty for none."""
        told = (("read its ", self.was_read), ("read by its ", self.has_read))
        return ", ".join(words + _rounds(numbers) for words, numbers in told if numbers)


class Markable(Protocol):
    """What a card is here."""

    agent: Agent | None

    @property
    def pointed(self) -> Thought | None: ...

    def mark(self, relation: Relation, words: str) -> None: ...


def relations(thought: Thought, state: RunState) -> dict[AgentId, Relation]:
    """Everybody else who has said what it read, or has read it."""
    read, readers = _others(thought, _read_by(thought, state)), _others(thought, _readers_of(thought, state))
    return {each: Relation(read.get(each, ()), readers.get(each, ())) for each in (*read, *readers)}


def latest_of(agent: Agent) -> Thought | None:
    """The newest of its thoughts whose prompt is known: one that queues has read nothing yet."""
    return next((thought for thought in reversed(agent.thoughts) if thought.asked_at is not None), agent.latest)


def in_words(thought: Thought, state: RunState) -> str:
    """Two lines at most: what a thought has read, and who has read it."""
    is_source = state.synthesis is not None and thought.thought_id in state.synthesis.sources
    lines = (
        ("has read", _named(_others(thought, _read_by(thought, state)))),
        ("was read by", [*_named(_others(thought, _readers_of(thought, state))), *["the synthesis"] * is_source]),
    )
    return "\n".join(f"Round {thought.round} {words} {', '.join(names)}" for words, names in lines if names)


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

    def move(self, card: Markable) -> None:
        """The pointer goes on within a card, maybe to another of its thoughts."""
        if card is self._pointed and not self._after:
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
        thought = self._pointed.pointed if self._pointed is not None else None
        related = relations(thought, self._state) if thought is not None else {}
        cards = self._cards()
        for agent_id in self._marked - related.keys():
            if (card := cards.get(agent_id)) is not None:
                card.mark(Relation(), "")
        for agent_id, relation in related.items():
            if (card := cards.get(agent_id)) is not None:
                card.mark(relation, relation.words)
        self._marked = set(related)


def _read_by(thought: Thought, state: RunState) -> list[Thought]:
    return [state.thoughts[each] for each in thought.read if each in state.thoughts]


def _readers_of(thought: Thought, state: RunState) -> list[Thought]:
    return [each for each in state.thoughts.values() if thought.thought_id in each.read]


def _others(thought: Thought, related: Iterable[Thought]) -> dict[AgentId, tuple[int, ...]]:
    """Whose these are and from which rounds; not the agent's own."""
    rounds: dict[AgentId, dict[int, None]] = {}
    for each in related:
        if each.agent_id != thought.agent_id:
            rounds.setdefault(each.agent_id, {})[each.round] = None
    return {agent_id: tuple(numbers) for agent_id, numbers in rounds.items()}


def _named(rounds: Mapping[AgentId, tuple[int, ...]]) -> list[str]:
    return [f"{agent_id} ({_rounds(numbers)})" for agent_id, numbers in rounds.items()]


def _rounds(numbers: Sequence[int]) -> str:
    """`round 1`, `rounds 1, 2`."""
    return f"round{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
