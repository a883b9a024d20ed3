"""The wall: one card per agent, as many columns as fit, and one of them big when asked for.

A card that cannot be seen – scrolled away, or behind the big one – gets nothing and catches up when it comes into view,
so a frame costs what is on screen, not what the run has. Nor does it take long: what many cards have to show at once is
spread over frames, so that a key press never waits for all of them.
"""

from __future__ import annotations

import math
import time
import tkinter as tk
from collections.abc import Callable, Collection
from typing import Any

from felix.events import HUB, AgentId, CallId, Pause, ThoughtId
from felix.gui.kit import Kit
from felix.gui.wall.card import Card
from felix.gui.wall.card_tools import CardTools
from felix.gui.wall.chips import ChipsRow
from felix.gui.wall.note_strip import NoteStrip
from felix.gui.wall.offers import CardActs
from felix.gui.wall.provenance import Provenance
from felix.ledger.state import RunState
from felix.settings import SettingsFile

COLUMN = 248
MOST_COLUMNS = 4
TOWER = 2
"""Times its width: a row of cards taller than this reads better as two rows of wider ones."""
LOWEST = 176
"""A card gets at least this height; when the rows cannot share that, the wall scrolls."""
GAP = 10
CHIPS_GAP = 10
SPARE_S = 0.008
"""Cards are written for so long within a frame, and one more; laying them out takes Tk as long again."""


