"""The user's acts on a run, from the button to the engine: what may be asked for now, and the forms that ask for more.

The views know callables only. What an act does to the run comes back as records, like all else; nothing is shown here
that the run has not said.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial

from felix.engine import Engine
from felix.errors import FelixError
from felix.events import HUB, SYNTHESIS, AgentId, CallId, Leave, RunId, ThoughtId
from felix.gui.bridge import Bridge
from felix.gui.composer.composer import Composer
from felix.gui.composer.model_menu import model_choices
from felix.gui.composer.run_buttons import Steer
from felix.gui.composer.sheet import Form, Sheet
from felix.gui.composer.thread_row import ThreadRow
from felix.gui.kit import Kit
from felix.gui.run_control import RunControl
from felix.gui.wall.offers import NOTHING, CardActs, Offers, SynthesisActs, offers_for, offers_for_synthesis
from felix.gui.wall.question_line import QuestionLine, question_for
from felix.ledger.reader import Reader
from felix.ledger.speech import Agent, Speech
from felix.ledger.state import RunState
from felix.llm.models import ServerReport
from felix.team.outcome import can_continue

LATE = "The agents have had their last prompt, so nobody would read the note; copy it from here if you need it."
PROMPT_LINES = 8, 14
"""Fewest and most of a prompt that is edited."""


class Acts:
    """Made before the views, which get `card`, `synthesis` and `steer`; `furnish` must come before any act.

    A view too: it shows what concerns the run as a whole. Tk's thread only.
    """

    def __init__(self, engine: Engine, bridge: Bridge, report_of: Callable[[str], ServerReport | None]) -> None:
        """`report_of` says what is known of an endpoint by its name; empty is the server in use."""
        self._engine, self._bridge, self._report_of = engine, bridge, report_of
        self._thread_of: tuple[object, ...] = ()
        self._shown: tuple[RunId | None, bool] = (None, False)
        """The run, and whether it is played."""
        self.card = CardActs(
            offers=self._offers,
            stop=self._stop_agent,
            retry=self._retry,
            edit=self._edit,
            go_on=self._go_on,
            ask=self._ask,
            answer=self._answer,
            leave=self._leave,
            tell=self._tell,
        )
        self.synthesis = SynthesisActs(
            offers=self._offers_of_hub,
            again=self.synthesise_again,
            go_on=partial(self._go_on, SYNTHESIS),
            stop=partial(self._stop_agent, HUB),
            answer=self._answer,
        )
        self.steer = Steer(
            note=self.note,
            pause=self._pause,
            wrap_up=self._wrap_up,
            follow_up=self.follow_up,
            synthesise_again=self.synthesise_again,
            continue_run=self.continue_run,
        )

    def furnish(
        self,
        kit: Kit,
        column: tk.Misc,
        composer: Composer,
        control: RunControl,
        *,
        on_open: Callable[[RunId], object],
        refusal: Callable[[], str],
        tell: Callable[[str], object],
    ) -> None:
        """Make what is shown in the column and in the composer.

        `on_open` leads to another run; `refusal` says, in one sentence, why nothing may be begun here, if that is so;
        `tell` shows a sentence for a while.
        """
        self._show_sentence = tell
        self._composer, self._control, self._refusal = composer, control, refusal
        self.sheet = Sheet(column, kit, above=composer.frame)
        self.question = QuestionLine(composer.frame, kit, on_answer=self._answer, is_wide=True)
        self.thread = ThreadRow(composer.frame, kit, composer.box.widget, on_open=on_open)

    def _tell(self, sentence: str) -> None:
        self._show_sentence(sentence)

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
        return not bridge.is_replaying

    def _offers(self, agent: Agent, state: RunState) -> Offers:
        return offers_for(agent, state) if self.is_possible else NOTHING

    def _offers_of_hub(self, state: RunState) -> Offers:
        return offers_for_synthesis(state) if self.is_possible else NOTHING

    def _run(self) -> RunId | None:
        """The run that is shown, which from now on is the one that can be steered; None when nothing may be asked."""
        run = self._bridge.run
        if run is None or not self.is_possible:
            return None
        if not self._bridge.state.is_running and (refusal := self._refusal()):
            self._composer.say(refusal)
            return None
        self._composer.hush()
        if run != self._bridge.live_run:
            self._bridge.follow(run)
        return run

    # -- a run that goes on --------------------------------------------------------------------------------------------

    def note(self) -> None:
        """Ask for a note, to one agent or to all."""
        run, agents = self._bridge.live_run, self._bridge.live.agents
        if run is None or not self._control.can_steer:
            return
        self._composer.hush()
        self.sheet.open(
            Form(
                "Note to agents",
                "What should they know, or do differently, from now on?",
                "Send note",
                "send",
                on_done=partial(self._send, run),
                explanation="It stands in every prompt from the next one on; what is being written is not disturbed.",
                choices=[("", "To all agents"), None, *((str(each), f"To {each} alone") for each in agents)],
                needs_text=True,
                refusal=lambda: "" if run == self._bridge.live_run and self._control.can_steer else LATE,
            )
        )

    def _send(self, run: RunId, text: str, agent_id: str) -> None:
        self._engine.add_note(run, text.strip(), AgentId(agent_id) if agent_id else None)

    def _pause(self) -> None:
        self._composer.hush()
        self._control.pause()

    def _wrap_up(self) -> None:
        self._composer.hush()
        self._control.wrap_up()

    def _stop_agent(self, agent_id: AgentId) -> None:
        if run := self._run():
            self._engine.stop_agent(run, agent_id)

    def _answer(self, question_id: str, stop: bool) -> None:  # noqa: FBT001  a callable of the views
        if run := self._run():
            self._engine.answer(run, question_id, stop=stop)

    def _leave(self, call_id: CallId, leave: Leave) -> None:
        if run := self._run():
            self._engine.answer_tool(run, call_id, leave)

    # -- one agent -----------------------------------------------------------------------------------------------------

    def _retry(self, thought_id: ThoughtId) -> None:
        if run := self._run():
            self._engine.retry(run, thought_id)

    def _edit(self, thought_id: ThoughtId) -> None:
        """Fetch the prompt, and have the user change it."""
        if run := self._run():
            self._bridge.expect(self._engine.prompt_of(run, thought_id), partial(self._edit_prompt, run, thought_id))

    def _edit_prompt(self, run: RunId, thought_id: ThoughtId, prompt: object, error: FelixError | None) -> None:
        thought = self._bridge.state.thoughts.get(thought_id)
        if run != self._bridge.run or thought is None:
            return
        if error is not None:
            self._composer.say(str(error))
            return
        text = str(prompt)

        def again(wording: str, model: str) -> None:
            if self._run() == run:
                self._engine.retry(run, thought_id, prompt="" if wording == text else wording, model=model)

        fewest, most = PROMPT_LINES
        self.sheet.open(
            Form(
                f"{thought.agent_id}, round {thought.round}: edit and try again",
                "What the agent is asked",
                "Try again",
                "arrow-clockwise",
                on_done=again,
                explanation="This is what the agent is asked; what its role tells it stays as it is.",
                text=text,
                choices=self._models(thought),
                choice_icon="cpu",
                needs_text=True,
                fewest=fewest,
                most=most,
            )
        )

    def _go_on(self, thought_id: ThoughtId) -> None:
        if run := self._run():
            self._engine.continue_writing(run, thought_id)

    def _ask(self, agent_id: AgentId, question: str) -> None:
        if run := self._run():
            self._engine.ask_agent(run, agent_id, question)

    def _models(self, speech: Speech | None) -> list[tuple[str, str] | None]:
        """Those of the server that was asked: it is asked again."""
        plan, model = self._bridge.state.plan, speech.model if speech else ""
        is_demo = plan is not None and plan.demo
        report = None if is_demo else self._report_of(speech.endpoint if speech else "")
        return model_choices(report, f"Same model · {model}" if model else "Same model")

    # -- the whole -----------------------------------------------------------------------------------------------------

    def synthesise_again(self) -> None:
        """Ask what should be different, then have the hub write once more."""
        run, state = self._bridge.run, self._bridge.state
        if run is None or "again" not in self._offers_of_hub(state):
            return

        def again(instructions: str, model: str) -> None:
            if self._run() == run:
                self._engine.synthesise_again(run, instructions=instructions.strip(), model=model)

        synthesis = state.synthesis
        self.sheet.open(
            Form(
                "Synthesise again",
                "What should be different this time? Shorter, as a table, for a layperson …",
                "Synthesise",
                "stars",
                on_done=again,
                explanation="The agents' thoughts stay as they are. The answer that stands is kept beside the new one.",
                text=synthesis.instructions if synthesis else "",
                choices=self._models(synthesis),
                choice_icon="cpu",
            )
        )

    def pause(self) -> None:
        """Pause after the round that is on, or go on: also with a run that ended before its time."""
        if self._control.can_steer:
            self._control.pause()
        else:
            self.continue_run()

    def continue_run(self) -> None:
        """Have done what is missing of the run that is shown."""
        if can_continue(self._bridge.state) and (run := self._run()):
            self._engine.continue_run(run)

    def follow_up(self) -> None:
        """Make room for another task, whose agents begin with this answer."""
        state = self._bridge.state
        if state.run is not None and state.plan is not None and state.synthesis is not None:
            self.sheet.close()
            self._composer.follow_up(state.run, state.plan.task.strip().partition("\n")[0])

    # -- View ----------------------------------------------------------------------------------------------------------

    def show(self, state: RunState) -> None:
        self.update(state, set())

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        self._control.look()
        shown = (state.run, self._bridge.is_replaying)
        if shown != self._shown:
            self._composer.hush()  # what is said there is about what stood here before
        if shown[0] != self._shown[0]:
            self.sheet.close()  # what it asks is about another run
        self._shown = shown
        self.sheet.refresh()
        question = question_for(state, None) if self.is_possible else None
        if self.question.show(question):
            if question is None:
                self.question.frame.pack_forget()
            else:
                self.question.frame.pack(side="bottom", fill="x", padx=6, pady=(6, 2))
        # before its first record a run is not in the ledger
        thread_of = (state.run, state.seq > 0)
        if thread_of != self._thread_of:
            self._thread_of = thread_of
            self._look_for_thread(state)

    def tick(self, now: float) -> bool:
        return False

    def _look_for_thread(self, state: RunState) -> None:
        run = state.run
        if not run or not state.seq:
            self.thread.show((), None)
            return

        def found(value: object, error: FelixError | None) -> None:
            if self._bridge.run == run and isinstance(value, list):
                self.thread.show(value, run)

        self._bridge.expect(self._engine.ask_ledger(partial(_thread, run=run)), found)


def _thread(reader: Reader, run: RunId) -> list[tuple[RunId, str]]:
    return [(row.run, row.name) for row in reader.thread(run)]
