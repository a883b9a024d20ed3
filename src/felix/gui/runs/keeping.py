"""What outlasts a run and a window: the list of runs, what a crash has left, how the ledger is, and the session.

It gives the window its left wing and the room between the wings, and knows which run stands there.
"""

from __future__ import annotations

import re
import tkinter as tk
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from tkinter import ttk as plain

import ttkbootstrap as ttk

from felix.engine import Engine
from felix.errors import FelixError
from felix.events import RunId
from felix.gui.aside import Aside
from felix.gui.bridge import Bridge
from felix.gui.composer.composer import Composer
from felix.gui.header import Header
from felix.gui.kit import Kit
from felix.gui.overlays import Overlays
from felix.gui.run_control import RunControl
from felix.gui.runs.already_open import SENTENCE, AlreadyOpen
from felix.gui.runs.ledger_notice import NOT_KEPT, UNSAVED, LedgerNotice
from felix.gui.runs.recovery import RecoveryBanner, recovered
from felix.gui.runs.run_shelf import RunShelf
from felix.gui.runs.runs_wing import RunsWing
from felix.gui.session import Place, Session, SessionFile
from felix.gui.sharing import WindowSharing
from felix.gui.status_bar import StatusBar
from felix.gui.wing import Wing
from felix.gui.work_column import WorkColumn
from felix.ledger.file import Ledger
from felix.ledger.health import Health
from felix.ledger.reader import RunRow
from felix.ledger.salvage import Salvaged, salvage


