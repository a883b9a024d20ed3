"""From the mailbox to the screen: what came is folded into the window's own `RunState`, and shown once a frame.

Nothing crosses the border the other way, and nothing here waits. A view that cannot be seen costs nothing: it gets no
call, and draws itself from the state when it comes back.

One run is shown; the one that goes on is folded all the same when that is another. A past run is played through the
same frames and the same views.
"""

from __future__ import annotations

import logging
import sys
import time
import tkinter as tk
from collections import deque
from collections.abc import Callable, Iterable

from felix.clock import elapsed
from felix.errors import FelixError
from felix.events import (
    PASSING,
    PauseChanged,
    Record,
    RunId,
    RunReopened,
    RunStarted,
    StoodStill,
    ThoughtAsked,
    ThoughtComplete,
)
from felix.gui.changes import Changes
from felix.gui.course.player import Player
from felix.gui.view import View
from felix.ledger.health import Health
from felix.ledger.run_clock import RunClock, clock_of
from felix.ledger.state import RunState
from felix.team.mailbox import Item, Mailbox, Part, Reply

FRAME_MS = 16
"""Between two frames while something moves: at 60 Hz a token waits 8 ms for its frame on average."""
BUSY_FRAME_MS = 33
"""The same when a frame was dear: half the time stays free for the user's own events."""
DEAR_S = 0.008
"""A frame that took longer than this is dear."""
REPLY_MS = 50
"""While an answer of the engine is awaited and nothing else moves."""
BEHIND_MS = 50
"""While a run goes on that is not the one that is shown."""
IDLE_MS = 250
"""Otherwise: four looks a second cost nothing that can be measured."""
TICK_S = 0.1
"""A run ticks at least this often, for what blinks and counts; in between, a frame only looks into the mailbox."""
SETTLE_S = 0.8
"""A run that is played ticks for so long at a place it was led to: what is written twice a second is written there."""
FOLD_BUDGET_S = 0.010
"""Folding stops here within a frame, the rest waits for the next: a flood must not hold up a key press."""

_log = logging.getLogger(__name__)


OnReply = Callable[[object, FelixError | None], None]
OnPart = Callable[[object], object]


class _Seat:
    """A view, the widget that tells whether it can be seen, and what it has missed."""

    __slots__ = ("is_of_live", "is_stale", "view", "wants_frames", "widget")

    def __init__(self, view: View, widget: tk.Misc, *, is_of_live: bool) -> None:
        self.view, self.widget, self.is_of_live = view, widget, is_of_live
        self.is_stale = True
        self.wants_frames = False

    @property
    def wants_call(self) -> bool:
        return self.wants_frames or (self.is_stale and bool(self.widget.winfo_viewable()))


class _Followed:
    """A run whose records are taken in."""

    __slots__ = ("changes", "clock", "lead", "player", "records", "state")

    def __init__(self) -> None:
        self.state = RunState()
        self.records: list[Record] = []
        """The durable ones, for a replay."""
        self.changes = Changes()
        self.clock = RunClock(0.0)
        self.lead: float | None = None
        """From `elapsed()` to the run's own Unix seconds, once the engine has told of it: they go on evenly, though
        somebody sets the clock."""
        self.player: Player | None = None

    def take(self, record: Record) -> None:
        if record.seq > self.state.seq and not isinstance(record.event, PASSING):
            self.records.append(record)
        self.state.apply(record)
        match record.event:
            case RunStarted():
                self.clock = RunClock(record.at)
            case RunReopened() | PauseChanged() | StoodStill():
                self._set_clock()
            case ThoughtAsked() | ThoughtComplete() if self.state.pause == "paused":
                self._set_clock()
            case _:
                pass

    def hear(self, record: Record) -> None:
        """Take in what has just happened."""
        self.take(record)
        lead = record.at - elapsed()
        self.lead = lead if self.lead is None else max(self.lead, lead)

    def present(self) -> float:
        """Unix seconds, on the run's own clock."""
        return time.time() if self.lead is None else elapsed() + self.lead

    def _set_clock(self) -> None:
        self.clock = clock_of(self.records, goes_on=True)


