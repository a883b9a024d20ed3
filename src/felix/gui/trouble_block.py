"""Why a thought is not what it should be, above what came of it: a coloured bar, a title and a sentence."""

from __future__ import annotations

import tkinter as tk

from felix.gui.kit import Kit


class TroubleBlock:
    """For one state, `fail` or `stop`; it takes no room while hidden."""

    def __init__(self, parent: tk.Misc, kit: Kit, state: str) -> None:
        ground = f"tint:{state}"
        self._kit = kit
        self._frame = kit.frame(parent, ground)
        bar = kit.frame(self._frame, f"state:{state}")
        bar.configure(width=kit.px(3))
        bar.pack(side="left", fill="y")
        inner = kit.frame(self._frame, ground, (9, 6))
        inner.pack(side="left", fill="both", expand=True)
        self._title = kit.label(inner, font="SmallStrong", color=f"ink:{state}", on=ground)
        self._title.pack(anchor="w")
        self._sentence = kit.label(inner, font="Small", on=ground, padding=(0, 1, 0, 0))
        inner.bind("<Configure>", lambda event: self._sentence.configure(wraplength=max(80, event.width - kit.px(20))))

    def show(self, title: str, sentence: str, *, before: tk.Misc) -> None:
        """Stand above `before`, a packed sibling."""
        self._title.configure(text=title)
        self._sentence.configure(text=sentence)
        self._sentence.pack(anchor="w") if sentence else self._sentence.pack_forget()
        px = self._kit.px
        self._frame.pack(fill="x", padx=px(9), pady=(px(9), px(2)), before=before)

    def hide(self) -> None:
        """Take no room."""
        self._frame.pack_forget()