class Keeping:
    """`build`, `furnish` and `start` in this order; `close` before the window goes. Tk's thread."""

    def __init__(self, app: ttk.App, kit: Kit, engine: Engine, bridge: Bridge, session: SessionFile) -> None:
        self._app, self._kit, self._engine, self._bridge, self._session = app, kit, engine, bridge, session
        self._aside = Aside(bridge)
        self._sharing: Callable[[], str] = lambda: session.last.sharing
        self.health = Health("kept", None)
        self.is_reading_only = False
        """Another window keeps its runs in the same ledger, so nothing is begun in this one."""
        self._draft = session.last.task
        """A task that was not sent, while another one stands in the box."""
        self._draft_files = tuple(map(Path, session.last.files))
        """Those that were to go along with it."""
        self._own_task = ""
        """Of the run that is shown."""
        self._is_automatic = False
        bridge.on_health = self._take_health

    # -- building ------------------------------------------------------------------------------------------------------

    def build(self, page: plain.Frame, *, on_room: Callable[[], None]) -> None:
        """Fill the page: the wing, and at its right `middle` for the work and the other wing.

        The work goes into `centre`, below what there is to tell. `on_room` hears when the wing takes another width.
        """
        kit = self._kit
        self._on_room = on_room
        page.columnconfigure(2, weight=1)
        page.rowconfigure(0, weight=1)
        # Tk does not lay a grid out again whose own wish for a size becomes one of a single pixel
        page.grid_propagate(False)
        self.wing = RunsWing(page, kit, on_change=self._wing_changed)
        self.shelf = RunShelf(self.wing.frame, kit, self._engine, self._bridge, on_shown=self._shown, say=self._say)
        self.shelf.list.frame.pack(fill="both", expand=True)
        self.middle = kit.frame(page, "page")
        self.middle.grid(row=0, column=2, sticky="nsew")
        self.middle.grid_propagate(False)
        self.middle.columnconfigure(0, weight=1)
        self.middle.rowconfigure(0, weight=1)
        self.centre = kit.frame(self.middle, "page")
        self.centre.grid(row=0, column=0, sticky="nsew")
        self.notice = LedgerNotice(self.centre, kit, on_salvage=self._salvage, on_change=self._tell)
        self.recovery = RecoveryBanner(
            self.centre, kit, on_view=lambda row: self.shelf.open(row.run), on_continue=self._continue,
            on_discard=lambda row: self.shelf.delete(row.run), on_seen=self._seen, on_change=self._tell,
        )  # fmt: skip

    def furnish(
        self,
        *,
        header: Header,
        panel: Wing,
        column: WorkColumn,
        composer: Composer,
        control: RunControl,
        status: StatusBar,
        overlays: Overlays,
        on_shown: Callable[[], object],
    ) -> None:
        """The other parts. `on_shown` hears that another run, or none, is on screen."""
        self._header, self._panel, self._column, self._composer = header, panel, column, composer
        self._control, self._status, self._overlays, self._on_shown = control, status, overlays, on_shown
        self._bridge.add(self.shelf, self.wing.frame, is_of_live=True)
        composer.box.widget.bind("<<Modified>>", lambda _event: self._session.touch(), add="+")
        last = self._session.last
        panel.restore(last.panel)
        self.wing.restore(last.runs)
        self.shelf.list.canvas.fold(last.folded)
        self.shelf.list.canvas.on_fold = self._session.touch
        header.set_runs(is_open=self.wing.is_open)

    def start(self, *, is_automatic: bool = False) -> None:
        """The engine is at work: show the runs, and what stood here when Felix was last closed.

        With `is_automatic` a command line has said what to do: nothing is asked, and its task stands alone.
        """
        last = self._session.last
        self._is_automatic = is_automatic
        self.shelf.refresh()
        self._bridge.expect(self._engine.ask_ledger(recovered), self._recovered)
        if not is_automatic:
            if last.run is not None:
                self.shelf.open(last.run, or_else=self._put_draft)
            else:
                self._put_draft()
            if last.tab:
                self._header.turn_to(last.tab)
        if last.is_maximised:
            self._maximise()
        self._session.begin(self._app, self._look)

    def close(self) -> None:
        """Keep what the window is like."""
        with suppress(tk.TclError):  # the display may have taken it away already; what was saved last stands
            self._session.close()

    # -- which run is shown --------------------------------------------------------------------------------------------

    def begin_new(self) -> None:
        """A task yet to be written takes the place of the run that is shown."""
        self.shelf.begin_new()

    def follow(self) -> None:
        """The window has begun a run and shows it."""
        was_new = not self._own_task  # then the draft stood in the box, and was sent or written over
        self._own_task = self._composer.box.text
        if was_new or self._own_task == self._draft:
            self._draft, self._draft_files = "", ()
        if all(row.run != self._bridge.run for row in self.shelf.list.rows):
            self.shelf.list.end_search()  # what was searched for is not in the run that begins
        self.shelf.follow(self._bridge.run)
        self.wing.close_over()
        self._session.touch()

    def search(self) -> None:
        """Put the keyboard in the search field of the list."""
        self.wing.open()
        self.shelf.list.focus_search()

    def _shown(self, run: RunId | None) -> None:
        if unsent := self._unsent():
            self._draft, self._draft_files = unsent, self._files()
        plan = self._bridge.state.plan
        if run is None:
            self._column.greet()
        else:
            self._column.begin()
        self._own_task = plan.task if plan else ""
        self._composer.box.set_large(is_large=run is None)
        self._composer.show_task(self._own_task or self._draft, () if self._own_task else self._draft_files)
        self.wing.close_over()
        self._control.look()
        self._on_shown()
        if run is None and not self.shelf.is_deleting:
            self._composer.box.widget.focus_set()
        self._session.touch()

    def _unsent(self) -> str:
        """What stands in the box and belongs to no run."""
        box = self._composer.box
        return "" if box.is_locked or box.text == self._own_task or not box.text.strip() else box.text

    def _files(self) -> tuple[Path, ...]:
        """Those that stand at the box."""
        return tuple(attachment.path for attachment in self._composer.attachments)

    def _put_draft(self) -> None:
        if self._draft and not self._composer.box.text:
            self._composer.show_task(self._draft, self._draft_files)
            self._composer.box.widget.focus_set()

    # -- after a crash -------------------------------------------------------------------------------------------------

    def _recovered(self, value: object, error: FelixError | None) -> None:
        if error is None and isinstance(value, list):
            self.recovery.show(value)

    def _continue(self, row: RunRow) -> None:
        # on screen first: what the engine then says is about the run that is looked at
        self.shelf.open(row.run, then=lambda: self._engine.continue_run(row.run))

    def _seen(self, rows: Sequence[RunRow]) -> None:
        def dismiss(ledger: Ledger) -> None:
            for row in rows:
                ledger.dismiss(row.run)

        self._engine.change_ledger(dismiss)

    # -- how the ledger is ---------------------------------------------------------------------------------------------

    def _take_health(self, health: Health) -> None:
        was_kept, self.health = self.health.is_kept, health
        self._status.say_unsaved(UNSAVED.get(health.kind, ""), health.sentence)
        self.notice.show(health)
        self.shelf.list.say_unkept("" if health.is_readable or health.kind == "memory" else NOT_KEPT)
        if health.kind == "locked" and not self._is_automatic:
            self.is_reading_only = True
            self._overlays.show(
                lambda room, on_close: (
                    AlreadyOpen(
                        self._app, self._kit, health.path, room=room, on_close=on_close, on_leave=self._leave
                    ).overlay
                )
            )
        if health.is_kept and not was_kept:
            self.shelf.refresh()

    @property
    def refusal(self) -> str:
        """Why no run can be begun here, in one sentence; empty when one can."""
        return SENTENCE if self.is_reading_only else ""

    def _leave(self) -> None:
        self._app.after_idle(self._app.tk.eval, str(self._app.tk.call("wm", "protocol", ".", "WM_DELETE_WINDOW")))

    def _salvage(self) -> None:
        path = self.health.path
        if path is None:
            return

        def told(value: object, error: FelixError | None) -> None:
            if isinstance(value, Salvaged):
                runs = f"{value.runs} run{'' if value.runs == 1 else 's'} could be read"
                where = f"{runs}, and stand in {value.path}; choose that file in Settings, Storage."
                self.notice.say_saved(where, value.path.parent)
            else:
                self.notice.say_failed(str(error))

        self.notice.say(f"Reading what can be read of {path} …")
        self._aside.do(partial(salvage, path), told)

    def _tell(self) -> None:
        """Show what there is to tell, above the work."""
        for part in (self.recovery, self.notice):
            if part.is_wanted and not part.frame.winfo_manager():
                part.frame.pack(side="top", fill="x", before=self._column.frame)
            elif not part.is_wanted:
                part.frame.pack_forget()

    def _say(self, words: str) -> None:
        self._status.warn(words)

    # -- the session ---------------------------------------------------------------------------------------------------

    def remember_sharing(self, sharing: WindowSharing) -> None:
        """Whether it is wanted, and where, from the last window on to the next."""
        sharing.wish, sharing.on_wish = self._session.last.sharing, self._session.touch
        self._sharing = lambda: sharing.wish

    def changed(self) -> None:
        """Something of the session may be otherwise now."""
        self._session.touch()

    def _look(self) -> Session:
        is_maximised = self._is_maximised()
        last = self._session.last
        unsent = self._unsent()
        return Session(
            task=unsent or self._draft,
            files=tuple(map(str, self._files() if unsent else self._draft_files)),
            tab=self._header.page,
            place=last.place if is_maximised else self._place(),
            is_maximised=is_maximised,
            runs=self.wing.side,
            panel=self._panel.side,
            run=self._bridge.run or None,
            folded=tuple(sorted(self.shelf.list.canvas.folded)),
            sharing=self._sharing(),
        )

    def _place(self) -> Place:
        # not winfo_x: what a desktop draws around a window would add up from one start to the next
        width, height, x, y = map(int, re.split(r"x|\+", self._app.geometry(), maxsplit=3))
        return Place(x, y, width, height)

    def _is_maximised(self) -> bool:
        if self._app.tk.call("tk", "windowingsystem") == "x11":
            return bool(int(self._app.tk.call("wm", "attributes", ".", "-zoomed")))
        return self._app.state() == "zoomed"

    def _maximise(self) -> None:
        with suppress(tk.TclError):  # a desktop without such windows
            if self._app.tk.call("tk", "windowingsystem") == "x11":
                self._app.attributes("-zoomed", True)
            else:
                self._app.state("zoomed")

    def _wing_changed(self) -> None:
        self._header.set_runs(is_open=self.wing.is_open)
        self._on_room()
        self._session.touch()
