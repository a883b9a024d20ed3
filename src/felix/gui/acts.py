"""The user's acts on a run, from the button to the engine: what may be asked for now, and the forms that ask for more.

The views know callables only. What an act does to the run comes back as records, like all else; nothing is shown here
that the run has not said.
"""

from __future__ import annotations

import tkinter as tk

from felix.engine import Engine
from felix.events import HUB, AgentId, RunId
from felix.gui.bridge import Bridge
from felix.gui.composer import Composer
from felix.gui.kit import Kit
from felix.gui.offers import (
    NOTHING,
    CardActs,
    Offers,
    SynthesisActs,
    offers_for,
    offers_for_synthesis,
)
from felix.gui.question_line import QuestionLine, question_for
from felix.gui.run_buttons import Steer
from felix.gui.run_control import RunControl
from felix.gui.server_watch import ServerWatch
from felix.gui.sheet import Form, Sheet
from felix.ledger.state import Agent, RunState

LATE = "The run has ended meanwhile, so nobody could read the note."


class Acts:
    """Made before the views, which get `card`, `synthesis` and `steer`; `furnish` must come before any act.

    A view too: it shows what concerns the run as a whole. Tk's thread only.
    """

    def __init__(self, engine: Engine, bridge: Bridge, watch: ServerWatch) -> None:
        self._engine, self._bridge, self._watch = engine, bridge, watch
        self.card = CardActs(
            offers=self._offers,
            stop=self._stop_agent,
            retry=lambda _thought: None,
            edit=lambda _thought: None,
            go_on=lambda _thought: None,
            ask=lambda _agent, _question: None,
            answer=lambda _question, _stop: None,
        )
        self.synthesis = SynthesisActs(
            offers=self._offers_of_hub,
            again=lambda: None,
            go_on=lambda: None,
            stop=lambda: self._stop_agent(HUB),
            answer=lambda _question, _stop: None,
        )
        self.steer = Steer(
            note=self.note,
            pause=self._pause,
            wrap_up=self._wrap_up,
            follow_up=lambda: None,
            synthesise_again=lambda: None,
        )

    def furnish(self, kit: Kit, column: tk.Misc, composer: Composer, control: RunControl) -> None:
        """Make what is shown in the column and in the composer."""
        self._composer, self._control = composer, control
        self.sheet = Sheet(column, kit, above=composer.frame)
        self._question = QuestionLine(composer.frame, kit, on_answer=self.card.answer, is_wide=True)

    def close(self) -> bool:
        """Close the form that is open; False when none was."""
        return self.sheet.close()

    # -- what may be asked for -----------------------------------------------------------------------------------------

    @property
    def is_possible(self) -> bool:
        """Not in the middle of a replay, nor with a past run while another one goes on."""
        bridge = self._bridge
        if bridge.run is None or (bridge.run != bridge.live_run and bridge.live.is_running):
            return False
        return bridge.player is None or bridge.player.is_at_end

    def _offers(self, agent: Agent, state: RunState) -> Offers:
        return offers_for(agent, state) & _READY if self.is_possible else NOTHING

    def _offers_of_hub(self, state: RunState) -> Offers:
        return offers_for_synthesis(state) & _READY if self.is_possible else NOTHING

    # -- a run that goes on --------------------------------------------------------------------------------------------

    def note(self) -> None:
        """Ask for a note, to one agent or to all."""
        if not self._control.can_steer:
            return
        run, agents = self._bridge.live_run, self._bridge.live.agents
        assert run is not None
        self.sheet.open(
            Form(
                "Note to agents",
                "What should they know, or do differently, from now on?",
                "Send note",
                "send",
                on_done=lambda text, agent_id: self._send(run, text, agent_id),
                explanation="It stands in every prompt from the next one on; what is being written is not disturbed.",
                choices=[("", "To all agents"), None, *((str(each), f"To {each} alone") for each in agents)],
                needs_text=True,
            )
        )

    def _send(self, run: RunId, text: str, agent_id: str) -> None:
        if run != self._bridge.live_run or not self._bridge.live.is_running:
            self._composer.say(LATE)
            return
        self._engine.add_note(run, text.strip(), AgentId(agent_id) if agent_id else None)

    def _pause(self) -> None:
        self._control.pause()

    def _wrap_up(self) -> None:
        self._control.wrap_up()

    def _stop_agent(self, agent_id: AgentId) -> None:
        if (run := self._bridge.run) is not None:
            self._engine.stop_agent(run, agent_id)

    # -- View ----------------------------------------------------------------------------------------------------------

    def show(self, state: RunState) -> None:
        self.update(state, set())

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        question = question_for(state, None) if self.is_possible else None
        if self._question.show(question):
            if question is None:
                self._question.frame.pack_forget()
            else:
                self._question.frame.pack(side="bottom", fill="x", padx=6, pady=(6, 2))

    def tick(self, now: float) -> bool:
        return False


_READY: Offers = frozenset(("stop",))
