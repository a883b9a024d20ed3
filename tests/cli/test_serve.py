"""`felix serve` as a shell starts it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "felix", "serve"]


@pytest.mark.slow
def test_its_first_line_is_the_link_its_token_lets_programs_in_and_an_interrupt_ends_it_well(tmp_path: Path) -> None:
    command = [*COMMAND, "--demo", "--ledger", str(tmp_path / "ledger.db"), "--allow-control"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        address, _, link = process.stdout.readline().strip().partition("/#t=")
        said = [process.stderr.readline() for _ in range(3)]
        token = said[1].rpartition(" ")[2].strip()
        assert address.startswith("http://127.0.0.1:") and len(link) == len(token) == 43 and link != token
        asked = urllib.request.Request(f"{address}/runs", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked, timeout=10) as reply:
            assert json.load(reply) == {"runs": []}
        process.send_signal(signal.SIGINT)
        assert (process.wait(10), process.stderr.read()) == (0, "")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--port", "70000"], "There is no port 70000 – choose one between 1024 and 65535."),
        (
            ["--lan", "0.0.0.0"],
            "0.0.0.0 means every network at once – name one address of this machine, such as 192.168.1.5.",
        ),
        (["--lan", "nowhere.invalid"], "This machine knows no address “nowhere.invalid”"),
        (["--workflow", "nowhere"], "There is no workflow called nowhere"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(
    tmp_path: Path,
    options: list[str],
    sentence: str,
    carry_out: Callable[..., subprocess.CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("felix.sharing.own", lambda: ["192.168.1.5"])  # a test asks no network
    done = carry_out([*COMMAND, "--ledger", str(tmp_path / "ledger.db"), *options])
    assert done.returncode == 2 and done.stdout == ""
    assert sentence in done.stderr and "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_one_sentence(
    tmp_path: Path, carry_out: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = carry_out([*COMMAND, "--ledger", str(tmp_path / "ledger.db"), "--port", port])
    assert done.returncode == 2 and f"port {port}" in done.stderr and "choose another" in done.stderr


def test_a_package_that_is_not_there_is_named_with_the_command_that_brings_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    carry_out: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    monkeypatch.setattr("felix.web.serving.PACKAGES", ("starlette", "a-server-nobody-has"))
    done = carry_out([*COMMAND, "--ledger", str(tmp_path / "ledger.db")])
    assert done.returncode == 2 and f"{sys.executable} -m pip install a-server-nobody-has" in done.stderr
