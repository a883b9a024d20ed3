"""Has the user look when the run waits for their word: a tool call asks, and nobody may be looking at its card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from felix.events import AgentId, CallId
from felix.gui.header import WORKFLOWS
from felix.gui.wall.call_words import waiting_calls
from felix.ledger.state import RunState

if TYPE_CHECKING:
    from felix.gui.window import Window


class Attention:
    """A view of the run that goes on, whichever is shown. Made when all parts of the window are there."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._waiting: tuple[tuple[AgentId, CallId], ...] = ()
        window.status.waiting.configure(command=self.lead)

    def show(self, state: RunState) -> None:
        self.update(state, set())

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        """Say who waits, and once for each that has come to do so, where the user is elsewhere."""
        waiting = tuple(
            (agent.agent_id, call.call_id)
            for agent in (state.agents.values() if state.is_running else ())
            for call in waiting_calls(agent)
        )
        if waiting == self._waiting:
            return
        is_more = bool(set(waiting) - set(self._waiting))
        self._waiting = waiting
        self._window.status.say_waiting(self._words())
        if is_more:
            self._window.notification.run_waits(self._words(), state)
        elif not waiting:
            self._window.notification.calm()

    def tick(self, now: float) -> bool:
        return False

    def lead(self) -> None:
        """Show the run, the card and the call that has waited longest."""
        window = self._window
        if not self._waiting:
            return
        agent_id, call_id = self._waiting[0]
        window.header.turn_to(WORKFLOWS)
        if not window.control.is_shown and window.bridge.live_run is not None:
            window.keeping.shelf.open(window.bridge.live_run, then=lambda: self._turn(agent_id, call_id))
        else:
            self._turn(agent_id, call_id)

    def _turn(self, agent_id: AgentId, call_id: CallId) -> None:
        self._window.show_card(agent_id)
        self._window.wall.turn_to(agent_id, call_id)

    def _words(self) -> str:
        if not self._waiting:
            return ""
        who, count = self._waiting[0][0], len(self._waiting)
        return f"{who} asks you" if count == 1 else f"{count} tool calls ask you"
