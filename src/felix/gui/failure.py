"""Why a run failed and what to do next, where its synthesis would have stood."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk as plain

from felix.gui.kit import Kit
from felix.ledger.state import RunState
from felix.team.agent import STOPPED_BY_USER


def untold(state: RunState) -> str:
    """Why a run ended, where no other part of the window says it; empty where one does."""
    has_answer = state.synthesis is not None and len(state.synthesis.answer) > 0
    has_block = state.status in ("failed", "crashed") and not has_answer
    if state.status == "complete" or has_block or state.reason == STOPPED_BY_USER:
        return ""
    return "" if state.synthesis is not None and state.reason == state.synthesis.error else state.reason


class Failure:
    """`frame` takes the synthesis' place; `show` writes it anew."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        *,
        on_again: Callable[[], None],
        on_connection: Callable[[], None],
        on_demo: Callable[[], None],
        on_log: Callable[[], None],
    ) -> None:
        self._kit = kit
        self.frame = kit.frame(parent, "card", padding=(14, 12, 14, 14), box="card")
        block = kit.frame(self.frame, "tint:fail")
        block.pack(fill="x")
        kit.frame(block, "state:fail", width=kit.px(3)).pack(side="left", fill="y")
        inner = kit.frame(block, "tint:fail", padding=(12, 9, 12, 10))
        inner.pack(side="left", fill="both", expand=True)
        self._title = kit.label(inner, font="Strong", color="ink:fail", on="tint:fail")
        self._title.pack(anchor="w")
        self._sentence = kit.label(inner, on="tint:fail", padding=(0, 2, 0, 8))
        self._sentence.pack(anchor="w")
        row = kit.frame(inner, "tint:fail")
        row.pack(anchor="w")

        def button(text: str, icon: str | None, command: Callable[[], None]) -> plain.Button:
            return kit.button(row, text, icon, "outline", "tint:fail", "Small", padding=(9, 4), command=command)

        self.again = button("Try again", "arrow-clockwise", on_again)
        self.connection = button("Connection", "plug", on_connection)
        self.demo = button("Use the demo model", "mask", on_demo)
        self.log = button("Show log", None, on_log)
        inner.bind("<Configure>", lambda event: self._sentence.configure(wraplength=max(120, event.width - kit.px(24))))

    def show(self, title: str, sentence: str, *, by_connection: bool, by_bug: bool) -> None:
        """Say it, with the buttons that can help."""
        self._title.configure(text=title)
        self._sentence.configure(text=sentence)
        wanted = {
            self.again: True,
            self.connection: by_connection,
            self.demo: by_connection,
            self.log: by_bug,
        }
        for each in wanted:
            each.pack_forget()
        for each, is_wanted in wanted.items():
            if is_wanted:
                each.pack(side="left", padx=(0, self._kit.px(6)))
