"""Where in a run the window is, as a track with a knob: ticks where rounds began, red where an answer failed.

Drawn on a canvas; a move of the run costs two coordinates.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.gui.kit import Kit
from felix.gui.pointer_tip import PointerTip
from felix.gui.status_bar import clock
from felix.ledger.replay import Mark, MarkKind

HEIGHT = 26
_MARGIN = 10
"""Room for half a knob at both ends."""
_NEAR = 6
"""Pixels: a pointer this near to a mark means it."""
_COLOURS: dict[MarkKind, str] = {
    "round": "text2",
    "failure": "state:fail",
    "synthesis": "state:done",
    "gap": "text2",
}


class Scrubber:
    """`canvas` is placed by the caller. `on_seek` hears of the user's hand only."""

    def __init__(self, parent: tk.Misc, kit: Kit, *, on_seek: Callable[[float], object]) -> None:
        self._kit, self._on_seek = kit, on_seek
        self.canvas = kit.canvas(parent, "card", height=kit.px(HEIGHT), width=1, takefocus=True)
        self._tip = PointerTip(self.canvas, kit)
        self._duration_s = 1.0
        self._position_s = 0.0
        self._marks: tuple[Mark, ...] = ()
        self._x = -1.0
        self._rest = self.canvas.create_rectangle(0, 0, 0, 0, width=0)
        self._done = self.canvas.create_rectangle(0, 0, 0, 0, width=0)
        self._knob = self.canvas.create_image(0, 0)
        kit.paint(self.canvas, self._paint)
        for sequence, handler in (
            ("<Configure>", lambda _event: self._lay_out()),
            ("<Button-1>", self._press),
            ("<B1-Motion>", self._drag),
            ("<Motion>", self._point),
            ("<Leave>", lambda _event: self._tip.hide()),
            ("<FocusIn>", lambda _event: self._paint_knob()),
            ("<FocusOut>", lambda _event: self._paint_knob()),
        ):
            self.canvas.bind(sequence, handler)

    @property
    def tip(self) -> str:
        """What is said beside the pointer."""
        return self._tip.text

    def show(self, duration_s: float, marks: tuple[Mark, ...]) -> None:
        """The track of this run."""
        if (duration_s, marks) != (self._duration_s, self._marks):
            self._duration_s, self._marks = duration_s, marks
            self._lay_out()

    def set(self, position_s: float) -> None:
        """Put the knob there."""
        self._position_s = position_s
        x = self._x_of(position_s)
        if abs(x - self._x) < 0.5:
            return
        self._x = x
        middle, half = self._middle
        self.canvas.coords(self._done, self._left, middle - half, x, middle + half)
        self.canvas.coords(self._knob, x, middle)

    # -- drawing -------------------------------------------------------------------------------------------------------

    @property
    def _left(self) -> int:
        return self._kit.px(_MARGIN)

    @property
    def _room(self) -> int:
        return max(1, self.canvas.winfo_width() - 2 * self._left)

    @property
    def _middle(self) -> tuple[int, int]:
        """The track's middle and half its height."""
        return self._kit.px(HEIGHT) * 15 // 26, self._kit.px(2)

    def _x_of(self, position_s: float) -> float:
        return self._left + self._room * position_s / max(0.001, self._duration_s)

    def _lay_out(self) -> None:
        canvas, px = self.canvas, self._kit.px
        middle, half = self._middle
        canvas.coords(self._rest, self._left, middle - half, self._left + self._room, middle + half)
        canvas.delete("mark")
        for mark in self._marks:
            x, y = self._x_of(mark.position_s), middle - px(9)
            if mark.kind == "failure":
                canvas.create_oval(x - px(3), y - px(3), x + px(3), y + px(3), width=0, tags=("mark", mark.kind))
            elif mark.kind == "gap":  # the track is cut there
                for side in (-1, 1):
                    left = x + px(2) * side
                    canvas.create_line(left - px(1), middle + px(5), left + px(1), middle - px(5), tags=("mark", "gap"))
            else:
                canvas.create_rectangle(x - 1, y - px(2), x + 1, y + px(2), width=0, tags=("mark", mark.kind))
        canvas.tag_raise(self._knob)
        self._paint_marks()
        self._x = -1.0
        self.set(self._position_s)

    def _paint(self) -> None:
        self.canvas.itemconfigure(self._rest, fill=self._kit["line2"])
        self.canvas.itemconfigure(self._done, fill=self._kit["primary"])
        self._paint_marks()
        self._paint_knob()

    def _paint_marks(self) -> None:
        for kind, colour in _COLOURS.items():
            self.canvas.itemconfigure(kind, fill=self._kit[colour])

    def _paint_knob(self) -> None:
        focused = self.canvas.focus_displayof() is self.canvas
        self.canvas.itemconfigure(self._knob, image=self._kit.slider_knob(focused=focused))

    # -- the user's hand -----------------------------------------------------------------------------------------------

    def _place(self, x: float) -> float:
        place = (x - self._left) / self._room * self._duration_s
        return min(max(0.0, place), self._duration_s)

    def _mark_near(self, x: float) -> Mark | None:
        near = [(abs(self._x_of(mark.position_s) - x), mark) for mark in self._marks]
        distance, mark = min(near, default=(_NEAR + 1.0, None))
        return mark if distance <= self._kit.px(_NEAR) else None

    def _press(self, event: tk.Event[tk.Misc]) -> None:
        self.canvas.focus_set()
        mark = self._mark_near(event.x) if event.y < self._middle[0] - self._kit.px(5) else None
        self._go(mark.position_s if mark else self._place(event.x))

    def _drag(self, event: tk.Event[tk.Misc]) -> None:
        self._go(self._place(event.x))

    def _go(self, position_s: float) -> None:
        self._tip.hide()
        self.set(position_s)
        self._on_seek(position_s)

    def _point(self, event: tk.Event[tk.Misc]) -> None:
        mark = self._mark_near(event.x)
        place = mark.position_s if mark else self._place(event.x)
        words = clock(place)
        self._tip.show(f"{words}\n{mark.words}" if mark else words, event.x_root, event.y_root)
