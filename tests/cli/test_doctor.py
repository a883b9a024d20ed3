"""`felix doctor` as a user's shell starts it, mostly in this process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers.fault_server import FaultServer
from tests.servers.llamacpp import LlamaServer
from tests.servers.quirks import QUIRKS

Doctor = Callable[..., subprocess.CompletedProcess[str]]
CHECKS = ["address", "name", "proxy", "listening", "server", "key", "model", "context", "answer"]


def command(tmp_path: Path, *arguments: str, **settings: object) -> list[str]:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"has_connected": True, **settings}))
    return [sys.executable, "-m", "felix", "doctor", "--settings", str(file), *arguments]


@pytest.fixture
def doctor(tmp_path: Path, carry_out: Doctor) -> Doctor:
    return lambda *arguments, **settings: carry_out(command(tmp_path, *arguments, **settings))


def findings(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:  # Any: JSON
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_server_in_the_settings_is_examined_and_compared(tmp_path: Path, llama_server: LlamaServer) -> None:
    flow = ["--compare", "--workflow", "research_team"]
    asked = command(tmp_path, *flow, base_url=llama_server.base_url)
    done = subprocess.run(asked, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout.startswith(f"{llama_server.base_url}\n")
    for title in (
        "Address",
        "Host name",
        "Proxy",
        "Listening",
        "Model server",
        "API key",
        "Model",
        "Context",
        "Answer",
    ):
        assert f" {title} " in done.stdout
    assert "The workflow needs about" in done.stdout
    assert "first word" in done.stdout and "\n  streamed " in done.stdout and "\n  whole " in done.stdout


@pytest.mark.slow
def test_as_json_each_finding_is_a_line_of_its_own(doctor: Doctor, llama_server: LlamaServer) -> None:
    done = doctor("--json", "--compare", "--base-url", llama_server.base_url)
    *told, comparison = findings(done)
    assert done.returncode == 0
    assert [finding["check"] for finding in told] == CHECKS
    assert all(finding["state"] in ("ok", "warning") for finding in told)
    assert comparison["comparison"]["streamed"]["tokens"] > 0


def test_a_fault_is_told_with_its_advice_and_the_status_says_so(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = doctor("--json", base_url=f"http://127.0.0.1:{port}/v1")
    assert done.returncode == 1
    told = {finding["check"]: finding for finding in findings(done)}
    assert list(told) == CHECKS
    assert told["listening"]["state"] == "fault" and told["listening"]["advice"]
    assert told["answer"]["state"] == "skipped"


def test_a_repair_is_named_in_the_terminal(doctor: Doctor, fault_server: FaultServer) -> None:
    fault_server.replies["v1"] = QUIRKS["html_200"]
    done = doctor("--base-url", f"127.0.0.1:{fault_server.port}")
    assert done.returncode == 1
    assert f"Settings offers: Use http://127.0.0.1:{fault_server.port}/v1." in done.stdout
    assert "is no model server" in done.stdout


@pytest.mark.slow
def test_a_model_file_is_examined_too(doctor: Doctor, llama_model: str) -> None:
    done = doctor("--base-url", llama_model)
    assert done.returncode == 0, done.stdout
    assert "A model file needs no server." in done.stdout and "Tiny Babble answers" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--kind", "nonsense"], "no kind of server called nonsense"), (["--workflow", "unknown"], "unknown")],
)
def test_wrong_usage_is_a_sentence(doctor: Doctor, arguments: list[str], says: str) -> None:
    done = doctor(*arguments)
    assert done.returncode == 2
    assert says in done.stderr and "Traceback" not in done.stderr
