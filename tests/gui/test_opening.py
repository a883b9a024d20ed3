"""The window as its own process: it comes, it goes on every kind of end, and it leaves no process behind."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from felix.gui.opening import _first_look
from tests.gui.opened import write_settings
from tests.servers.demo import demo_server

SRC = Path(__file__).parents[2] / "src"
OPEN = """
import argparse, sys
from pathlib import Path
from felix.gui import open_window
options = argparse.Namespace(
    task=sys.argv[2], workflow=sys.argv[3], start=bool(sys.argv[2]), demo=False, settings=Path(sys.argv[1]), verbose=1,
    ledger="",
)
sys.exit(open_window(options))
"""

Start = Callable[..., "Program"]


class Program:
    """A Felix with a window, and what it logs."""

    def __init__(self, settings: Path, task: str, workflow: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OPEN, str(settings), task, workflow],
            env={**os.environ, "PYTHONPATH": str(SRC)},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []

    def logged(self, words: str) -> None:
        """Wait until a line with these words has been logged."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            if words in line:
                return
        pytest.fail(f"no line with {words!r} in:\n{''.join(self.lines)}")

    def end(self, within_s: float) -> int:
        """The exit status; what else was logged is in `lines`."""
        _, rest = self.process.communicate(timeout=within_s + 5)
        self.lines += rest.splitlines(keepends=True)
        return self.process.returncode


@pytest.fixture
def start(display: str, tmp_path: Path) -> Iterator[Start]:
    programs: list[Program] = []

    def one(task: str = "", workflow: str = "", **settings: object) -> Program:
        path = write_settings(tmp_path / "settings.json", **settings)
        programs.append(Program(path, task, workflow))
        return programs[-1]

    yield one
    for each in programs:
        each.process.kill()
        each.process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_mid_run_frees_the_server_and_ends_with_status_0(start: Start, number: signal.Signals) -> None:
    with demo_server(1) as base_url:
        felix = start(task="Go on until you are told to end.", base_url=base_url, has_connected=True)
        felix.logged("first token")
        began = time.monotonic()
        felix.process.send_signal(number)
        assert felix.end(2.0) == 0
        assert time.monotonic() - began < 2.0
    assert "ends stopped" in "".join(felix.lines)
    assert "Traceback" not in "".join(felix.lines)


def test_theme_and_size_are_read_before_there_is_anything_to_check_them(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"theme": "dark", "font_scale": 1.2}')
    assert _first_look(file) == ("dark", 1.2)
    file.write_text('{"font_scale": 9}')
    assert _first_look(file)[1] == 1.0
    for broken in ("[]", "{", '{"font_scale": "big"}', '{"font_scale": 99}', "[" * 5_000):
        file.write_text(broken)
        theme, scale = _first_look(file)
        assert theme in ("light", "dark", "system")
        assert 0.7 <= scale <= 2.0


def test_options_are_those_of_the_command_line() -> None:
    from felix.__main__ import _parser

    options = _parser().parse_args(["gui", "--task", "T", "--start"])
    assert isinstance(options, argparse.Namespace)
    assert {"task", "workflow", "start", "demo", "settings", "verbose"} <= set(vars(options))
