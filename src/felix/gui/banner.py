"""The strip that says, as long as it is true, that what the agents write follows a script."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.gui.kit import Kit

DEMO = "Demo model – scripted text"


class Banner:
    """`frame` is placed by the caller while the demo model is in use."""

    def __init__(
        self, parent: tk.Misc, kit: Kit, *, on_connection: Callable[[], None], on_use: Callable[[], None]
    ) -> None:
        self._kit = kit
        self.frame = kit.frame(parent, "page")
        strip = kit.frame(self.frame, "tint:stop")
        strip.pack(fill="x")
        kit.rule(self.frame).pack(fill="x")
        name = kit.label(strip, DEMO, "SmallStrong", "ink:stop", "tint:stop", icon="mask", icon_size=13)
        name.pack(side="left", padx=(kit.px(14), kit.px(8)), pady=kit.px(8))
        self._connection = kit.button(
            strip, "Connection…", kind="outline", on="tint:stop", font="Small", padding=(9, 3), command=on_connection
        )
        self._connection.pack(side="right", padx=kit.px(10), pady=kit.px(4))
        self._use = kit.button(
            strip, "Use it", kind="primary", on="tint:stop", font="Small", padding=(9, 3), command=on_use
        )
        self._words = kit.label(strip, font="Small", on="tint:stop")
        self._words.pack(side="left")
        self.offer("")

    def offer(self, server: str) -> None:
        """Offer a server by name; an empty one takes the offer back."""
        if server:
            self._kit.set_button(self._use, text=f"{server} is there now – use it")
            self._use.pack(side="right", before=self._connection, padx=self._kit.px(10))
            self._words.configure(text="")
        else:
            self._use.pack_forget()
            self._words.configure(text="The agents below follow a script. Nothing is sent anywhere.")
