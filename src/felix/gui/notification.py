"""A word to the user who is elsewhere when a run ends: the desktop's notification, the window's title and its urgency.

It is a courtesy: the desktop is told on a thread of its own, nothing waits for it, and where there is no way to say it,
nothing happens. What is below for macOS and Windows has not been tried.
"""

from __future__ import annotations

import ctypes
import html
import logging
import os
import shutil
import subprocess
import sys
import threading
import tkinter as tk
from contextlib import suppress

from felix import places
from felix.gui.text.shown_text import printable
from felix.ledger.state import RunState
from felix.settings import SettingsFile

COMMAND_S = 10.0
"""A desktop that has not taken the message by then never will."""
LONGEST = 160
"""Characters of the task, or of the reason, in a message."""
TITLES = {
    "complete": "The answer is ready",
    "failed": "The run failed",
    "stopped": "The run was stopped",
    "crashed": "Felix made a mistake",
    "interrupted": "The run was interrupted",
}
"""Status -> what the message says first."""

_APPLESCRIPT = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"
_POWERSHELL = """
$kind = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$toast = $kind::GetTemplateContent([Windows.UI.Notifications.ToastTemplateType]::ToastText02)
$lines = $toast.GetElementsByTagName('text')
$lines.Item(0).AppendChild($toast.CreateTextNode($env:FELIX_TITLE)) | Out-Null
$lines.Item(1).AppendChild($toast.CreateTextNode($env:FELIX_WORDS)) | Out-Null
$kind::CreateToastNotifier('Felix').Show([Windows.UI.Notifications.ToastNotification]::new($toast))
"""
_URGENT = 1 << 8
"""`XUrgencyHint` of X11's window manager hints."""

_log = logging.getLogger(__name__)


class Notification:
    """Of one window. Tk's thread; what may block has a thread of its own."""

    def __init__(self, app: tk.Tk, settings: SettingsFile) -> None:
        self._app, self._settings = app, settings
        self._title = app.title()
        app.bind("<FocusIn>", lambda _event: self.calm(), add="+")

    @property
    def is_in_front(self) -> bool:
        """Whether the user has the keyboard in this window or one of its own."""
        return bool(str(self._app.tk.call("focus")))

    def run_ended(self, state: RunState) -> None:
        """Say that a run has ended, if nobody looks and the settings allow it."""
        if self.is_in_front or state.status is None or not self._settings.current.notify_when_done:
            return
        self._tell(*message(state))

    def run_waits(self, title: str, state: RunState) -> None:
        """Say that a run waits for the user's word, under the same conditions."""
        if not self.is_in_front and self._settings.current.notify_when_done:
            self._tell(title, message(state)[1])

    def _tell(self, title: str, words: str) -> None:
        self._app.title(f"● {title} – {self._title}")
        _mark_urgent(self._app.winfo_id(), is_urgent=True)
        threading.Thread(target=_tell, args=(title, words), name="felix-notification", daemon=True).start()

    def calm(self) -> None:
        """The user is here: the title is as it was."""
        if self._app.title() != self._title:
            self._app.title(self._title)
            _mark_urgent(self._app.winfo_id(), is_urgent=False)


def message(state: RunState) -> tuple[str, str]:
    """Title and words: what became of the run, and which one it was, or why."""
    title = TITLES[state.status or "complete"]
    words = state.reason if state.status in ("failed", "crashed") else state.plan.task if state.plan else ""
    words = " ".join(printable(words).split())
    return title, words if len(words) <= LONGEST else f"{words[:LONGEST]}…"


def command(title: str, words: str, platform: str = sys.platform) -> list[str]:
    """What shows a message on this desktop; empty when nothing does. Nothing in a message is ever run."""
    if platform == "darwin":
        return ["osascript", "-e", _APPLESCRIPT, title, words]
    if platform == "win32":
        return ["powershell", "-NoProfile", "-NonInteractive", "-Command", _POWERSHELL]
    if (program := shutil.which("notify-send")) is None:
        return []
    icon = str(places.assets() / "icons" / "felix.png")
    return [program, "--app-name=Felix", f"--icon={icon}", "--", title, html.escape(words, quote=False)]


def _tell(title: str, words: str) -> None:
    if arguments := command(title, words):
        try:
            subprocess.run(
                arguments, timeout=COMMAND_S, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, env={**os.environ, "FELIX_TITLE": title, "FELIX_WORDS": words},
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            _log.info("the desktop could not be told: %s", error)


def _mark_urgent(window: int, *, is_urgent: bool) -> None:
    """Have the window manager draw attention to a window: its button blinks, or is lit, until it is looked at."""
    with suppress(OSError, AttributeError):  # no such library: then no such desktop either
        if sys.platform == "win32":
            ctypes.windll.user32.FlashWindow(window, is_urgent)
        elif sys.platform.startswith("linux"):
            _mark_urgent_x11(window, is_urgent=is_urgent)


class _Hints(ctypes.Structure):
    """`XWMHints`, as far as it matters here."""

    _fields_ = (("flags", ctypes.c_long), ("rest", ctypes.c_byte * 56))


def _mark_urgent_x11(window: int, *, is_urgent: bool) -> None:
    """On Tk's thread, so that the window cannot go meanwhile; but over a connection of our own, as Tk's is Tk's."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XGetWMHints.restype = ctypes.POINTER(_Hints)
    if not (address := x11.XOpenDisplay(None)):
        return
    display = ctypes.c_void_p(address)
    root, above, children, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_void_p(), ctypes.c_uint()
    found = [ctypes.byref(each) for each in (root, above, children, count)]
    # what the window manager knows is a window of Tk's around the one that Tk tells of
    if x11.XQueryTree(display, ctypes.c_ulong(window), *found):
        x11.XFree(children)
        if hints := x11.XGetWMHints(display, above):
            flags = hints.contents.flags
            hints.contents.flags = flags | _URGENT if is_urgent else flags & ~_URGENT
            x11.XSetWMHints(display, above, hints)
            x11.XFree(hints)
    x11.XCloseDisplay(display)
