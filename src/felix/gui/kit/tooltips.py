"""One small window that explains what lies under the pointer; shared by all widgets, so that a hundred cards cost
nothing.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk as plain
from typing import TYPE_CHECKING

from felix.gui.text.shown_text import printable

if TYPE_CHECKING:
    from felix.gui.kit.surfaces import Surfaces

DELAY_MS = 400
WRAP_PX = 320
TAG = "FelixTip"


class Tooltips:
    """The texts by widget, and the window that shows one of them."""

    def __init__(self, kit: Surfaces) -> None:
        self._kit, self._app = kit, kit.app
        self._texts: dict[str, str | Callable[[], str]] = {}
        self._window: tk.Toplevel | None = None
        self._label: plain.Label | None = None
        self._waiting = ""
        for event, handler in (
            ("<Enter>", self._wait),
            ("<Leave>", self._leave),
            ("<ButtonPress>", self._leave),
            ("<KeyPress>", self._leave),
            ("<Destroy>", self._forget),
        ):
            self._app.bind_class(TAG, event, handler)

    def set(self, widget: tk.Misc, text: str | Callable[[], str]) -> None:
        """Explain ``widget`` by ``text``, or by what a function returns at that moment."""
        self._texts[str(widget)] = text
        tags = widget.bindtags()
        if TAG not in tags:
            widget.bindtags((TAG, *tags))

    def _wait(self, event: tk.Event[tk.Misc]) -> None:
        self._leave(event)
        widget = event.widget
        self._waiting = self._app.after(DELAY_MS, lambda: self._show(widget))

    def _leave(self, _event: tk.Event[tk.Misc]) -> None:
        if self._waiting:
            self._app.after_cancel(self._waiting)
            self._waiting = ""
        if self._window is not None and self._window.winfo_exists():
            self._window.withdraw()

    def _forget(self, event: tk.Event[tk.Misc]) -> None:
        self._texts.pop(str(event.widget), None)
        self._leave(event)

    def _show(self, widget: tk.Misc) -> None:
        self._waiting = ""
        text = self._texts.get(str(widget), "")
        words = text if isinstance(text, str) else text()
        if not words or not widget.winfo_exists() or not widget.winfo_viewable():
            return
        window, label = self._built()
        label.configure(text=printable(words))
        window.update_idletasks()
        width, height = window.winfo_reqwidth(), window.winfo_reqheight()
        x = min(widget.winfo_rootx(), widget.winfo_screenwidth() - width - 4)
        y = widget.winfo_rooty() + widget.winfo_height() + 6
        if y + height > widget.winfo_screenheight():
            y = widget.winfo_rooty() - height - 6
        window.geometry(f"+{max(0, x)}+{max(0, y)}")
        window.deiconify()
        window.lift()

    def _built(self) -> tuple[tk.Toplevel, plain.Label]:
        if self._window is not None and self._label is not None and self._window.winfo_exists():
            return self._window, self._label
        window = tk.Toplevel(self._app)
        window.withdraw()
        window.wm_overrideredirect(True)
        frame = self._kit.frame(window, "line2", padding=1)
        frame.pack()
        label = self._kit.label(frame, font="Small", on="card", padding=(8, 4, 8, 5), wraplength=self._kit.px(WRAP_PX))
        label.pack()
        self._window, self._label = window, label
        return window, label
