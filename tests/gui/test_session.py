"""The session: what the window was like comes back, whatever ended it, and a file that is broken is as good as none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tkinter as tk
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from felix.gui.header import SETTINGS
from felix.gui.session import Place, Session, SessionFile, Side, on_screen, read_session
from tests.gui.ledgers import finished, keep
from tests.gui.opened import Opened, write_settings

Open = Callable[..., Opened]
SCREEN = (0, 0, 1600, 1000)
LEAST = (920, 620)


@pytest.fixture
def open_window(display: str, tmp_path: Path) -> Iterator[Open]:
    """Opens windows one after the other, each on what the one before has left."""
    opened: list[Opened] = []

    def open_one(**options: Any) -> Opened:
        if opened:
            opened[-1].close()
        settings = write_settings(tmp_path / "settings.json")
        options = {"session": tmp_path / "settings.session.json", "ledger": tmp_path / "ledger.db", **options}
        opened.append(Opened(settings, demo=True, **options))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.mark.slow
def test_task_tab_place_wings_and_run_come_back(open_window: Open, tmp_path: Path) -> None:
    keep(tmp_path / "ledger.db", finished("run-a", "Move the clinic", at=time.time() - 100))
    felix = open_window()
    felix.app.geometry("1200x720+60+40")
    felix.settle()
    felix.until(lambda: felix.window.keeping.shelf.list.rows)
    felix.window.keeping.shelf.open(felix.window.keeping.shelf.list.rows[0].run)
    felix.until(lambda: felix.window.bridge.run == "run-a")
    felix.press("<Control-Shift-B>")
    left = felix.app.winfo_rootx()
    felix.window.keeping.wing._divider.event_generate("<B1-Motion>", rootx=left + 301, x=0, y=10)
    felix.press("<Control-n>")
    felix.write("not sent")
    felix.window.keeping.shelf.open(felix.window.keeping.shelf.list.rows[0].run)
    felix.until(lambda: felix.window.composer.box.text == "Move the clinic")
    rows = felix.window.keeping.shelf.list.canvas
    rows.canvas.event_generate("<Button-1>", x=30, y=10)
    assert len(rows.folded) == 1
    felix.window.show_settings()
    felix.settle()

    felix = open_window()
    assert felix.window.keeping.shelf.list.canvas.folded == rows.folded
    assert felix.app.geometry() == "1200x720+60+40"
    assert felix.window.header.page == SETTINGS
    assert not felix.window.wing.is_open
    felix.until(lambda: felix.window.bridge.run == "run-a")
    felix.window.header.turn_to(0)
    felix.settle()
    assert felix.window.keeping.wing.frame.winfo_width() == 300
    felix.press("<Control-n>")
    assert felix.window.composer.box.text == "not sent"


@pytest.mark.slow
def test_the_task_that_was_not_sent_comes_back_alone(open_window: Open, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("- ask the front desk\n")
    (tmp_path / "gone.md").write_text("- nothing\n")
    felix = open_window()
    felix.write("not sent")
    for name in ("notes.md", "gone.md"):
        felix.window.composer.add_file(tmp_path / name)
    (tmp_path / "gone.md").unlink()
    felix = open_window()
    felix.until(lambda: felix.window.composer.box.text == "not sent")
    assert "ask the front desk" in felix.window.composer.task  # with the file that went along
    assert "gone.md could not be read" in felix.words(felix.window.composer.frame)
    felix = open_window(is_automatic=True)
    felix.turn(300)
    assert felix.window.composer.box.text == ""  # a command line stands for itself
    felix = open_window()
    felix.until(lambda: felix.window.composer.box.text == "not sent")


@pytest.mark.slow
def test_a_task_that_was_sent_does_not_come_back(open_window: Open) -> None:
    felix = open_window()
    felix.write("sent")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: felix.window.bridge.state.round)
    felix.press("<Escape>")
    felix.until(lambda: felix.window.bridge.state.status == "stopped")
    felix = open_window()
    felix.until(lambda: felix.window.bridge.state.status == "stopped")
    felix.press("<Control-n>")
    assert felix.window.composer.box.text == ""


def test_a_run_that_is_gone_leaves_the_first_screen(open_window: Open, tmp_path: Path) -> None:
    (tmp_path / "settings.session.json").write_text('{"run": "nobody", "task": "mine"}')
    felix = open_window()
    felix.until(lambda: felix.window.composer.box.text == "mine")
    assert felix.window.bridge.run is None
    assert "no longer" not in felix.words(felix.window.status.frame)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 10_000,
        '{"place": {"x": "left"}}',
        '{"place": {"x": 1, "y": 2, "width": 1e9, "height": true}}',
        '{"task": 7, "tab": "x", "runs": [1], "run": ["a"], "panel": {"width": -4, "is_open": "yes"}}',
        "\udcff",
    ],
)
def test_a_broken_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "session.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read_session(file) == Session()
    assert read_session(tmp_path / "nothing.json") == Session()
    assert read_session(tmp_path) == Session()


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (Place(100, 50, 1200, 800), Place(100, 50, 1200, 800)),
        (Place(-400, 50, 1200, 800), Place(-400, 50, 1200, 800)),  # partly out, as its user had it
        (Place(-1150, 50, 1200, 800), None),
        (Place(1590, 50, 1200, 800), None),
        (Place(100, -200, 1200, 800), None),
        (Place(100, 950, 1200, 800), None),
        (Place(2000, 100, 1200, 800), None),  # the screen at the right is gone
        (Place(0, 0, 3000, 2000), Place(0, 0, 1600, 1000)),
        (Place(10, 10, 5, 5), Place(10, 10, 920, 620)),
    ],
)
def test_a_window_is_never_put_back_off_screen(place: Place, shown: Place | None) -> None:
    assert on_screen(place, SCREEN, LEAST) == shown


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "session.json"
    session = Session(
        task="two\nlines 😀 \ud83d", tab=1, place=Place(-3, 4, 1000, 700), is_maximised=True, runs=Side(240, False),
        panel=Side(None, True), folded=("2026-11", "week"),
    )  # fmt: skip
    kept = SessionFile(file)
    kept.begin(tk.Tcl(), lambda: session)
    kept.touch()
    kept.close()
    assert read_session(file) == session
    assert [each.name for each in file.parent.iterdir()] == ["session.json"]


def test_a_folder_that_cannot_be_written_disturbs_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = SessionFile(tmp_path / "file" / "session.json")
    kept.begin(tk.Tcl(), lambda: Session(task="x"))
    kept.close()
    assert read_session(tmp_path / "file" / "session.json") == Session()
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("file", "")]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_what_was_typed_is_there_after_a_kill(display: str, tmp_path: Path) -> None:
    settings = write_settings(tmp_path / "settings.json", has_connected=True, base_url="http://127.0.0.1:9/v1")
    session = tmp_path / "settings.session.json"
    program = subprocess.Popen(
        [sys.executable, "-c", _TYPING, str(settings), str(session)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "typed\n"
    time.sleep(1.2)  # what is promised: within a second of the last key
    program.send_signal(signal.SIGKILL)
    program.communicate()
    assert json.loads(session.read_text())["task"] == "x" * 300


_TYPING = """
import sys
from pathlib import Path
from tests.gui.opened import Opened
felix = Opened(Path(sys.argv[1]), session=Path(sys.argv[2]))
felix.write("x" * 300)
print("typed", flush=True)
felix.turn(60_000)
"""
