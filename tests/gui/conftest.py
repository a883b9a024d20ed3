"""A real Tk root on a real display, one per test module, and a window on it per test.

ttkbootstrap allows one root at a time in a process; a module that opens the whole window makes its own root and closes
it. An exception in a Tk callback fails the test in which it happened.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import pytest
import ttkbootstrap as ttk
from PIL import ImageGrab

from felix import places
from felix.gui.kit import Kit, load_fonts

ARTEFACTS = Path(__file__).parents[2] / "artefacts"
SIZE = (1000, 700)

Screenshot = Callable[[str], Path]


@pytest.fixture(scope="module")
def app(display: str) -> Iterator[ttk.App]:
    """The root, withdrawn; its callback errors wait in ``app.callback_errors``."""
    load_fonts(places.assets() / "fonts")
    app = ttk.App(title="Felix", theme="bootstrap-light", iconphoto=None, className="Felix")
    app.withdraw()
    errors: list[BaseException] = []

    def remember(_type: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
        errors.append(error)

    app.report_callback_exception = remember
    app.callback_errors = errors
    yield app
    app.destroy()


@pytest.fixture(scope="module")
def _kit_of_module(app: ttk.App) -> Kit:
    return Kit(app, places.assets() / "fonts")


@pytest.fixture
def kit(_kit_of_module: Kit, app: ttk.App) -> Iterator[Kit]:
    """The module's kit, light and at 100 % at the start of every test."""
    yield _kit_of_module
    _kit_of_module.set_theme("light")
    if _kit_of_module.font_percent != 100:
        _kit_of_module.scale_fonts(100)


@pytest.fixture
def window(app: ttk.App, kit: Kit) -> Iterator[tk.Toplevel]:
    """An empty window, visible and with the keyboard; a callback that raised fails the test when it ends."""
    app.callback_errors.clear()
    window = tk.Toplevel(app, background=kit["page"])
    window.geometry(f"{SIZE[0]}x{SIZE[1]}+0+0")
    window.wait_visibility()
    window.update()
    window.focus_force()
    window.update()
    yield window
    window.destroy()
    app.update()
    errors = list(app.callback_errors)
    app.callback_errors.clear()
    if errors:
        raise errors[0]


@pytest.fixture
def update(app: ttk.App) -> Callable[[], None]:
    """Let Tk do all that it has to do now."""
    return app.update


@pytest.fixture
def wait_until(app: ttk.App) -> Callable[..., None]:
    """Run Tk's loop until a condition holds; after ``timeout_s`` the test fails."""

    def wait(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        late = tk.BooleanVar(app, value=False)
        timer = app.after(round(timeout_s * 1000), lambda: late.set(True))
        tick = tk.BooleanVar(app, value=False)
        while not condition():
            assert not late.get(), f"it did not happen within {timeout_s} s"
            app.after(5, lambda: tick.set(True))
            app.wait_variable(tick)
        app.after_cancel(timer)

    return wait


@pytest.fixture
def screenshot(app: ttk.App, window: tk.Toplevel, display: str) -> Screenshot:
    """Save the window as ``artefacts/<name>.png`` and return the path."""

    def save(name: str) -> Path:
        app.update()
        left, top = window.winfo_rootx(), window.winfo_rooty()
        box = (left, top, left + window.winfo_width(), top + window.winfo_height())
        ARTEFACTS.mkdir(exist_ok=True)
        path = ARTEFACTS / f"{name}.png"
        ImageGrab.grab(box, xdisplay=display or None).save(path)
        return path

    return save
