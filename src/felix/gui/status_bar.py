"""The foot of the window: the server and its state, the figures of the run, and quiet messages.

The bar of progress counts ended calls of planned ones; nothing here is computed from time but the time itself.
"""

from __future__ import annotations

import tkinter as tk
from collections import deque
from collections.abc import Callable, Sequence
from tkinter import ttk as plain
from typing import Any, Literal

from felix.endpoints import Endpoint
from felix.events import AgentId
from felix.gui.kit import Kit
from felix.gui.wall.offers import turn_of
from felix.ledger.speech import Speech
from felix.ledger.state import RunState
from felix.ledger.words import deed_of, places
from felix.team.cost import cost_of
from felix.team.tools.naming import starting_tools

HEIGHT = 26
"""At the type's own size; larger type needs more."""
_GAP = 14
QUIET_MS = 1_500
"""How long "Saved" stands."""
SENTENCE_MS = 6_000
_WINDOW_S = 3.0
"""Tokens a second are those of the last seconds: long enough to be steady, short enough to be now."""
_FIGURES_S = 0.5
"""Figures that tick faster cannot be read."""
_BAR = (140, 96)
"""Width of the progress bar in a wide and a narrow window."""

Health = Literal["unknown", "up", "down", "demo"]
_DOTS = {"unknown": "queue", "up": "done", "down": "fail", "demo": "stop"}


