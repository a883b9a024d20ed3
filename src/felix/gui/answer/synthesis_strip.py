"""One line that stands where the synthesis will be: when it comes, and the control for what is in view."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.events import AgentId
from felix.gui.kit import Kit, Option, Segmented
from felix.gui.wall.card_words import badge_of
from felix.ledger.state import RunState

VIEWS = (
    Option("agents", icon="grid-3x2-gap", tooltip="Agents"),
    Option("both", icon="layout-split", tooltip="Agents and answer"),
    Option("answer", icon="file-text", tooltip="Answer"),
)
NARROW = 560


def view_control(parent: tk.Misc, kit: Kit, on_view: Callable[[str], None]) -> Segmented:
    """The segmented control that strip and pane share."""
    return kit.segmented(parent, VIEWS, "agents", on_view, on="card")


class SynthesisStrip:
    """`frame` is placed by the caller. It implements View."""

    def __init__(self, parent: tk.Misc, kit: Kit, *, on_view: Callable[[str], None]) -> None:
        self.frame = kit.frame(parent, "card", padding=(12, 3, 4, 3), box="card")
        kit.label(self.frame, on="card", icon="stars", icon_size=14).pack(side="left")
        kit.label(self.frame, "Synthesis", "Strong", on="card", padding=(8, 0, 10, 0)).pack(side="left")
        self.views = view_control(self.frame, kit, on_view)
        self.views.frame.pack(side="right")
        self._words = kit.label(self.frame, "", "Small", "text2", "card")
        self._words.pack(side="left", fill="x", expand=True)
        self._kit = kit
        self._state: RunState | None = None
        self.frame.bind("<Configure>", lambda _event: self._say())

    def set_view(self, view: str) -> None:
        """Show which view is in force."""
        self.views.set(view)

    def show(self, state: RunState) -> None:
        self._state = state
        self._say()

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        self.show(state)

    def tick(self, now: float) -> bool:
        return False

    def _say(self) -> None:
        words = ""
        if self._state is not None:
            words = when(self._state, is_short=self.frame.winfo_width() < self._kit.px(NARROW))
        if words != self._words.cget("text"):
            self._words.configure(text=words)


def when(state: RunState, *, is_short: bool = False) -> str:
    """When the synthesis comes, in words."""
    if state.plan is None:
        return ""
    synthesis = state.synthesis
    if synthesis is not None:
        if synthesis.is_live and state.status is None:
            return synthesis.reason if synthesis.early else "being written"
        badge = badge_of(synthesis, run_is_over=True)
        word = "complete" if synthesis.status == "complete" else badge.word.lower()
        return f"{word}, early: {synthesis.reason}" if synthesis.early and synthesis.reason else word
    if state.status is not None:
        return "none was made"
    rounds = len(state.rounds)
    words = f"after round {rounds}"
    if state.pause == "paused":
        return f"paused, comes {words}"
    threshold = state.plan.consensus_threshold
    if threshold is not None:
        mean = "confidence" if is_short else "mean confidence"
        words += f", or early at {mean} {threshold:.2f}"
    return words