class Bridge:
    """Polls mailboxes from Tk's loop. Everything runs on Tk's thread; `close` ends it."""

    def __init__(self, root: tk.Misc, on_bug: Callable[[], None]) -> None:
        """`on_bug` is told when a view raised: quietly, once for each kind of fault."""
        self.state = RunState()
        """Of the run that is shown; replaced as a whole when another one is, or another moment of a past one."""
        self.run: RunId | None = None
        """The run that is shown."""
        self.live_run: RunId | None = None
        """The one that was followed last: what the user can steer, whether it is shown or not."""
        self._root = root
        self._on_bug = on_bug
        self._mailboxes: list[Mailbox] = []
        self._is_open = False
        self._seats: list[_Seat] = []
        self._runs: dict[RunId, _Followed] = {}
        """The one that is shown, the one followed last, and whatever goes on."""
        self._nobody = _Followed()
        """Stands in until there is a run."""
        self._waiting: deque[Item] = deque()
        self.on_health: Callable[[Health], None] = lambda _health: None
        """Told how the ledger is from now on."""
        self._replies: dict[int, tuple[OnReply, OnPart | None]] = {}
        self._ticked_at = 0.0
        self._leapt_at = -SETTLE_S
        """When the run that is played was last somewhere else at once."""
        self._is_called = True
        """A view came into view, or all are to be drawn anew: the next frame looks at each of them."""
        self._known_faults: set[tuple[object, ...]] = set()
        self._after: str | None = None
        # one command for all frames: `after` with a function makes a new one each time, sixty times a second,
        # and `after_cancel` would delete this one
        self._frame_command = root.register(self._frame)

    def add(self, view: View, widget: tk.Misc, *, is_of_live: bool = False) -> None:
        """Feed a view whenever `widget` can be seen: mapped, in the tab in front, in a window that is not iconified.

        With `is_of_live` it is fed the run that was followed last, whichever is shown.
        """
        self._seats.append(_Seat(view, widget, is_of_live=is_of_live))
        # it comes back: not at the next idle look; a window hears of each widget in it, hundreds at once, so Tcl sorts
        command = widget.register(self._call)
        widget.tk.call("bind", str(widget), "<Map>", f'+if {{"%W" eq "{widget}"}} {{{command}}}')

    def listen(self, mailbox: Mailbox) -> None:
        """Empty this mailbox too."""
        self._mailboxes.append(mailbox)

    def start(self) -> None:
        """Begin to poll."""
        self._is_open = True
        self._plan(0)

    def follow(self, run: RunId, plan: RunStarted | None = None) -> None:
        """Show this run from now on, as it goes on; one that was followed before has lost nothing meanwhile.

        `plan` is what is known before the engine says a word; its own `RunStarted` takes the place of it.
        """
        if run not in self._runs or plan is not None:
            followed = self._runs[run] = _Followed()
            if plan is not None:
                followed.take(Record(0, time.time(), run, plan))
        self.live_run = run
        self._look_at(run)

    def open(self, records: Iterable[Record]) -> None:
        """Show a past run, given by its durable records, as it ended; `player` then plays it.

        A run that goes on is taken in further behind it; `follow` leads back. One that is being followed and has not
        ended is shown as it stands, whatever the records say. Without records nothing changes.
        """
        past = _Followed()
        for record in records:
            past.take(record)
        run = past.state.run
        if run is None:
            return
        if run not in self._runs or not self._runs[run].state.is_running:
            self._runs[run] = past
        self._look_at(run)

    def leave(self) -> None:
        """Show no run. One that goes on is taken in further; `follow` leads back to it."""
        self.run = None
        for it in self._runs.values():
            it.player = None
        self.state = self._nobody.state
        self.refresh()

    def knows(self, run: RunId) -> bool:
        """Whether `follow` can show this run as it stands: it goes on, or was followed last."""
        return run in self._runs

    @property
    def live(self) -> RunState:
        """The run that was followed last, as it stands, whichever is shown."""
        return self._live.state

    @property
    def is_busy(self) -> bool:
        """Whether a run goes on or is being played."""
        return self._is_going or any(each.state.is_running for each in self._runs.values())

    @property
    def player(self) -> Player | None:
        """Plays the run that is shown; None as long as it goes on, and when nothing was said in it."""
        followed = self._shown
        state = followed.state
        if followed.player is None and state.status is not None and state.thoughts and followed.records:
            followed.player = Player(followed.records, state, self.wake)
        return followed.player

    def expect(self, number: int, then: OnReply, on_part: OnPart | None = None) -> None:
        """Call `then(value, error)` with the engine's answer to question `number`, and before it `on_part` with parts
        of it."""
        self._replies[number] = then, on_part
        self._plan(REPLY_MS)

    def forget(self, number: int) -> None:
        """The question has been taken back: no answer is awaited."""
        self._replies.pop(number, None)

    def wake(self) -> None:
        """A view has something to move or to draw although no record came."""
        for seat in self._seats:
            seat.wants_frames = True
        self._plan(0)

    def refresh(self) -> None:
        """Have every view draw itself anew, at once if it can be seen and else when it can."""
        for seat in self._seats:
            seat.is_stale = True
        self._call()

    def close(self) -> None:
        """Stop polling; nothing is called any more."""
        self._is_open = False
        if self._after is not None:
            self._root.tk.call("after", "cancel", self._after)
            self._after = None

    @property
    def clock(self) -> RunClock:
        """Turns Unix seconds into seconds of the run that is shown."""
        return self._shown.clock

    @property
    def is_replaying(self) -> bool:
        """Whether what is shown is a moment of a run that has ended, and not its end."""
        player = self._shown.player
        return player is not None and player.has_moved and not player.is_at_end

    @property
    def _shown(self) -> _Followed:
        return self._nobody if self.run is None else self._runs[self.run]

    @property
    def _live(self) -> _Followed:
        return self._nobody if self.live_run is None else self._runs[self.live_run]

    def _look_at(self, run: RunId) -> None:
        self.run = run
        kept = (run, self.live_run)
        self._runs = {each: it for each, it in self._runs.items() if each in kept or it.state.is_running}
        for it in self._runs.values():
            it.player = None
        self.state = self._shown.state
        self.refresh()

    def _call(self) -> None:
        self._is_called = True
        self._plan(0)

    def _plan(self, delay_ms: int) -> None:
        if not self._is_open:
            return
        if self._after is not None:
            self._root.tk.call("after", "cancel", self._after)
        self._after = self._root.tk.call("after", delay_ms, self._frame_command)

    def _frame(self) -> None:
        self._after = None
        if not self._is_open:
            return
        began = time.monotonic()
        try:
            for mailbox in self._mailboxes:
                self._waiting.extend(mailbox.take())
            if not (self._waiting or self._is_due(began)):
                self._plan(self._delay(0.0, moving=False))
                return
            self._is_called = False
            self._fold(began + FOLD_BUDGET_S)
            self._play(began)
            moving = self._show()
        except Exception:  # noqa: BLE001  whatever happens to one frame, the next one comes
            self._report(self)
            moving = False
        self._plan(self._delay(time.monotonic() - began, moving=moving))

    @property
    def _is_going(self) -> bool:
        """Whether time passes in what is shown."""
        player = self._shown.player
        if player is None:
            return self.state.is_running
        return player.is_playing or time.monotonic() - self._leapt_at < SETTLE_S

    def _is_due(self, now: float) -> bool:
        """Whether a view is to be called although no record came."""
        player = self._shown.player
        if (player is not None and player.is_due) or any(seat.wants_frames for seat in self._seats):
            return True
        if self._is_going:
            return self._is_called or now - self._ticked_at >= TICK_S
        return any(seat.wants_call for seat in self._seats)

    def _delay(self, spent_s: float, *, moving: bool) -> int:
        if self._waiting or moving or self._is_going:
            frame = FRAME_MS if spent_s < DEAR_S else BUSY_FRAME_MS
            return max(4, frame - int(spent_s * 1000))
        if self._replies:
            return REPLY_MS
        return BEHIND_MS if any(each.state.is_running for each in self._runs.values()) else IDLE_MS

    def _fold(self, deadline: float) -> None:
        """Take records in while there is time."""
        waiting, counter = self._waiting, 0
        while waiting:
            item = waiting.popleft()
            if isinstance(item, Health):
                self.on_health(item)
                continue
            if isinstance(item, Reply | Part):
                self._answer(item)
                continue
            followed = self._runs.get(item.run)
            if followed is None:
                continue
            try:
                followed.hear(item)
            except Exception:  # noqa: BLE001  a bug must not end the frames
                self._report(followed.state)
                continue
            followed.changes.add(item.event)
            if isinstance(item.event, RunReopened):
                self._reopened(item.run, followed)
            counter += 1
            if counter % 64 == 0 and time.monotonic() > deadline:
                break

    def _reopened(self, run: RunId, followed: _Followed) -> None:
        """A run that had ended goes on: it is no longer played, and the user can steer it."""
        followed.player = None
        followed.changes.is_new = True
        if run == self.run:
            self.state = followed.state
            if not self._live.state.is_running:
                self.live_run = run

    def _play(self, now: float) -> None:
        """Let a past run go on, or be where it is wanted."""
        player = self._shown.player
        if player is None or not player.is_due:
            return
        changes = self._shown.changes
        records, has_leapt = player.frame(now)
        for record in records:
            changes.add(record.event)
        if has_leapt:
            self._leapt_at = now
            changes.is_new = changes.is_changed = True
        self.state = player.state

    def _tell_time(self) -> None:
        player = self._shown.player
        for state, followed in ((self.state, self._shown), (self._live.state, self._live)):
            if state is not self._live.state and player is not None:
                state.now = player.now
            else:
                state.now = followed.present() if state.ended_at is None else state.ended_at

    def _show(self) -> bool:
        """Call the views that can be seen, once each. True when one of them wants another frame soon."""
        moving = False
        now = time.monotonic()
        shown, live = self._shown, self._live
        is_tick = self._is_going and now - self._ticked_at >= TICK_S
        if is_tick or shown.changes.is_changed:
            self._ticked_at = now
        self._tell_time()
        for seat in self._seats:
            state, changes = (live.state, live.changes) if seat.is_of_live else (self.state, shown.changes)
            seat.is_stale |= changes.is_new
            if not (changes.is_changed or is_tick or seat.is_stale or seat.wants_frames):
                continue
            if not seat.widget.winfo_viewable():
                # what it still had to draw it draws when it comes back
                seat.is_stale |= changes.is_changed or seat.wants_frames
                seat.wants_frames = False
                continue
            try:
                if seat.is_stale:
                    # first: a view that fails must not be drawn anew at every frame
                    seat.is_stale = False
                    seat.view.show(state)
                elif changes.is_changed:
                    seat.view.update(state, changes.dirty)
                seat.wants_frames = seat.view.tick(now)
            except Exception:  # noqa: BLE001  a bug in one view must not blind the others
                seat.wants_frames = False
                self._report(seat.view)
            moving |= seat.wants_frames
        for each in self._runs.values():
            each.changes = Changes()
        return moving

    def _answer(self, said: Reply | Part) -> None:
        is_whole = isinstance(said, Reply)
        who = self._replies.pop(said.number, None) if is_whole else self._replies.get(said.number)
        if who is None:
            return
        then, on_part = who
        try:
            if isinstance(said, Reply):
                then(said.value, said.error)
            elif on_part:
                on_part(said.value)
        except Exception:  # noqa: BLE001  as for a view
            self._report(then)

    def _report(self, where: object) -> None:
        """Log the exception being handled, unless the same one came from the same place before."""
        kind, _, trace = sys.exc_info()
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        fault = (type(where), kind, trace.tb_frame.f_code, trace.tb_lineno) if trace else (type(where), kind)
        if fault in self._known_faults:
            return
        self._known_faults.add(fault)
        _log.exception("The window could not show something (%s)", type(where).__name__)
        self._on_bug()
