"""What stands where in the real window, at any size and type; and the quiet lines that tell what is wrong."""

from __future__ import annotations

import argparse
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tkinter import ttk as plain
from typing import Any

import pytest

from felix.gui.faults import SENTENCE
from felix.gui.header import SETTINGS
from felix.gui.opening import _address_fault, _follow, _in_one
from felix.settings import SettingsFile
from tests.gui.opened import Opened, write_settings
from tests.servers.demo import demo_server

Open = Callable[..., Opened]


@pytest.fixture
def open_window(display: str, tmp_path: Path) -> Iterator[Open]:
    """Opens a window on settings of its own; it is closed when the test ends."""
    opened: list[Opened] = []

    def open_one(*, size: str = "1400x900", demo: bool = False, **settings: Any) -> Opened:
        opened.append(Opened(write_settings(tmp_path / "settings.json", **settings), size=size, demo=demo))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def human_server() -> Iterator[str]:
    """The demo model at the pace of people."""
    with demo_server(1) as base_url:
        yield base_url


@pytest.mark.parametrize(
    ("size", "panel", "narrow"), [("1400x900", True, False), ("1000x700", True, True), ("940x640", False, True)]
)
def test_the_parts_fit_the_width(
    fast_demo_server: str, open_window: Open, size: str, panel: bool, narrow: bool
) -> None:
    felix = open_window(size=size, base_url=fast_demo_server, has_connected=True)
    window = felix.window
    assert bool(window.wing.frame.winfo_viewable()) is panel
    assert ("4 at once" in felix.words(window.composer.frame)) is not narrow
    felix.press("<Control-B>")
    assert bool(window.wing.frame.winfo_viewable()) is not panel


@pytest.mark.slow
def test_a_fault_of_the_program_is_a_quiet_line_and_leads_to_the_log(
    fast_demo_server: str, open_window: Open, logged_errors: list[logging.LogRecord]
) -> None:
    felix = open_window(base_url=fast_demo_server, has_connected=True)
    window = felix.window

    def fail() -> None:
        raise LookupError("a bug")

    for happens in (
        lambda: felix.app.after(1, fail),
        lambda: threading.Thread(target=fail).start(),
        lambda: logging.getLogger("felix.engine").error("the worker failed"),
    ):
        happens()
        felix.until(lambda: SENTENCE in felix.words(window.status.frame))
        window.status.calm()
        felix.until(lambda: SENTENCE not in felix.words(window.status.frame))
    assert len(logged_errors) == 3
    logged_errors.clear()
    felix.app.after(1, fail)
    felix.until(lambda: SENTENCE in felix.words(window.status.frame))
    logged_errors.clear()
    felix.click(window.status._warning)
    assert "Show folder" in felix.words()
    felix.press("<Escape>")
    assert "Show folder" not in felix.words()
    assert felix.app.winfo_exists()


@pytest.mark.parametrize("size", ["1400x900", pytest.param("920x620", marks=pytest.mark.slow)])
def test_a_panel_leaves_header_task_and_status_in_reach(human_server: str, open_window: Open, size: str) -> None:
    felix = open_window(size=size, base_url=human_server, has_connected=True)
    window = felix.window
    felix.press("<F1>")
    felix.screenshot(f"window-shortcuts-first-{size}")
    felix.press("<Escape>")
    felix.write("look")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: window.bridge.state.thoughts)
    for open_panel in (window.overlays.show_shortcuts, window.show_log):
        open_panel()
        felix.settle()
        button = window.composer.button
        x, y = button.winfo_rootx() + 5, button.winfo_rooty() + 5
        assert str(felix.app.winfo_containing(x, y)) == str(button)
        felix.screenshot(f"window-{open_panel.__name__}-{size}")
    felix.click(window.composer.button)
    felix.until(lambda: window.bridge.state.status == "stopped")
    window.header.turn_to(SETTINGS)
    felix.settle()
    assert not window.overlays.is_open


def test_in_the_largest_type_the_list_of_shortcuts_is_cut_at_no_side(human_server: str, open_window: Open) -> None:
    felix = open_window(size="1000x700", base_url=human_server, has_connected=True, font_scale=2.0)
    felix.press("<F1>")
    felix.settle()
    panel = felix.window.overlays._open
    assert panel is not None
    right = panel.body.winfo_rootx() + panel.body.winfo_width()
    labels = [panel.body]
    for each in labels:
        labels += each.winfo_children()
        if isinstance(each, plain.Label):
            assert each.winfo_rootx() + each.winfo_reqwidth() <= right
    last = [each for each in labels if isinstance(each, plain.Label)][-1]
    assert last.winfo_rooty() > panel.body.winfo_rooty() + panel.body.winfo_height()
    for _ in range(60):
        felix.press("<Down>", panel.close_button)
    assert last.winfo_rooty() < panel.body.winfo_rooty() + panel.body.winfo_height()


def test_an_unknown_workflow_of_the_command_line_is_said_and_nothing_runs(
    fast_demo_server: str, open_window: Open
) -> None:
    felix = open_window(base_url=fast_demo_server, has_connected=True)
    _follow(felix.window, argparse.Namespace(task="Why?", workflow="nosuch", start=True))
    felix.settle()
    assert felix.window.bridge.run is None
    assert "There is no workflow called nosuch" in felix.words(felix.window.composer.frame)
    felix.screenshot("window-no-such-workflow")


def test_several_faults_of_the_settings_are_counted(tmp_path: Path) -> None:
    file = SettingsFile(write_settings(tmp_path / "settings.json", theme="pink", max_parallel=0, font_scale=9))
    file.load()
    assert _in_one(list(file.notices), file) == "3 settings are not allowed and take their defaults – see the log."
    file = SettingsFile(write_settings(tmp_path / "settings.json", base_url="ftp://example"))
    file.load()
    (fault,) = _address_fault(file)
    assert "ftp://" in fault
    assert _in_one([fault], file) == fault
    file = SettingsFile(write_settings(tmp_path / "settings.json", base_url="ftp://example", theme="pink"))
    file.load()
    notices = [*file.notices, *_address_fault(file)]
    assert _in_one(notices, file) == "2 settings are not allowed – see the log."
    assert _in_one([*notices, "The log cannot be written."], file) == "3 things are wrong – see the log."
