"""`felix chat`, from a pipe in this process and in a real pseudo-terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from felix.ledger.conversation import UNFINISHED
from felix.ledger.reader import Reader
from tests.cli.terminal import Terminal
from tests.gui.naughty import BITING
from tests.servers.llamacpp import LlamaServer
from tests.servers.machine import Machine

CarryOut = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def chat(tmp_path: Path) -> list[str]:
    (tmp_path / "settings.json").write_text('{"streaming_batch_interval": 0.05}')
    where = ["--settings", str(tmp_path / "settings.json"), "--ledger", str(tmp_path / "ledger.db")]
    return [sys.executable, "-m", "felix", "chat", *where]


def test_each_question_goes_with_what_was_said_before_and_is_answered_once(
    chat: list[str], tmp_path: Path, carry_out: CarryOut
) -> None:
    ledger = ["--ledger", str(tmp_path / "ledger.db")]
    with Machine("gpu") as gpu:
        done = carry_out([*chat, "--base-url", gpu.base_url], piped="First?\nSecond?\n")
        assert (done.returncode, done.stdout) == (0, "gpu speaks.\nConfidence: 0.7\n\n" * 2), done.stderr
        roles = [[message["role"] for message in request.json["messages"]] for request in gpu.asked]
        assert roles == [["system", "user"], ["system", "user", "assistant", "user"]]
        assert gpu.asked[1].json["messages"][1]["content"] == "First?"
        kept = carry_out([*chat[:3], "runs", *ledger, "--json"])
        runs = [json.loads(line) for line in kept.stdout.splitlines()]
        assert [run["name"] for run in runs] == ["Second?", "First?"]
        assert runs[0]["follows"] == runs[1]["run"]
        again = carry_out([*chat, "--base-url", gpu.base_url, "--continue", "last", "Third?"])
        assert again.returncode == 0 and len(gpu.asked[2].json["messages"]) == 6


def test_a_conversation_begins_anew_asks_another_model_and_is_saved(
    chat: list[str], tmp_path: Path, carry_out: CarryOut
) -> None:
    talk = tmp_path / "talk.md"
    lines = f"First?\n/new\n/model other\nSecond?\n/save {talk}\n/save {talk}\n/what\n/save\n/stop\n/quit\nNever?\n"
    with Machine("gpu", models=("m", "other")) as gpu:
        done = carry_out([*chat, "--base-url", gpu.base_url], piped=lines)
        assert done.returncode == 0
        assert [request.json["model"] for request in gpu.asked] == ["m", "other"]
        assert len(gpu.asked[1].json["messages"]) == 2
    assert talk.read_text() == "## You\n\nSecond?\n\n## One agent\n\ngpu speaks.\nConfidence: 0.7\n\n"
    for sentence in ("is there already", "There is no /what", "Say where to", "Nothing is being written"):
        assert sentence in done.stderr


def test_the_models_of_the_server_are_listed(chat: list[str], carry_out: CarryOut) -> None:
    with Machine("gpu", models=("m", "other")) as gpu:
        done = carry_out([*chat, "--base-url", gpu.base_url], piped="/model\n/model nope\n")
    assert done.stdout.splitlines() == ["  m (loaded)", "  other (loaded)"]
    assert "the server does not list it (there: m, other)" in done.stderr


def test_a_team_answers_with_its_synthesis_alone(chat: list[str], tmp_path: Path, carry_out: CarryOut) -> None:
    team = tmp_path / "team.yaml"
    team.write_text("name: Team\nagents: [{id: research, role: research, count: 2}]\ncheckpoints: [0]\n")
    with Machine("gpu") as gpu:
        done = carry_out([*chat, "--base-url", gpu.base_url, "--workflow", str(team)], piped="First?\nSecond?\n")
        assert done.stdout == "gpu speaks.\nConfidence: 0.7\n\n" * 2
        assert len(gpu.asked) == 6 and "# The earlier answer" in gpu.prompts[3]


def test_a_server_that_is_not_there_is_one_sentence(chat: list[str], carry_out: CarryOut) -> None:
    done = carry_out([*chat, "--base-url", "http://127.0.0.1:9/v1", "Why?"])
    assert done.returncode == 1 and "127.0.0.1:9" in done.stderr and "Traceback" not in done.stderr
    nothing = carry_out([*chat, "--continue", "last", "Why?"])
    assert nothing.returncode in (1, 2) and "Traceback" not in nothing.stderr


@pytest.mark.slow
def test_at_a_terminal_stop_is_typed_into_the_answer_and_the_conversation_goes_on(
    chat: list[str], tmp_path: Path
) -> None:
    with (
        Machine(f"gpu \x1b]0;evil\x07{BITING}", holds=True) as gpu,
        Terminal([*chat, "--base-url", gpu.base_url]) as terminal,
    ):
        terminal.until("› ")
        terminal.type("First?\n")
        terminal.until("speaks.")
        terminal.type("/st")
        terminal.until("› /st")
        terminal.type("op\n")
        terminal.until("Stopped by you.")
        gpu.release()
        terminal.until(lambda screen: screen.rstrip().endswith("›"))
        terminal.type("Second?\n")
        terminal.until(lambda screen: screen.count("Confidence: 0.7") == 1)
        terminal.until(lambda screen: screen.rstrip().endswith("›"))
        terminal.type(f"/save {tmp_path}/talk.md\n")
        terminal.until("Saved as")
        assert (tmp_path / "talk.md").read_text().count(UNFINISHED) == 1
        terminal.type("\x04")
        assert terminal.end() == 0 and terminal.faults == []
        assert "felix chat --continue" in terminal.screen and "\x1b]" not in terminal.raw
        said = gpu.asked[1].json["messages"]
        assert [message["role"] for message in said] == ["system", "user", "assistant", "user"]


@pytest.mark.slow
def test_ctrl_c_ends_an_answer_and_twice_at_the_prompt_leaves(chat: list[str]) -> None:
    with Machine("gpu", holds=True) as gpu, Terminal([*chat, "--base-url", gpu.base_url, "First?"]) as terminal:
        terminal.until("gpu speaks.")
        terminal.type("Half a")
        terminal.until("› Half a")
        terminal.type("\x03")
        terminal.until("Stopped by you.")
        terminal.until(lambda screen: screen.endswith("› Half a"))
        terminal.type("\x03")
        terminal.until("Ctrl-C again")
        terminal.type("\x03")
        assert terminal.end() == 130


@pytest.mark.slow
def test_a_real_server_takes_a_conversation(
    chat: list[str], tmp_path: Path, carry_out: CarryOut, llama_server: LlamaServer
) -> None:
    brief = tmp_path / "brief.yaml"
    brief.write_text(
        "name: Brief\nagents: [{id: one, role: helper, prompt: Be brief., max_tokens: 16}]\ncheckpoints: [0]\n"
        "synthesis: {skip: true}\ncontinue_truncated: 0\n"
    )
    command = [*chat, "--base-url", llama_server.base_url, "--workflow", str(brief)]
    done = carry_out(command, piped='First?\n"""\nSecond,\nin two lines?"""\n')
    assert "Traceback" not in done.stderr and done.stdout.strip(), done.stderr
    with Reader(tmp_path / "ledger.db") as reader:
        last = reader.runs()[0]
        plan = reader.state(last.run).plan
    assert plan is not None and plan.task == "Second,\nin two lines?"
    assert [each.task for each in plan.history] == ["First?"] and plan.history[0].answer.strip()
