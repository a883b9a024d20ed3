"""The log, as it stands in its file: to read, to copy from, and to find."""

from __future__ import annotations

import os
import tkinter as tk
from collections.abc import Callable
from pathlib import Path

from felix.gui.folders import show_folder
from felix.gui.kit import Kit
from felix.gui.overlay import Overlay, Room
from felix.gui.text.shown_text import printable

TAIL_BYTES = 200_000
"""The end of a log is what matters, and a Text of megabytes would be slow."""


class LogWindow:
    """The log in an overlay; drawn once, when it is opened."""

    def __init__(
        self, root: tk.Misc, kit: Kit, path: Path, *, room: Callable[[], Room], on_close: Callable[[], None]
    ) -> None:
        self._root, self._path = root, path
        self.overlay = Overlay(root, kit, "Log", width=1_000, height=640, room=room, on_close=on_close)
        head = self.overlay.head
        kit.button(
            head, "Show folder", "folder2-open", "outline", "card", "Small", padding=(9, 4),
            command=lambda: show_folder(path.parent),
        ).pack(side="right", padx=(0, kit.px(6)))  # fmt: skip
        kit.button(
            head, "Copy", "copy", "outline", "card", "Small", padding=(9, 4), command=self._copy
        ).pack(side="right", padx=(0, kit.px(6)))  # fmt: skip
        kit.label(head, str(path), "Small", "text2", "card", padding=(12, 2, 0, 0)).pack(side="left")
        body = self.overlay.body
        self.text = kit.text(body, "card", "Mono", padx=14, pady=8, takefocus=True)
        bar = kit.scrollbar(body, self.text.yview, "card")
        self.text.configure(yscrollcommand=bar.set)
        bar.pack(side="right", fill="y")
        self.text.pack(side="left", fill="both", expand=True)
        self.text.insert("1.0", self._tail())
        self.text.see("end")
        self.text.focus_set()

    def _tail(self) -> str:
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - TAIL_BYTES))
                raw = file.read()
        except FileNotFoundError:
            return "Nothing has been logged yet."
        except OSError as error:
            return f"The log could not be read ({error.strerror}); open {self._path} in an editor."
        if size > TAIL_BYTES:
            raw = raw.partition(b"\n")[2]
        return printable(raw.decode("utf-8", "replace")) or "Nothing has been logged yet."

    def _copy(self) -> None:
        self._root.clipboard_clear()
        self._root.clipboard_append(self.text.get("1.0", "end-1c"))
