"""One line at a card's foot, to ask its agent about what it said."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.gui.kit import Kit


class AskLine:
    """Packed above `foot`, its sibling, while it is open. `on_ask` gets the question."""

    def __init__(self, parent: tk.Misc, kit: Kit, foot: tk.Misc, *, on_ask: Callable[[str], object]) -> None:
        self._kit, self._foot, self._on_ask = kit, foot, on_ask
        self._focus: tk.Misc | None = None
        self.frame = kit.frame(parent, "card", (8, 4, 8, 0))
        self._hint = kit.label(self.frame, font="Small", color="text2", on="card", padding=(2, 0, 0, 3))
        self._hint.pack(anchor="w")
        row = kit.frame(self.frame, "card")
        row.pack(fill="x")
        self.send = kit.button(
            row, icon="send", on="card", padding=(7, 5), color="primary", command=self._send, tooltip="Ask (Enter)"
        )
        self.entry = kit.entry(row, "card", width=10)
        self.entry.pack(side="left", fill="x", expand=True)
        self.send.pack(side="right", padx=(kit.px(4), 0))
        for key in ("<Return>", "<KP_Enter>"):
            self.entry.bind(key, self._send_by_key)
        self.entry.bind("<Escape>", self._escape)

    @property
    def is_open(self) -> bool:
        return bool(self.frame.winfo_manager())

    def open(self, agent_id: str, *, has_room: bool) -> None:
        """Show the line and give it the keyboard. Without room the hint above it is left out."""
        if not self.is_open:
            self._focus = self.frame.focus_get()
            self.entry.delete(0, "end")
        self._hint.configure(text=f"Ask {agent_id} about what it said")
        if has_room:
            self._hint.pack(anchor="w", before=self.entry.master)
        else:
            self._hint.pack_forget()
        self.frame.pack(side="bottom", fill="x", after=self._foot)
        self.entry.focus_set()

    def close(self) -> bool:
        """Take it away; False when it was not open."""
        if not self.is_open:
            return False
        held = str(self.frame.tk.call("focus")).startswith(f"{self.frame}.")
        self.frame.pack_forget()
        if held and self._focus is not None and self._focus.winfo_exists():
            self._focus.focus_set()
        self._focus = None
        return True

    def _send(self) -> None:
        question = self.entry.get().strip()
        if question:
            self.close()
            self._on_ask(question)

    def _send_by_key(self, _event: tk.Event[tk.Misc]) -> str:
        self._send()
        return "break"

    def _escape(self, _event: tk.Event[tk.Misc]) -> str:
        self.close()
        return "break"
