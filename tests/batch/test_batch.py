"""Several runs of a batch at once, on one engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from felix.batch.batch import Batch, Standing
from felix.batch.begun import Begun
from felix.batch.crew import LocalCrew
from felix.batch.results import Results
from felix.batch.tasks import Task
from felix.cli.batch import _at_once
from felix.engine import Engine
from felix.settings import Settings, SettingsFile
from felix.team.workflow import AgentSpec, Workflow
from tests.servers.machine import Machine

ONE = Workflow(name="One", agents=(AgentSpec(id="research", role="research"),), checkpoints=(0.0,))


@pytest.fixture
def gpu() -> Iterator[Machine]:
    with Machine("gpu", holds=True) as machine:
        yield machine


def carry_out(tmp_path: Path, gpu: Machine, tasks: int, at_once: int) -> list[Standing]:
    """A batch whose server answers nothing before `at_once` questions are there; how far it was at each moment."""
    settings = SettingsFile(tmp_path / "settings.json")
    settings.override(base_url=gpu.base_url)
    told: list[Standing] = []

    def tell(standing: Standing) -> None:
        told.append(standing)
        if gpu.speaking == at_once:
            gpu.release()

    with ExitStack() as stack:
        results = stack.enter_context(Results.open(tmp_path / "out.jsonl"))
        engine = stack.enter_context(Engine(settings))
        batch = Batch(
            [Task(number, f"Why {number}?", workflow=ONE) for number in range(1, tasks + 1)],
            results,
            Begun(results.path),
            LocalCrew(engine),
            at_once=at_once,
        )
        batch.carry_out(lambda run: None, tell)
        assert not batch.fault
    return told


@pytest.mark.parametrize("at_once", [1, 3])
def test_so_many_runs_go_on_at_once_and_never_more(tmp_path: Path, gpu: Machine, at_once: int) -> None:
    told = carry_out(tmp_path, gpu, 5, at_once)
    assert max(standing.running for standing in told) == at_once
    assert gpu.most_at_once == at_once
    assert told[-1].done == told[-1].total == 5 and not told[-1].failed and not told[-1].running
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 5


def test_nothing_is_estimated_before_a_run_has_ended(tmp_path: Path, gpu: Machine) -> None:
    told = carry_out(tmp_path, gpu, 3, 1)
    assert all(standing.left_s is None for standing in told if not standing.done)
    assert all(standing.left_s is not None for standing in told if standing.done)
    assert told[-1].left_s == 0


def test_a_pool_has_as_many_runs_at_once_as_endpoints(gpu: Machine) -> None:
    endpoints = [gpu.endpoint(pool="gpus").model_copy(update={"name": f"gpu{number}"}) for number in range(4)]
    settings = Settings(endpoints=tuple(endpoints))
    pooled = ONE.model_copy(update={"endpoint": "gpus"})
    assert _at_once(0, [Task(1, "Why?", workflow=pooled), Task(2, "How?", fault="bad")], settings) == 4
    assert _at_once(0, [Task(1, "Why?", workflow=ONE)], settings) == 1
    assert _at_once(2, [Task(1, "Why?", workflow=pooled)], settings) == 2
