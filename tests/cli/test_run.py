"""`felix run` as a user's shell starts it; in its own process where that is what is asked about."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from felix.keys import VARIABLE
from tests.servers.llamacpp import LlamaServer
from tests.servers.machine import Machine

CarryOut = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def felix(tmp_path: Path) -> list[str]:
    (tmp_path / "settings.json").write_text('{"streaming_batch_interval": 0.05}')
    (tmp_path / "short.yaml").write_text(
        "name: Short\nagents: [{id: research, role: research, count: 2, max_tokens: 200}]\ncheckpoints: [0]\n"
        "synthesis: {max_tokens: 200}\n"
    )
    return [sys.executable, "-m", "felix", "run", "--settings", str(tmp_path / "settings.json")]


def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:  # Any: as subprocess.run
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, **options)


def events(stdout: str) -> list[dict[str, Any]]:  # Any: the JSON of an event
    return [json.loads(line) for line in stdout.splitlines()]


def test_the_main_job_against_a_real_llama_server_as_json(
    felix: list[str], tmp_path: Path, llama_server: LlamaServer
) -> None:
    flow = ["--workflow", str(tmp_path / "short.yaml"), "--base-url", llama_server.base_url]
    done = run([*felix, "Why?", "--json", *flow])
    told = events(done.stdout)
    assert told[0]["type"] == "run_started" and told[0]["task"] == "Why?"
    assert told[-1]["type"] == "run_finished"
    assert (told[-1]["status"] == "complete") == (done.returncode == 0)
    thoughts = [event for event in told if event["type"] == "thought_complete"]
    assert {event["agent_id"] for event in thoughts} == {"research-1", "research-2"}
    for thought in thoughts:
        parts = [
            event["partial"]
            for event in told
            if event["type"] == "partial_thought"
            and event["agent_id"] == thought["agent_id"]
            and event["channel"] == "answer"
        ]
        assert "".join(parts) == thought["content"] != ""
        assert thought["usage"]["completion"] > 0


def test_text_for_people_is_the_agents_then_the_synthesis(
    felix: list[str], fast_demo_server: str, carry_out: CarryOut
) -> None:
    done = carry_out([*felix, "Why do we test?", "--base-url", fast_demo_server])
    assert done.returncode == 0, done.stderr
    assert "── research-1 · round 1" in done.stdout and "── synthesis ──" in done.stdout
    assert "complete: " in done.stderr


@pytest.mark.slow
def test_a_run_that_could_not_be_carried_out_is_continued_later(
    felix: list[str], tmp_path: Path, carry_out: CarryOut
) -> None:
    ledger = ["--ledger", str(tmp_path / "ledger.db")]
    flow = ["--workflow", str(tmp_path / "short.yaml"), "--base-url", "http://127.0.0.1:9/v1"]
    failed = carry_out([*felix, "Why?", *flow, *ledger])
    assert failed.returncode == 1 and "felix continue" in failed.stderr
    again = [*felix[:3], "continue", "last", *felix[4:], *ledger]
    with Machine("gpu") as gpu:
        done = carry_out([*again, "--json", "--base-url", gpu.base_url])
        assert done.returncode == 0, done.stderr
        assert events(done.stdout)[0]["type"] == "run_reopened" and len(gpu.asked) == 3
        nothing = carry_out([*again, "--base-url", gpu.base_url])
    assert (nothing.returncode, nothing.stdout) == (2, "") and "Nothing is missing" in nothing.stderr
    unknown = carry_out([*felix[:3], "continue", "nobody", *felix[4:], *ledger])
    assert unknown.returncode == 2 and "No run is called “nobody”" in unknown.stderr


def test_a_tool_that_nobody_has_is_said_before_anything_is_asked(
    felix: list[str], tmp_path: Path, carry_out: CarryOut
) -> None:
    team = tmp_path / "team.yaml"
    team.write_text("name: T\ntools: [telescope]\nagents: [{id: one, role: research}]\ncheckpoints: [0]\n")
    with Machine("gpu") as gpu:
        done = carry_out([*felix, "Why?", "--workflow", str(team), "--base-url", gpu.base_url])
        assert (done.returncode, done.stdout, gpu.asked) == (2, "", [])
    assert done.stderr.startswith("The workflow names the tool “telescope”") and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_demo_model_needs_no_server_and_says_what_it_is(
    felix: list[str], tmp_path: Path, carry_out: CarryOut
) -> None:
    (tmp_path / "one.yaml").write_text("name: One\nagents: [{id: research, role: research}]\ncheckpoints: [0]\n")
    done = carry_out([*felix, "Why do we test?", "--demo", "--workflow", str(tmp_path / "one.yaml")])
    assert done.returncode == 0, done.stderr
    assert "Demo model – scripted text" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["Why?", "--base-url", "http://127.0.0.1:9/v1"], 1, "127.0.0.1:9"),
        (["Why?", "--base-url", "ht tp://"], 2, "no server address"),
        (["Why?", "--workflow", "unknown"], 2, "unknown"),
        (["Why?", "--batch-interval", "9"], 2, "streaming_batch_interval"),
        (["  "], 2, "task"),
        (["Why?", "--what"], 2, "--what"),
        (["Why?", "--settings", "{tmp}/bad_url.json"], 2, "no server address"),
        (
            ["Why?", "--settings", "{tmp}/none.json", "--base-url", "http://127.0.0.1:9/v1"],
            1,
            "none.json does not exist",
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_never_a_traceback(
    felix: list[str], tmp_path: Path, arguments: list[str], status: int, says: str, carry_out: CarryOut
) -> None:
    (tmp_path / "bad_url.json").write_text('{"base_url": "ht tp://"}')
    done = carry_out([*felix, *(each.format(tmp=tmp_path) for each in arguments)])
    assert (done.returncode, done.stdout) == (status, "")
    assert says in done.stderr and "Traceback" not in done.stderr


def test_a_wrong_value_in_the_settings_names_the_key(felix: list[str], tmp_path: Path, carry_out: CarryOut) -> None:
    (tmp_path / "settings.json").write_text('{"max_parallel": "many"}')
    done = carry_out([*felix, "Why?", "--demo"])
    assert done.returncode == 2 and "max_parallel" in done.stderr


def test_a_key_in_the_environment_that_is_none_is_said_not_to_be_used(
    felix: list[str], carry_out: CarryOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "sk two words")
    done = carry_out([*felix, "Why?", "--base-url", "http://127.0.0.1:9/v1"])
    assert "FELIX_API_KEY is not used" in done.stderr and "two words" not in done.stderr


def test_interrupting_stops_the_run_and_keeps_what_was_written(felix: list[str]) -> None:
    with subprocess.Popen([*felix, "Why?", "--demo", "--json"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["type"] == "partial_thought":
                break
        process.send_signal(signal.SIGINT)
        told = events(process.stdout.read())
        assert process.wait(10) == 130
    assert told[-1]["type"] == "run_finished" and told[-1]["status"] == "stopped"
    assert {event["status"] for event in told if event["type"] == "thought_complete"} == {"stopped"}


@pytest.mark.slow
def test_interrupting_twice_is_no_traceback(felix: list[str]) -> None:
    with subprocess.Popen(
        [*felix, "Why?", "--demo", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert "Traceback" not in process.stderr.read()


def test_interrupting_before_anything_runs_is_no_traceback(
    felix: list[str], carry_out: CarryOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("felix.cli.run.run", interrupted)
    done = carry_out([*felix, "Why?"])
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_output_that_cannot_be_written_ends_the_run_in_one_sentence(felix: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*felix, "Why?", "--demo"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert "could not be written" in done.stderr and "Traceback" not in done.stderr


def test_a_task_of_megabytes_comes_through_a_pipe_and_its_cut_is_said(
    felix: list[str], tmp_path: Path, fast_demo_server: str, carry_out: CarryOut
) -> None:
    flow = ["--workflow", str(tmp_path / "short.yaml"), "--base-url", fast_demo_server]
    done = carry_out([*felix, "-", *flow, "--json"], piped="Why is this so long? " * 150_000)
    told = events(done.stdout)
    assert len(told[0]["task"]) > 3_000_000
    assert any("the middle of the task" in event.get("cut", "") for event in told)
    synthesis = next(event for event in told if event["type"] == "synthesis_started")
    assert len(synthesis["sources"]) == 2, "the thoughts have their room beside the longest task"


def test_what_does_not_fit_the_server_is_said_beside_the_run(
    felix: list[str], tmp_path: Path, carry_out: CarryOut
) -> None:
    team = tmp_path / "team.yaml"
    team.write_text("name: Team\nagents: [{id: research, role: research, count: 3}]\ncheckpoints: [0]\n")
    with Machine("gpu", slots=1) as gpu:
        done = carry_out([*felix, "--workflow", str(team), "--base-url", gpu.base_url, "Why?"])
    assert done.returncode == 0
    assert "3 agents at once on 1 slot of llama.cpp: they speak one after the other" in done.stderr


def test_an_empty_task_from_a_pipe_is_wrong_usage(felix: list[str], carry_out: CarryOut) -> None:
    done = carry_out([*felix, "-", "--demo"], piped=" \n")
    assert (done.returncode, done.stdout) == (2, "") and "task is empty" in done.stderr


@pytest.mark.slow
def test_a_reader_that_leaves_ends_the_run_quietly(felix: list[str]) -> None:
    with subprocess.Popen(
        [*felix, "Why?", "--demo", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) != 0
        assert "Traceback" not in process.stderr.read()


def test_the_log_tells_the_run_in_lines(
    felix: list[str], fast_demo_server: str, carry_out: CarryOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "sk-never-shown-anywhere")
    done = carry_out([*felix, "Why?", "-v", "--base-url", fast_demo_server])
    for words in ("starts: Research team", "crosses checkpoint 0.00", "has its first token", "tok/s", "ends complete"):
        assert words in done.stderr
    assert "sk-never" not in done.stderr + done.stdout
