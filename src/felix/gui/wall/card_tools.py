"""The buttons of a card's foot: what can be done with the agent now, as shapes."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk as plain
from typing import Protocol

from felix.gui.kit import Kit
from felix.gui.wall.offers import NOTHING, Offer, Offers


class Tooled(Protocol):
    """What the buttons are for."""

    def maximise(self) -> object: ...
    def copy(self) -> object: ...
    def ask(self) -> object: ...
    def retry(self) -> object: ...
    def stop(self) -> object: ...


class CardTools:
    """`frame` is placed by the caller. On the wall one row serves all cards: `card` says whose it is now."""

    def __init__(self, parent: tk.Misc, kit: Kit, card: Callable[[], Tooled | None], *, is_large: bool = False) -> None:
        self._kit, self._card = kit, card
        self._shown: Offers = NOTHING
        self.frame = kit.frame(parent, "card", 0 if is_large else (12, 0, 0, 0))
        expand, words = ("contract", "Make small (Esc)") if is_large else ("expand", "Make big (Enter)")
        fixed = [
            self._button(f"arrows-angle-{expand}", words, lambda card: card.maximise(), is_large=is_large),
            self._button("copy", "Copy (Ctrl+C)", lambda card: card.copy(), is_large=is_large),
        ]
        for button in fixed:
            button.pack(side="left")
        self.offered: dict[Offer, plain.Button] = {
            "ask": self._button("chat-left-text", "Ask this agent… (A)", lambda card: card.ask(), is_large=is_large),
            "retry": self._button("arrow-clockwise", "Try again (R)", lambda card: card.retry(), is_large=is_large),
            "stop": self._button("stop-fill", "Stop this agent (Del)", lambda card: card.stop(), is_large=is_large),
        }

    def show(self, offers: Offers) -> None:
        """Have the buttons for these, and no others."""
        wanted: Offers = offers & self.offered.keys()
        if wanted == self._shown:
            return
        self._shown = wanted
        for button in self.offered.values():
            button.pack_forget()
        for offer, button in self.offered.items():
            if offer in wanted:
                button.pack(side="left")

    def _button(self, icon: str, words: str, act: Callable[[Tooled], object], *, is_large: bool) -> plain.Button:
        def press() -> None:
            if (card := self._card()) is not None:
                act(card)

        button = self._kit.button(
            self.frame, icon=icon, on="card", padding=(5, 4), icon_size=12, color="text", command=press, tooltip=words
        )
        if not is_large:
            button.configure(takefocus=False)  # one row for all cards; the keyboard has keys for each
        return button
