"""One quiet amber line at the task, with a way to have it gone."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.gui.kit import Kit


class GuardLine:
    """`frame` is placed by the caller while there is something to say."""

    def __init__(self, parent: tk.Misc, kit: Kit) -> None:
        self._kit = kit
        self._wave_away: Callable[[], object] = lambda: None
        self.frame = kit.frame(parent, "card", padding=(10, 1, 4, 1))
        self.button = kit.button(
            self.frame, icon="x-lg", on="card", padding=(5, 4), icon_size=10, command=self._pressed,
            tooltip="Say no more of this workflow on this model",
        )  # fmt: skip
        self.button.pack(side="right", anchor="n")
        self.label = kit.label(
            self.frame, font="Small", color="ink:stop", on="card", icon="exclamation-triangle", icon_size=11
        )
        self.label.pack(side="left", fill="x", expand=True)

    def say(self, sentence: str, wave_away: Callable[[], object]) -> None:
        """`wave_away` is called when the user has read it."""
        self._wave_away = wave_away
        if str(self.label.cget("text")) != sentence:
            self._kit.set_label(self.label, text=sentence)

    def fit(self, width: int) -> None:
        """Wrap for a card so wide."""
        self.label.configure(wraplength=max(200, width - self._kit.px(90)))

    def _pressed(self) -> None:
        self._wave_away()
