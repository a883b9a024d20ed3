"""What the window asks of everything that shows a run: draw the whole, draw what changed, let time pass.

A view reads a `RunState` and never an event. All three calls come from the bridge, on Tk's thread, and only while the
view can be seen.
"""

from __future__ import annotations

from typing import Protocol

from felix.events import AgentId
from felix.ledger.state import RunState


class View(Protocol):
    """One part of the window that follows the run."""

    def show(self, state: RunState) -> None:
        """Draw everything from the state: a run began, or the view can be seen again."""

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        """Draw what changed since the last frame. `HUB` in `dirty` is the synthesis; an empty set: the run itself."""

    def tick(self, now: float) -> bool:
        """Let time pass: caret, typing, glide, seconds. `now` is `time.monotonic()`; True asks for the next frame."""
