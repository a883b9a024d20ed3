"""Stop reaches the server, in every dialect and in whatever it is doing."""

from __future__ import annotations

import asyncio
import itertools
import math
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress

import psutil
import pytest

from felix.llm.batching import complete_streaming, complete_whole
from felix.llm.chat import ChatClient, Progress, Text
from tests.llm.conformance.kinds import KINDS, Kind, every_kind, needs, opened
from tests.servers.fakes import Endless, Hush, Load, Read, Say, Script, Think

CLOSED_S = 0.3
"""From the click to the closed socket, at the server."""
TRIES = 3
"""One of them must be in time: on a machine that others use too, a process may be stopped for longer than that."""

PHASES = {
    "waiting for the head": Script(Hush(), late_head=True),
    "waiting for the first token": Script(Hush()),
    "loading": Script(Load(0.5), Hush()),
    "reading": Script(Read(0.5), Hush()),
    "thinking": Script(Think("Hm"), Hush()),
    "writing": Script(Say("Hello"), Endless(" la")),
}


def _phases() -> list[object]:
    return [
        pytest.param(kind, phase, id=f"{kind}-{phase}", marks=needs(kind))
        for kind in KINDS
        for phase in PHASES
        if phase not in ("loading", "reading") or phase in kind.progress
        if not (kind.has_late_head and phase == "waiting for the first token")
    ]


@pytest.mark.parametrize(("kind", "phase"), _phases())
def test_stop_closes_the_socket(kind: Kind, phase: str) -> None:
    def ask(client: ChatClient, reached: Callable[[], None]) -> object:
        def progress(told: Progress) -> None:
            if told.phase == phase and told.fraction:
                reached()

        def chunk(_: object) -> None:
            reached()

        if phase.startswith("waiting"):
            reached()
        return complete_streaming(client, kind.request(), batch_interval=0, callback=chunk, on_progress=progress)

    assert _seconds_to_close(kind, PHASES[phase], ask) <= CLOSED_S


@every_kind
def test_stop_closes_the_socket_while_nobody_reads_from_it(kind: Kind) -> None:
    """Between two chunks what comes is left to gather: the one who is cancelled then does not wait for the socket."""

    def ask(client: ChatClient, reached: Callable[[], None]) -> object:
        chunks = itertools.count(1)

        def chunk(_: object) -> None:
            if next(chunks) == 3:
                asyncio.get_running_loop().call_later(0.03, reached)

        return complete_streaming(client, kind.request(), batch_interval=0.1, callback=chunk)

    assert _seconds_to_close(kind, PHASES["writing"], ask) <= CLOSED_S


@every_kind
def test_stop_closes_the_socket_of_an_answer_asked_for_in_one_piece(kind: Kind) -> None:
    def ask(client: ChatClient, reached: Callable[[], None]) -> object:
        reached()
        return complete_whole(client, kind.request())

    assert _seconds_to_close(kind, PHASES["waiting for the head"], ask) <= CLOSED_S


@every_kind
def test_whoever_leaves_an_answer_in_the_middle_has_its_socket_closed(kind: Kind) -> None:
    """Nothing is cancelled here, and the client lives on: only the end of the stream itself can close it."""

    async def run() -> float:
        with kind.server(Script(Say("Hello"), Endless(" la"))) as server:
            async with opened(kind, server) as client:
                answer = client.stream(kind.request())
                assert isinstance(answer, AsyncGenerator)
                async for delta in answer:
                    if isinstance(delta, Text):
                        break
                request = await asyncio.to_thread(server.wait_for)
                left = time.monotonic()
                await answer.aclose()
                assert await asyncio.to_thread(request.gone.wait, 5), "the server still writes to nobody"
                return request.gone_at - left

    assert _quickest(run) <= CLOSED_S


@every_kind
def test_stop_while_connecting_leaves_no_connection(kind: Kind) -> None:
    async def run() -> None:
        # A listener whose queue is full: the connection is asked for and never made.
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as queued:
            address = listener.getsockname()
            queued.connect(address)
            more = socket.socket()
            more.setblocking(False)
            more.connect_ex(address)
            server = kind.server()
            server.port = address[1]
            client = kind.open(server)
            others = _connections_to(address[1])
            async with asyncio.TaskGroup() as group:
                task = group.create_task(complete_streaming(client, kind.request(), batch_interval=0))
                while not _connections_to(address[1]) - others:
                    assert not task.done()
                    await asyncio.sleep(0.002)
                stopped = time.monotonic()
                task.cancel()
            assert time.monotonic() - stopped < TRIES * CLOSED_S
            assert not _connections_to(address[1]) - others
            await client.aclose()
            more.close()
            server._listener.close()
            server._loop.close()

    asyncio.run(run())


def _seconds_to_close(kind: Kind, script: Script, ask: Callable[[ChatClient, Callable[[], None]], object]) -> float:
    """From Stop to the server's seeing the socket closed."""

    async def once() -> float:
        with kind.server(script) as server:
            async with opened(kind, server) as client:
                reached = asyncio.Event()
                async with asyncio.TaskGroup() as group:
                    task = group.create_task(ask(client, reached.set))  # type: ignore[arg-type]
                    request = await asyncio.to_thread(server.wait_for)
                    await asyncio.wait_for(reached.wait(), 5)
                    stopped = time.monotonic()
                    task.cancel()
                # The client is still open: it is the cancelling that closed the connection.
                assert await asyncio.to_thread(request.gone.wait, 5), "the server still writes to nobody"
                assert len(server.answered) == 1
                return request.gone_at - stopped

    return _quickest(once)


def _quickest(once: Callable[[], Coroutine[object, object, float]]) -> float:
    """Seconds of the first try that was in time, or of the fastest."""

    async def without_collector() -> float:
        """What nobody has closed stays open: else the loop closes a stream whose last reference has gone."""
        hooks, kept = sys.get_asyncgen_hooks(), list[object]()
        sys.set_asyncgen_hooks(hooks.firstiter, kept.append)
        try:
            return await once()
        finally:
            sys.set_asyncgen_hooks(*hooks)
            for left in kept:
                with suppress(RuntimeError):  # it is in the middle of something, and ends with the loop
                    await left.aclose()  # type: ignore[attr-defined]

    times: list[float] = []
    while len(times) < TRIES and min(times, default=math.inf) > CLOSED_S:
        times.append(asyncio.run(without_collector()))
    return min(times)


def _connections_to(port: int) -> set[int]:
    """File numbers of this process' connections to a port, whatever their state."""
    return {found.fd for found in psutil.Process().net_connections("tcp") if found.raddr and found.raddr.port == port}
