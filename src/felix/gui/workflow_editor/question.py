"""A question in a bar across the window it is about, with its answers beside it: nothing else has to wait for it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk as plain

from felix.gui.kit import Kit


class Question:
    """Packed above `before` while it is asked."""

    def __init__(self, parent: tk.Misc, kit: Kit) -> None:
        self._kit = kit
        self.before: tk.Misc | None = None
        self.buttons: list[plain.Button] = []
        self._bar = kit.frame(parent, "tint:stop", padding=(16, 6, 10, 6))
        self._label = kit.label(self._bar, "", color="ink:stop", on="tint:stop", icon="exclamation-triangle-fill")
        self._label.pack(side="left")

    @property
    def is_asked(self) -> bool:
        return bool(self._bar.winfo_manager())

    def ask(self, sentence: str, answers: Sequence[tuple[str, Callable[[], object]]]) -> None:
        """Show a sentence and a button for each answer; the last one is the one that is meant for most."""
        self._clear()
        self._kit.set_label(self._label, text=sentence)
        for text, command in reversed(answers):
            button = self._kit.button(
                self._bar, text, kind="outline", on="tint:stop", padding=(10, 3, 10, 4), command=command
            )
            button.pack(side="right", padx=(self._kit.px(6), 0))
            self.buttons.insert(0, button)
        if self.before is not None:
            self._bar.pack(fill="x", before=self.before, pady=(0, self._kit.px(8)))
        self.buttons[-1].focus_set()

    def hide(self) -> None:
        """Take the bar away."""
        self._bar.pack_forget()
        self._clear()

    def _clear(self) -> None:
        for button in self.buttons:
            button.destroy()
        self.buttons.clear()
