"""From the mailbox to the screen: what came is folded into the window's own `RunState`, and shown once a frame.

Nothing crosses the border the other way, and nothing here waits. A view that cannot be seen costs nothing: it gets no
call, and draws itself from the state when it comes back.
"""

from __future__ import annotations

import logging
import sys
import time
import tkinter as tk
from collections import deque
from collections.abc import Callable

from felix.errors import FelixError
from felix.events import (
    HUB,
    AgentId,
    AgentSpawned,
    AgentState,
    Event,
    PartialSynthesis,
    PartialThought,
    Record,
    RunId,
    RunStarted,
    SynthesisComplete,
    SynthesisStarted,
    ThoughtAsked,
    ThoughtComplete,
)
from felix.gui.view import View
from felix.ledger.state import RunState
from felix.team.mailbox import Item, Mailbox, Reply

FRAME_MS = 16
"""Between two frames while something moves: at 60 Hz a token waits 8 ms for its frame on average."""
BUSY_FRAME_MS = 33
"""The same when a frame was dear: half the time stays free for the user's own events."""
DEAR_S = 0.008
"""A frame that took longer than this is dear."""
REPLY_MS = 50
"""While an answer of the engine is awaited and nothing else moves."""
IDLE_MS = 250
"""Otherwise: four looks a second cost nothing that can be measured."""
TICK_S = 0.1
"""A run ticks at least this often, for what blinks and counts; in between, a frame only looks into the mailbox."""
FOLD_BUDGET_S = 0.010
"""Folding stops here within a frame, the rest waits for the next: a flood must not hold up a key press."""

_log = logging.getLogger(__name__)


OnReply = Callable[[object, FelixError | None], None]


class _Seat:
    """A view, the widget that tells whether it can be seen, and what it has missed."""

    __slots__ = ("is_stale", "view", "wants_frames", "widget")

    def __init__(self, view: View, widget: tk.Misc) -> None:
        self.view, self.widget = view, widget
        self.is_stale = True
        self.wants_frames = False

    @property
    def wants_call(self) -> bool:
        return self.wants_frames or (self.is_stale and bool(self.widget.winfo_viewable()))


