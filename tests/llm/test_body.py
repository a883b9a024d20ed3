"""How often the socket is read, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from felix.llm.body import until_done
from felix.llm.openai_dialect import AnswerReader
from tests.llm import virtual_time


def handed_on(arrivals: list[float], *, gather_s: float) -> list[float]:
    """When each piece is handed on, by the second at which it arrived at the socket."""

    async def run() -> list[float]:
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def body() -> AsyncIterator[bytes]:
            for at in arrivals:
                if (ahead := began + at - loop.time()) > 0:
                    await asyncio.sleep(ahead)
                yield b": piece\n\n"

        times = []
        async for _ in until_done(b"", body(), AnswerReader(), gather_s, gather_after=0):
            times.append(round(loop.time() - began, 3))
        return times[1:]  # the first is what had been read before

    return virtual_time.run(run())


def test_text_is_left_in_the_socket_until_a_chunk_is_due() -> None:
    arrivals = [round(0.02 * n, 2) for n in range(1, 13)]
    times = handed_on(arrivals, gather_s=0.1)
    assert times[0] == 0.02, "the first piece is never held back"
    assert sorted(set(times)) == [0.02, 0.1, 0.12, 0.2, 0.22, 0.3], "two readings in 0.1 s rather than five"
    assert all(0 <= at - came <= 0.1 for at, came in zip(times, arrivals, strict=True))


def test_without_gathering_each_piece_is_handed_on_as_it_comes() -> None:
    assert handed_on([0.02, 0.04, 0.3], gather_s=0.0) == [0.02, 0.04, 0.3]


def test_a_fast_server_is_never_held_back() -> None:
    arrivals = [round(0.0002 * n, 4) for n in range(1, 500)]
    assert max(at - came for at, came in zip(handed_on(arrivals, gather_s=0.1), arrivals, strict=True)) < 0.001


def test_after_a_pause_the_next_piece_comes_at_once() -> None:
    assert handed_on([0.02, 5.0], gather_s=0.1) == [0.02, 5.0]
