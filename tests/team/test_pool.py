"""A team on many machines, as a figure."""

from __future__ import annotations

import pytest

from benchmarks import pool


@pytest.mark.slow
def test_a_round_on_many_machines_takes_hardly_longer_than_one_of_two_agents_on_one() -> None:
    got = pool.measure()
    if got["ratio"] > pool.GOAL:
        got = pool.measure()  # the machine may have been busy with something else
    assert got["ratio"] <= pool.GOAL, got
    assert got["hosts_busy"] == pool.HOSTS, "a machine of the pool had nothing to do"
