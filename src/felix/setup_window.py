"""The windows there are before Felix's own can be: one while it is being installed, one that says why it could not be.

Plain tkinter, which comes with Python. Neither waits for anybody: the first closes when the work is done, the second
(`python -m felix.setup_window SENTENCE`) after a minute.
"""

from __future__ import annotations

import queue
import sys
import threading
import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from felix.bootstrap import Halt
from felix.environment import Report

NOTE_MS = 60_000
_POLL_MS = 50
_WIDTH = 440
_GROUND, _TEXT = "#f8f9fa", "#212529"
"""The colours of Felix's light theme, for the moment before there is one."""


def show_while(work: Callable[[Report], None]) -> None:
    """Do `work` in a thread and show what it reports; raises what it raises. Closing the window gives up."""
    try:
        root = tk.Tk(className="Felix")
    except tk.TclError:
        work(lambda doing: None)  # a display that refuses us is no reason not to install
        return
    doing: queue.SimpleQueue[str] = queue.SimpleQueue()
    failures: list[BaseException] = []

    def worker() -> None:
        try:
            work(doing.put)
        except BaseException as failure:  # noqa: BLE001 - raised again in the thread that asked
            failures.append(failure)

    # A daemon: giving up ends this process, and the system ends what the thread has started.
    thread = threading.Thread(target=worker, name="set-up", daemon=True)
    step = _label(root, "Setting Felix up", "This happens once and needs the internet.")
    sign_of_life = ttk.Progressbar(root, mode="indeterminate")
    sign_of_life.pack(fill="x", padx=24, pady=(0, 20))
    sign_of_life.start()
    given_up = threading.Event()

    def give_up() -> None:
        given_up.set()
        root.destroy()

    def poll() -> None:
        while not doing.empty():
            step.configure(text=doing.get() + " …")
        if thread.is_alive():
            root.after(_POLL_MS, poll)
        else:
            root.destroy()

    root.protocol("WM_DELETE_WINDOW", give_up)
    thread.start()
    root.after(_POLL_MS, poll)
    root.mainloop()
    if given_up.is_set():
        raise Halt("The set-up was given up: start Felix again to go on with it.")
    if failures:
        raise failures[0]


def show_note(sentence: str) -> None:
    """Show `sentence` until it is closed, or a minute has gone."""
    root = tk.Tk(className="Felix")
    _label(root, "Felix cannot start", sentence)
    close = ttk.Button(root, text="Close", command=root.destroy)
    close.pack(anchor="e", padx=24, pady=(0, 20))
    close.focus_set()
    root.bind("<Escape>", lambda event: root.destroy())
    root.after(NOTE_MS, root.destroy)
    root.mainloop()


def _label(root: tk.Tk, title: str, text: str) -> ttk.Label:
    root.title("Felix")
    root.resizable(width=False, height=False)
    root.configure(background=_GROUND)
    ttk.Style(root).configure(".", background=_GROUND, foreground=_TEXT)
    ttk.Label(root, text=title, font=("TkDefaultFont", 14, "bold")).pack(fill="x", padx=24, pady=(20, 4))
    label = ttk.Label(root, text=text, wraplength=_WIDTH, width=56)
    label.pack(fill="x", padx=24, pady=(0, 20))
    return label


if __name__ == "__main__":
    show_note(sys.argv[1])
