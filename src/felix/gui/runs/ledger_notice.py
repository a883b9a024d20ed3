"""What the window says when the ledger is not as it should be: a strip with a way out, and never a box that waits."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from pathlib import Path

from felix.gui.folders import show_folder
from felix.gui.kit import Kit
from felix.ledger.health import Condition, Health

SALVAGEABLE = frozenset({"damaged"})
"""What a copy can be made of; the other files are whole, only not for this Felix."""
UNSAVED: dict[Condition, str] = {
    "locked": "Not saved: another Felix keeps the runs",
    "damaged": "Not saved: the ledger is damaged",
    "newer": "Not saved: the ledger is a newer Felix's",
    "foreign": "Not saved: that file is no ledger",
    "empty": "Not saved: the file of the ledger is empty",
    "full": "Not saved: the disk is full",
    "read_only": "Not saved: the ledger cannot be written",
}
"""What the status bar has room for."""
NOT_KEPT = "The file of the ledger cannot be used: what is run now is gone when Felix closes."
"""In place of the runs, while the ledger is in memory because of its file."""
TOLD = frozenset({"damaged", "newer", "foreign", "empty", "full", "read_only"})
"""What is told in a strip."""


class Done:
    """That a copy was saved, and where."""

    def __init__(
        self, parent: tk.Misc, kit: Kit, sentence: str, folder: Path, *, on_close: Callable[[], object]
    ) -> None:
        self.frame = kit.frame(parent, "side", padding=(14, 0, 6, 0))
        self.close_button = kit.button(
            self.frame, icon="x-lg", on="side", padding=(6, 5), tooltip="Hide this", command=on_close
        )
        self.close_button.pack(side="right", pady=kit.px(5))
        self.folder_button = kit.button(
            self.frame, "Show folder", "folder2-open", "outline", "side", "Small", padding=(9, 3),
            command=lambda: self._words.configure(text=show_folder(folder) or sentence),
        )  # fmt: skip
        self.folder_button.pack(side="right", padx=(0, kit.px(6)))
        self._words = kit.label(self.frame, sentence, "Small", on="side", icon="check-circle", icon_color="state:done")
        self._words.pack(side="left", pady=kit.px(7))
        beside = kit.px(96) + self.folder_button.winfo_reqwidth()
        self.frame.bind(
            "<Configure>", lambda event: self._words.configure(wraplength=max(kit.px(160), event.width - beside))
        )


class LedgerNotice:
    """`frame` is packed by the caller while `is_wanted`."""

    def __init__(
        self, parent: tk.Misc, kit: Kit, *, on_salvage: Callable[[], object], on_change: Callable[[], object]
    ) -> None:
        self._kit, self._on_salvage, self._on_change = kit, on_salvage, on_change
        self._is_salvaging = False
        self.done: Done | None = None
        """In place of the strip, once there is a copy."""
        self.is_wanted = False
        self._kind: Condition = "kept"
        self.frame = kit.frame(parent, "page")
        self._rule = kit.rule(self.frame)
        self._rule.pack(side="bottom", fill="x")
        self._strip = strip = kit.frame(self.frame, "tint:fail", padding=(14, 0, 6, 0))
        strip.pack(fill="x")
        self.close_button = kit.button(
            strip, icon="x-lg", on="tint:fail", padding=(6, 5), tooltip="Hide this", command=self._close
        )
        self.close_button.pack(side="right", pady=kit.px(5))
        self.salvage_button = kit.button(
            strip, "Save a salvaged copy…", kind="outline", on="tint:fail", font="Small", padding=(9, 3),
            tooltip="Write what can still be read into a new file", command=self._salvage,
        )  # fmt: skip
        self._words = kit.label(strip, "", "Small", "ink:fail", "tint:fail", icon="exclamation-octagon")
        self._words.pack(side="left", pady=kit.px(7))
        strip.bind("<Configure>", lambda event: self._fit(event.width))

    def show(self, health: Health) -> None:
        """Tell how the ledger is, when that has to be told here."""
        if health.kind != self._kind:  # how many runs it is about changes, too: whoever has read of it knows
            self._kind, self.is_wanted = health.kind, health.kind in TOLD
        self._is_salvaging = False
        self._show_done(None)
        self._kit.set_label(self._words, text=health.sentence)
        if health.kind in SALVAGEABLE:
            self.salvage_button.pack(side="right", padx=(0, self._kit.px(6)), after=self.close_button)
        else:
            self.salvage_button.pack_forget()
        self._on_change()

    def say(self, sentence: str) -> None:
        """How the copy goes."""
        self._show_done(None)
        self._kit.set_label(self._words, text=sentence)

    def say_failed(self, sentence: str) -> None:
        """There is no copy; another try may be asked for."""
        self.say(sentence)
        self._is_salvaging = False
        self.salvage_button.pack(side="right", padx=(0, self._kit.px(6)), after=self.close_button)

    def say_saved(self, sentence: str, folder: Path) -> None:
        """The copy is made: a calm strip that leads to it."""
        self._show_done(Done(self.frame, self._kit, sentence, folder, on_close=self._close))

    def _salvage(self) -> None:
        if self._is_salvaging:
            return
        self._is_salvaging = True
        if str(self.frame.tk.call("focus")) == str(self.salvage_button):
            self.close_button.focus_set()  # Enter on a button that has gone would press it again
        self.salvage_button.pack_forget()
        self._on_salvage()

    def _show_done(self, done: Done | None) -> None:
        if self.done is not None:
            self.done.frame.destroy()
        self.done = done
        if done is None:
            self._strip.pack(fill="x")
        else:
            self._strip.pack_forget()
            done.frame.pack(fill="x")

    def _close(self) -> None:
        self.is_wanted = False
        self._on_change()

    def _fit(self, width: int) -> None:
        beside = self._kit.px(96) + (self.salvage_button.winfo_reqwidth() if self.salvage_button.winfo_manager() else 0)
        self._words.configure(wraplength=max(self._kit.px(160), width - beside))
