"""What a card shows while it has no text: a shape, why, and three quiet dots from the request to the first token."""

from __future__ import annotations

import tkinter as tk

from felix.gui.kit import Kit
from felix.gui.wall.card_words import Waiting

DOTS = ("•", "•  •", "•  •  •")


class WaitingPanel:
    """Stands in the middle of `parent` while it is shown."""

    def __init__(self, parent: tk.Misc, kit: Kit) -> None:
        self._kit = kit
        self._frame = kit.frame(parent, "card")
        self._icon = kit.label(self._frame, on="card", icon_size=20)
        self._icon.pack()
        self._sentence = kit.label(self._frame, on="card", padding=(0, 7, 0, 1), justify="center")
        self._sentence.pack()
        self._detail = kit.label(self._frame, font="Small", color="text2", on="card", justify="center")
        self._detail.pack()
        self._dots = kit.label(self._frame, font="Small", color="dim", on="card", width=7, anchor="center")
        self._dots.pack(pady=(kit.px(4), 0))
        self.parts: tuple[tk.Misc, ...] = (self._frame, self._icon, self._sentence, self._detail, self._dots)
        """For bindings."""
        parent.bind("<Configure>", lambda event: self._fit(event.width), add="+")
        self._shown: tuple[Waiting, str, str] | None = None

    def show(self, waiting: Waiting, state: str, dots: str) -> None:
        """Say why there is nothing yet; `state` is the colour of the shape."""
        if self._shown == (waiting, state, dots):
            return
        if self._shown is None or (self._shown[0].icon, self._shown[1]) != (waiting.icon, state):
            self._kit.set_label(self._icon, icon=waiting.icon, icon_color=f"state:{state}")
        if self._shown is None:
            self._frame.place(relx=0.5, rely=0.46, anchor="center")
        self._sentence.configure(text=waiting.sentence)
        self._detail.configure(text=waiting.detail)
        self._dots.configure(text=dots)
        self._shown = (waiting, state, dots)

    def hide(self) -> None:
        """There is text now."""
        if self._shown is not None:
            self._shown = None
            self._frame.place_forget()

    def _fit(self, width: int) -> None:
        for label in (self._sentence, self._detail):
            label.configure(wraplength=max(80, width - self._kit.px(24)))
