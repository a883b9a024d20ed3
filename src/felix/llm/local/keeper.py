"""The model files in memory: one at a time, kept between runs and let go when nobody has asked it for a while.

Two models that compute at once on one machine only take each other's memory and cores. So whoever asks for another file
waits until the one that is loaded has answered everybody; then it makes room.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from felix.errors import ServerError
from felix.llm.local.header import Header, read_header, stem_of
from felix.llm.local.server import INSTALL, LocalServer
from felix.llm.local.sizing import Sizing, free_memory, physical_cores, sizing

IDLE_S = 600.0
"""A model that nobody asks holds gigabytes; ten minutes is longer than people read before they ask again."""


class ModelFiles:
    """Belongs to one loop, on one thread that lives as long as it; `close` is for whoever made it."""

    def __init__(self, *, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._server: LocalServer | None = None
        self._wanted: tuple[Path, int, int] | None = None
        """What `_server` was started for: the file, and the context length and slots that were asked for."""
        self._turn = asyncio.Lock()
        """Held while one server is exchanged for another."""
        self._freed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def loaded(self) -> LocalServer | None:
        """The one that can answer at once."""
        return self._server if self._server and self._server.is_ready else None

    def must_wait(self, path: Path, context_length: int = 0, slots: int = 0) -> str:
        """The name of the file that others are still asking; empty when `use` does not wait for them."""
        server = self._server
        is_busy = server is not None and server.users > 0 and not server.has_ended
        return server.path.name if server and is_busy and self._wanted != (path, context_length, slots) else ""

    @asynccontextmanager
    async def use(self, path: Path, *, context_length: int = 0, slots: int = 0) -> AsyncGenerator[LocalServer, None]:
        """The server of this file, as long as it is asked something; its model may still be loading.

        Raises ServerError when the file is no model, or the package that reads it is missing.
        """
        server = await self._enter((path, context_length, slots))
        try:
            yield server
        finally:
            await self._leave(server)

    async def load(self, path: Path, *, context_length: int = 0, slots: int = 0) -> None:
        """Have a file in memory before anybody asks it. Raises ServerError as `use`, or when loading fails."""
        async with self.use(path, context_length=context_length, slots=slots) as server:
            async for _ in server.loading():
                pass

    async def unload(self, path: Path) -> None:
        """Let a file go; whoever it answers just now loses the answer."""
        if self._server and self._server.path == path:
            await self._let_go()

    async def close(self) -> None:
        """End the process. Whoever still asks it is told that the connection is lost."""
        self._is_closed = True
        await self._let_go()

    async def _enter(self, wanted: tuple[Path, int, int]) -> LocalServer:
        while True:
            server = self._server
            if server and self._wanted == wanted and not server.has_ended:
                break
            if server and server.users and not server.has_ended:
                self._freed.clear()
                await self._freed.wait()
                continue
            header = await asyncio.to_thread(installed_header, wanted[0])
            async with self._turn:
                if self._server is server and not (server and server.users and not server.has_ended):
                    await self._exchange(wanted, header)
        server.users += 1
        if self._timer:
            self._timer.cancel()
            self._timer = None
        return server

    async def _exchange(self, wanted: tuple[Path, int, int], header: Header) -> None:
        """Another server in the place of the one there is, which nobody asks."""
        path, context_length, slots = wanted
        await self._let_go()  # first: what it frees counts for the next one
        if not self._is_closed:
            size = await asyncio.to_thread(sizing_here, header, context_length, slots)
            self._server = await LocalServer.start(path, stem_of(path), size)
            self._wanted = wanted
        if self._is_closed:  # before, or while the process was being started
            await self._let_go()
            raise ServerError("Felix is closing – start it again to go on.", fault="unreachable")

    async def _leave(self, server: LocalServer) -> None:
        server.users -= 1
        if server.users:
            return
        self._freed.set()
        if server is not self._server:
            await server.end()
        elif not server.is_ready:
            # Nobody waits for it any more: stopping a run while it loads stops the loading too.
            await asyncio.shield(self._let_go())
        else:
            self._timer = asyncio.get_running_loop().call_later(self._idle_s, self._unload, server)

    def _unload(self, server: LocalServer) -> None:
        if self._server is server and not server.users:
            self._server = self._wanted = None
            server.kill()

    async def _let_go(self) -> None:
        server, self._server, self._wanted = self._server, None, None
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if server:
            await server.end()


def installed_header(path: Path) -> Header:
    """The header of a file that could be served here. Raises ServerError as `read_header`, or without the package."""
    header = read_header(path)
    if importlib.util.find_spec("xllamacpp") is None:
        raise ServerError(
            "Model files need the package xllamacpp (the extra felix[local]), which is not installed"
            f" – install it with `{INSTALL}`, then try again.",
            fault="server",
        )
    return header


def sizing_here(header: Header, context_length: int = 0, slots: int = 0) -> Sizing:
    """What a file gets of this machine as it is now."""
    return sizing(header, context_length=context_length, slots=slots, memory=free_memory(), cores=physical_cores())
