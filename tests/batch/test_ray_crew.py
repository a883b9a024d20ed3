"""A batch on a Ray of two workers, on this machine, in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from felix.__main__ import main
from felix.batch.ray_crew import needed
from felix.events import RunFinished
from felix.ledger.reader import Reader
from felix.ledger.state import RunState
from felix.mcp_servers import McpServer
from felix.settings import Settings
from tests.servers.machine import Machine
from tests.team.scripted import workflow

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="a Ray to spread tasks over needs `pip install ray`"
)
SECRET = "sk-known-to-nobody-else"


def command(tmp_path: Path, gpu: Machine, out: str, *more: str) -> list[str]:
    (tmp_path / "tasks.jsonl").write_text('"One?"\n"Two?"\n')
    (tmp_path / "settings.json").write_text("{}")
    (tmp_path / "short.yaml").write_text("name: Short\nagents: [{id: research, role: research}]\ncheckpoints: [0]\n")
    files = [str(tmp_path / name) for name in ("tasks.jsonl", out, "short.yaml", "settings.json", f"{out}.db")]
    return [
        *("batch", files[0], "-o", files[1], "--workflow", files[2], "--settings", files[3], "--ledger", files[4]),
        *("--base-url", gpu.base_url, *more),
    ]


def folded(path: Path) -> dict[str, RunState]:
    """The states of the runs by their tasks; each has one end."""
    with Reader(path) as reader:
        runs = [row.run for row in reader.runs()]
        for run in runs:
            assert sum(isinstance(record.event, RunFinished) for record in reader.records(run)) == 1
        states = [reader.state(run) for run in runs]
    return {state.plan.task: state for state in states if state.plan}


def essence(state: RunState) -> object:
    """What a state says but for times and places."""
    thoughts = [(t.thought_id, t.status, str(t.answer), t.confidence, t.usage) for t in state.thoughts.values()]
    assert state.plan is not None and state.synthesis is not None
    synthesis = (state.synthesis.status, str(state.synthesis.answer), state.synthesis.usage)
    return state.plan.definition, state.plan.model, state.status, state.usage, thoughts, synthesis


@needs_ray
@pytest.mark.slow
def test_two_workers_speak_at_once_and_the_ledger_holds_what_it_holds_of_a_local_batch(tmp_path: Path) -> None:
    with Machine("gpu", holds=True) as gpu:
        felix = [sys.executable, "-m", "felix"]
        with subprocess.Popen(
            [*felix, *command(tmp_path, gpu, "ray.jsonl", "--engine", "ray", "--at-once", "2")],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "FELIX_API_KEY": SECRET},
        ) as process:
            gpu.wait_for(2, 90)
            assert gpu.speaking == 2, "both tasks are asked at once"
            ours = psutil.Process(process.pid).children(recursive=True)
            gpu.release()
            assert process.stderr is not None
            said = process.stderr.read()
            assert process.wait(30) == 0, said
        _, alive = psutil.wait_procs(ours, timeout=10)
        assert not alive, "Ray's processes end with the batch"
        assert {request.headers["authorization"] for request in gpu.asked} == {f"Bearer {SECRET}"}
        assert SECRET not in said + (tmp_path / "ray.jsonl").read_text()
        assert main(command(tmp_path, gpu, "local.jsonl")) == 0
    lines = [json.loads(line) for line in (tmp_path / "ray.jsonl").read_text().splitlines()]
    assert sorted((line["task"], line["status"]) for line in lines) == [("One?", "complete"), ("Two?", "complete")]
    spread, local = folded(tmp_path / "ray.jsonl.db"), folded(tmp_path / "local.jsonl.db")
    assert {line["run"] for line in lines} == {state.run for state in spread.values()}
    for task in ("One?", "Two?"):
        assert essence(spread[task]) == essence(local[task])


@needs_ray
@pytest.mark.slow
def test_a_task_whose_worker_dies_is_tried_again_and_stopping_reaches_the_workers(tmp_path: Path) -> None:
    with Machine("gpu", holds=True) as gpu:
        felix = [sys.executable, "-m", "felix"]
        with subprocess.Popen(
            [*felix, *command(tmp_path, gpu, "ray.jsonl", "--engine", "ray", "--at-once", "2")],
            stderr=subprocess.DEVNULL,
        ) as process:
            gpu.wait_for(2, 60)
            ours = psutil.Process(process.pid).children(recursive=True)
            next(each for each in ours if "ray::Worker" in " ".join(each.cmdline())).kill()
            gpu.wait_for(3, 60)
            process.send_signal(signal.SIGINT)
            gpu.wait_until_idle()
            assert process.wait(30) == 130
        _, alive = psutil.wait_procs(ours, timeout=10)
        assert not alive, "Ray's processes end with the batch"
    with Reader(tmp_path / "ray.jsonl.db") as reader:
        assert sorted(str(row.status) for row in reader.runs()) == ["interrupted", "stopped", "stopped"]


def test_without_ray_it_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else found(name))
    with Machine("gpu") as gpu:
        assert main(command(tmp_path, gpu, "out.jsonl", "--engine", "ray")) == 2
    assert "pip install felix[ray]" in capsys.readouterr().err and not (tmp_path / "out.jsonl").exists()


def test_workers_get_no_servers_of_tools_but_those_that_are_named() -> None:
    entries = {name: McpServer(command=name, env={"TOKEN": f"{name}-secret"}) for name in ("time", "mail", "my mail")}
    flow = workflow("{id: a, role: research}", more="tools: [calculator, time/now, my-mail]")
    sent = needed(Settings(mcp_servers=entries), [flow]).mcp_servers
    assert (sent["time"], sent["my mail"]) == (entries["time"], entries["my mail"])
    assert "mail-secret" not in sent["mail"].model_dump_json() and sent["mail"].disabled
