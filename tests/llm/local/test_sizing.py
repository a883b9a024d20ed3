"""How much of the machine a model file gets."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import psutil
import pytest

from felix.llm.local.header import Header
from felix.llm.local.sizing import SLOTS, Sizing, free_memory, physical_cores, sizing

GIB = 2**30
EIGHT_B = Header("m", "llama", "Q4_K_M", 5 * GIB, 8_000_000_000, 131_072, 131_072, "")
"""Like Llama 3.1 8B: an eighth of a megabyte for each token of context."""


@pytest.mark.parametrize(
    ("memory", "wanted", "expected"),
    [
        (64 * GIB, {}, Sizing(8_192, 4, 5)),
        (None, {}, Sizing(8_192, 4, 5)),
        (9 * GIB, {}, Sizing(8_192, 2, 5)),
        (6 * GIB, {}, Sizing(4_096, 1, 5)),
        (1 * GIB, {}, Sizing(2_048, 1, 5)),
        (9 * GIB, {"context_length": 16_384}, Sizing(16_384, 1, 5)),
        (1 * GIB, {"context_length": 16_384}, Sizing(16_384, 1, 5)),
        (1 * GIB, {"slots": 8}, Sizing(2_048, 8, 5)),
    ],
)
def test_memory_sets_slots_then_context_and_wishes_stand(
    memory: int | None, wanted: dict[str, int], expected: Sizing
) -> None:
    assert sizing(EIGHT_B, memory=memory, cores=6, **wanted) == expected


@pytest.mark.parametrize(("cores", "threads"), [(0, 1), (1, 1), (2, 2), (3, 2), (16, 15)])
def test_one_core_is_left_to_the_window_where_there_are_enough(cores: int, threads: int) -> None:
    assert sizing(EIGHT_B, memory=None, cores=cores).threads == threads


def test_no_more_context_than_the_model_was_trained_with() -> None:
    assert sizing(replace(EIGHT_B, train_context=2_048), memory=None, cores=0) == Sizing(2_048, SLOTS, 1)
    assert sizing(replace(EIGHT_B, train_context=0), memory=None, cores=1).context_length == 4_096


@pytest.mark.skipif(sys.platform != "linux", reason="the machine is asked in Linux' own way")
def test_the_machine_is_asked() -> None:
    assert 1 <= physical_cores() <= len(os.sched_getaffinity(0))
    assert physical_cores() <= (psutil.cpu_count(logical=False) or 1)
    memory = free_memory()
    assert memory is not None and 0 < memory <= psutil.virtual_memory().total
