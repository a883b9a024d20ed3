"""The user's hand on a run: acts that come at any moment, before it can be steered, while it goes on, or too late."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from felix.team.run import Run

Act = Callable[["Run"], None]
"""A plain function, called on the worker: nothing comes between two of its lines."""


class Steering:
    """Brings acts to a run. Those that come while it still connects are kept until it has been planned."""

    def __init__(self) -> None:
        self.is_over = False
        """Nothing can be done to the run any more; only its end is still to be told."""
        self._run: Run | None = None
        self._held: list[Act] = []

    def do(self, act: Act) -> None:
        """Carry out an act now, or as soon as there is a run; it is let fall when the run is over."""
        if self.is_over:
            return
        if self._run is None:
            self._held.append(act)
        else:
            act(self._run)

    def begin(self, run: Run) -> None:
        self._run = run
        held, self._held = self._held, []
        for act in held:
            act(run)

    def end(self) -> None:
        self.is_over = True
        self._run = None
        self._held.clear()