class StatusBar:
    """A view of the run's figures; the rest is told by `say_server`, `say` and `warn`."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        *,
        on_show_log: Callable[[], None],
        endpoints: Callable[[], Sequence[Endpoint]] = tuple,
    ) -> None:
        """`endpoints` have the prices by which the cost of a run is told."""
        self._kit, self._endpoints = kit, endpoints
        self.frame = kit.frame(parent, "side")
        self.frame.pack_propagate(False)
        kit.rule(self.frame).pack(side="top", fill="x")
        row = kit.frame(self.frame, "side", padding=(_GAP, 0, _GAP, 0))
        row.pack(fill="both", expand=True)
        self._server = self._item(row, icon="circle-fill")
        self._model = self._item(row, icon="cpu")
        self._places = self._item(row, icon="hdd-network")
        self._quiet = self._item(row, icon="check2")
        self._warning = kit.button(
            row, "Show log", "exclamation-octagon", on="side", font="Small", padding=(6, 0, 6, 1), icon_size=11,
            color="ink:fail", command=on_show_log,
        )  # fmt: skip
        self.waiting = kit.button(
            row, "Asks you", "question-circle-fill", on="side", font="SmallStrong", padding=(6, 0, 6, 1), icon_size=11,
            color="ink:stop", tooltip="Lead to the call that has waited longest for your word",
        )  # fmt: skip
        self._unsaved = self._item(row, icon="exclamation-octagon", color="ink:fail", icon_color="ink:fail")
        self._shared = self._item(row, icon="broadcast", icon_color="state:write")
        self._hint = self._item(row, "Ctrl+Enter runs")
        self._percent = self._item(row, color="text", width=5, anchor="e")
        self._bar = kit.canvas(row, "side", width=kit.px(_BAR[0]), height=kit.px(4))
        self._elapsed = self._item(row, icon="stopwatch")
        self._agents = self._item(row, icon="people")
        self._speed = self._item(row, icon="speedometer2")
        self._cost = ""
        kit.tooltip(self._speed, lambda: self._cost)
        # at the right, from the edge inwards; the quiet word stands left of them
        self._right: tuple[tk.Widget, ...] = (
            self._hint, self._percent, self._bar, self._elapsed, self._agents, self._speed, self._places, self._quiet,
        )  # fmt: skip
        self._left: tuple[tk.Widget, ...] = (
            self._server, self.waiting, self._unsaved, self._shared, self._model, self._warning,
        )  # fmt: skip
        self._dear: tuple[tk.Widget, ...] = (
            self.waiting, self._server, self._unsaved, self._shared, self._warning, self._percent, self._quiet,
            self._agents, self._elapsed, self._hint, self._model, self._bar, self._speed, self._places,
        )  # fmt: skip
        """The dearest first: where there is no room for all, the last ones go."""
        self._wanted: set[tk.Widget] = {self._server, self._hint}
        self._packed: tuple[tk.Widget, ...] = ()
        self._rest = self._bar.create_rectangle(0, 0, 0, 0, width=0)
        self._done = self._bar.create_rectangle(0, 0, 0, 0, width=0)
        self._fraction = 0.0
        self._deed = ""
        """What goes on in a run that had ended."""
        self._is_narrow = False
        kit.paint(self._bar, self._recolour)
        self._state: RunState | None = None
        self._samples: deque[tuple[float, int]] = deque()
        self._next_figures = 0.0
        self._quiet_after: str | None = None
        self.frame.bind("<Destroy>", lambda _event: self._forget())
        self.frame.bind("<Configure>", lambda _event: self._fit())
        kit.on_font_change(self._grow, owner=self.frame)
        self._grow()

    # -- what the window says ------------------------------------------------------------------------------------------

    def say_server(self, words: str, health: Health) -> None:
        """Who answers and where, in words and a coloured dot."""
        self._kit.set_label(self._server, text=words, icon="circle-fill", icon_color=f"state:{_DOTS[health]}")
        self._fit()

    def say_model(self, words: str, *, icon: str) -> None:
        """What stands beside the server: its model and context, or why there is none."""
        self._kit.set_label(self._model, text=words, icon=icon or None)
        self._want(self._model, is_wanted=bool(words))

    def tell(self, sentence: str) -> None:
        """A sentence that is to be read, and goes by itself."""
        self.say(sentence, "info-circle", ms=SENTENCE_MS)

    def say(self, words: str, icon: str = "check2", *, ms: int = QUIET_MS) -> None:
        """A quiet word that goes by itself."""
        if self._quiet_after is not None:
            self.frame.after_cancel(self._quiet_after)
        self._kit.set_label(self._quiet, text=words, icon=icon)
        self._want(self._quiet)
        self._quiet_after = self.frame.after(ms, self._hush)

    def warn(self, sentence: str) -> None:
        """Something the log knows more about; a click opens it. It stands until `calm`."""
        self._kit.set_button(self._warning, text=sentence)
        self._want(self._warning)

    def say_unsaved(self, words: str, sentence: str = "") -> None:
        """What is not being saved, for as long as that lasts, with the whole of it as a tooltip; empty when all is."""
        self._unsaved.configure(text=words)
        self._kit.tooltip(self._unsaved, sentence)
        self._want(self._unsaved, is_wanted=bool(words))

    def say_waiting(self, words: str) -> None:
        """Who waits for the user's word; empty when nobody does. A click is up to `waiting`'s command."""
        if words:
            self._kit.set_button(self.waiting, text=words)
        self._want(self.waiting, is_wanted=bool(words))

    def say_shared(self, words: str, tip: str) -> None:
        """Who else may watch, and who does; empty while nobody may."""
        self._shared.configure(text=words)
        self._kit.tooltip(self._shared, tip)
        self._want(self._shared, is_wanted=bool(words))

    def calm(self) -> None:
        """Take the warning away."""
        self._want(self._warning, is_wanted=False)

    def set_narrow(self, *, is_narrow: bool) -> None:
        """Fit a window below 1180 px."""
        if is_narrow != self._is_narrow:
            self._is_narrow = is_narrow
            self._bar.configure(width=self._kit.px(_BAR[is_narrow]))
            self._draw_bar()
            self._fit()

    @property
    def height(self) -> int:
        """Pixels that one line of the present type needs, and the rule above it."""
        return max(self._kit.px(HEIGHT), self._kit.font("Small").metrics("linespace") + self._kit.px(8))

    # -- the run -------------------------------------------------------------------------------------------------------

    def show(self, state: RunState) -> None:
        self._state = state
        self._samples.clear()
        self._next_figures = 0.0
        running: set[tk.Widget] = {self._percent, self._bar}
        figures: set[tk.Widget] = {self._elapsed, self._agents, self._speed}
        self._wanted -= running | figures | {self._hint, self._places}
        self._deed = deed_of(state)
        if self._deed:
            running = set()  # what was asked for then is no part of what had been planned
        if state.plan is None:
            self._wanted.add(self._hint)
        else:
            self._wanted |= figures | running if state.is_running else figures
        self._write_figures()
        self._fit()

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        was_running = self._bar in self._wanted or bool(self._deed)
        if self._state is not state or was_running != state.is_running or self._deed != deed_of(state):
            self.show(state)
        fraction = state.calls_ended / state.calls_planned if state.plan else 0.0
        if fraction != self._fraction:
            self._write_figures()

    def tick(self, now: float) -> bool:
        if self._state is not None and self._state.is_running and now >= self._next_figures:
            self._next_figures = now + _FIGURES_S
            self._write_figures()
        return False

    def _want(self, item: tk.Widget, *, is_wanted: bool = True) -> None:
        if is_wanted:
            self._wanted.add(item)
        else:
            self._wanted.discard(item)
        self._fit()

    def _grow(self) -> None:
        self.frame.configure(height=self.height)
        self._fit()

    def _fit(self) -> None:
        """Show what is wanted as far as there is room; nothing is cut but the server, when it is alone."""
        gap, room = self._kit.px(_GAP), self.frame.winfo_width()
        shown: set[tk.Widget] = set()
        for item in self._dear:
            if item in self._wanted:
                room -= item.winfo_reqwidth() + gap
                if room < 2 * gap and shown and self.frame.winfo_width() > 1:
                    break
                shown.add(item)
        packed = tuple(item for item in (*self._right, *self._left) if item in shown)
        if packed == self._packed:
            return
        for item in self._packed:
            item.pack_forget()
        self._packed = packed
        for item in packed:
            if item in self._right:
                item.pack(side="right", padx=(gap, 0))
            else:
                item.pack(side="left", padx=(0, gap))

    def _write_figures(self) -> None:
        state = self._state
        if state is None or state.plan is None:
            return
        kit = self._kit
        if state.is_running:
            rate = self._tokens_per_s(state)
            is_connected = bool(state.round) and (state.is_in_rounds or not state.is_continuing)
            speed = f"{'–' if rate is None else f'{rate:,.0f}'} tok/s" if is_connected else _before_rounds(state)
            kit.set_label(self._speed, text=speed, icon="speedometer2" if is_connected else "plug")
            planned = state.calls_planned - 1
            ended = f"{state.turns_ended} of {planned} thought{'' if planned == 1 else 's'}"
            self._agents.configure(text=self._deed or ended)
            self._elapsed.configure(text=clock(state.elapsed_s(state.now)))
        else:
            tokens = state.usage.completion if state.usage else None
            about = "" if tokens is not None else "~"
            count = tokens if tokens is not None else _estimate(state)
            cost = cost_of(state, self._endpoints())
            words = f"{about}{count:,} tokens{f' · {cost.words}' if cost else ''}"
            kit.set_label(self._speed, text=words, icon="hash")
            self._cost = cost.sentence if cost else ""
            turns = [turn_of(agent) for agent in state.agents.values()]
            complete = sum(1 for turn in turns if turn is not None and turn.status == "complete")
            agents = f"{len(turns)} agent{'' if len(turns) == 1 else 's'}"
            self._agents.configure(text=f"{complete} of {agents} complete" if complete else f"{agents}, none complete")
            self._elapsed.configure(text=clock(state.duration_s or 0.0))
        self._write_places(state)
        self._fraction = state.calls_ended / state.calls_planned
        self._percent.configure(text=f"{self._fraction:.0%}".replace("%", " %"))
        self._draw_bar()
        self._fit()

    def _write_places(self, state: RunState) -> None:
        """How many servers a run asks, where it is more than one, and which."""
        asked = places(state)
        if len(asked) > 1:
            self._places.configure(text=f"{len(asked)} servers")
            self._wanted.add(self._places)
            self._kit.tooltip(self._places, "\n".join(asked))

    def _tokens_per_s(self, state: RunState) -> float | None:
        """Of all live answers together, over the last seconds of the run; None when only this moment is known."""
        now, total = state.now, sum(speech.tokens for speech in _speeches(state))
        if self._samples and self._samples[-1][0] > now:  # in a replay time may go back
            self._samples.clear()
        self._samples.append((now, total))
        while len(self._samples) > 2 and self._samples[0][0] < now - _WINDOW_S:
            self._samples.popleft()
        since, before = self._samples[0]
        return max(0.0, (total - before) / (now - since)) if now > since else None

    def _draw_bar(self) -> None:
        width, height = self._kit.px(_BAR[self._is_narrow]), self._kit.px(4)
        self._bar.coords(self._rest, 0, 0, width, height)
        self._bar.coords(self._done, 0, 0, width * self._fraction, height)

    def _recolour(self) -> None:
        self._bar.itemconfigure(self._rest, fill=self._kit["line2"])
        self._bar.itemconfigure(self._done, fill=self._kit["write"])

    def _forget(self) -> None:
        if self._quiet_after is not None:
            self.frame.after_cancel(self._quiet_after)
            self._quiet_after = None

    def _hush(self) -> None:
        self._quiet_after = None
        self._want(self._quiet, is_wanted=False)

    def _item(
        self, parent: tk.Misc, text: str = "", icon: str | None = None, color: str = "text2", **options: Any
    ) -> plain.Label:
        label = self._kit.label(parent, text, "Small", color, "side", icon=icon, icon_size=11, **options)
        label.configure(compound="left")  # its words come later
        return label


def clock(seconds: float) -> str:
    """`1:12`, `1:02:09`."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _before_rounds(state: RunState) -> str:
    return "starting tools…" if starting_tools(state) else "connecting…"


def _estimate(state: RunState) -> int:
    """Tokens so far: the server's count where it has come, else one per delta."""
    return sum(speech.usage.completion if speech.usage else speech.tokens for speech in _speeches(state))


def _speeches(state: RunState) -> list[Speech]:
    return [*state.thoughts.values(), *([state.synthesis] if state.synthesis else [])]
