"""Starting, steering and stopping a run from the window: one at a time, shown by what the engine says of it.

It is a view, because the phase of the buttons follows the run's own records.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from felix.engine import Engine
from felix.events import AgentId, Pause, Record, RunFinished, RunId, RunStarted
from felix.gui.bridge import Bridge
from felix.gui.composer.composer import Composer
from felix.gui.composer.run_buttons import Course, Phase
from felix.gui.server.server_watch import ServerWatch
from felix.gui.wall.offers import offers_for_synthesis
from felix.ledger.state import RunState
from felix.settings import SettingsFile
from felix.team.agent import STOPPED_BY_USER
from felix.team.outcome import can_continue
from felix.team.runner import planned_agents, planned_rounds
from felix.team.workflow import Workflow

NOT_ASKED = RunId("")
"""Stands for a run that waits for the first look at the server."""
BUSY = "Another run still goes on; its row in the list leads to it. Start this one when that has ended."


class RunControl:
    """`on_begin` is called before a run is asked for, `on_end` when one has ended."""

    def __init__(
        self,
        engine: Engine,
        bridge: Bridge,
        settings: SettingsFile,
        watch: ServerWatch,
        composer: Composer,
        *,
        workflow: Callable[[], Workflow | None],
        on_begin: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        """`workflow` gives the chosen one; None when its file has a fault, which the caller then says.

        `on_begin` also hears of a run that goes on again.
        """
        self._engine, self._bridge, self._settings, self._watch = engine, bridge, settings, watch
        self._composer, self._workflow = composer, workflow
        self._on_begin, self._on_end = on_begin, on_end
        self._ended: tuple[RunId | None, float | None] = (None, None)
        """The run that was seen last, and when it ended."""
        self._phase: Phase = "idle"
        """Of the run begun last; the composer shows it while that run is on screen."""
        self._waiting: str | None = None
        """A task that starts as soon as it is known whether a server is there."""
        self._asked_pause: Pause | None = None
        self._asked_wrap_up = False
        """What was asked of the run and is shown already, until it says so itself."""

    @property
    def is_live(self) -> bool:
        """From the press on Run until the engine has said that the run is over."""
        return self._phase in ("starting", "running", "stopping")

    @property
    def is_shown(self) -> bool:
        """Whether the run begun last is the one on screen."""
        return self._bridge.run is not None and self._bridge.run == self._bridge.live_run

    def begin(self, task: str) -> None:
        """Start a run, unless one is on."""
        if self.is_live:
            self._composer.say(BUSY)
            return
        if not (self._watch.is_known or self._watch.uses_demo or self._settings.current.has_connected):
            self._wait(task)
        else:
            self._start(task)

    def server_is_known(self) -> None:
        """The first look at the server is over: a run that waited for it starts."""
        if self._waiting is not None and self._watch.is_known:
            task, self._waiting = self._waiting, None
            self._start(task)

    def stop(self) -> None:
        """End the run; the buttons say "Stopping…" until the engine has confirmed it."""
        if self._phase not in ("starting", "running"):
            return
        if self._waiting is not None:
            self._give_up_waiting()
            return
        if self._bridge.live_run is not None:
            self._enter("stopping")
            self._engine.stop(self._bridge.live_run)

    # -- steering ------------------------------------------------------------------------------------------------------

    @property
    def can_steer(self) -> bool:
        """Whether agents go on who could be paused, wrapped up, or told something."""
        course = self._course()
        return self._phase == "running" and not (course.is_concluding or course.is_wrapping_up)

    def pause(self) -> None:
        """Pause after the round that is on; when that was asked for already, go on."""
        run = self._bridge.live_run
        if run is None or not self.can_steer:
            return
        if self._course().pause == "off":
            self._asked_pause = "asked"
            self._engine.pause(run)
        else:
            self._asked_pause = "off"
            self._engine.go_on(run)
        self._composer.set_course(self._course())

    def wrap_up(self) -> None:
        """Have the synthesis made now."""
        run = self._bridge.live_run
        if run is not None and self.can_steer:
            self._asked_wrap_up = True
            self._engine.wrap_up(run)
            self._composer.set_course(self._course())

    def _course(self) -> Course:
        """What the run says of itself, and what was just asked of it."""
        state, shown = self._bridge.live, self._bridge.state
        return Course(
            pause=self._asked_pause or state.pause,
            is_wrapping_up=self._asked_wrap_up or state.is_wrapping_up,
            is_concluding=state.synthesis is not None or self._bridge.run != self._bridge.live_run,
            has_answer=shown.synthesis is not None and len(shown.synthesis.answer) > 0,
            has_thoughts="again" in offers_for_synthesis(shown),
            can_continue=can_continue(shown) and not state.is_running and not self._bridge.is_replaying,
        )

    def _hear(self, state: RunState) -> None:
        """Forget what was asked for once the run has said it."""
        if state.status is not None:
            self._asked_pause, self._asked_wrap_up = None, False
        elif self._asked_pause is not None and (self._asked_pause == "off") == (state.pause == "off"):
            self._asked_pause = None
        self._asked_wrap_up &= not state.is_wrapping_up

    def look(self) -> None:
        """Another run is shown, or none: Run again is about that one."""
        if self.is_live and self.is_shown:
            phase = self._phase
        else:
            phase = "idle" if self._bridge.state.plan is None else "finished"
        if phase != self._composer.phase:
            self._composer.set_phase(phase)
        self._composer.set_course(self._course())

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        if self.is_shown:
            self._composer.set_phase(phase)

    # -- beginning -----------------------------------------------------------------------------------------------------

    def _wait(self, task: str) -> None:
        """Show the agents as connecting until it is known whether there is a server."""
        workflow = self._workflow()
        if workflow is None:
            return
        self._waiting = task
        self._bridge.follow(NOT_ASKED, self._plan(task, workflow))
        self._enter("starting")
        self._on_begin()

    def _give_up_waiting(self) -> None:
        """End the run that never began: no engine will."""
        self._waiting = None
        state, now = self._bridge.live, time.time()
        end = RunFinished(status="stopped", reason=STOPPED_BY_USER, duration_s=now - state.started_at, usage=None)
        state.apply(Record(1, now, NOT_ASKED, end))
        self._bridge.refresh()

    def _start(self, task: str) -> None:
        workflow = self._workflow()
        if workflow is None:
            if self._bridge.live_run == NOT_ASKED:
                self._give_up_waiting()
            return
        plan, follows = self._plan(task, workflow), self._composer.follows or self._follows_again(task)
        self._bridge.follow(self._engine.start(task, workflow, demo=plan.demo, follows=follows), plan)
        self._enter("starting")
        self._composer.end_follow_up()
        self._on_begin()

    def _follows_again(self, task: str) -> RunId | None:
        """The run that the one on screen followed, when that one is run again."""
        shown = self._bridge.state.plan
        return shown.follows if shown and shown.task.strip() == task.strip() else None

    def _plan(self, task: str, workflow: Workflow) -> RunStarted:
        """What is known before the server has answered: it may take its time, and the agents are to be seen."""
        settings = self._settings.current
        return RunStarted(
            task=task,
            workflow=workflow.name,
            agents=planned_agents(workflow, settings.model),
            rounds=planned_rounds(workflow),
            server=settings.base_url,
            server_name="",
            model=settings.model,
            context_length=None,
            streaming=settings.enable_streaming,
            batch_interval_s=settings.streaming_batch_interval,
            max_parallel=settings.max_parallel,
            consensus_threshold=workflow.consensus_threshold,
            helix_turns=workflow.helix.turns,
            demo=self._watch.uses_demo,
        )

    # -- the run's own word --------------------------------------------------------------------------------------------

    def show(self, state: RunState) -> None:
        if state.plan is None or state.run != self._bridge.live_run:
            return
        self._hear(state)
        self._composer.set_course(self._course())
        before, self._ended = self._ended, (state.run, state.ended_at)
        # one that was opened again may have ended before a frame was drawn
        has_ended_anew = before[0] == state.run and before != self._ended
        if state.status is not None and (self.is_live or has_ended_anew):
            self._enter("finished")
            self._on_end()
        elif state.status is None and self._phase in ("starting", "finished", "idle"):
            goes_on_again = self._phase != "starting"
            self._enter("running")
            if goes_on_again:
                self._on_begin()  # it had ended, and may not be what would be begun now

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        self.show(state)

    def tick(self, now: float) -> bool:
        return False
