"""A clock that nobody can set, and how it is noticed that the process stood still."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from felix.clock import Halt, Pulse, SteadyClock, elapsed
from felix.events import StoodStill, told
from felix.ledger.reader import Reader
from felix.ledger.replay import Replay
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import DONE, GOOD, event


def test_a_clock_that_is_set_back_or_forward_in_the_meantime_goes_on_evenly() -> None:
    passed = itertools.count(500.0)
    wall = iter([1_000.0])
    clock = SteadyClock(wall=lambda: next(wall), passing=lambda: next(passed))
    assert [clock(), clock()] == [1_001.0, 1_002.0]


def test_it_begins_no_earlier_than_what_is_known() -> None:
    assert SteadyClock(2_000.0, wall=lambda: 1_000.0, passing=lambda: 7.0)() == 2_000.0


def test_the_time_that_passes_grows_with_the_one_of_the_operating_system() -> None:
    before, wall = elapsed(), time.monotonic()
    assert 0 <= elapsed() - before <= time.monotonic() - wall + 0.1


@pytest.mark.parametrize(
    ("passing", "monotonic", "halt", "was_asleep"),
    [
        ([0.0, 0.5], [0.0, 0.5], None, False),
        ([0.0, 4.9], [0.0, 4.9], None, False),
        ([0.0, 2_520.0], [0.0, 0.5], Halt(2_520.0, 0.5), True),
        ([0.0, 60.0], [0.0, 60.0], Halt(60.0, 60.0), False),
    ],
)
def test_a_long_gap_between_two_beats_is_noticed(
    passing: list[float], monotonic: list[float], halt: Halt | None, was_asleep: bool
) -> None:
    at, felt = iter(passing), iter(monotonic)
    pulse = Pulse(lambda: next(at), lambda: next(felt))
    found = pulse.feel()
    assert found == halt
    assert bool(found and found.was_asleep) == was_asleep


def test_users_are_told_in_one_sentence() -> None:
    assert told(StoodStill(seconds=2_520.0, was_asleep=True)) == "The computer slept for 42 min – the run goes on."
    assert told(StoodStill(seconds=27_000.0, was_asleep=True)) == "The computer slept for 7 h 30 min – the run goes on."
    assert told(StoodStill(seconds=8.2, was_asleep=False)) == (
        "Felix was halted, or its computer slept, for 8 s – the run goes on."
    )


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="there is nothing to halt a process with")
def test_a_process_that_was_halted_goes_on_without_a_false_alarm(tmp_path: Path) -> None:
    """Its limit of silence is shorter than the time for which it stands still."""
    begun, rest = (b"".join(map(event, part)) for part in (GOOD[:2], GOOD[2:]))

    def reply(connection: Connection) -> None:
        if connection.request.method == "GET":
            connection.reply_json({"data": [{"id": "m"}]})
            return
        connection.head()
        connection.send(begun)
        connection.wait(connection.server.gate)
        connection.send(rest + DONE)
        connection.end()

    (tmp_path / "settings.json").write_text(json.dumps({"silence_timeout_s": 4, "max_parallel": 1}))
    (tmp_path / "one.yaml").write_text("name: One\nagents: [{id: research, role: research}]\ncheckpoints: [0]\n")
    ledger = tmp_path / "ledger.db"
    with FaultServer({"halting": reply}) as server:
        command = [sys.executable, "-m", "felix", "run", "Why?", "--workflow", str(tmp_path / "one.yaml"),
                   "--base-url", server.url("halting"), "--model", "m", "--ledger", str(ledger),
                   "--settings", str(tmp_path / "settings.json")]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as felix:
            server.wait_for("halting", timeout_s=60)
            os.kill(felix.pid, signal.SIGSTOP)
            time.sleep(5.6)  # what it is not there for
            os.kill(felix.pid, signal.SIGCONT)
            time.sleep(0.3)
            server.gate.set()
            out, err = felix.communicate(timeout=60)
    assert felix.returncode == 0, out + err
    assert "Felix was halted, or its computer slept, for 6 s – the run goes on." in err
    assert "silent" not in err
    with Reader(ledger) as reader:
        records = reader.records(reader.runs()[0].run)
    halts = [record.event for record in records if isinstance(record.event, StoodStill)]
    assert len(halts) == 1 and 5.0 < halts[0].seconds < 20
    replay = Replay(records)
    ended = replay.seek(replay.duration_s)
    assert ended.status == "complete"
    assert replay.duration_s == pytest.approx(ended.duration_s, abs=1.0)
    assert replay.duration_s < records[-1].at - records[0].at - 5
