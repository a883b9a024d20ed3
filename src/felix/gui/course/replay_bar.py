"""Plays a run that has ended: from the start, on and off, how fast, and where in it.

It has no clock and no place of its own: both are the player's, which the bridge keeps for the run that is shown.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.events import AgentId
from felix.gui.bridge import Bridge
from felix.gui.course.player import SPEEDS, STEP_S, Player
from felix.gui.course.scrubber import Scrubber
from felix.gui.kit import Kit
from felix.gui.status_bar import clock
from felix.ledger.state import RunState

SHORT = 560
"""Below this width "To the end" is a shape without words."""


class ReplayBar:
    """`frame` is placed by the caller as long as `is_needed`. A View."""

    def __init__(self, parent: tk.Misc, kit: Kit, bridge: Bridge, *, on_needed: Callable[[bool], None]) -> None:
        """`on_needed` hears when the bar is to come or to go."""
        self._kit, self._bridge, self._on_needed = kit, bridge, on_needed
        self.is_needed = False
        self._is_short = False
        self._shown: tuple[object, ...] = ()
        self.frame = kit.frame(parent, "card", padding=(6, 3, 8, 3), box="card")
        self.start = kit.button(
            self.frame, icon="skip-start-fill", on="card", padding=(6, 5), tooltip="To the start (Home)",
            command=lambda: self._act(lambda player: player.seek(0)),
        )  # fmt: skip
        self.toggle = kit.button(
            self.frame, icon="play-fill", kind="primary", on="card", padding=(9, 5), icon_size=14,
            tooltip=self._toggle_words, command=self._toggle,
        )  # fmt: skip
        self.speed = kit.menu_button(
            self.frame, "1×", kind="soft", on="card", font="Small", padding=(8, 4, 4, 4),
            tooltip="How fast the run is played",
        )  # fmt: skip
        self._chosen = tk.DoubleVar(self.frame, 1.0)
        for speed in SPEEDS:
            self.speed.menu.add_radiobutton(
                label=f"{speed:g}×", variable=self._chosen, value=speed, command=self._choose_speed
            )
        self.position = kit.label(self.frame, "0:00", "Small", "text", "card", width=6, anchor="e")
        self.scrubber = Scrubber(self.frame, kit, on_seek=lambda place: self._act(lambda player: player.seek(place)))
        self.total = kit.label(self.frame, "0:00", "Small", "text2", "card", width=6, anchor="w")
        self.end = kit.button(
            self.frame, "To the end", "skip-end-fill", on="card", font="Small", padding=(7, 4),
            tooltip="The run as it ended (End)", command=lambda: self._act(Player.to_end),
        )  # fmt: skip
        self.start.pack(side="left")
        self.toggle.pack(side="left", padx=(kit.px(2), kit.px(6)))
        self.speed.pack(side="left", padx=(0, kit.px(4)))
        self.position.pack(side="left")
        self.end.pack(side="right")
        self.total.pack(side="right")
        self.scrubber.canvas.pack(side="left", fill="x", expand=True, padx=kit.px(5))  # the knob touches no figure
        self.frame.bind("<Configure>", lambda event: self._fit(event.width))
        for widget in (self.start, self.toggle, self.speed, self.scrubber.canvas, self.end):
            bind_keys(widget, self._act)
        self.scrubber.canvas.bind("<Key-space>", lambda _event: self._act(Player.toggle))

    # -- View ----------------------------------------------------------------------------------------------------------

    def show(self, state: RunState) -> None:
        player = self._bridge.player
        if (player is not None) != self.is_needed:
            self.is_needed = player is not None
            self._on_needed(self.is_needed)
        if player is None:
            return
        self.scrubber.show(player.duration_s, player.marks)
        self._draw(player)

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        self.show(state)

    def tick(self, now: float) -> bool:
        player = self._bridge.player if self.is_needed else None
        if player is None:
            return False
        self._draw(player)
        return player.is_playing

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _draw(self, player: Player) -> None:
        self.scrubber.set(player.position_s)
        position, total = clock(player.position_s), clock(player.duration_s)
        shown = (player.is_playing, player.speed, position, total, player.is_at_end)
        if shown == self._shown:
            return
        before, self._shown = self._shown, shown
        if before[:1] != shown[:1]:
            self._kit.set_button(self.toggle, icon="pause-fill" if player.is_playing else "play-fill")
        if before[1:2] != shown[1:2]:
            self._chosen.set(player.speed)
            self.speed.configure(text=f"{player.speed:g}×")
        self.position.configure(text=position)
        self.total.configure(text=total)
        self.end.state(["disabled" if player.is_at_end else "!disabled"])

    def _fit(self, width: int) -> None:
        is_short = width < self._kit.px(SHORT) * self._kit.font_percent / 100
        if is_short != self._is_short:
            self._is_short = is_short
            self._kit.set_button(self.end, text="" if is_short else "To the end")

    def _toggle_words(self) -> str:
        player = self._bridge.player
        return "Pause (Space)" if player is not None and player.is_playing else "Play the run again (Space)"

    # -- the user's hand -----------------------------------------------------------------------------------------------

    def focus(self) -> None:
        """Give the replay the keyboard."""
        self.scrubber.canvas.focus_set()

    def _toggle(self) -> None:
        if self.frame.focus_get() is not self.toggle:
            self.focus()  # then Space pauses what a click has set going
        self._act(Player.toggle)

    def _choose_speed(self) -> None:
        self._act(lambda player: player.set_speed(self._chosen.get()))

    def _act(self, act: Callable[[Player], None]) -> str:
        player = self._bridge.player
        if player is not None:
            act(player)
            self._draw(player)
        return "break"


def bind_keys(widget: tk.Misc, act: Callable[[Callable[[Player], None]], str]) -> None:
    """The arrow keys, Home and End of whatever shows a place in a run; `act` finds its player."""
    for key, deed in (
        ("<Key-Left>", lambda player: player.skip(-STEP_S)),
        ("<Key-Right>", lambda player: player.skip(STEP_S)),
        ("<Shift-Left>", lambda player: player.skip_round(-1)),
        ("<Shift-Right>", lambda player: player.skip_round(1)),
        ("<Key-Home>", lambda player: player.seek(0.0)),
        ("<Key-End>", Player.to_end),
    ):
        widget.bind(key, lambda _event, deed=deed: act(deed))  # type: ignore[misc]
