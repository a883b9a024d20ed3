"""Whether the desktop is light or dark, now and whenever that changes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tkinter as tk
from collections.abc import Callable

from felix.gui.kit import Mode

EVERY_MS = 2_000
"""On Windows and macOS asking is a look into the registry or the defaults."""


def system_mode() -> Mode:
    """What the desktop says now; light where it says nothing."""
    import darkdetect  # type: ignore[import-untyped]

    return "dark" if darkdetect.isDark() else "light"


class SystemTheme:
    """Watches the desktop between `start` and `stop`; `on_change` is called on Tk's thread.

    On Linux asking starts a program, so one `gsettings monitor` waits for a change instead, and its pipe is among the
    files that Tk's own loop watches: no thread, no polling.
    """

    def __init__(self, root: tk.Tk, on_change: Callable[[], None]) -> None:
        self._root, self._on_change = root, on_change
        self._after: str | None = None
        self._monitor: subprocess.Popen[bytes] | None = None
        self._last: Mode | None = None

    def start(self) -> None:
        if self._after is not None or self._monitor is not None:
            return
        if sys.platform in ("win32", "darwin"):
            self._last = system_mode()
            self._after = self._root.after(EVERY_MS, self._poll)
        elif shutil.which("gsettings"):
            self._monitor = subprocess.Popen(
                [*_dying_with_felix(), "gsettings", "monitor", "org.gnome.desktop.interface"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
            assert self._monitor.stdout is not None
            self._root.createfilehandler(self._monitor.stdout, tk.READABLE, self._heard)

    def stop(self) -> None:
        if self._after is not None:
            self._root.after_cancel(self._after)
            self._after = None
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            assert monitor.stdout is not None
            monitor.kill()
            monitor.wait()
            self._root.deletefilehandler(monitor.stdout)
            monitor.stdout.close()

    def _heard(self, _file: object, _mask: int) -> None:
        assert self._monitor is not None and self._monitor.stdout is not None
        line = self._monitor.stdout.read(4_096)
        if not line:
            self.stop()  # it has ended: no desktop to watch
        elif b"color-scheme" in line or b"gtk-theme" in line:
            self._on_change()

    def _poll(self) -> None:
        mode = system_mode()
        if mode != self._last:
            self._last = mode
            self._on_change()
        self._after = self._root.after(EVERY_MS, self._poll)


def _dying_with_felix() -> list[str]:
    """What to put before a command so that it ends with Felix, also when Felix is killed; nothing where that is not to
    be had. Without it the monitor would wait for the next change of theme, which may never come."""
    setpriv = shutil.which("setpriv") if sys.platform.startswith("linux") else None
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []
