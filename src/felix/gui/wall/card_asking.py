"""What a user asks of an agent at its card: whether it may be asked now, and the line in which a question is written.

Buttons, keys and menu of a card all come here, so that none of them offers what another one would not.
"""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable

from felix.events import ThoughtId
from felix.gui.kit import Kit
from felix.gui.wall.ask_line import AskLine
from felix.gui.wall.card_menu import Item
from felix.gui.wall.offers import NOTHING, CardActs, Offer, Offers, turn_of, why_not_ask
from felix.ledger.speech import Agent, Thought
from felix.ledger.state import RunState

TWICE_S = 0.4
"""The second half of a double click asks for nothing again."""


class CardAsking:
    """Of one card, whoever it shows. Without `acts` there is nothing to ask for."""

    def __init__(
        self,
        frame: tk.Misc,
        kit: Kit,
        foot: tk.Misc,
        acts: CardActs | None,
        *,
        on_stop: Callable[[], object],
        on_ask: Callable[[], object],
    ) -> None:
        """`on_stop` and `on_ask` are told just before the agent is stopped, or asked."""
        self._frame, self._kit, self._foot = frame, kit, foot
        self.acts = acts
        self._on_stop, self._on_ask = on_stop, on_ask
        self._agent: Agent | None = None
        self._state = RunState()
        self._acted_at = 0.0
        self._stopping: ThoughtId | None = None
        self._line: AskLine | None = None
        self.is_low = False
        """There is no room for a hint at the line."""

    def show(self, agent: Agent | None, state: RunState) -> None:
        """Ask this agent from now on; None is nobody."""
        if agent is not self._agent:
            self.close()
        # the next run has thoughts of the same names
        if state.run != self._state.run or agent is None or agent.latest is None or not agent.latest.is_live:
            self._stopping = None
        self._agent, self._state = agent, state

    @property
    def offers(self) -> Offers:
        """What can be asked of the agent now."""
        if self.acts is None or self._agent is None:
            return NOTHING
        return self.acts.offers(self._agent, self._state)

    @property
    def turn(self) -> Thought | None:
        """What another try, or going on, would be about."""
        return turn_of(self._agent) if self._agent is not None else None

    @property
    def is_stopping(self) -> bool:
        """Whether the user has stopped what the agent says, and the run has not said so yet."""
        latest = self._agent.latest if self._agent is not None else None
        return latest is not None and latest.is_live and latest.thought_id == self._stopping

    def stop(self) -> None:
        """End what the agent says."""
        if (acts := self._may("stop")) and self._agent is not None and self._agent.latest is not None:
            self._stopping = self._agent.latest.thought_id
            self._on_stop()
            acts.stop(self._agent.agent_id)

    def retry(self) -> None:
        """Have the agent take its latest turn again."""
        if (acts := self._may("retry")) and (turn := self.turn):
            acts.retry(turn.thought_id)

    def edit(self) -> None:
        """The same, after the user has changed the prompt or the model."""
        if (acts := self._may("retry")) and (turn := self.turn):
            acts.edit(turn.thought_id)

    def go_on(self) -> None:
        """Have a cut answer continued."""
        if (acts := self._may("continue")) and (turn := self.turn):
            acts.go_on(turn.thought_id)

    def ask(self) -> None:
        """Open the line for a question to the agent."""
        if self._may("ask") and self._agent is not None:
            if self._line is None:
                self._line = AskLine(self._frame, self._kit, self._foot, on_ask=self._ask)
            self._line.open(str(self._agent.agent_id), has_room=not self.is_low)
        elif self.acts is not None and self._agent is not None and "ask" not in self.offers:
            self.acts.tell(why_not_ask(self._agent, self._state))

    def tell(self, sentence: str) -> None:
        """Say why something the user asked for cannot be."""
        if self.acts is not None:
            self.acts.tell(sentence)

    def close(self) -> bool:
        """Take the line away; False when it was not open."""
        return self._line is not None and self._line.close()

    def items(self) -> list[Item]:
        """For the card's menu."""
        offers = self.offers
        wanted: tuple[tuple[Offer, Item], ...] = (
            ("stop", Item("Stop this agent", self.stop, "Del")),
            ("ask", Item("Ask this agent…", self.ask, "A")),
            ("retry", Item("Try again", self.retry, "R")),
            ("retry", Item("Edit and try again…", self.edit)),
            ("continue", Item("Continue writing", self.go_on)),
        )
        return [item for offer, item in wanted if offer in offers]

    def _ask(self, question: str) -> None:
        if self.acts is not None and self._agent is not None:
            self._on_ask()
            self.acts.ask(self._agent.agent_id, question)

    def _may(self, offer: Offer) -> CardActs | None:
        """The acts, if this one is offered, and not just now asked for."""
        now = time.monotonic()
        if offer not in self.offers or now - self._acted_at < TWICE_S:
            return None
        self._acted_at = now
        return self.acts
