"""What the user had to say to the agents, and what befell them all, in one line above their cards."""

from __future__ import annotations

import tkinter as tk

from felix.events import told
from felix.gui.kit import Kit
from felix.gui.text.shown_text import printable
from felix.gui.wall.card_words import note_line
from felix.ledger.state import RunState

LONGEST = 400
"""Characters of a note in the line; the pointer shows the whole."""


class NoteStrip:
    """`frame` is placed by the caller while `is_needed`, at its own height."""

    def __init__(self, parent: tk.Misc, kit: Kit) -> None:
        self._kit = kit
        self._notes: tuple[str, ...] = ()
        self.frame = kit.frame(parent, "card", padding=(10, 5, 8, 5), box="card")
        self._count = kit.label(self.frame, font="Small", color="text2", on="card", padding=(8, 0, 2, 0))
        self._words = kit.label(
            self.frame, font="Small", on="card", icon="chat-left-dots", icon_color="ink:write", icon_size=12
        )
        self._words.pack(side="left", fill="x", expand=True)
        kit.tooltip(self.frame, lambda: "\n".join(self._notes))
        kit.tooltip(self._words, lambda: "\n".join(self._notes))

    @property
    def is_needed(self) -> bool:
        return bool(self._notes)

    @property
    def height(self) -> int:
        """Pixels of the strip."""
        return self.frame.winfo_reqheight()

    def show(self, state: RunState) -> bool:
        """Show the newest note. True when the strip has come or gone."""
        lines = [(note.at, printable(note_line(note))) for note in state.notes]
        lines += [(at, told(halt)) for at, halt in state.halts]
        notes = tuple(words for _, words in sorted(lines))
        if notes == self._notes:
            return False
        was_needed, self._notes = self.is_needed, notes
        if notes:
            newest = notes[-1]
            self._kit.set_label(self._words, text=newest if len(newest) <= LONGEST else f"{newest[:LONGEST]}…")
        if len(notes) > 1:
            self._count.configure(text=f"{len(notes)} notes")
            self._count.pack(side="right", before=self._words)
        else:
            self._count.pack_forget()
        return was_needed != self.is_needed
