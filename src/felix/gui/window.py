"""The window as a whole: what it is made of, how its parts share the room, and which key reaches which of them."""

from __future__ import annotations

import logging
import time
import tkinter as tk
from contextlib import suppress
from pathlib import Path

import ttkbootstrap as ttk

from felix import places
from felix.engine import Engine
from felix.events import HUB, AgentId, CallId, ThoughtId
from felix.gui.acts import Acts
from felix.gui.answer.compare import Compare
from felix.gui.answer.exporting import Exporting, ask_paths
from felix.gui.answer.synthesis_strip import SynthesisStrip
from felix.gui.answer.synthesis_view import SynthesisView
from felix.gui.attention import Attention
from felix.gui.banner import Banner
from felix.gui.bridge import Bridge
from felix.gui.composer.choosing import Choosing
from felix.gui.composer.composer import Composer
from felix.gui.course.helix_view import HelixView
from felix.gui.course.replay_bar import ReplayBar
from felix.gui.course.timeline import Timeline
from felix.gui.failure import Failure, untold
from felix.gui.faults import SENTENCE, FaultWatch
from felix.gui.file_dialogs import FileDialogs
from felix.gui.garbage import MainThreadCollector
from felix.gui.header import SETTINGS, WORKFLOWS, Header
from felix.gui.keyboard import Keyboard
from felix.gui.kit import Kit
from felix.gui.look import Look
from felix.gui.notification import Notification
from felix.gui.overlay import Room
from felix.gui.overlays import Overlays
from felix.gui.run_control import RunControl
from felix.gui.runs.keeping import Keeping
from felix.gui.runs.runs_list import Command
from felix.gui.server.server_watch import ServerWatch
from felix.gui.server.server_words import server_words
from felix.gui.session import SessionFile
from felix.gui.settings_page import SettingsPage
from felix.gui.status_bar import StatusBar
from felix.gui.tab_order import TabOrder
from felix.gui.wall.chips import ChipsRow
from felix.gui.wall.wall import Wall
from felix.gui.welcome import Welcome
from felix.gui.wing import Wing
from felix.gui.work_column import LOW, ViewName, WorkColumn, as_view
from felix.keys import KeyStore
from felix.settings import SettingsFile
from felix.team.runner import planned_agents
from felix.team.workflow import Library

LOOK_S = 5.0
"""The server is not asked again at every click back into the window."""
NARROW = 1180
"""Below this width the parts take their narrow form."""


