"""From nothing to a window on screen, in the order that is fastest, and to the end of the program.

What a first frame does not need – the SDK, the server's answer – comes after the window is mapped.
"""

from __future__ import annotations

import argparse
import logging
import signal
from types import FrameType

import ttkbootstrap as ttk

from felix import log, places
from felix.errors import SettingsError, WorkflowError
from felix.gui.kit import Kit, load_fonts
from felix.gui.kit.ground import THEMES
from felix.gui.system_theme import system_mode
from felix.gui.window import FIRST, SMALLEST, Window
from felix.settings import SettingsFile
from felix.team.workflow import Library

_log = logging.getLogger(__name__)


def run(options: argparse.Namespace) -> int:
    """Open the window, show it until it is closed, and leave nothing behind."""
    settings = SettingsFile(options.settings or places.settings_file(), defaults=places.default_settings())
    settings.load()
    trouble = log.start(places.log_file(), verbosity=getattr(options, "verbose", 0))
    window = make_window(settings, demo=options.demo)
    for sentence in (*settings.notices, *([trouble] if trouble else [])):
        _log.warning("%s", sentence)
        window.status.warn(sentence)
    _close_on_signals(window)
    window.app.after_idle(lambda: _begin(window, options))
    try:
        window.app.mainloop()
    finally:
        window.close()
        log.stop()
    return 0


def make_window(settings: SettingsFile, *, demo: bool = False) -> Window:
    """The window, mapped as soon as Tk's loop runs; nothing has been asked of any server yet."""
    fonts = places.assets() / "fonts"
    load_fonts(fonts)
    theme = settings.current.theme
    app = ttk.App(
        title="Felix",
        theme=THEMES[system_mode() if theme == "system" else theme],
        size=FIRST,
        minsize=SMALLEST,
        iconphoto=None,
        className="Felix",
    )
    if app.winfo_screenwidth() < FIRST[0] or app.winfo_screenheight() < FIRST[1]:
        app.geometry(f"{min(FIRST[0], app.winfo_screenwidth())}x{min(FIRST[1], app.winfo_screenheight())}")
    kit = Kit(app, fonts, percent=round(settings.current.font_scale * 100))
    return Window(app, kit, settings, Library(places.builtin_workflows(), places.user_workflows()), demo=demo)


def _begin(window: Window, options: argparse.Namespace) -> None:
    window.app.update_idletasks()
    window.start()
    if options.workflow:
        _choose_workflow(window, options.workflow)
    if options.task:
        window.composer.box.text = options.task
    if options.start:
        window.composer.run()


def _choose_workflow(window: Window, wanted: str) -> None:
    try:
        entry = window.library.find(wanted)
        is_known = entry in window.library.entries()
        window.settings.change(workflow=entry.key if is_known else str(entry.path.resolve()))
    except (SettingsError, WorkflowError) as error:
        window.composer.say(str(error))
    window.workflow.refresh()


def _close_on_signals(window: Window) -> None:
    """End as if the window had been closed. Python runs the handler at the next frame, within 250 ms."""

    def close(_number: int, _frame: FrameType | None) -> None:
        window.app.after(0, window.close)

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), close)
