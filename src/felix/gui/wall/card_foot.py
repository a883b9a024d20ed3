"""The foot of a card: first-token time, speed, tokens, and at the right how confident the agent says it is."""

from __future__ import annotations

import tkinter as tk

from felix.gui.kit import Kit
from felix.gui.wall.card_words import footer, ttft_of
from felix.gui.wall.offers import turn_of
from felix.ledger.speech import Agent


class CardFoot:
    """Packed at the bottom of a card."""

    def __init__(self, parent: tk.Misc, kit: Kit) -> None:
        self._kit = kit
        self._agent: Agent | None = None
        self.frame = kit.frame(parent, "card", (9, 3, 6, 4))
        self.frame.pack(side="bottom", fill="x")
        self._confidence = kit.label(self.frame, font="Small", color="text2", on="card", padding=(0, 3, 3, 3))
        self._confidence.pack(side="right")
        self._counts = kit.label(self.frame, font="Small", color="text2", on="card", padding=(0, 3))
        self._counts.pack(side="left")
        kit.tooltip(self._counts, self._explain_counts)
        kit.tooltip(self._confidence, self._explain_confidence)
        self.parts: tuple[tk.Misc, ...] = (self.frame, self._counts, self._confidence)
        """For bindings."""
        self._words = self._stated = self._place = ""
        self._is_old = False
        """What was stated is about an earlier thought."""

    def show(self, agent: Agent, now: float, *, narrow: bool, place: str = "") -> None:
        """Counts of the latest thought, and the latest confidence. `now` in Unix seconds.

        `place` is where it is asked, in a run that asks several servers.
        """
        self._agent, self._place = agent, place
        words = footer(agent, now, narrow=narrow)
        if words != self._words:
            # a label that is configured lays out its parents again, even with the same words
            self._words = words
            self._counts.configure(text=words)
        latest, value = agent.latest, agent.confidence
        is_silent = value is None and (latest is None or latest.is_live)
        stated = "" if is_silent else "–" if value is None else f"{value:.2f}"
        turn = turn_of(agent)
        is_old = value is not None and turn is not None and not turn.is_live and turn.confidence is None
        if (stated, is_old) != (self._stated, self._is_old):
            self._stated, self._is_old = stated, is_old
            icon, colour = (
                ("bullseye" if value is not None else None),
                "text2" if value is None or is_old else "ink:done",
            )
            self._kit.set_label(self._confidence, text=stated, icon=icon, icon_size=11, color=colour)

    def forget(self) -> None:
        """Keep nobody."""
        self._agent = None

    def _explain_counts(self) -> str:
        latest = self._agent.latest if self._agent else None
        if latest is None:
            return ""
        first = ttft_of(latest)
        parts = [f"First token after {first:.1f} s" if first is not None else "", self._place or latest.model]
        parts.append(f"temperature {latest.temperature:.2f}" if latest.temperature is not None else "")
        counted = latest.usage
        parts.append("Counts with ~ are estimates" if counted is None else f"{counted.prompt:,} tokens of prompt")
        return "\n".join(part for part in parts if part)

    def _explain_confidence(self) -> str:
        if not self._stated:
            return ""
        if self._stated == "–":
            return "No confidence stated"
        return f"Confidence as the agent stated it{' before' if self._is_old else ''}, 0 to 1"