class Window:
    """Everything of the one window. `open` maps it, `close` ends it; all on Tk's thread."""

    def __init__(
        self,
        app: ttk.App,
        kit: Kit,
        settings: SettingsFile,
        library: Library,
        *,
        demo: bool,
        ledger: Path | None = None,
        session: SessionFile | None = None,
    ) -> None:
        self.app, self.kit, self.settings, self.library = app, kit, settings, library
        self.keys = KeyStore()
        self.engine = Engine(settings, self.keys, ledger=ledger, asks=True)
        self.bridge = Bridge(app, on_bug=self._fault)
        self.watch = ServerWatch(app, self.engine, self.bridge, settings, demo=demo)
        self.watch.on_change = self._server_changed
        self._faults = FaultWatch(app, self._fault)
        self._garbage = MainThreadCollector(app, lambda: self.bridge.is_busy)
        self.look = Look(app, kit, settings, on_change=self._look_changed)
        self.notification = Notification(app, settings)
        self.overlays = Overlays(app, kit, self._room)
        self.keeping = Keeping(app, kit, self.engine, self.bridge, session or SessionFile())
        self._size = (0, 0)
        self._looked_at = time.monotonic()
        self._is_open = True
        self._build()
        Keyboard(self).bind()
        app.protocol("WM_DELETE_WINDOW", self.close)
        app.bind("<Configure>", self._resized, add="+")
        app.bind("<FocusIn>", self._came_back, add="+")
        self._fit(app.winfo_width(), app.winfo_height())
        self.apply_settings(frozenset({"theme", "max_parallel", "workflow"}))

    # -- building ------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        app, kit = self.app, self.kit
        self.status = StatusBar(app, kit, on_show_log=self.show_log, endpoints=lambda: self.settings.current.endpoints)
        self.status.frame.place(x=0, rely=1, relwidth=1, anchor="sw")
        self.header = Header(
            app, kit, reserve=self.status.height,
            on_runs=self.toggle_runs, on_theme=self.look.toggle_theme,
            on_panel=lambda: self.wing.toggle(),  # noqa: PLW0108 - it is not there yet
            on_help=self.overlays.show_shortcuts,
        )  # fmt: skip
        kit.on_font_change(lambda: self.header.reserve(self.status.height))
        keeping = self.keeping
        keeping.build(self.header.workflows, on_room=self._fit_panel)
        self.column = WorkColumn(keeping.centre, kit)
        self.column.frame.pack(fill="both", expand=True)
        self.wing = Wing(keeping.middle, kit, on_change=self._panel_changed)
        self._build_column()
        keeping.furnish(
            header=self.header, panel=self.wing, column=self.column, composer=self.composer, control=self.control,
            status=self.status, overlays=self.overlays, on_shown=self._run_shown,
        )  # fmt: skip
        self.compare = Compare(app, kit, self.engine, self.bridge, self.overlays, say=self.status.tell)
        keeping.shelf.list.commands.append(Command("Compare with the run on screen", self.compare.with_shown))
        self.timeline = Timeline(self.wing.frame, kit, self.bridge, on_thought=self.show_thought)
        self.helix = HelixView(
            self.wing.frame, kit, self.settings, on_agent=self.show_card, is_replay=lambda: self.bridge.is_replaying
        )
        self.helix.frame.pack(fill="both", expand=True)
        self.settings_page = SettingsPage(
            self.header.settings, kit, self.settings, self.engine, self.keys, self.bridge, self.overlays, self.library,
            on_change=self.apply_settings, on_saved=self._saved, on_key=self.watch.look,
            on_works=self.watch.has_worked, on_show_log=self.show_log,
        )  # fmt: skip
        self.header.notebook.bind("<<NotebookTabChanged>>", lambda _event: self._tab_changed())
        for of_live in (self.control, Attention(self)):
            self.bridge.add(of_live, app, is_of_live=True)
        self.bridge.add(self.acts, app)
        for view, widget in (
            (self.status, self.status.frame),
            (self.column, app),
            (self.wall, self.wall.frame),
            (self.chips, self.chips.frame),
            (self.strip, self.strip.frame),
            (self.synthesis, self.synthesis.frame),
            (self.helix, self.helix.frame),
            (self.timeline, self.wing.frame),
            (self.replay, app),
        ):
            self.bridge.add(view, widget)

        header, parts = self.header, self.column.frame.winfo_children()
        first = [self.banner.frame, self.composer.frame, self.welcome.frame]
        TabOrder(app, [
            keeping.wing.frame, keeping.recovery.frame, keeping.notice.frame,
            *first, *(part for part in parts if part not in first), self.wing.frame, header.settings,
            self.status.frame, header.notebook, header.buttons,
        ])  # fmt: skip

    def _build_column(self) -> None:
        kit, frame, dialogs = self.kit, self.column.frame, FileDialogs()
        self.banner = Banner(frame, kit, on_connection=self.show_settings, on_use=self._use_offer)
        choosing = self.choosing = Choosing(
            self.app, kit, self.engine, self.bridge, self.settings, self.watch, self.library,
            on_workflow=self._workflow_changed, on_settings=self._chose,
            on_error=lambda sentence: self.composer.say(sentence),  # noqa: PLW0108 - there is no composer yet
            on_connection=self.show_settings,
            ask_model_file=lambda: dialogs.open_model(frame, "Open a model file"),
        )  # fmt: skip
        self.acts = Acts(self.engine, self.bridge, choosing.report_of)
        self.composer = Composer(
            frame, kit, on_run=self._begin, on_stop=self._stop, steer=self.acts.steer,
            ask_files=lambda: dialogs.open_several(frame, "Add text files to the task"),
            add_pickers=choosing.add_pickers,
        )  # fmt: skip
        self.workflow, self.model = choosing.workflow, choosing.model
        choosing.furnish(self.composer)
        self.welcome = Welcome(
            frame, kit, self.watch, choosing, on_example=self.composer.take, on_settings=self.show_settings
        )
        self.failure = Failure(
            frame, kit, on_again=self.composer.run, on_connection=self.show_settings, on_demo=self._run_demo,
            on_log=self.show_log,
        )  # fmt: skip
        self.control = RunControl(
            self.engine, self.bridge, self.settings, self.watch, self.composer,
            workflow=self.choosing.to_run, on_begin=self._run_begins, on_end=self._run_ended,
        )  # fmt: skip
        self.acts.furnish(
            kit, frame, self.composer, self.control, on_open=self.keeping.shelf.open,
            refusal=lambda: self.keeping.refusal, tell=self.status.tell,
        )  # fmt: skip
        self.watch.is_busy = lambda: self.control.is_live
        self.wall = Wall(
            frame, kit, self.settings, acts=self.acts.card, on_maximise=self._card_is_big, on_wake=self.bridge.wake
        )
        self.chips = ChipsRow(frame, kit, on_choose=self.show_card)
        self.strip = SynthesisStrip(frame, kit, on_view=self._choose_view)
        self.exporting = Exporting(
            self.app, self.engine, self.bridge, ask_path=ask_paths(dialogs, frame), say=self.status.tell
        )
        self.synthesis = SynthesisView(
            frame, kit, self.settings, on_citation=self.show_card, on_view=self._choose_view,
            on_point=self.chips.point, acts=self.acts.synthesis, fill_export=self.exporting.fill,
        )  # fmt: skip
        self.replay = ReplayBar(
            frame, kit, self.bridge, on_needed=lambda is_needed: self.column.set_replay(is_shown=is_needed)
        )
        self.column.on_view = self._view_changed
        self.composer.frame.bind("<Configure>", lambda _event: self.overlays.fit(), add="+")
        self.composer.box.set_large(is_large=True)  # it is the first screen's until a run begins
        self.column.furnish(
            banner=self.banner.frame,
            welcome=self.welcome.frame,
            welcome_slot=self.welcome.slot,
            composer=self.composer.frame,
            wall=self.wall.frame,
            chips=self.chips.frame,
            strip=self.strip.frame,
            synthesis=self.synthesis.frame,
            failure=self.failure.frame,
            replay=self.replay.frame,
        )

    # -- life ----------------------------------------------------------------------------------------------------------

    def start(self, *, is_automatic: bool = False) -> None:
        """Begin to work; the window is on screen by now, so what takes long to import is imported here.

        With `is_automatic` the command line says what to do: nothing is asked, and no earlier task comes back.
        """
        self.engine.__enter__()
        self.bridge.listen(self.engine.subscribe())
        self.bridge.start()
        self.watch.look()
        self.composer.box.widget.focus_set()
        self.keeping.start(is_automatic=is_automatic)

    def _came_back(self, event: tk.Event[tk.Misc]) -> None:
        """The user was elsewhere: a workflow may have been edited, the server started or closed."""
        if event.widget is self.app and time.monotonic() - self._looked_at > LOOK_S:
            self._looked_at = time.monotonic()
            self.workflow.refresh()
            if not self.control.is_live:
                self.choosing.look()

    def close(self) -> None:
        """End it all, runs included, within two seconds. A second call does nothing."""
        if not self._is_open:
            return
        self._is_open = False
        self.keeping.close()
        self.look.close()
        with suppress(tk.TclError):  # the display may have taken the window away already
            self.app.withdraw()
        self.watch.close()
        self.choosing.close()
        self.settings_page.close()
        self.bridge.close()
        self.engine.close()
        self._garbage.close()
        self._faults.close()
        with suppress(tk.TclError):
            self.app.update_idletasks()  # a change of theme that still waits would find no window
            self.app.destroy()

    # -- what a run changes --------------------------------------------------------------------------------------------

    def _begin(self, task: str) -> None:
        if self.keeping.refusal:
            self.composer.say(self.keeping.refusal)
        else:
            self.control.begin(task)

    def _stop(self) -> None:
        self.control.stop()

    def _workflow_changed(self) -> None:
        self.settings_page.refresh()
        self._say_plan()

    def _run_begins(self) -> None:
        self.model.close()
        self.status.calm()
        self.column.begin()
        self.composer.box.set_large(is_large=False)
        self.keeping.follow()
        self._server_changed()

    def _run_shown(self) -> None:
        """Another run is on screen, or none."""
        plan = self.bridge.state.plan
        self.workflow.lend(plan.workflow if plan and self.bridge.run != self.bridge.live_run else "")
        if self.bridge.state.status in ("failed", "crashed"):
            self._show_failure()
        self._server_changed()

    def _run_ended(self) -> None:
        state = self.bridge.live
        self.notification.run_ended(state)
        if state.plan and not state.plan.demo and any(len(thought.answer) for thought in state.thoughts.values()):
            self.watch.has_worked()
        if self.control.is_shown:
            if state.status in ("failed", "crashed"):
                self._show_failure()
            if sentence := untold(state):
                self.composer.say(sentence)
        if state.status != "complete":
            self.watch.look()
        self._server_changed()

    def _show_failure(self) -> None:
        state = self.bridge.state
        by_bug = state.status == "crashed"
        is_demo = state.plan is not None and state.plan.demo
        self.failure.show(
            "Felix made a mistake" if by_bug else "The run failed",
            state.reason,
            by_connection=not is_demo and not by_bug and self.watch.server is None,
            by_bug=by_bug,
        )

    def _run_demo(self) -> None:
        self.watch.use_demo()
        self.composer.run()

    def show_card(self, agent_id: AgentId) -> None:
        """Lead to an agent's card: where the wall is in view to it there, else by making it big."""
        if self.column.view == "agents" or (self.column.view == "both" and not self.column.is_low):
            self.wall.reveal(agent_id)
        else:
            self.column.hold("agents")
            self.wall.maximise(agent_id)

    def show_thought(self, agent_id: AgentId, thought_id: ThoughtId, at_s: float, call: CallId | None = None) -> None:
        """Lead to a thought, or to the synthesis; in a replay, to the moment `at_s` of it when it was not begun yet."""
        state, player = self.bridge.state, self.bridge.player
        is_told = state.synthesis is not None if agent_id == HUB else thought_id in state.thoughts
        if player is not None and not is_told:
            player.seek(at_s)
        if agent_id == HUB:
            if self.column.view == "agents":
                self._choose_view("both")
        else:
            self.show_card(agent_id)
            self.wall.lead_to(agent_id, thought_id, call)

    def _card_is_big(self, agent_id: AgentId | None) -> None:
        # as long as somebody reads a big card, the end of the run must not take it away
        self.column.hold(None if agent_id is None else self.column.view)
        if agent_id is None and not self.wall.frame.winfo_ismapped():
            self.composer.box.widget.focus_set()

    def _choose_view(self, view: str) -> None:
        self.column.pin(as_view(view))

    def _view_changed(self, view: ViewName) -> None:
        self.strip.set_view(view)
        self.synthesis.set_view(view)
        if view == "answer" and not self.column.is_chosen:
            self.synthesis.open_at_top()

    # -- the server ----------------------------------------------------------------------------------------------------

    def _use_offer(self) -> None:
        if (found := self.watch.offer) is not None:
            self.watch.use(found)

    def _server_changed(self) -> None:
        watch, is_live = self.watch, self.control.is_live
        self.welcome.doctor.refresh()
        offer = watch.offer if watch.uses_demo and not is_live else None
        self.banner.offer(offer.name if offer else "")
        plan = self.bridge.live.plan
        self.column.set_banner(is_shown=plan.demo if is_live and plan else watch.uses_demo)
        self.choosing.refresh()
        self._say_server()
        self._say_plan()
        self.control.server_is_known()
        if self.bridge.state.status == "failed":
            self._show_failure()

    def _say_server(self) -> None:
        plan = self.bridge.live.plan
        words = server_words(self.watch, runs_demo=self.control.is_live and plan is not None and plan.demo)
        self.status.say_server(words.server, words.health)
        self.status.say_model(words.beside, icon=words.icon)
        self.composer.set_context(*self.choosing.context)

    def _say_plan(self) -> None:
        self.composer.set_plan(
            self.workflow.entry.summary if self.workflow.entry else "",
            parallel=self.settings.current.max_parallel,
            is_demo=self.watch.uses_demo,
        )
        if self.bridge.state.plan is None and self.workflow.entry and (workflow := self.workflow.entry.workflow):
            self.helix.preview(planned_agents(workflow), workflow.checkpoints, workflow.helix.turns)

    # -- settings ------------------------------------------------------------------------------------------------------

    def apply_settings(self, keys: frozenset[str]) -> None:
        """Follow settings that have changed."""
        self.look.apply(keys)
        if "base_url" in keys:
            self.watch.address_changed()
        if "verbose_log" in keys:
            is_verbose = self.settings.current.verbose_log
            logging.getLogger("felix").setLevel(logging.DEBUG if is_verbose else logging.INFO)
        if keys & {"model", "max_parallel", "workflow", "endpoints", "mcp_servers", "tool_folder", "tool_trust"}:
            self._server_changed()

    def _chose(self, keys: frozenset[str]) -> None:
        """Another model, perhaps on another server, from the chip."""
        self.apply_settings(keys)
        self._look_changed()

    def _look_changed(self) -> None:
        """Something else than the settings page has changed them."""
        self.settings_page.refresh()
        self._saved(self.settings.notices[0] if self.settings.notices else "")

    def _saved(self, trouble: str) -> None:
        if trouble:
            self.status.warn(trouble)
        else:
            self.status.say("Saved")

    def _tab_changed(self) -> None:
        self.overlays.close()
        self.model.close()
        self.keeping.changed()
        if self.header.page == SETTINGS:
            self.settings_page.shown()

    # -- getting about -------------------------------------------------------------------------------------------------

    def toggle_runs(self) -> None:
        self.keeping.wing.toggle()

    def begin_new(self) -> None:
        self.header.turn_to(WORKFLOWS)
        self.overlays.close()
        self.keeping.begin_new()

    def search_runs(self) -> None:
        self.header.turn_to(WORKFLOWS)
        self.overlays.close()
        self.keeping.search()

    def show_settings(self) -> None:
        self.header.turn_to(SETTINGS)

    def show_log(self) -> None:
        self.status.calm()
        self.overlays.show_log(places.log_file())

    def _fault(self) -> None:
        self.status.warn(SENTENCE)

    # -- room ----------------------------------------------------------------------------------------------------------

    def _resized(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self.app and (event.width, event.height) != self._size:
            self._size = (event.width, event.height)
            self._fit(event.width, event.height)
            self.keeping.changed()
            self.app.after_idle(self.overlays.fit)  # the page gets its size after the window

    def _room(self) -> Room:
        """Where a panel may stand: below the task once there has been a run, so that Stop stays in reach."""
        has_run = self.control.is_live or self.bridge.state.plan is not None
        if self.header.page == SETTINGS:
            page, above = self.header.settings, 0
        elif has_run:
            page, above = self.column.frame, self.composer.frame.winfo_y() + self.composer.frame.winfo_height()
        else:
            page, above = self.column.frame, 0
        left, top = page.winfo_rootx() - self.app.winfo_rootx(), page.winfo_rooty() - self.app.winfo_rooty()
        return left, top + above, page.winfo_width(), page.winfo_height() - above

    def _fit(self, width: int, height: int) -> None:
        is_narrow = width < self.kit.px(NARROW)
        self.status.set_narrow(is_narrow=is_narrow)
        self.composer.set_wide(is_wide=not is_narrow)
        self.model.set_wide(is_wide=not is_narrow)
        self.column.set_low(is_low=height < self.kit.px(LOW))
        runs = self.keeping.wing
        self.wing.fit(width, is_narrow=is_narrow, beside=runs.taken)
        runs.fit(width, is_narrow=is_narrow, beside=self.wing.taken)

    def _fit_panel(self) -> None:
        """The runs list takes another width: the right panel leaves the middle its least."""
        width = self._size[0] or self.app.winfo_width()
        self.wing.fit(width, is_narrow=width < self.kit.px(NARROW), beside=self.keeping.wing.taken)

    def _panel_changed(self) -> None:
        self.header.set_panel(is_open=self.wing.is_open)
        self.keeping.changed()
