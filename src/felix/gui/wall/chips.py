"""All agents in one row, 42 pixels high: who there is, what each does, and the way to its big card.

A chip that is pointed at, or whose citation is, says for its card whose thoughts were read and who has read them.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import Any

from felix.events import HUB, AgentId
from felix.gui.kit import Kit
from felix.gui.shortcuts import leave_run
from felix.gui.wall.call_words import waiting_calls
from felix.gui.wall.card_words import Badge, badge_for
from felix.gui.wall.provenance import Provenance, Relation, latest_of
from felix.gui.wall.question_line import question_for
from felix.ledger.speech import Agent, Thought
from felix.ledger.state import RunState
from felix.ledger.words import place_of

HEIGHT = 42
"""At the type's own size; larger type needs more."""
MOST_SHARED = 8
"""Up to so many chips share the row's width; more keep a width of their own and the row scrolls sideways."""
NARROWEST = 96
ALONE = 132
"""Width of a chip in a row that scrolls."""
GAP = 8


class ChipsRow:
    """`frame` is placed by the caller, at its own height. A View. Tk's thread only."""

    def __init__(self, parent: tk.Misc, kit: Kit, *, on_choose: Callable[[AgentId], object], on: str = "page") -> None:
        """`on_choose` is called with the agent whose chip was clicked, or chosen with Enter or Space."""
        self._kit, self._on_choose = kit, on_choose
        self._chips: list[_Chip] = []
        self._chosen: AgentId | None = None
        self.frame = kit.frame(parent, on)
        self._canvas = kit.canvas(self.frame, on, height=self.height, width=1, xscrollincrement=1)
        self._canvas.pack(fill="x", expand=True)
        self._row = kit.frame(self._canvas, on)
        self._item = self._canvas.create_window(0, 0, window=self._row, anchor="nw", height=self.height)
        self._canvas.bind("<Configure>", lambda _event: self._lay_out())
        kit.on_font_change(self._grow, owner=self._canvas)
        self._provenance = Provenance(self.frame, lambda: {chip.agent_id: chip for chip in self._chips})
        self._cited: _Chip | None = None
        self._canvas.bind("<Button-4>", lambda _event: self._scroll(-60))
        self._canvas.bind("<Button-5>", lambda _event: self._scroll(60))

    @property
    def height(self) -> int:
        """Pixels of the row: two lines of the present type, and their edges."""
        lines = sum(self._kit.font(name).metrics("linespace") for name in ("SmallStrong", "Small"))
        return max(self._kit.px(HEIGHT), lines + self._kit.px(10))

    def show(self, state: RunState) -> None:
        """One chip per agent of the run."""
        ids = [agent.agent_id for agent in state.agents.values()]
        if ids != [chip.agent_id for chip in self._chips]:
            self.point(None)
            for chip in self._chips:
                chip.frame.destroy()
            self._chips = [_Chip(self, self._row, self._kit, agent) for agent in state.agents.values()]
            for chip in self._chips:
                for part in chip.parts:
                    part.bind("<Button-4>", lambda _event: self._scroll(-60), add="+")
                    part.bind("<Button-5>", lambda _event: self._scroll(60), add="+")
            self._lay_out()
        for chip, agent in zip(self._chips, state.agents.values(), strict=True):
            chip.show(agent, state)
        self._provenance.show(state)
        self.choose(self._chosen)

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        """Words and colours of the agents that changed; of all when the run did."""
        if list(state.agents) != [chip.agent_id for chip in self._chips]:
            self.show(state)  # a rule has added one
            return
        everyone = state.status is not None or not dirty - {HUB}
        for chip in self._chips:
            if everyone or chip.agent_id in dirty:
                chip.show(state.agents[chip.agent_id], state)
        self._provenance.show(state)

    def tick(self, now: float) -> bool:
        """Nothing here moves."""
        return False

    def choose(self, agent_id: AgentId | None) -> None:
        """Give this agent's chip the primary border and bring it into view."""
        self._chosen = agent_id
        for chip in self._chips:
            is_chosen = chip.agent_id == agent_id
            chip.frame.state(["selected" if is_chosen else "!selected"])
            if is_chosen:
                self._see(chip)

    def point(self, agent_id: AgentId | None) -> None:
        """A citation of this agent is pointed at elsewhere; None: no longer."""
        if self._cited is not None:
            self.leave(self._cited)
        self._cited = next((chip for chip in self._chips if chip.agent_id == agent_id), None)
        if self._cited is not None:
            self._see(self._cited)
            self.enter(self._cited)

    def enter(self, chip: _Chip) -> None:
        """The pointer has come to a chip."""
        chip.frame.state(["active"])
        self._provenance.point(chip)

    def leave(self, chip: _Chip) -> None:
        """It has gone on."""
        chip.frame.state(["!active"])
        self._provenance.leave()

    def pick(self, agent_id: AgentId) -> None:
        """A chip was pressed."""
        self._on_choose(agent_id)

    def _lay_out(self) -> None:
        px, width = self._kit.px, self._canvas.winfo_width()
        count = len(self._chips)
        if not count:
            return
        shared = (width - px(GAP) * (count - 1)) // count
        share = max(1.0, self._kit.font_percent / 100)  # larger type needs wider chips
        needed = max(px(NARROWEST) * share, *(chip.frame.winfo_reqwidth() for chip in self._chips))
        is_shared = count <= MOST_SHARED and shared >= needed
        each = shared if is_shared else round(max(shared, px(ALONE) * share, needed))
        whole = each * count + px(GAP) * (count - 1)
        self._canvas.itemconfigure(self._item, width=max(width, whole))
        self._canvas.configure(scrollregion=(0, 0, max(width, whole), self.height))
        for number, chip in enumerate(self._chips):
            chip.frame.place(x=number * (each + px(GAP)), y=0, width=each, relheight=1.0)

    def _grow(self) -> None:
        self._canvas.configure(height=self.height)
        self._canvas.itemconfigure(self._item, height=self.height)
        self._lay_out()

    def _scroll(self, pixels: int) -> str:
        if self._row.winfo_width() > self._canvas.winfo_width():
            self._canvas.xview_scroll(pixels, "units")
        return "break"

    def _see(self, chip: _Chip) -> None:
        left, right = chip.frame.winfo_x(), chip.frame.winfo_x() + chip.frame.winfo_width()
        start, width = self._canvas.canvasx(0), self._canvas.winfo_width()
        if left < start:
            self._scroll(round(left - start))
        elif right > start + width:
            self._scroll(round(right - start - width))


