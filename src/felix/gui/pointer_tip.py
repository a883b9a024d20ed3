"""A tooltip for what is no widget: a node on a canvas, a picture in a line of text."""

from __future__ import annotations

import tkinter as tk

from felix.gui.kit import Kit
from felix.gui.kit.tooltips import DELAY_MS, WRAP_PX
from felix.gui.text.shown_text import printable


class PointerTip:
    """One small window beside the pointer, made on first use and gone with `owner`."""

    def __init__(self, owner: tk.Misc, kit: Kit) -> None:
        self._owner, self._kit = owner, kit
        self._window: tk.Toplevel | None = None
        self._words = tk.StringVar(owner)
        self._after = ""
        self.text = ""
        """What is shown, or will be in a moment; empty: nothing."""
        owner.bind("<Destroy>", lambda _event: self._cancel(), add="+")

    def show(self, text: str, x: int, y: int) -> None:
        """Say `text` at a place on the screen after a moment's hovering; the same text again changes nothing."""
        if text == self.text:
            return
        self.hide()
        self.text = text
        if text:
            self._after = self._owner.after(DELAY_MS, lambda: self._open(x, y))

    def hide(self) -> None:
        """Say nothing."""
        self._cancel()
        self.text = ""
        if self._window is not None:
            self._window.withdraw()

    def _cancel(self) -> None:
        if self._after:
            self._owner.after_cancel(self._after)
            self._after = ""

    def _open(self, x: int, y: int) -> None:
        self._after = ""
        kit = self._kit
        if self._window is None:
            self._window = tk.Toplevel(self._owner)
            self._window.withdraw()
            self._window.wm_overrideredirect(True)
            frame = kit.frame(self._window, "line2", padding=1)
            frame.pack()
            label = kit.label(frame, font="Small", on="card", padding=(8, 4, 8, 5), wraplength=kit.px(WRAP_PX))
            label.configure(textvariable=self._words)
            label.pack()
        self._words.set(printable(self.text))
        window = self._window
        window.update_idletasks()
        width, height = window.winfo_reqwidth(), window.winfo_reqheight()
        left = max(0, min(x + 12, window.winfo_screenwidth() - width - 4))
        top = y + 16 if y + 16 + height < window.winfo_screenheight() else y - height - 8
        window.geometry(f"+{left}+{max(0, top)}")
        window.deiconify()
        window.lift()
