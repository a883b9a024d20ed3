"""What a user hears of a run's end who is elsewhere."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import ttkbootstrap as ttk

from felix.gui.notification import Notification, command, message
from felix.settings import SettingsFile
from tests.gui.scene import Scene

Wait = Callable[..., None]
URGENT = 256


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desktop: what it is told stands in this file, one argument a line, while a file `listens` is beside it."""
    file = tmp_path / "said"
    program = tmp_path / "bin" / "notify-send"
    program.parent.mkdir()
    waits = f"until [ -e {tmp_path}/listens ]; do sleep 0.01; done"
    program.write_text(f'#!/bin/sh\n{waits}\nprintf "%s\\n" "$@" > {file}.part\nmv {file}.part {file}\n')
    file.with_name("listens").touch()
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return file


@pytest.fixture
def root(app: ttk.App) -> Iterator[ttk.App]:
    """The window, on screen and without the keyboard."""
    app.title("Felix")
    app.deiconify()
    app.update()
    yield app
    app.withdraw()
    app.update()


@pytest.fixture
def notification(root: ttk.App, tmp_path: Path) -> Notification:
    return Notification(root, SettingsFile(tmp_path / "settings.json"))


def ended(status: str = "complete", reason: str = "") -> Scene:
    scene = Scene()
    scene.finish(status)  # type: ignore[arg-type]
    scene.state.reason = reason
    return scene


def is_urgent(app: ttk.App) -> bool:
    """As a window manager reads it."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XGetWMHints.restype = ctypes.POINTER(ctypes.c_long)
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    root, above, children, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_void_p(), ctypes.c_uint()
    found = [ctypes.byref(each) for each in (root, above, children, count)]
    x11.XQueryTree(display, ctypes.c_ulong(app.winfo_id()), *found)
    hints = x11.XGetWMHints(display, above)
    flags = hints[0] if hints else 0
    x11.XCloseDisplay(display)
    return bool(flags & URGENT)


def test_whoever_is_elsewhere_is_told_without_waiting(
    root: ttk.App, notification: Notification, said: Path, wait_until: Wait
) -> None:
    assert not notification.is_in_front
    said.with_name("listens").unlink()
    notification.run_ended(ended().state)
    assert not said.exists()
    said.with_name("listens").touch()
    assert root.title() == "● The answer is ready – Felix"
    wait_until(said.exists)
    assert said.read_text().splitlines()[-3:] == ["--", "The answer is ready", "Why?"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11's own way")
def test_the_window_is_urgent_until_somebody_looks(root: ttk.App, notification: Notification, said: Path) -> None:
    notification.run_ended(ended().state)
    assert is_urgent(root)
    root.focus_force()
    root.update()
    assert root.title() == "Felix"
    assert not is_urgent(root)


def test_whoever_looks_at_the_window_hears_nothing(root: ttk.App, notification: Notification, said: Path) -> None:
    root.focus_force()
    root.update()
    assert notification.is_in_front
    notification.run_ended(ended().state)
    assert root.title() == "Felix"
    assert not said.exists()


def test_the_setting_turns_it_off(root: ttk.App, tmp_path: Path, said: Path) -> None:
    prefs = SettingsFile(tmp_path / "settings.json")
    prefs.change(notify_when_done=False)
    Notification(root, prefs).run_ended(ended().state)
    assert root.title() == "Felix"
    assert not said.exists()


def test_a_desktop_without_a_way_to_say_it_is_no_fault(
    root: ttk.App, notification: Notification, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    notification.run_ended(ended("failed", "The server closed the stream.").state)
    assert root.title() == "● The run failed – Felix"


@pytest.mark.parametrize(
    ("status", "title", "words"),
    [
        ("complete", "The answer is ready", "Why?"),
        ("stopped", "The run was stopped", "Why?"),
        ("failed", "The run failed", "No server answers."),
    ],
)
def test_a_message_says_what_became_of_which_run(status: str, title: str, words: str) -> None:
    assert message(ended(status, "No server answers.").state) == (title, words)


def test_nothing_in_a_message_is_markup_or_an_option(said: Path) -> None:
    arguments = command("--help", "<b>bold</b> & more", "linux")
    assert arguments[-3:] == ["--", "--help", "&lt;b&gt;bold&lt;/b&gt; &amp; more"]


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_a_message_is_data_to_a_fixed_program(platform: str) -> None:
    arguments = command('"; rm -rf ~', "$(boom)", platform)
    assert "rm" not in " ".join(arguments[:-2])


def test_a_run_that_waits_for_the_user_calls_them_back(
    root: ttk.App, notification: Notification, said: Path, wait_until: Wait
) -> None:
    notification.run_waits("research-1 asks you", Scene().state)
    assert root.title() == "● research-1 asks you – Felix"
    wait_until(said.exists)
    assert "research-1 asks you" in said.read_text()
    notification.calm()
    assert root.title() == "Felix"
