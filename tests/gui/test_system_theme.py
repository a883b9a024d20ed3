"""The look at the desktop's theme, with a `gsettings` that says what the test wants."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import ttkbootstrap as ttk

from felix.gui.system_theme import SystemTheme

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="gsettings is Linux's")

Wait = Callable[..., None]


@pytest.fixture
def gsettings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name, first in PATH; it leaves its process id there and repeats what `says` is told."""
    folder = tmp_path / "bin"
    folder.mkdir()
    os.mkfifo(folder / "says")
    program = folder / "gsettings"
    program.write_text(
        f'#!/bin/sh\necho $$ > "{folder}/new" && mv "{folder}/new" "{folder}/pid"\nexec cat "{folder}/says"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_change_of_the_desktop_is_heard_and_nothing_runs_on_after_the_end(
    app: ttk.App, gsettings: Path, wait_until: Wait
) -> None:
    heard: list[str] = []
    theme = SystemTheme(app, lambda: heard.append("changed"))
    theme.start()
    wait_until((gsettings / "pid").exists)
    pid = int((gsettings / "pid").read_text())
    with (gsettings / "says").open("w") as says:
        says.write("cursor-size: 24\n")
        says.flush()
        says.write("color-scheme: 'prefer-dark'\n")
        says.flush()
        wait_until(lambda: heard)
        assert is_alive(pid)
        theme.stop()
    assert not is_alive(pid)


def test_it_ends_with_a_felix_that_is_killed(gsettings: Path, wait_until: Wait) -> None:
    program = (
        "import tkinter, sys; from felix.gui.system_theme import SystemTheme\n"
        "root = tkinter.Tk(); SystemTheme(root, print).start(); sys.stdin.read()"
    )
    felix = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
    wait_until((gsettings / "pid").exists)
    pid = int((gsettings / "pid").read_text())
    assert is_alive(pid)
    felix.kill()
    felix.communicate()
    wait_until(lambda: not is_alive(pid))
