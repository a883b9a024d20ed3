"""A slider drawn on a canvas: Tk's own fills no track up to its handle."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from felix.gui.kit.fields import Fields


class Slider:
    """A number on a track. ``widget`` is what the caller places; ``command`` hears of the user's moves only."""

    def __init__(
        self,
        kit: Fields,
        widget: tk.Canvas,
        bounds: tuple[float, float],
        step: float,
        command: Callable[[float], object],
    ) -> None:
        self.widget = widget
        self.value = bounds[0]
        self._kit, self._bounds, self._step, self._command = kit, bounds, step, command
        self._height, self._width = kit.px(20), int(widget["width"])
        middle, half = self._height // 2, kit.px(2)
        self._rest = widget.create_rectangle(0, middle - half, self._width, middle + half, width=0)
        self._done = widget.create_rectangle(0, middle - half, 0, middle + half, width=0)
        self._knob = widget.create_image(0, middle)
        kit.paint(widget, self._paint)
        for event, handler in (
            ("<Button-1>", self._press),
            ("<B1-Motion>", lambda event: self._move_to(event.x)),
            ("<FocusIn>", lambda _event: self._paint()),
            ("<FocusOut>", lambda _event: self._paint()),
            ("<Configure>", self._resize),
        ):
            widget.bind(event, handler)
        for keys, steps in ((("Left", "Down"), -1), (("Right", "Up"), 1), (("Prior",), 10), (("Next",), -10)):
            for key in keys:
                widget.bind(f"<Key-{key}>", lambda _event, steps=steps: self._choose(self.value + steps * self._step))  # type: ignore[misc]
        widget.bind("<Key-Home>", lambda _event: self._choose(bounds[0]))
        widget.bind("<Key-End>", lambda _event: self._choose(bounds[1]))

    def set(self, value: float) -> None:
        """Show ``value``, held within the bounds, without telling anybody."""
        low, high = self._bounds
        self.value = max(low, min(high, value))
        half = self._height / 2
        x = half + (self._width - 2 * half) * (self.value - low) / (high - low)
        self.widget.coords(self._knob, x, self._height // 2)
        _, top, _, bottom = self.widget.coords(self._done)
        self.widget.coords(self._done, 0, top, x, bottom)

    def _press(self, event: tk.Event[tk.Misc]) -> None:
        self.widget.focus_set()
        self._move_to(event.x)

    def _move_to(self, x: int) -> None:
        low, high = self._bounds
        half = self._height / 2
        share = (x - half) / max(1, self._width - 2 * half)
        self._choose(low + round(share * (high - low) / self._step) * self._step)

    def _choose(self, value: float) -> str:
        before = self.value
        self.set(value)
        if self.value != before:
            self._command(self.value)
        return "break"

    def _resize(self, event: tk.Event[tk.Misc]) -> None:
        self._width = event.width
        _, top, _, bottom = self.widget.coords(self._rest)
        self.widget.coords(self._rest, 0, top, self._width, bottom)
        self.set(self.value)

    def _paint(self) -> None:
        focused = self.widget.focus_displayof() is self.widget
        self.widget.itemconfigure(self._rest, fill=self._kit["line2"])
        self.widget.itemconfigure(self._done, fill=self._kit["primary"])
        self.widget.itemconfigure(self._knob, image=self._kit.slider_knob(focused=focused))
