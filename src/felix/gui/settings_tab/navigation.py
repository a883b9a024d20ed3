"""The list of sections at the left: one is marked, and the arrow keys walk it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from tkinter import ttk as plain
from typing import NamedTuple

from felix.gui.kit import Kit

WIDE, NARROW = 240, 168
NARROW_BELOW = 1180
"""Width of the window."""
_BESIDE = 44
"""Of a label: what its line and the list put around it."""


class Place(NamedTuple):
    """A line of the list."""

    title: str
    icon: str


class Navigation:
    """`frame` is what the caller places; `on_go` hears which line was chosen."""

    def __init__(
        self, parent: plain.Frame, kit: Kit, places: Sequence[Place], *, on_go: Callable[[int], object]
    ) -> None:
        self._kit, self._on_go = kit, on_go
        self.frame = kit.frame(parent, "side", padding=(8, 12), width=kit.px(WIDE))
        self.frame.pack_propagate(False)
        self.marked = -1
        self._labels: list[plain.Label] = []
        self._items: list[plain.Frame] = []
        # a frame of the kit keeps its look; two of them lend theirs to the lines
        looks = [
            kit.frame(self.frame, surface, box="nav", border=None, outer="side", radius=6)
            for surface in ("side", "sel")
        ]
        self._styles = [str(look.cget("style")) for look in looks]
        for look in looks:
            look.destroy()
        for index, place in enumerate(places):
            self._add(index, place)
        self.mark(0)
        self._window_width = kit.px(NARROW_BELOW)
        kit.on_font_change(lambda: self.fit(self._window_width), owner=self.frame)

    def _add(self, index: int, place: Place) -> None:
        kit = self._kit
        item = kit.frame(
            self.frame, "side", padding=(9, 6), box="nav", border=None, outer="side", radius=6, cursor="hand2"
        )
        label = kit.label(item, place.title, color="text2", on="side", icon=place.icon, icon_size=14)
        label.pack(side="left")
        item.pack(fill="x", pady=1)
        for widget in (item, label):
            widget.bind("<Button-1>", lambda _event: self._on_go(index))
        for key, by in (("<Up>", -1), ("<Down>", 1)):
            item.bind(key, lambda _event, by=by: self._step(index + by))  # type: ignore[misc]
        for key in ("<Return>", "<space>"):
            item.bind(key, lambda _event: self._on_go(index))
        self._items.append(item)
        self._labels.append(label)

    def mark(self, index: int) -> None:
        """Show where the reader is."""
        if index == self.marked:
            return
        self.marked = index
        for each, (item, label) in enumerate(zip(self._items, self._labels, strict=True)):
            is_marked = each == index
            item.configure(style=self._styles[is_marked], takefocus=is_marked)  # one stop for Tab
            self._kit.set_label(label, on="sel" if is_marked else "side", color="text" if is_marked else "text2")

    def fit(self, window_width: int) -> None:
        """Take the width that goes with the window's, or what large type needs."""
        self._window_width = window_width
        needed = max(label.winfo_reqwidth() for label in self._labels) + self._kit.px(_BESIDE)
        width = max(needed, self._kit.px(NARROW if window_width < self._kit.px(NARROW_BELOW) else WIDE))
        if int(str(self.frame.cget("width"))) != width:
            self.frame.configure(width=width)

    def _step(self, index: int) -> str:
        if 0 <= index < len(self._items):
            self._on_go(index)
            self._items[index].focus_set()
        return "break"
