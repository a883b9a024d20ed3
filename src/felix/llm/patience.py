"""How long to wait for a server, and when to ask it again."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from types import TracebackType
from typing import Self, TypeVar

from felix.clock import BEAT_S, Pulse
from felix.errors import ServerError
from felix.events import Again
from felix.llm import faults
from felix.llm.chat import Progress

RETRIES = 2

T = TypeVar("T")

ProgressCallback = Callable[[Progress], None]


class SilenceLimit:
    """Raises ServerError in its block when `heard` was not called for `limit_s` seconds; 0 is no limit.

    Time during which this process stood still is nobody's silence: after it the wait begins anew.
    """

    def __init__(self, limit_s: float, pulse: Pulse | None = None) -> None:
        self._limit_s = limit_s
        self._pulse = pulse or Pulse()
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        self._heard_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def heard(self, now: float) -> None:
        """Content came at `now`, by the loop's clock."""
        # Moving a timer for every delta would cost more than the delta: the deadline is looked up when it has passed.
        self._heard_at = now

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        if self._limit_s > 0:
            self._look()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer:
            self._timer.cancel()
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise silent(self._limit_s) from None

    def _look(self) -> None:
        now = self._loop.time()
        if self._pulse.feel():
            self._heard_at = now
        if now >= self._heard_at + self._limit_s:
            self._timeout.reschedule(now)
        else:
            # often enough to feel that time was lost
            self._timer = self._loop.call_at(min(self._heard_at + self._limit_s, now + BEAT_S), self._look)


def silent(limit_s: float) -> ServerError:
    return ServerError(
        f"The server was silent for {limit_s:g} s – it may be loading or overloaded; ask again,"
        " or raise “Give up when silent for” in Settings (silence_timeout_s).",
        fault="silent",
    )


async def with_retries(
    attempt: Callable[[], Awaitable[T]], may_ask_again: Callable[[], bool], on_progress: ProgressCallback | None
) -> T:
    """`attempt`, up to two more times when that may help and nothing of an answer has come."""
    done = 0
    while True:
        try:
            return await attempt()
        except ServerError as error:
            if not error.retryable or done == RETRIES or not may_ask_again():
                raise
            asked = error.retry_after_s
            if asked is not None and asked > faults.LONGEST_WAIT_S:
                raise
            # Jitter, so that agents that failed together do not come back together.
            wait = asked or 0.5 * 2**done * random.uniform(0.75, 1.25)
            done += 1
            again = Again(number=done, in_s=wait, is_busy=error.fault in ("rate_limit", "overloaded"))
            await _count_down(again, faults.brief(error), on_progress)


async def _count_down(again: Again, why: str, on_progress: ProgressCallback | None) -> None:
    """Wait, and tell how long it still is: at once, then at every whole second."""
    wait_s = again.in_s
    moments = (wait_s, *range(math.ceil(wait_s) - 1, 0, -1), 0)
    for left, then in pairwise(moments):
        if on_progress:
            seconds = f"{left:.1f} s" if left < 1 else f"{math.ceil(left)} s"
            detail = f"retry {again.number} of {RETRIES} in {seconds}: {why}"
            on_progress(Progress("retrying", detail=detail, again=replace(again, in_s=left)))
        await asyncio.sleep(left - then)