class Bridge:
    """Polls mailboxes from Tk's loop. Everything runs on Tk's thread; `close` ends it."""

    def __init__(self, root: tk.Misc, on_bug: Callable[[], None]) -> None:
        """`on_bug` is told when a view raised: quietly, once for each kind of fault."""
        self.state = RunState()
        """Of the run that is followed; replaced as a whole when another one is."""
        self.run: RunId | None = None
        self._root = root
        self._on_bug = on_bug
        self._mailboxes: list[Mailbox] = []
        self._is_open = False
        self._seats: list[_Seat] = []
        self._waiting: deque[Item] = deque()
        self._replies: dict[int, OnReply] = {}
        self._ticked_at = 0.0
        self._is_called = True
        """A view came into view, or all are to be drawn anew: the next frame looks at each of them."""
        self._known_faults: set[tuple[object, ...]] = set()
        self._after: str | None = None
        # one command for all frames: `after` with a function makes a new one each time, sixty times a second,
        # and `after_cancel` would delete this one
        self._frame_command = root.register(self._frame)

    def add(self, view: View, widget: tk.Misc) -> None:
        """Feed a view whenever `widget` can be seen: mapped, in the tab in front, in a window that is not iconified."""
        self._seats.append(_Seat(view, widget))
        widget.bind("<Map>", lambda _event: self._call(), add="+")  # it comes back: not at the next idle look

    def listen(self, mailbox: Mailbox) -> None:
        """Empty this mailbox too."""
        self._mailboxes.append(mailbox)

    def open(self) -> None:
        """Begin to poll."""
        self._is_open = True
        self._plan(0)

    def follow(self, run: RunId, plan: RunStarted | None = None) -> None:
        """Show this run from now on. What still comes of another one is dropped.

        `plan` is what is known before the engine says a word; its own `RunStarted` takes the place of it.
        """
        self.run = run
        self.state = RunState()
        if plan is not None:
            self.state.apply(Record(0, time.time(), run, plan))
        self.refresh()

    def expect(self, number: int, then: OnReply) -> None:
        """Call `then(value, error)` with the engine's answer to question `number`."""
        self._replies[number] = then
        self._plan(REPLY_MS)

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
            dirty, is_new, is_changed = self._fold(began + FOLD_BUDGET_S)
            moving = self._show(dirty, is_new=is_new, is_changed=is_changed)
        except Exception:  # noqa: BLE001  whatever happens to one frame, the next one comes
            self._report(self)
            moving = False
        self._plan(self._delay(time.monotonic() - began, moving=moving))

    def _is_due(self, now: float) -> bool:
        """Whether a view is to be called although no record came."""
        if any(seat.wants_frames for seat in self._seats):
            return True
        if self.state.is_running:
            return self._is_called or now - self._ticked_at >= TICK_S
        return any(seat.wants_call for seat in self._seats)

    def _delay(self, spent_s: float, *, moving: bool) -> int:
        if self._waiting or moving or self.state.is_running:
            frame = FRAME_MS if spent_s < DEAR_S else BUSY_FRAME_MS
            return max(4, frame - int(spent_s * 1000))
        return REPLY_MS if self._replies else IDLE_MS

    def _fold(self, deadline: float) -> tuple[set[AgentId], bool, bool]:
        """Take records in while there is time: the agents they spoke of, whether the run is new, whether it changed."""
        dirty: set[AgentId] = set()
        is_new = is_changed = False
        waiting, counter = self._waiting, 0
        while waiting:
            item = waiting.popleft()
            if not isinstance(item, Record):
                self._answer(item)
                continue
            if item.run != self.run:
                continue
            try:
                self.state.apply(item)
            except Exception:  # noqa: BLE001  a bug must not end the frames
                self._report(self.state)
                continue
            is_changed = True
            if isinstance(item.event, RunStarted):
                is_new = True
            elif (agent_id := _whom(item.event)) is not None:
                dirty.add(agent_id)
            counter += 1
            if counter % 64 == 0 and time.monotonic() > deadline:
                break
        return dirty, is_new, is_changed

    def _show(self, dirty: set[AgentId], *, is_new: bool, is_changed: bool) -> bool:
        """Call the views that can be seen, once each. True when one of them wants another frame soon."""
        moving = False
        now = time.monotonic()
        is_tick = self.state.is_running and now - self._ticked_at >= TICK_S
        if is_tick or is_changed:
            self._ticked_at = now
        for seat in self._seats:
            seat.is_stale |= is_new
            if not (is_changed or is_tick or seat.is_stale or seat.wants_frames):
                continue
            if not seat.widget.winfo_viewable():
                seat.is_stale |= is_changed
                seat.wants_frames = False
                continue
            try:
                if seat.is_stale:
                    # first: a view that fails must not be drawn anew at every frame
                    seat.is_stale = False
                    seat.view.show(self.state)
                elif is_changed:
                    seat.view.update(self.state, dirty)
                seat.wants_frames = seat.view.tick(now)
            except Exception:  # noqa: BLE001  a bug in one view must not blind the others
                seat.wants_frames = False
                self._report(seat.view)
            moving |= seat.wants_frames
        return moving

    def _answer(self, reply: Reply) -> None:
        then = self._replies.pop(reply.number, None)
        if then is None:
            return
        try:
            then(reply.value, reply.error)
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


def _whom(event: Event) -> AgentId | None:
    """The agent an event is about, `HUB` for the synthesis, None for the run as a whole."""
    match event:
        case PartialThought() | AgentState() | ThoughtAsked() | ThoughtComplete() | AgentSpawned():
            return event.agent_id
        case PartialSynthesis() | SynthesisStarted() | SynthesisComplete():
            return HUB
        case _:
            return None
