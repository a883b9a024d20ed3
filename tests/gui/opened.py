"""The whole window as a user has it, for tests: opened on a settings file, driven by real events."""

from __future__ import annotations

import json
import socket
import time
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import ttk as plain
from typing import Any

from PIL import ImageGrab

from felix.gui.opening import make_window
from felix.gui.session import SessionFile
from felix.gui.window import Window
from felix.settings import SettingsFile

ARTEFACTS = Path(__file__).parents[2] / "artefacts"


def free_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_settings(path: Path, **settings: Any) -> Path:
    path.write_text(json.dumps({"theme": "light", **settings}))
    return path


class Opened:
    """`window` is open and at work from the constructor to `close`."""

    def __init__(
        self,
        settings: Path,
        *,
        size: str = "1400x900",
        demo: bool = False,
        ledger: Path | None = None,
        session: Path | None = None,
        is_automatic: bool = False,
    ) -> None:
        """With a `session` the window stands where that says, whatever `size`."""
        file = SettingsFile(settings)
        file.load()
        self.window: Window = make_window(
            file, demo=demo, ledger=ledger, session=SessionFile(session) if session else None
        )
        self.app = self.window.app
        if session is None:
            self.app.geometry(f"{size}+0+0")
        self.app.update()
        self.app.focus_force()
        self.window.start(is_automatic=is_automatic)
        self.app.update()

    @property
    def task(self) -> tk.Text:
        return self.window.composer.box.widget

    def until(self, holds: Callable[[], object], timeout_s: float = 30.0) -> None:
        """Run Tk's loop until something holds."""
        end = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < end, f"it did not happen within {timeout_s} s"
            self.turn(5)

    def turn(self, ms: int) -> None:
        """Let Tk's loop run for so long, as `mainloop` does."""
        over = tk.BooleanVar(self.app, value=False)
        self.app.after(ms, lambda: over.set(True))
        self.app.wait_variable(over)

    def settle(self) -> None:
        """Let Tk do what is due, what is idle included."""
        self.turn(5)
        self.app.update_idletasks()

    def press(self, keys: str, widget: tk.Misc | None = None) -> None:
        """A key on the keyboard, as `<Control-Return>`, where the focus is or on `widget`."""
        target = widget or self.app.focus_get() or self.app
        target.focus_force()
        self.app.update()  # a key that comes before the focus goes nowhere
        target.event_generate(keys)
        self.settle()

    def write(self, text: str) -> None:
        """Type into the task box."""
        self.task.focus_force()
        self.app.update()
        for char in text:
            key = {" ": "space", "?": "question", "\n": "Return"}.get(char, char)
            self.task.event_generate(f"<Key-{key}>")
        self.settle()

    def click(self, widget: tk.Misc, times: int = 1) -> None:
        """The left button of the mouse, in the middle of `widget`."""
        self.app.update()
        at = {"x": widget.winfo_width() // 2, "y": widget.winfo_height() // 2}
        widget.event_generate("<Enter>", **at)
        for _ in range(times):
            widget.event_generate("<ButtonPress-1>", **at)
            widget.event_generate("<ButtonRelease-1>", **at)
        self.settle()

    def words(self, widget: tk.Misc | None = None) -> str:
        """All the words of labels and buttons that can be seen."""
        found = []
        waiting: list[tk.Misc] = [widget or self.app]
        while waiting:
            each = waiting.pop(0)
            if not each.winfo_viewable():
                continue
            if isinstance(each, plain.Label | plain.Button | plain.Menubutton):
                found.append(str(each.cget("text")))
            waiting[:0] = each.winfo_children()
        return "\n".join(word for word in found if word)

    def screenshot(self, name: str) -> None:
        """Keep a picture to look at."""
        self.settle()
        ARTEFACTS.mkdir(exist_ok=True)
        left, top = self.app.winfo_rootx(), self.app.winfo_rooty()
        box = (left, top, left + self.app.winfo_width(), top + self.app.winfo_height())
        ImageGrab.grab(box, xdisplay=self.app.winfo_screen()).save(ARTEFACTS / f"{name}.png")

    def close(self) -> None:
        self.window.close()
