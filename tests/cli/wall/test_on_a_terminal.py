"""`felix run` and `felix replay` in a real pseudo-terminal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.calling import calling
from tests.cli.terminal import Terminal
from tests.gui.naughty import BITING
from tests.servers.machine import Machine

pytestmark = pytest.mark.slow

EVIL = f"\x1b]52;c;ZXZpbA==\x07 \x1b]0;evil\x07 \x1b[2J\x1b[?1049l [bold red]markup[/] [link=x] :smile: {BITING}"


@pytest.fixture
def felix(tmp_path: Path) -> list[str]:
    (tmp_path / "settings.json").write_text('{"streaming_batch_interval": 0.05}')
    (tmp_path / "two.yaml").write_text(
        "name: Two\nagents: [{id: research, role: research, count: 2}]\ncheckpoints: [0]\n"
    )
    return [sys.executable, "-m", "felix"]


def run(felix: list[str], tmp_path: Path, machine: Machine, *more: str) -> list[str]:
    where = ["--settings", str(tmp_path / "settings.json"), "--ledger", str(tmp_path / "ledger.db")]
    flow = ["--workflow", str(tmp_path / "two.yaml"), "--base-url", machine.base_url]
    return [*felix, "run", "Why?", *where, *flow, *more]


def test_a_run_is_a_wall_of_panes_and_leaves_its_answer_behind(felix: list[str], tmp_path: Path) -> None:
    with Machine("gpu", holds=True) as gpu, Terminal(run(felix, tmp_path, gpu), columns=100, lines=30) as terminal:
        seen = terminal.until(lambda screen: screen.count("gpu speaks.") == 2)
        top = next(line for line in seen.splitlines() if line.startswith("╭"))
        assert len(top) == 100 and "research-1" in top and "research-2" in top and top.count("● writing") == 2
        assert "Round 1 of 1" in seen and "0 of 3 calls" in seen and terminal.is_on_wall
        terminal.resize(60, 20)
        terminal.until(lambda screen: any(line.startswith("╭") and len(line) == 60 for line in screen.splitlines()))
        assert max(map(len, terminal.screen.splitlines())) == 60 and len(terminal.screen.splitlines()) <= 20
        gpu.release()
        assert terminal.end() == 0
        assert not terminal.is_on_wall and terminal.faults == []
        for words in ("research-2", "✓ done", "Synthesis", "gpu speaks.", "2 thoughts of 2 agents", "felix show"):
            assert words in terminal.screen
    replay = [*felix, "replay", "last", "--speed", "1000", "--ledger", str(tmp_path / "ledger.db")]
    with Terminal(replay) as terminal:
        assert terminal.end() == 0
        assert "\x1b[?1049h" in terminal.raw and "gpu speaks." in terminal.screen


def test_interrupting_stops_keeps_and_says_so(felix: list[str], tmp_path: Path) -> None:
    with Machine("gpu", holds=True) as gpu, Terminal(run(felix, tmp_path, gpu)) as terminal:
        terminal.until("gpu speaks.")
        terminal.type("\x03")
        assert terminal.end() == 130
        assert "– what was written is kept" in terminal.screen
        assert "■ stopped" in terminal.screen and "gpu speaks." in terminal.screen
        assert not terminal.is_on_wall


def test_nothing_a_model_writes_commands_the_terminal(felix: list[str], tmp_path: Path) -> None:
    with Machine(EVIL, holds=True) as gpu, Terminal(run(felix, tmp_path, gpu), columns=160) as terminal:
        terminal.until("[bold red]markup[/]")
        gpu.release()
        assert terminal.end() == 0
        assert terminal.faults == []
        assert "\x1b]" not in terminal.raw and "\x07" not in terminal.raw
        assert "[bold red]markup[/]" in terminal.screen and ":smile:" in terminal.screen
        assert "\u202e" not in terminal.raw


def test_no_colour_is_none_but_thinking_and_titles_stand_apart(felix: list[str], tmp_path: Path) -> None:
    with (
        Machine("gpu") as gpu,
        Terminal(run(felix, tmp_path, gpu), environ={"NO_COLOR": "1"}) as terminal,
    ):
        assert terminal.end() == 0
        numbers = {each for match in re.findall(r"\x1b\[([0-9;]*)m", terminal.raw) for each in match.split(";")}
        assert numbers <= {"", "0", "1", "2", "3", "4", "7", "9"} and "2" in numbers


@pytest.mark.parametrize(("more", "environ"), [(["--plain"], {}), ([], {"TERM": "dumb"})])
def test_plain_lines_where_they_are_wanted(
    felix: list[str], tmp_path: Path, more: list[str], environ: dict[str, str]
) -> None:
    with Machine("gpu") as gpu, Terminal(run(felix, tmp_path, gpu, *more), environ=environ) as terminal:
        assert terminal.end() == 0
        assert "\x1b" not in terminal.raw
        assert "── research-1 · round 1" in terminal.screen and "── synthesis ──" in terminal.screen


def test_json_at_a_terminal_is_json(felix: list[str], tmp_path: Path) -> None:
    with Machine("gpu") as gpu, Terminal(run(felix, tmp_path, gpu, "--json"), columns=10_000) as terminal:
        assert terminal.end() == 0
        told = [json.loads(line) for line in terminal.raw.splitlines() if line.startswith("{")]
        assert told[0]["type"] == "run_started" and told[-1]["type"] == "run_finished"


def asking(felix: list[str], tmp_path: Path, base_url: str) -> list[str]:
    (tmp_path / "asks.json").write_text('{"tool_trust": {"calculator": "ask"}}')
    (tmp_path / "one.yaml").write_text(
        "name: One\nagents: [{id: one, role: helper, prompt: Be brief.}]\ncheckpoints: [0]\ntools: [calculator]\n"
        "synthesis: {skip: true}\n"
    )
    where = ["--settings", str(tmp_path / "asks.json"), "--ledger", str(tmp_path / "ledger.db")]
    return [*felix, "run", "Why?", *where, "--workflow", str(tmp_path / "one.yaml"), "--base-url", base_url]


def test_a_tool_that_asks_is_answered_with_a_key(felix: list[str], tmp_path: Path) -> None:
    with calling() as server, Terminal(asking(felix, tmp_path, server.url("calls")), columns=100) as terminal:
        seen = terminal.until("May one-1 use calculator?")
        assert 'calculator({"expression": "6*7"})' in seen and "y once" in seen and "? asks you" in seen

        def has_answered(screen: str) -> bool:
            if "May one-1" in screen:
                terminal.type("y")  # again, as whoever is not heard at once
            return "It is 42" in screen

        terminal.until(has_answered)
        assert terminal.end() == 0 and terminal.faults == []


def test_a_tool_that_asks_is_refused_in_a_pipe_and_it_is_said(felix: list[str], tmp_path: Path) -> None:
    with calling() as server:
        command = asking(felix, tmp_path, server.url("calls"))
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "nobody can be asked here" in done.stderr and "42" not in done.stdout


def test_interrupting_twice_quits_and_gives_the_terminal_back(felix: list[str], tmp_path: Path) -> None:
    with Machine("gpu", holds=True) as gpu, Terminal(run(felix, tmp_path, gpu)) as terminal:
        terminal.until("gpu speaks.")
        terminal.type("\x03\x03")
        assert terminal.end() == 130
        assert "Traceback" not in terminal.raw and not terminal.is_on_wall
        assert terminal.raw.rfind("\x1b[?25h") > terminal.raw.rfind("\x1b[?25l"), "the cursor is there again"
