"""The hub's own thinking above its answer: open while it thinks, folded once it writes, unless the reader chose."""

from __future__ import annotations

import tkinter as tk

from felix.gui.kit import Kit
from felix.gui.text.stream_text import StreamText
from felix.gui.wall.card_words import thinking_line
from felix.ledger.speech import Speech

HEIGHT = 118
SLICE = 64_000


class HubThinking:
    """`frame` is placed by the caller while `is_needed`. Thinking is read here and nowhere else."""

    def __init__(self, parent: tk.Misc, kit: Kit) -> None:
        self._kit = kit
        self.frame = kit.frame(
            parent, "think_bg", padding=(6, 3, 6, 5), box="card", border=None, outer="card", radius=6
        )
        self.toggle = kit.button(
            self.frame, "Thinking", "chevron-right", on="think_bg", font="Small", color="ink:think", icon_size=10,
            padding=(4, 2), command=self._press,
        )  # fmt: skip
        self.toggle.pack(anchor="w")
        self._box = kit.frame(self.frame, "think_bg", height=kit.px(HEIGHT))
        self._box.pack_propagate(False)
        self._text = StreamText(self._box, kit, on="think_bg", font="Small", padx=6, pady=2)
        self._text.frame.pack(fill="both", expand=True)
        self._line = "Thinking"
        self.restart()

    def restart(self) -> None:
        """Another synthesis: nothing was thought yet."""
        self.is_needed = False
        self.is_open = False
        self._chosen: bool | None = None
        self._fed, self._edition = 0, 0
        self._text.clear()
        self._fold()

    def show(self, speech: Speech, now: float) -> bool:
        """Take in what was thought; `now` in Unix seconds. True while more waits for the next frame."""
        thinking = speech.thinking
        if not len(thinking):
            return False
        self.is_needed = True
        if thinking.edition != self._edition:
            self._text.clear()
            self._fed, self._edition = 0, thinking.edition
        part = thinking.since(self._fed)[:SLICE]
        self._text.append(part)
        self._fed += len(part)
        line = thinking_line(speech, now)
        if line != self._line:
            self._line = line
            self._kit.set_button(self.toggle, text=line)
        self._set_open(is_open=self._chosen if self._chosen is not None else speech.is_live and not len(speech.answer))
        return self._fed < len(thinking)

    def tick(self, now: float) -> bool:
        return self._text.tick(now)

    def _press(self) -> None:
        self._chosen = not self.is_open
        self._set_open(is_open=self._chosen)

    def _set_open(self, *, is_open: bool) -> None:
        if is_open != self.is_open:
            self.is_open = is_open
            self._fold()

    def _fold(self) -> None:
        if self.is_open:
            self._box.pack(fill="x", padx=2)
        else:
            self._box.pack_forget()
        self._kit.set_button(self.toggle, icon="chevron-down" if self.is_open else "chevron-right")
