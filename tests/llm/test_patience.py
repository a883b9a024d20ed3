"""Whoever waits for a server does not count the time in which they themselves stood still."""

from __future__ import annotations

import asyncio

import pytest

from felix.clock import Pulse
from felix.errors import ServerError
from felix.llm.patience import SilenceLimit
from tests.llm import virtual_time


def given_up_after(limit_s: float, *, halted_at: float | None = None, for_s: float = 0.0) -> float:
    """When it was given up; the process was halted once meanwhile, and its loop's clock went on all the same."""

    async def wait() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()

        def passing() -> float:
            if halted_at is not None and loop.time() - began >= halted_at:
                return loop.time() + for_s
            return loop.time()

        with pytest.raises(ServerError, match="silent for 60 s"):
            async with SilenceLimit(limit_s, Pulse(passing, loop.time)):
                await asyncio.Event().wait()
        return loop.time() - began

    return virtual_time.run(wait())


def test_silence_is_given_up_at_its_limit() -> None:
    assert given_up_after(60.0) == 60.0


@pytest.mark.parametrize("for_s", [6.0, 2_520.0])
def test_after_a_halt_it_is_waited_for_anew(for_s: float) -> None:
    assert given_up_after(60.0, halted_at=50.0, for_s=for_s) == pytest.approx(110.0, abs=0.6)


def test_a_moment_of_standing_still_changes_nothing() -> None:
    assert given_up_after(60.0, halted_at=50.0, for_s=2.0) == 60.0
