"""The head of a card: who it is, what it does as a word and a shape, how deep and how long; below it the rule."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import Any

from felix.gui.kit import Kit
from felix.gui.wall.card_words import Badge

EDGE, EDGE_INSET = 2, 9
"""Width of a marked edge, and what it leaves free for the round corners."""

EDGES: dict[str, dict[str, Any]] = {
    "left": {"relx": 0.0, "x": 1, "anchor": "nw"},
    "right": {"relx": 1.0, "x": -1, "anchor": "ne"},
}


class CardHead:
    """Packed at the top of a card. The rule is the progress bar where a server tells a real fraction."""

    def __init__(self, parent: tk.Misc, kit: Kit) -> None:
        self._kit, self._card = kit, parent
        self.frame = kit.frame(parent, "card", (8, 6, 6, 6))
        self.frame.pack(fill="x")
        self._avatar = kit.label(self.frame, on="card")
        self._avatar.pack(side="left")
        middle = kit.frame(self.frame, "card", (8, 0, 0, 0))
        middle.pack(side="left", fill="x", expand=True)
        upper = kit.frame(middle, "card")
        upper.pack(fill="x")
        self._badge = kit.badge(upper, "", "queue")
        self._badge.pack(side="right")
        self._name = kit.label(upper, font="Strong", on="card")
        self._name.pack(side="left")
        self._meta = kit.label(middle, font="Small", color="text2", on="card")
        self._meta.pack(anchor="w")
        self._rule = rule = kit.canvas(parent, "card", height=2)
        rule.pack(fill="x")
        line = rule.create_rectangle(0, 0, 10_000, 1, width=0)
        self._bar = rule.create_rectangle(0, 0, 0, 2, width=0)
        kit.paint(rule, lambda: rule.itemconfigure(line, fill=kit["line"]))
        kit.paint(rule, lambda: rule.itemconfigure(self._bar, fill=kit["state:prep"]))
        rule.bind("<Configure>", lambda _event: self._draw_bar())
        self.parts: tuple[tk.Misc, ...] = (self._avatar, middle, upper, self._badge, self._name, self._meta, rule)
        """For bindings."""
        self._shown: tuple[Badge, str] | None = None
        self._words = self._mark = ""
        self._edges: dict[str, tk.Widget] = {}
        self.explain: Callable[[], str] = str
        """What is said of it beside a pointer that rests here."""
        for part in (self._name, self._meta):
            kit.tooltip(part, self._explained)
        self._fraction = 0.0

    def _explained(self) -> str:
        return self.explain()

    def name(self, agent_id: str) -> None:
        """Whose card it is."""
        self._name.configure(text=agent_id)
        self._shown = None

    def set_badge(self, badge: Badge, code: str) -> bool:
        """Word, shape and colour of badge and avatar; False when they are as they were."""
        if self._shown == (badge, code):
            return False
        self._shown = (badge, code)
        self._kit.set_badge(self._badge, badge.word, badge.state, badge.icon)
        self._kit.set_label(self._avatar, image=self._kit.avatar(code, badge.state))
        return True

    def set_meta(self, words: str) -> None:
        """Depth and elapsed time."""
        if words != self._words:
            self._words = words
            if not self._mark:
                self._meta.configure(text=words)

    def mark(self, words: str, *, is_source: bool, is_reader: bool) -> None:
        """Say `words` in place of them, and colour an edge of the card, or both; empty: undo it."""
        if words != self._mark:
            self._mark = words
            self._kit.set_label(self._meta, text=words or self._words, color="ink:write" if words else "text2")
        for side, is_marked in (("left", is_source), ("right", is_reader)):
            edge = self._edges.get(side)
            if is_marked and edge is None:
                edge = self._edges[side] = self._kit.frame(self._card, "primary", width=self._kit.px(EDGE))
            if is_marked and edge is not None:
                inset = self._kit.px(EDGE_INSET)
                edge.place(y=inset, relheight=1.0, height=-2 * inset, bordermode="outside", **EDGES[side])
                edge.lift()
            elif edge is not None:
                edge.place_forget()

    def set_fraction(self, fraction: float) -> None:
        """How far loading or reading is, 0 to 1; 0 is a plain rule."""
        if fraction != self._fraction:
            self._fraction = fraction
            self._draw_bar()

    def _draw_bar(self) -> None:
        self._rule.coords(self._bar, 0, 0, self._rule.winfo_width() * self._fraction, 2)
