"""A round on many machines beside a round on one: 32 agents over 16 hosts of two slots, and 2 agents on one host.

Every host takes the same time for an answer, so an ideal pool needs no longer for 32 agents than one host for 2.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from felix.endpoints import Endpoint
from felix.engine import Engine
from felix.events import Record, RoundStarted, RunFinished, SynthesisStarted, ThoughtComplete
from felix.settings import SettingsFile
from felix.team.workflow import AgentSpec, Workflow

ROOT = Path(__file__).resolve().parent.parent
HOSTS, SLOTS, ANSWER_S = 16, 2, 5.0
ROUNDS = 2
GOAL = 1.2
MOST_S = 60.0
"""For one run: what hangs shall be seen to."""


def measure(hosts: int = HOSTS, *, rounds: int = ROUNDS, answer_s: float = ANSWER_S) -> dict[str, Any]:
    """Seconds of a round, the shortest of `rounds`, for both, and how many hosts had work in each round."""
    with _hosts(hosts, answer_s) as ports:
        alone, _ = _rounds(ports[:1], SLOTS, rounds)
        pooled, busy = _rounds(ports, SLOTS * hosts, rounds)
    one, many = min(alone), min(pooled)
    return {
        "hosts": hosts,
        "agents": SLOTS * hosts,
        "answer_s": answer_s,
        "one_host_s": round(one, 3),
        "pool_s": round(many, 3),
        "ratio": round(many / one, 3),
        "hosts_busy": busy,
    }


def _rounds(ports: list[int], agents: int, rounds: int) -> tuple[list[float], int]:
    """(seconds of each round from its start to its last thought, the fewest hosts that were asked in one)."""
    endpoints = [
        Endpoint(name=f"gpu{number}", base_url=f"http://127.0.0.1:{port}/v1", pool="gpus")
        for number, port in enumerate(ports, start=1)
    ]
    workflow = Workflow(
        name="Pool",
        endpoint="gpus",
        agents=tuple(
            AgentSpec(id=f"r{number}", role="research", count=min(16, agents - number * 16))
            for number in range((agents + 15) // 16)
        ),
        checkpoints=tuple(round(number / rounds, 2) for number in range(rounds)),
    )
    with tempfile.TemporaryDirectory(prefix="felix-pool-") as folder:
        settings = SettingsFile(Path(folder) / "settings.json")
        settings.override(endpoints=endpoints)
        with Engine(settings, ledger=Path(folder) / "ledger.db") as engine:
            mailbox = engine.subscribe()
            run = engine.start("Why?", workflow)
            records: list[Record] = []
            deadline = time.monotonic() + MOST_S
            while not records or not isinstance(records[-1].event, RunFinished):
                if time.monotonic() > deadline:
                    raise TimeoutError("the run did not end")
                records += [item for item in mailbox.take() if isinstance(item, Record)]
                if any(isinstance(record.event, SynthesisStarted) for record in records):
                    engine.stop(run)  # the rounds are all that is measured
                time.sleep(0.02)
    began = {r.event.number: r.at for r in records if isinstance(r.event, RoundStarted)}
    thoughts = [(r.at, r.event) for r in records if isinstance(r.event, ThoughtComplete)]
    assert all(thought.status == "complete" for _, thought in thoughts), thoughts
    assert len(thoughts) == agents * rounds
    took = [max(at for at, thought in thoughts if thought.round == number) - start for number, start in began.items()]
    busy = min(len({thought.endpoint for _, thought in thoughts if thought.round == number}) for number in began)
    return took, busy


@contextlib.contextmanager
def _hosts(count: int, answer_s: float) -> Iterator[list[int]]:
    command = [sys.executable, "-m", "benchmarks.hosts", str(count), str(SLOTS), str(answer_s)]
    path = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
    environment = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as hosts:
        assert hosts.stdin is not None and hosts.stdout is not None
        yield [int(port) for port in hosts.stdout.readline().split()]
        hosts.stdin.close()
