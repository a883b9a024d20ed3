"""What `felix run` leaves in the ledger, and what it says when it cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from felix import places
from felix.events import Record, RunId
from felix.ledger.file import Ledger
from felix.ledger.reader import Reader
from tests.servers.fault_server import FaultServer
from tests.servers.quirks import GOOD, events
from tests.telling import run_started
from tests.test_engine import listing

CarryOut = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def felix(tmp_path: Path) -> Iterator[list[str]]:
    (tmp_path / "settings.json").write_text("{}")
    (tmp_path / "short.yaml").write_text("name: Short\nagents: [{id: research, role: research}]\ncheckpoints: [0]\n")
    command = [sys.executable, "-m", "felix", "run", "--settings", str(tmp_path / "settings.json"), "Why?"]
    with FaultServer({"good": listing(events(*GOOD))}) as server:
        yield [*command, "--workflow", str(tmp_path / "short.yaml"), "--base-url", server.url("good")]


def test_a_run_is_kept_in_the_users_ledger_and_in_the_file_that_is_named(
    felix: list[str], tmp_path: Path, carry_out: CarryOut
) -> None:
    usual, named = places.ledger_file(), tmp_path / "mine.db"
    done = carry_out(felix)
    assert done.returncode == 0 and "kept" not in done.stderr
    carry_out([*felix, "--ledger", str(named)])
    for path in (usual, named):
        with Reader(path) as reader:
            (row,) = reader.runs()
        assert (row.name, row.status, row.workflow) == ("Why?", "complete", "Short")


def test_beside_another_felix_it_runs_all_the_same_and_says_in_one_line_how_it_would_be_kept(
    felix: list[str], carry_out: CarryOut
) -> None:
    other = Ledger.open(places.ledger_file())
    try:
        done = carry_out(felix)
    finally:
        other.close()
    assert done.returncode == 0 and done.stdout
    (line,) = [line for line in done.stderr.splitlines() if "not kept" in line]
    assert "--ledger FILE keeps it" in line
    with Reader(places.ledger_file()) as reader:
        assert reader.runs() == []


def test_a_ledger_that_cannot_be_used_is_one_line_and_the_run_goes_on(
    felix: list[str], tmp_path: Path, carry_out: CarryOut
) -> None:
    (tmp_path / "diary.txt").write_text("Dear diary, nothing happened.\n" * 10)
    done = carry_out([*felix, "--ledger", str(tmp_path / "diary.txt")])
    assert done.returncode == 0
    (line,) = [line for line in done.stderr.splitlines() if "not kept" in line]
    assert "no ledger of Felix" in line


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="limits the size of files as POSIX systems do")
def test_a_disk_that_fills_up_in_the_middle_of_a_run_is_told_at_once_and_at_the_end(
    felix: list[str], carry_out: CarryOut
) -> None:
    import resource

    Ledger.open(places.ledger_file()).close()
    room = places.ledger_file().stat().st_size + 8_192  # for the task, not for the answers

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    done = subprocess.run(felix, capture_output=True, text=True, timeout=100, check=False, preexec_fn=limit)
    assert done.returncode == 0 and done.stdout, done.stderr
    first, last = [line for line in done.stderr.splitlines() if "not kept" in line]
    assert "in memory only" in first
    assert last == done.stderr.splitlines()[-1]
    assert last.startswith("This run was not kept: ") and "what stands above is all there is of it" in last
    look = [sys.executable, "-m", "felix"]
    listed = carry_out([*look, "runs"]).stdout
    assert "interrupted" in listed and "going on" not in listed
    shown = carry_out([*look, "show", "last"]).stdout
    assert "Nothing more of this run was kept" in shown and "going on" not in shown


def test_a_run_that_another_process_carries_out_is_said_to_go_on(
    felix: list[str], carry_out: CarryOut, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "felix", "runs", "--ledger", str(tmp_path / "ledger.db")]
    writer = Ledger.open(tmp_path / "ledger.db")
    writer.append(Record(1, 1.0, RunId("a"), run_started((), ())))
    writer.commit()
    assert "going on" in carry_out(command).stdout
    writer.close()
    listed = carry_out(command).stdout
    assert "going on" not in listed and "interrupted" in listed
    again = Ledger.open(tmp_path / "ledger.db")
    assert again.health.is_kept, "who looks takes nothing away"
    again.close()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_run_that_was_killed_is_interrupted_at_the_next_start(felix: list[str], tmp_path: Path) -> None:
    slow = [*felix[: felix.index("--base-url")], "--demo", "--json"]
    with subprocess.Popen(slow, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if '"partial_thought"' in line:
                break
        process.send_signal(signal.SIGKILL)
    Ledger.open(places.ledger_file()).close()
    with Reader(places.ledger_file()) as reader:
        (row,) = reader.interrupted()
        assert {thought.status for thought in reader.state(row.run).thoughts.values()} <= {"interrupted"}
