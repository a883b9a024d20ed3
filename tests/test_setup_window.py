"""The windows before Felix's own, each in a process of its own: a test process has room for one Tk only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

BEGIN = """
import threading, tkinter
from felix import bootstrap, setup_window

class Root(tkinter.Tk):
    def __init__(self, **named):
        super().__init__(**named)
        self.after(1, self.look)

    def look(self):
        if not look(self, [child.cget("text") for child in self.winfo_children() if "text" in child.keys()]):
            self.after(5, self.look)

setup_window.tk.Tk = Root
go_on = threading.Event()

def work(report):
    report("Getting tiny")
    go_on.wait()
"""


def outcome_of(code: str, display: str) -> str:
    environ = {**os.environ, "DISPLAY": display, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", BEGIN + code]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    return done.stdout


def test_what_is_being_done_is_shown_until_it_is_done(display: str) -> None:
    code = """
def look(root, texts):
    if "Getting tiny …" in texts:
        print(root.winfo_class(), "|".join(texts))
        go_on.set()
    return go_on.is_set()
setup_window.show_while(work)
print("done")
"""
    assert outcome_of(code, display) == "Felix Setting Felix up|Getting tiny …\ndone\n"


def test_closing_the_window_gives_up(display: str) -> None:
    code = """
def look(root, texts):
    root.tk.eval(root.protocol("WM_DELETE_WINDOW"))
    return True
try:
    setup_window.show_while(work)
except bootstrap.Halt as halt:
    print(halt)
"""
    assert outcome_of(code, display) == "The set-up was given up: start Felix again to go on with it.\n"


def test_a_failure_reaches_whoever_asked(display: str) -> None:
    code = """
def look(root, texts):
    go_on.set()
    return True
def fail(report):
    go_on.wait()
    raise bootstrap.Halt("no way on")
try:
    setup_window.show_while(fail)
except bootstrap.Halt as halt:
    print(halt)
"""
    assert outcome_of(code, display) == "no way on\n"


def test_work_is_done_without_a_window_on_a_display_that_refuses_one() -> None:
    code = "setup_window.tk.Tk = tkinter.Tk; setup_window.show_while(lambda report: print('done'))"
    assert outcome_of(code, ":9871") == "done\n"


def test_a_note_says_why_and_can_be_closed_by_a_key(display: str) -> None:
    code = """
def look(root, texts):
    print("|".join(texts))
    root.focus_force()
    root.update()
    root.event_generate("<Escape>")
    return True
setup_window.show_note("No way on: go back.")
"""
    assert outcome_of(code, display) == "Felix cannot start|No way on: go back.|Close\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_a_failed_start_ends_at_once_although_it_leaves_a_note(display: str) -> None:
    code = """
import psutil
def fail():
    raise bootstrap.Halt("No way on.")
status = bootstrap._guarded(fail)
[note] = psutil.Process().children()
print(status, note.cmdline()[-1])
note.kill()
"""
    environ = {**os.environ, "DISPLAY": display, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", BEGIN + code]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == "No way on.\n"
    assert done.stdout == "1 No way on.\n"
