"""The panel of a second window: another one keeps the runs, so this one can look at them, or go."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from pathlib import Path

from felix.gui.kit import Kit
from felix.gui.overlay import Overlay, Room

SENTENCE = "Another Felix keeps its runs in this ledger; go to that window to run a task, or close it and start again."
"""Why Run does nothing here."""


class AlreadyOpen:
    """Opened by its constructor. Whatever way it is closed, the window is for reading from then on."""

    def __init__(
        self,
        root: tk.Misc,
        kit: Kit,
        ledger: Path | None,
        *,
        room: Callable[[], Room],
        on_close: Callable[[], None],
        on_leave: Callable[[], object],
    ) -> None:
        """`on_leave` closes Felix."""
        self.overlay = Overlay(root, kit, "Felix is already open", width=520, height=210, room=room, on_close=on_close)
        body = self.overlay.body
        words = (
            "Another window keeps its runs in the same ledger. Here you can look at them, search and replay them; "
            "a new run would not be kept."
        )
        text = kit.label(body, words, on="card", padding=(18, 14, 18, 6), justify="left")
        text.pack(fill="x")
        place = kit.label(body, str(ledger or ""), "Small", "text2", "card", padding=(18, 0, 18, 12), justify="left")
        place.pack(fill="x")
        row = kit.frame(body, "card", padding=(14, 0, 14, 10))
        row.pack(side="bottom", fill="x")
        self.leave_button = kit.button(row, "Close Felix", kind="outline", on="card", command=on_leave)
        self.leave_button.pack(side="right")
        self.read_button = kit.button(row, "Open read-only", kind="primary", on="card", command=self.overlay.close)
        self.read_button.pack(side="right", padx=(0, kit.px(8)))
        body.bind(
            "<Configure>",
            lambda event: [each.configure(wraplength=max(200, event.width - kit.px(40))) for each in (text, place)],
        )
        self.read_button.focus_set()
