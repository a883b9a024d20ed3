"""The demo model on a thread of its own, at any pace."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from felix.demo import DemoServer


@contextmanager
def demo_server(speed: float) -> Iterator[str]:
    """Base URL of a demo model that speaks `speed` times as fast as for people."""
    started = queue.Queue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]]()

    async def serve() -> None:
        async with DemoServer(speed=speed) as server:
            end = asyncio.Event()
            started.put((server.base_url, asyncio.get_running_loop(), end))
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    base_url, loop, end = started.get(timeout=10)
    try:
        yield base_url
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
