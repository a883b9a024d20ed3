"""A card over a part of the window with a title, a body and a way out: the shortcut list and the log stand in one."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk as plain

from felix.gui.kit import Kit

Room = tuple[int, int, int, int]
"""Left, top, width and height in pixels of the root."""
MARGIN = 16
"""Between the card and the edge of its room, where that is small."""


class Overlay:
    """Opened by its constructor, over what stands in its room; `close` takes it away and gives the focus back."""

    def __init__(
        self,
        root: tk.Misc,
        kit: Kit,
        title: str,
        *,
        width: int,
        height: int,
        room: Callable[[], Room],
        on_close: Callable[[], None],
    ) -> None:
        """`width` and `height` are the most it takes, in logical pixels; `room` says where, now."""
        self._root, self._kit, self._room, self._on_close = root, kit, room, on_close
        self._most = (kit.px(width), kit.px(height))
        self._focus = root.focus_get()
        self.shade = kit.frame(root, "page")
        card = self._card = kit.frame(self.shade, "card", padding=(4, 4, 4, 6), box="card", border="line2")
        head = self.head = kit.frame(card, "card", padding=(14, 8, 8, 6))
        head.pack(fill="x")
        kit.label(head, title, "H3", on="card").pack(side="left")
        self.close_button = kit.button(head, icon="x-lg", on="card", tooltip="Close (Esc)", command=self.close)
        self.close_button.pack(side="right")
        kit.rule(card).pack(fill="x")
        self.body: plain.Frame = kit.frame(card, "card")
        self.body.pack(fill="both", expand=True)
        self.fit()
        self.shade.lift()
        self.close_button.focus_set()

    @property
    def is_open(self) -> bool:
        return bool(self.shade.winfo_exists())

    def close(self) -> None:
        if not self.is_open:
            return
        self.shade.destroy()
        if self._focus is not None and self._focus.winfo_exists():
            self._focus.focus_set()
        self._on_close()

    def fit(self) -> None:
        """Take the room that there is now."""
        left, top, width, height = self._room()
        margin = 2 * self._kit.px(MARGIN)
        share = max(1.0, self._kit.font_percent / 100)  # larger type needs a larger card
        self.shade.place(x=left, y=top, width=width, height=height)
        self._card.place(
            relx=0.5,
            rely=0.5,
            anchor="center",
            width=min(round(self._most[0] * share), width - margin),
            height=min(round(self._most[1] * share), height - margin),
        )
