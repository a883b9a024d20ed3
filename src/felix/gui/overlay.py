"""A card over the whole window with a title, a body and a way out: the shortcut list and the log stand in one."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk as plain

from felix.gui.kit import Kit


class Overlay:
    """Opened by its constructor, over everything else in `root`; `close` takes it away and gives the focus back."""

    def __init__(
        self, root: tk.Misc, kit: Kit, title: str, *, width: int, height: int, on_close: Callable[[], None]
    ) -> None:
        """`width` and `height` are the most it takes, in logical pixels."""
        self._root, self._kit, self._on_close = root, kit, on_close
        self._most = (kit.px(width), kit.px(height))
        self._focus = root.focus_get()
        self.shade = kit.frame(root, "page")
        self.shade.place(x=0, y=0, relwidth=1, relheight=1)
        self.shade.lift()
        card = self._card = kit.frame(self.shade, "card", padding=(4, 4, 4, 6), box="card", border="line2")
        head = self.head = kit.frame(card, "card", padding=(14, 8, 8, 6))
        head.pack(fill="x")
        kit.label(head, title, "H3", on="card").pack(side="left")
        self.close_button = kit.button(head, icon="x-lg", on="card", tooltip="Close (Esc)", command=self.close)
        self.close_button.pack(side="right")
        kit.rule(card).pack(fill="x")
        self.body: plain.Frame = kit.frame(card, "card")
        self.body.pack(fill="both", expand=True)
        self.shade.bind("<Configure>", lambda event: self._fit(event.width, event.height))
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

    def _fit(self, width: int, height: int) -> None:
        margin = self._kit.px(32)
        self._card.place(
            relx=0.5,
            rely=0.5,
            anchor="center",
            width=min(self._most[0], width - margin),
            height=min(self._most[1], height - margin),
        )