class Wall:
    """`frame` is placed by the caller. A View. Everything runs on Tk's thread."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        settings: SettingsFile,
        *,
        acts: CardActs | None = None,
        on_maximise: Callable[[AgentId | None], object] | None = None,
        on_wake: Callable[[], object] | None = None,
    ) -> None:
        """`acts` are what cards can ask for; `on_maximise` is told whose card is big now, None for none; `on_wake` asks
        for a frame outside a run."""
        self._kit, self._settings = kit, settings
        self._acts, self._told, self._on_wake = acts, on_maximise, on_wake
        self._state = RunState()
        self._phase: tuple[Pause, bool] = ("off", False)
        """Whether it is paused and in its rounds, as the cards were told last."""
        self._pool: list[Card] = []
        self._cards: dict[AgentId, Card] = {}
        self._stale: dict[AgentId, bool] = {}
        """Whose card lags behind, those first that have waited longest; and whether the whole of it is to be drawn."""
        self._until = 0.0
        """When the time for cards is over in this frame; 0: it has not begun."""
        self._turns: list[Card] = []
        """Cards that are to be ticked before any is again."""
        self._is_moving = False
        """Whether one of those ticked since all were has more to show."""
        self._visible: list[Card] = []
        self.maximised: AgentId | None = None
        """Whose card is big."""
        self.frame = kit.frame(parent, "page")
        self._grid = kit.scrolled_frame(self.frame, "page")
        self._notes = NoteStrip(self.frame, kit)
        self._place_grid()
        self._grid.canvas.configure(yscrollcommand=self._scrolled)
        self._grid.bar.pack_forget()  # it takes room only while there is something to scroll
        self._grid.canvas.bind("<Configure>", lambda _event: self._lay_out(), add="+")
        kit.on_font_change(self._grow, owner=self._grid.canvas)
        self._chips = ChipsRow(self.frame, kit, on_choose=self._choose)
        self._big: Card | None = None
        self._under_tools: Card | None = None
        self._tools = CardTools(self._grid.body, kit, lambda: self._under_tools)
        self._provenance = Provenance(self.frame, lambda: self._cards)

    # -- View ----------------------------------------------------------------------------------------------------------

    def show(self, state: RunState) -> None:
        """The wall of this run. Of the same run, every card goes on where it is."""
        is_new = state.run != self._state.run  # another moment of the same run leaves the big card as it is
        self._state = state
        self._draw_notes()
        if list(state.agents) != list(self._cards):
            self._rebuild()
        if self.maximised is not None and (is_new or self.maximised not in state.agents):
            self._maximise(None)
        self._provenance.show(state)
        self._lag(self._cards, is_whole=True)
        self._until = time.monotonic() + SPARE_S
        self._draw_stale(math.inf if is_new else self._until)
        if self._under_tools is not None:
            self._tools.show(self._under_tools.offers)
        if self._big is not None and self.maximised is not None:
            self._chips.show(state)
            self._big.show(state.agents[self.maximised], state, is_whole=True)

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        """Draw the agents that changed, as far as they can be seen; when only the run did, all."""
        if state is not self._state or list(state.agents) != list(self._cards):
            self.show(state)
            return
        self._draw_notes()
        # the end of a run, or a pause, changes those who never spoke too, whoever else did so in the same frame
        phase = (state.pause, state.is_in_rounds)
        is_for_all = state.status is not None or phase != self._phase
        self._phase = phase
        changed = set(self._cards) if is_for_all else dirty - {HUB} or set(self._cards)
        self._lag(changed)
        self._until = time.monotonic() + SPARE_S
        self._draw_stale(self._until)
        self._provenance.show(state)
        if self._under_tools is not None:
            self._tools.show(self._under_tools.offers)
        if self._big is not None and self.maximised is not None:
            self._chips.update(state, dirty)
            if self.maximised in changed:
                self._big.update()

    def tick(self, now: float) -> bool:
        """Let time pass for what can be seen."""
        if self._big is not None and self.maximised is not None:
            return self._big.tick(now)
        until, self._until = self._until or time.monotonic() + SPARE_S, 0.0
        moving = self._draw_stale(until)
        if not self._turns:
            self._turns, self._is_moving = list(self._visible), False
        while self._turns:
            self._is_moving |= self._turns.pop(0).tick(now)
            if self._turns and time.monotonic() > until:
                return True
        return moving or self._is_moving

    # -- what the window calls -----------------------------------------------------------------------------------------

    def maximise(self, agent_id: AgentId | None) -> None:
        """Make an agent's card big, or with None show them all again."""
        if agent_id != self.maximised and (agent_id is None or agent_id in self._cards):
            self._maximise(agent_id)

    def focus_card(self, number: int) -> None:
        """Ctrl+1..9: give the keyboard to a card, counted from 1; when one is big, make that one big instead."""
        if not 1 <= number <= len(self._cards):
            return
        agent_id = list(self._cards)[number - 1]
        if self.maximised is not None:
            self._maximise(agent_id)
            return
        card = self._cards[agent_id]
        self._grid.see(card.frame)
        card.focus()

    def reveal(self, agent_id: AgentId) -> None:
        """Lead to an agent's card, as a citation does."""
        if agent_id in self._cards:
            self.focus_card(list(self._cards).index(agent_id) + 1)

    def lead_to(self, agent_id: AgentId, thought_id: ThoughtId, call_id: CallId | None = None) -> None:
        """Scroll an agent's card, which is in view, to one of its thoughts, or to a tool call in it."""
        if (card := self._in_view(agent_id)) is not None:
            card.lead_to(thought_id, call_id)

    def turn_to(self, agent_id: AgentId, call_id: CallId) -> None:
        """Lead to a tool call, and to what asks about it."""
        if (card := self._in_view(agent_id)) is not None:
            card.turn_to(call_id)

    def _in_view(self, agent_id: AgentId) -> Card | None:
        self.frame.update_idletasks()
        return self._big if self.maximised == agent_id else self._cards.get(agent_id)

    def find(self, *, anywhere: bool = False) -> bool:
        """Ctrl+F: open the find bar of the card that has the keyboard, or of the big one. False when there is none.

        With `anywhere`, the first card in view will do.
        """
        card = self._focused() or (next(iter(self._visible), None) if anywhere else None)
        if card is None:
            return False
        card.find()
        self._wake()
        return True

    def escape(self) -> bool:
        """Close what is open here, innermost first: find bar, then big card. False when nothing was."""
        shown = [self._big] if self._big is not None and self.maximised is not None else list(self._cards.values())
        closed = [card for card in shown if card.close_find()]
        if closed:
            return True
        if self.maximised is None:
            return False
        self._maximise(None)
        return True

    @property
    def cards(self) -> tuple[Card, ...]:
        """In the order of the workflow."""
        return tuple(self._cards.values())

    # -- layout --------------------------------------------------------------------------------------------------------

    def _rebuild(self) -> None:
        self._tools.frame.place_forget()
        self._under_tools = None
        agents = list(self._state.agents)
        # a card costs ten times more to build than to show, so those of the last run serve again
        self._pool += [self._new_card() for _ in agents[len(self._pool) :]]
        for card in self._pool[len(agents) :]:
            card.frame.place_forget()
            card.forget()
        self._cards = dict(zip(agents, self._pool, strict=False))
        self._turns.clear()
        self._stale.clear()
        self._lay_out()

    def _new_card(self) -> Card:
        card = Card(
            self._grid.body, self._kit, self._settings, acts=self._acts, on_maximise=self.maximise,
            on_hover=self._hovered,
        )  # fmt: skip
        card.frame.bind("<Leave>", lambda event: self._left(card, event), add="+")
        text = card.stream.text
        text.bind("<FocusOut>", lambda _event: self._provenance.leave(), add="+")
        for sequence in ("<Motion>", "<Leave>"):
            text.bind(sequence, lambda _event: self._provenance.move(card), add="+")
        return card

    def _lay_out(self) -> None:
        canvas, px, count = self._grid.canvas, self._kit.px, len(self._cards)
        if not count:
            self._grid.body.configure(height=1)
            self._visible = []
            return
        width, height, gap = canvas.winfo_width(), canvas.winfo_height(), px(GAP)
        share = max(1.0, self._kit.font_percent / 100)  # larger type needs larger cards
        most = min(max(1, min(MOST_COLUMNS, width // round(px(COLUMN) * share))), count)
        rows = -(-count // most)
        if rows == 1 and height > TOWER * (width // count):
            rows = 2
        columns = -(-count // rows)  # even rows: two by two rather than three and one
        each = max(round(px(LOWEST) * share), (height - gap * (rows - 1)) // rows)
        wide = (width - gap * (columns - 1)) // columns
        for number, card in enumerate(self._cards.values()):
            row, column = divmod(number, columns)
            card.frame.place(x=column * (wide + gap), y=row * (each + gap), width=wide, height=each)
        whole = rows * (each + gap) - gap
        self._grid.body.configure(height=whole)
        if (whole > height) != bool(self._grid.bar.winfo_manager()):
            self._grid.bar.pack(
                side="right", fill="y", before=canvas
            ) if whole > height else self._grid.bar.pack_forget()
        self._find_visible()

    def _grow(self) -> None:
        self._place_notes()
        self._lay_out()

    def _place_notes(self) -> None:
        """The strip has come or gone, or lines are higher now: give the rest of the wall its place."""
        if self._notes.is_needed:
            self._notes.frame.place(x=0, y=0, relwidth=1.0)
        else:
            self._notes.frame.place_forget()
        if self.maximised is None:
            self._place_grid()
        else:
            self._place_big()

    def _place_grid(self) -> None:
        top = self._above
        self._grid.frame.place(x=0, y=top, relwidth=1.0, relheight=1.0, height=-top)

    def _place_big(self) -> None:
        top = self._above
        self._chips.frame.place(x=0, y=top, relwidth=1.0)
        top += self._chips.height + self._kit.px(CHIPS_GAP)
        if self._big is not None:
            self._big.frame.place(x=0, y=top, relwidth=1.0, relheight=1.0, height=-top)

    @property
    def _above(self) -> int:
        """Pixels that the strip of notes takes."""
        return self._notes.height + self._kit.px(CHIPS_GAP) if self._notes.is_needed else 0

    def _draw_notes(self) -> None:
        if self._notes.show(self._state):
            self._place_notes()

    def _scrolled(self, first: float, last: float) -> None:
        self._grid.bar.set(first, last)
        self._find_visible()
        self._draw_stale()

    def _find_visible(self) -> None:
        top = self._grid.canvas.canvasy(0)
        bottom = top + self._grid.canvas.winfo_height()
        visible = []
        for card in self._cards.values():
            place: Any = card.frame.place_info()
            if place and int(place["y"]) < bottom and int(place["y"]) + int(place["height"]) > top:
                visible.append(card)
        self._visible = visible

    def _lag(self, agents: Collection[AgentId], *, is_whole: bool = False) -> None:
        """What these cards show is no longer what is."""
        for agent_id in self._cards:
            if agent_id in agents:
                self._stale[agent_id] = is_whole or self._stale.get(agent_id, False)

    def _draw_stale(self, until: float = math.inf) -> bool:
        """Draw the cards in view that lag behind. True when it is past `until` (monotonic) and more of them do."""
        if self.maximised is not None or not self._stale:
            return False
        visible = set(self._visible)
        lagging = [agent_id for agent_id in self._stale if self._cards.get(agent_id) in visible]
        for number, agent_id in enumerate(lagging, start=1):
            is_whole = self._stale.pop(agent_id)
            self._cards[agent_id].show(self._state.agents[agent_id], self._state, is_whole=is_whole)
            if time.monotonic() > until and number < len(lagging):
                return True
        return False

    def _maximise(self, agent_id: AgentId | None) -> None:
        before, self.maximised = self.maximised, agent_id
        if agent_id is None:
            self._chips.frame.place_forget()
            if self._big is not None:
                self._big.frame.place_forget()
            self._place_grid()
            self._lag(self._cards, is_whole=True)
            self._draw_stale()
            if before in self._cards:
                self._cards[before].focus()
        else:
            if self._big is None:
                self._big = Card(
                    self.frame, self._kit, self._settings, acts=self._acts,
                    on_maximise=lambda _agent: self.maximise(None), is_large=True,
                )  # fmt: skip
            self._grid.frame.place_forget()
            self._place_big()
            self._chips.choose(agent_id)
            self._chips.show(self._state)
            self.frame.update_idletasks()
            self._big.show(self._state.agents[agent_id], self._state, is_whole=True)
            self._big.focus()
        self._wake()
        if self._told:
            self._told(agent_id)

    # -- the user's hand -----------------------------------------------------------------------------------------------

    def _choose(self, agent_id: AgentId) -> None:
        self.maximise(agent_id)

    def _hovered(self, card: Card) -> None:
        self._under_tools = card
        self._provenance.point(card)
        self._tools.show(card.offers)
        self._tools.frame.place(in_=card.foot, relx=1.0, rely=0.5, anchor="e")
        self._tools.frame.lift()

    def _left(self, card: Card, event: tk.Event[tk.Misc]) -> None:
        # the pointer also leaves when it goes on to a part of the card, the toolbar among them
        under = card.frame.winfo_containing(event.x_root, event.y_root)
        if under is None or not f"{under}.".startswith((f"{card.frame}.", f"{self._tools.frame}.")):
            self._provenance.leave()

    def _focused(self) -> Card | None:
        if self._big is not None and self.maximised is not None:
            return self._big
        return next((card for card in self._cards.values() if card.has_focus), None)

    def _wake(self) -> None:
        if self._on_wake:
            self._on_wake()
