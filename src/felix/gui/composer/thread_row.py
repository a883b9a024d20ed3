"""The runs that follow one another up, as one line above the task: which there are, which is shown, the way to each."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from functools import partial

from felix.events import RunId
from felix.gui.kit import Kit

LETTERS = 72
"""Of the names together: what fits where the window is smallest."""
MOST = 4
"""Runs in the line; of a longer thread the first and the newest."""


class ThreadRow:
    """Packed above `task`, its sibling, while there is a thread. `on_open` gets the run that was chosen."""

    def __init__(self, parent: tk.Misc, kit: Kit, task: tk.Widget, *, on_open: Callable[[RunId], object]) -> None:
        self._kit, self._task, self._on_open = kit, task, on_open
        self._shown: tuple[object, ...] = ()
        self.frame = kit.frame(parent, "card", padding=(5, 3, 4, 0))

    def show(self, runs: Sequence[tuple[RunId, str]], shown: RunId | None) -> None:
        """These runs with their names, the oldest first; fewer than two are no thread."""
        wanted = (tuple(runs), shown)
        if wanted == self._shown:
            return
        self._shown = wanted
        for child in self.frame.winfo_children():
            child.destroy()
        if len(runs) < 2:
            self.frame.pack_forget()
            return
        kit, numbered = self._kit, list(enumerate(runs, 1))
        kit.label(self.frame, on="card", icon="chat-left-text", padding=(5, 0, 4, 0)).pack(side="left")
        fewer = _fewer(numbered)
        for place, (number, (run, name)) in enumerate(fewer):
            if place:
                apart = number > 2 and place == 1 and len(numbered) > MOST
                kit.label(self.frame, "→  …  →" if apart else "→", "Small", "text2", "card").pack(side="left")
            is_shown = run == shown
            kit.button(
                self.frame, f"{number} · {_short(name, LETTERS // len(fewer))}", on="card",
                font="SmallStrong" if is_shown else "Small", color="text" if is_shown else "text2", padding=(6, 3),
                command=partial(self._open, run, is_shown=is_shown), tooltip=name,
            ).pack(side="left")  # fmt: skip
        self.frame.pack(fill="x", before=self._task)

    def _open(self, run: RunId, *, is_shown: bool) -> None:
        if not is_shown:
            self._on_open(run)


def _short(name: str, longest: int) -> str:
    words = " ".join(name.split())
    return words if len(words) <= longest else f"{words[:longest].rstrip()}…"


def _fewer(numbered: list[tuple[int, tuple[RunId, str]]]) -> list[tuple[int, tuple[RunId, str]]]:
    return numbered if len(numbered) <= MOST else [numbered[0], *numbered[-(MOST - 1) :]]
