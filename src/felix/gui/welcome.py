"""The first screen: one question, the task box under it, examples, and what the connection doctor found."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk as plain

from felix.gui.composer.choosing import Choosing
from felix.gui.kit import Kit
from felix.gui.server.doctor import DoctorCard
from felix.gui.server.server_watch import ServerWatch

WIDEST = 720
EXAMPLES = (
    (
        "Compare three ways to store chat history",
        (
            "Compare three ways to store the chat history of a small desktop program: SQLite, one JSON file per "
            "conversation, and a plain append-only log. Weigh reliability, search and effort, and recommend one."
        ),
    ),
    (
        "Heat pump or gas?",
        (
            "Our semi-detached house from 1978 needs a new heating system. Heat pump or gas? Compare cost over fifteen "
            "years, comfort and risk, name what would change the verdict, and recommend one."
        ),
    ),
    (
        "Review a function for edge cases",
        (
            "Review this function for edge cases and say how each should be handled:\n\n"
            "def parse_duration(text):\n"
            "    minutes, seconds = text.split(':')\n"
            "    return int(minutes) * 60 + int(seconds)"
        ),
    ),
)


class Welcome:
    """Shown until the first run starts. `slot` is where the composer stands meanwhile."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        watch: ServerWatch,
        choosing: Choosing,
        *,
        on_example: Callable[[str], None],
        on_settings: Callable[[], None],
    ) -> None:
        self._kit = kit
        self.frame = kit.frame(parent, "page")
        self._column = column = kit.frame(self.frame, "page")
        self._question = kit.label(column, "What should the team think about?", "H1")
        self._question.pack(anchor="w", pady=(0, kit.px(12)))
        self.slot = kit.frame(column, "page")
        self.slot.pack(fill="x")
        self._examples = kit.frame(column, "page")
        self._examples.pack(fill="x", pady=(kit.px(10), kit.px(22)))
        self._buttons: list[plain.Button] = []
        for name, task in EXAMPLES:
            button = kit.button(
                self._examples, name, kind="outline", font="Small", padding=(9, 4), tooltip=task,
                command=partial(on_example, task),
            )  # fmt: skip
            self._buttons.append(button)
        self.doctor = DoctorCard(
            column, kit, watch, on_settings=on_settings, on_look=choosing.look, places=choosing.places
        )
        choosing.listeners.append(self.doctor.refresh)
        self.doctor.frame.pack(fill="x")
        self.frame.bind("<Configure>", lambda event: self._fit(event.width, event.height))
        column.bind("<Configure>", lambda _event: self._fit(self.frame.winfo_width(), self.frame.winfo_height()))

    def _fit(self, width: int, height: int) -> None:
        kit = self._kit
        wide = min(kit.px(WIDEST), width - kit.px(48))
        self._question.configure(wraplength=wide)
        room = wide
        for button in self._buttons:
            room -= button.winfo_reqwidth() + kit.px(8)
            if room < 0:
                button.pack_forget()
            elif not button.winfo_manager():
                button.pack(side="left", padx=(0, kit.px(8)))
        top = max(kit.px(12), round((height - self._column.winfo_reqheight()) * 0.52))
        self._column.place(relx=0.5, y=top, anchor="n", width=wide)
