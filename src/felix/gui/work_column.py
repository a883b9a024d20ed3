"""The middle of the window: banner, task, agents and answer, and which of them has how much room.

The view follows the run, or its replay – agents while they write, both while the hub does, then the answer – until the
user chooses one; the choice holds for that run. Only geometry changes here: no scroll position, no latch, no text.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk as plain
from typing import Literal, assert_never

from felix.events import AgentId, RunId
from felix.gui.kit import Kit
from felix.ledger.state import RunState

ViewName = Literal["agents", "both", "answer"]

SIDE, GAP = 12, 10
ANSWER_SHARE = 52
"""Of a hundred, when agents and answer share the height."""
LOW = 800
"""A window lower than this shows the agents as a row of chips beside the answer."""


def as_view(name: str) -> ViewName:
    """The view of that name, as a control calls it."""
    match name:
        case "both" | "answer":
            return name
        case _:
            return "agents"


def view_for(state: RunState) -> ViewName:
    """What the phase of a run asks for."""
    if state.status is not None:
        # without an answer the thoughts are what there is
        return "answer" if state.synthesis is not None and len(state.synthesis.answer) else "agents"
    # in a run that is continued the answer of before is there, but the agents are who speaks
    return "both" if state.synthesis is not None and not state.is_in_rounds else "agents"


class WorkColumn:
    """Places what others made. `furnish` must come before anything else."""

    def __init__(self, parent: tk.Misc, kit: Kit) -> None:
        self._kit = kit
        self.frame = kit.frame(parent, "page")
        self._pinned: ViewName | None = None
        self._held: ViewName | None = None
        self._run: RunId | None = None
        self._state: RunState | None = None
        self.is_low = False
        self._is_greeting = True
        self._shown: tuple[object, ...] = ()
        self.view: ViewName = "agents"
        self.on_view: Callable[[ViewName], None] = lambda view: None
        """Told which view is in force whenever that changes."""

    def furnish(
        self,
        *,
        banner: plain.Frame,
        welcome: plain.Frame,
        welcome_slot: plain.Frame,
        composer: plain.Frame,
        wall: tk.Widget,
        chips: tk.Widget,
        strip: tk.Widget,
        synthesis: tk.Widget,
        failure: plain.Frame,
        replay: tk.Widget,
    ) -> None:
        """All of them are children of `frame`, but for the slot, which is inside the welcome."""
        self._banner, self._welcome, self._slot, self._composer = banner, welcome, welcome_slot, composer
        self._wall, self._chips, self._strip, self._synthesis = wall, chips, strip, synthesis
        self._failure, self._replay = failure, replay
        self.frame.columnconfigure(0, weight=1)
        self.frame.grid_propagate(False)
        self.greet()

    def greet(self) -> None:
        """Show the first screen."""
        self._is_greeting = True
        self._clear()
        self._welcome.grid(row=1, column=0, rowspan=5, sticky="nsew")
        self.frame.rowconfigure(1, weight=1)
        self._composer.pack(in_=self._slot, fill="x")
        self._composer.lift()

    def begin(self) -> None:
        """Leave the first screen: a run has been asked for."""
        self._is_greeting = False
        self._arrange()

    def set_banner(self, *, is_shown: bool) -> None:
        if is_shown:
            self._banner.grid(row=0, column=0, sticky="ew")
        else:
            self._banner.grid_remove()

    def set_replay(self, *, is_shown: bool) -> None:
        """Make room for the bar that plays a run, or take it back; nothing else goes and comes for it."""
        if is_shown:
            side = self._kit.px(SIDE)
            self._replay.grid(row=6, column=0, sticky="ew", padx=side, pady=(0, side))
        else:
            self._replay.grid_remove()

    def set_low(self, *, is_low: bool) -> None:
        """Fit a window lower than `LOW`."""
        if is_low != self.is_low:
            self.is_low = is_low
            self._arrange()

    @property
    def is_chosen(self) -> bool:
        """True while the view is the user's choice and does not follow the run."""
        return (self._held or self._pinned) is not None

    def pin(self, view: ViewName) -> None:
        """The user wants this one, until the next run."""
        self._pinned, self._held = view, None
        self._arrange()

    def hold(self, view: ViewName | None) -> None:
        """Keep this one, whatever the run does, as long as a card is big; None: no longer."""
        self._held = view
        self._arrange()

    def show(self, state: RunState) -> None:
        if state.run != self._run:
            self._run, self._pinned = state.run, None
        self._state = state
        self._arrange()

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        self.show(state)

    def tick(self, now: float) -> bool:
        return False

    def _arrange(self) -> None:
        state = self._state
        if state is None or self._is_greeting:
            return
        self.view = self._held or self._pinned or view_for(state)
        has_answer = state.synthesis is not None and len(state.synthesis.answer) > 0
        has_failed = state.status in ("failed", "crashed") and not has_answer
        speaks = state.synthesis is not None
        # both of what is there: before the hub speaks that is the agents alone
        layout: ViewName = "agents" if self.view == "both" and (has_failed or not speaks) else self.view
        arrangement = (self.view, self.is_low, has_failed, speaks)
        if arrangement == self._shown:
            return
        self._clear()
        self._shown = arrangement
        kit, frame = self._kit, self.frame
        side, gap = kit.px(SIDE), kit.px(GAP)
        self._composer.grid(row=1, column=0, sticky="ew", padx=side, pady=(side, gap))
        answer = self._synthesis if speaks and not has_failed else self._strip
        fill = "nsew" if answer is self._synthesis else "new"
        if has_failed:  # between the agents and the strip, whose control leads to the other views
            self._failure.grid(row=4, column=0, sticky="ew", padx=side, pady=(gap if layout == "agents" else 0, 0))
        match layout:
            case "agents":
                self._wall.grid(row=3, column=0, sticky="nsew", padx=side)
                frame.rowconfigure(3, weight=1)
                self._strip.grid(row=5, column=0, sticky="ew", padx=side, pady=(gap, side))
            case "both":
                if self.is_low:
                    self._chips.grid(row=2, column=0, sticky="ew", padx=side, pady=(0, gap))
                else:
                    self._wall.grid(row=3, column=0, sticky="nsew", padx=side)
                    frame.rowconfigure(3, weight=100 - ANSWER_SHARE, uniform="share")
                answer.grid(row=5, column=0, sticky=fill, padx=side, pady=(0 if self.is_low else gap, side))
                frame.rowconfigure(5, weight=ANSWER_SHARE, uniform="share")
            case "answer":
                self._chips.grid(row=2, column=0, sticky="ew", padx=side, pady=(0, gap))
                answer.grid(row=5, column=0, sticky=fill, padx=side, pady=(gap if has_failed else 0, side))
                frame.rowconfigure(5, weight=1)
            case _:
                assert_never(layout)
        self.on_view(self.view)

    def _clear(self) -> None:
        self._shown = ()
        for each in (self._welcome, self._wall, self._chips, self._strip, self._synthesis, self._failure):
            each.grid_remove()
        self._composer.pack_forget()
        self._composer.grid_forget()
        for row in range(1, 6):
            self.frame.rowconfigure(row, weight=0, uniform="")