class _Chip:
    """Avatar, id, and the state's word, or the confidence of one who is done."""

    def __init__(self, row: ChipsRow, parent: tk.Misc, kit: Kit, agent: Agent) -> None:
        self.agent_id = agent.agent_id
        self.agent: Agent | None = agent
        self._row, self._kit, self._code = row, kit, agent.code
        self._relation = ""
        """How it stands to the thought that is pointed at."""
        self._place = ""
        """Where it is asked, in a run that asks several servers."""
        self.frame = kit.frame(parent, "card", (6, 4), box="card", takefocus=True, cursor="hand2")
        self._avatar = kit.label(self.frame, on="card")
        self._avatar.pack(side="left", padx=(1, 7))
        column = kit.frame(self.frame, "card")
        column.pack(side="left")
        name = kit.label(column, str(agent.agent_id), "SmallStrong", on="card")
        name.pack(anchor="w")
        self._word = kit.label(column, font="Small", color="text2", on="card")
        self._word.pack(anchor="w")
        self._badge: Badge | None = None
        self._said = self._written = ("", "text2")
        """Words and colour: of its state, and as they stand there."""
        self.parts: tuple[ttk.Widget, ...] = (self.frame, self._avatar, column, name, self._word)
        for part in self.parts:
            part.bind("<Button-1>", lambda _event: row.pick(self.agent_id))
        for key in ("<Return>", "<KP_Enter>", "<space>"):
            self.frame.bind(key, lambda _event: row.pick(self.agent_id))
        for part in (self._avatar, name, self._word):
            kit.tooltip(part, lambda: self._place)
        leave_run(self.frame)
        self.frame.bind("<Enter>", lambda _event: row.enter(self))
        self.frame.bind("<Leave>", self._left)
        self.frame.bind("<FocusIn>", lambda _event: self.frame.state(["user1"]))
        self.frame.bind("<FocusOut>", lambda _event: self.frame.state(["!user1"]))

    @property
    def pointed(self) -> Thought | None:
        """What it stands for while it is pointed at."""
        return latest_of(self.agent) if self.agent is not None else None

    def mark(self, _relation: Relation, words: str) -> None:
        """Say how this agent's thoughts stand to the one that is pointed at; with no words what it does."""
        self._relation = words
        self._write()

    def show(self, agent: Agent, state: RunState) -> None:
        self.agent = agent
        self._place = place_of(state, agent)
        badge = badge_for(agent, state, short=True)
        words, colour = badge.word, f"ink:{badge.state}"
        if question_for(state, agent.agent_id) is not None:
            words, colour = "Go on?", "ink:stop"
        elif waiting_calls(agent) and state.is_running:
            words, colour = "Asks you", "ink:stop"
        elif badge.state == "done" and agent.confidence is not None:
            words, colour = f"conf {agent.confidence:.2f}", "text2"
        if self._badge != badge:
            self._badge = badge
            self._kit.set_label(self._avatar, image=self._kit.avatar(agent.code, badge.state))
        self._said = words, colour
        self._write()

    def _write(self) -> None:
        words, colour = written = (self._relation, "ink:write") if self._relation else self._said
        if written != self._written:
            self._written = written
            self._kit.set_label(self._word, text=words, color=colour)

    def _left(self, event: tk.Event[Any]) -> None:
        # the pointer also leaves when it goes on to a part of this one
        under = self.frame.winfo_containing(event.x_root, event.y_root)
        if under is None or not f"{under}.".startswith(f"{self.frame}."):
            self._row.leave(self)
