"""How much of this machine a model file gets: threads, context and slots, by what there is and what the file needs."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from felix.llm.local.header import Header

CONTEXT = 8_192
"""Tokens of one request, unless the user wants another number: room for a team's thoughts, cheap on most machines."""
SMALLEST_CONTEXT = 2_048
SLOTS = 4
"""Requests at once, as LM Studio has it; as many agents speak at once by default."""
_SHARE = 0.6
"""Of the memory that the weights leave free, this much may hold context; the rest is for computing, and the others."""
_UNKNOWN_TRAINING = 4_096


@dataclass(frozen=True, slots=True)
class Sizing:
    """What the child process is told."""

    context_length: int
    """Tokens of one slot."""
    slots: int
    threads: int


def sizing(header: Header, *, context_length: int = 0, slots: int = 0, memory: int | None, cores: int) -> Sizing:
    """`context_length` and `slots` as the user wants them, 0 for what is sensible; `memory` in bytes, None if unknown.

    What the user wants of the context stands: rather fewer slots. Without a wish, first slots go and then context. One
    of more than two `cores` is left to the window: llama.cpp's threads go in step, so one held up holds up all.
    """
    context = context_length or min(header.train_context or _UNKNOWN_TRAINING, CONTEXT)
    count = slots or SLOTS
    room = None if memory is None else max(0, memory - header.size_bytes) * _SHARE
    while room is not None and header.cache_bytes_per_token * context * count > room:
        if count > 1 and not slots:
            count //= 2
        elif context > SMALLEST_CONTEXT and not context_length:
            context = max(SMALLEST_CONTEXT, context // 2)
        else:
            break
    return Sizing(context, count, max(1, cores - 1 if cores > 2 else cores))


def physical_cores() -> int:
    """Cores this process may use, hyper-threads not counted: two on one core only wait for each other's memory."""
    logical = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    if sys.platform != "linux":
        # Apple's chips have no hyper-threads; most other processors have two for each core.
        return logical if sys.platform == "darwin" else max(1, logical // 2)
    cores = set()
    for cpu in os.sched_getaffinity(0):
        try:
            cores.add(Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text())
        except OSError:
            return logical
    return len(cores)


def free_memory() -> int | None:
    """Bytes that can be had without pushing others out; None where the system does not say."""
    if sys.platform == "linux":
        try:
            lines = Path("/proc/meminfo").read_text().splitlines()
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
        except (OSError, ValueError, IndexError, StopIteration):
            return None
    try:
        # No count of what is free, so half of what there is.
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return None
