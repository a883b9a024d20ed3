"""From nothing to a window on screen, in the order that is fastest, and to the end of the program.

First an empty window in the right colours is mapped, with nothing imported but what draws it; then come the settings,
the parts and the engine, behind its first picture.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import signal
import sys
import tkinter as tk
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import ttkbootstrap as ttk

from felix import places
from felix.gui.kit import Kit, Mode, load_fonts
from felix.gui.kit.ground import THEMES
from felix.gui.session import Session, SessionFile, on_screen
from felix.gui.system_theme import system_mode

if TYPE_CHECKING:
    from felix.gui.window import Window
    from felix.settings import SettingsFile
    from felix.sharing import Serve

SMALLEST = (920, 620)
FIRST = (1400, 900)
HEAD = 44
"""Height of the header, which is the one thing the empty window shows."""

SWITCH_S = 0.001
"""How soon the worker must let Tk's thread go on. With Python's own 5 ms a server that floods the worker makes the
window miss frames; at the pace of real models the worker loses nothing by it."""

_log = logging.getLogger(__name__)


def run(options: argparse.Namespace, serve: Serve | None = None) -> int:
    """Open the window, show it until it is closed, and leave nothing behind; the process' exit status.

    `serve` shows its runs to others, when its user says so.
    """
    path = options.settings or places.settings_file()
    session = SessionFile(_session_beside(options.settings))
    try:
        app, kit = open_empty(*_first_look(path), session.last)
    except tk.TclError as error:
        sys.stderr.write(f"Felix cannot open a window here ({error}); `felix run` works in a terminal.\n")
        return 1
    from felix import log

    settings = _load(path)
    trouble = log.start(places.log_file(), verbosity=_verbosity(options, settings))
    ledger = places.ledger_file(options.ledger or settings.current.ledger_path)
    window = fill(app, kit, settings, demo=options.demo, ledger=ledger, session=session)
    if serve is not None:
        window.settings_page.sharing.offer(serve, window.status.say_shared)
        window.keeping.remember_sharing(window.settings_page.sharing)
    notices = [*settings.notices, *_address_fault(settings), *([trouble] if trouble else [])]
    for sentence in notices:
        _log.warning("%s", sentence)
    if notices:
        window.status.warn(_in_one(notices, settings))
    _close_on_signals(window)
    app.after_idle(lambda: window.start(is_automatic=bool(options.task)))
    app.after_idle(window.settings_page.sharing.resume)
    app.after_idle(lambda: _follow(window, options))
    try:
        app.mainloop()
    finally:
        window.close()
        log.stop()
        # The interpreter would look through every object once more before it ends: a second in which nothing is gained.
        gc.freeze()
    return 0


def open_empty(theme: str, font_scale: float, last: Session | None = None) -> tuple[ttk.App, Kit]:
    """A mapped window with nothing but its name in it, where the last one stood."""
    sys.setswitchinterval(SWITCH_S)
    fonts = places.assets() / "fonts"
    load_fonts(fonts)
    mode: Mode = "dark" if theme == "dark" or (theme == "system" and system_mode() == "dark") else "light"
    icon = places.icon()
    app = ttk.App(
        title="Felix",
        theme=THEMES[mode],
        minsize=SMALLEST,
        iconphoto=str(icon) if icon.is_file() else None,
        className="Felix",
    )
    app.geometry(_geometry(app, last))
    kit = Kit(app, fonts, percent=round(font_scale * 100))
    head = kit.frame(app, "side", height=kit.px(HEAD), name="empty")
    head.place(x=0, y=0, relwidth=1)
    kit.label(head, image=kit.logo(20), on="side").place(x=kit.px(14), rely=0.5, anchor="w")
    kit.label(head, "Starting…", "Small", "text2", "side").place(x=kit.px(44), rely=0.5, anchor="w")
    app.update()
    return app, kit


def fill(
    app: ttk.App,
    kit: Kit,
    settings: SettingsFile,
    *,
    demo: bool = False,
    ledger: Path | None = None,
    session: SessionFile | None = None,
) -> Window:
    """Put everything into the empty window; nothing has been asked of any server yet.

    `ledger` is the file in which runs are kept; None keeps them in memory. Without `session` nothing is remembered.
    """
    from felix.gui.window import Window
    from felix.team.workflow import Library

    library = Library(places.builtin_workflows(), places.user_workflows())
    window = Window(app, kit, settings, library, demo=demo, ledger=ledger, session=session)
    app.nametowidget("empty").destroy()
    return window


def make_window(
    settings: SettingsFile, *, demo: bool = False, ledger: Path | None = None, session: SessionFile | None = None
) -> Window:
    """The whole window on settings that have been loaded."""
    look = settings.current
    app, kit = open_empty(look.theme, look.font_scale, session.last if session else None)
    return fill(app, kit, settings, demo=demo, ledger=ledger, session=session)


def _session_beside(settings: Path | None) -> Path:
    """The session goes with the settings: who names a file of their own wants nothing of the usual window."""
    return places.session_file() if settings is None else settings.with_name(f"{settings.stem}.session.json")


def _geometry(app: ttk.App, last: Session | None) -> str:
    """Where the last window stood, as far as there is a screen there now; else as large as a first one."""
    screen = (app.winfo_vrootx(), app.winfo_vrooty(), app.winfo_vrootwidth(), app.winfo_vrootheight())
    if last is not None and last.place is not None and (place := on_screen(last.place, screen, SMALLEST)) is not None:
        return f"{place.width}x{place.height}+{place.x}+{place.y}"
    return "x".join(str(min(most, room)) for most, room in zip(FIRST, _screen(app), strict=True))


def _screen(app: ttk.App) -> tuple[int, int]:
    """The room there is for a window."""
    return app.winfo_screenwidth(), app.winfo_screenheight()


def _first_look(path: Path) -> tuple[str, float]:
    """Theme and type size as they stand in the file, before anything is there that could check them."""
    for file in (path, places.default_settings()):
        try:
            raw = json.loads(file.read_text(encoding="utf-8"))
            theme, scale = raw.get("theme", "system"), raw.get("font_scale", 1.0)
        except (OSError, ValueError, AttributeError, RecursionError):
            continue
        # what is not allowed takes its default here as it does in the settings
        return str(theme), scale if isinstance(scale, int | float) and 0.7 <= scale <= 2.0 else 1.0
    return "system", 1.0


def _load(path: Path) -> SettingsFile:
    from felix.settings import SettingsFile

    settings = SettingsFile(path, defaults=places.default_settings())
    settings.load()
    return settings


def _address_fault(settings: SettingsFile) -> list[str]:
    """A server address that is text, as the settings ask for, but leads nowhere."""
    from felix.errors import FelixError
    from felix.llm.address import repair_base_url

    try:
        repair_base_url(settings.current.base_url)
    except FelixError as error:
        return [f"{settings.path.name}: {error}"]
    return []


def _in_one(notices: list[str], settings: SettingsFile) -> str:
    """What the status bar has room for: the one sentence there is, or how many there are."""
    if len(notices) == 1:
        return notices[0]
    count = len(notices)
    if count == len(settings.faults):
        return f"{count} settings are not allowed and take their defaults – see the log."
    if all(sentence.startswith(settings.path.name) for sentence in notices):
        return f"{count} settings are not allowed – see the log."
    return f"{count} things are wrong – see the log."


def _verbosity(options: argparse.Namespace, settings: SettingsFile) -> int:
    return int(options.verbose) or int(settings.current.verbose_log)


def _follow(window: Window, options: argparse.Namespace) -> None:
    """Do what the command line asks for: task and workflow, and the run itself."""
    if options.task:
        window.composer.take(options.task)
    is_chosen = not options.workflow or _choose_workflow(window, options.workflow)
    if options.start and is_chosen:
        window.composer.run()


def _choose_workflow(window: Window, wanted: str) -> bool:
    """Choose what the command line names; False, and the reason at the task, when there is no such workflow."""
    from felix.errors import SettingsError, WorkflowError

    try:
        entry = window.library.find(wanted)
        is_known = entry in window.library.entries()
        window.settings.change(workflow=entry.key if is_known else str(entry.path.resolve()))
    except (SettingsError, WorkflowError) as error:
        window.composer.say(str(error))
        return False
    window.workflow.refresh()
    return True


def _close_on_signals(window: Window) -> None:
    """End as if the window had been closed. Python runs the handler at the next frame, within 250 ms."""

    def close(_number: int, _frame: FrameType | None) -> None:
        window.app.after(0, window.close)

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), close)
