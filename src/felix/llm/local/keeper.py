"""The model files in memory: one at a time, kept between runs and let go when nobody has asked it for a while.

Two models that compute at once on one machine only take each other's memory and cores. So whoever asks for another file
waits until the one that is loaded has answered everybody; then it makes room.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from felix.errors import ServerError
from felix.llm.local.header import Header, read_header, stem_of
from felix.llm.local.server import INSTALL, LocalServer
from felix.llm.local.sizing import Sizing, free_memory, physical_cores, sizing

PATIENCE_S = 60.0
"""Whoever waits so long for another file is next: from then on nobody joins those who are being answered. Sooner, two
runs with a file each would load one in turn for every answer."""
IDLE_S = 600.0
"""A model that nobody asks holds gigabytes; ten minutes is longer than people read before they ask again."""


Wanted = tuple[Path, int, int]
"""The file, and the context length and slots that were asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    wanted: Wanted
    since: float
    """When it came, on the loop's clock."""


class ModelFiles:
    """Belongs to one loop, on one thread that lives as long as it; `close` is for whoever made it."""

    def __init__(self, *, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._server: LocalServer | None = None
        self._wanted: Wanted | None = None
        """What `_server` was started for."""
        self._line: list[_Waiter] = []
        """Those who want a server, in the order in which they came; the first has the file loaded that it wants."""
        self._news = asyncio.Event()
        """Somebody has left the line, or the server."""
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def loaded(self) -> LocalServer | None:
        """The one that can answer at once."""
        return self._server if self._server and self._server.is_ready else None

    def must_wait(self, path: Path, context_length: int = 0, slots: int = 0) -> str:
        """The name of the file that others are still asking; empty when `use` does not wait for them."""
        server = self._server
        if server is None or not self._is_busy:
            return ""
        waiter = _Waiter((path, context_length, slots), asyncio.get_running_loop().time())
        return "" if self._may_join(waiter, self._line) else server.path.name

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

    async def _enter(self, wanted: Wanted) -> LocalServer:
        waiter = _Waiter(wanted, asyncio.get_running_loop().time())
        self._line.append(waiter)
        try:
            while not self._may_join(waiter, self._line[: self._line.index(waiter)]):
                if self._line[0] is waiter and not self._is_busy:
                    header = await asyncio.to_thread(installed_header, wanted[0])
                    if not self._is_busy:  # nobody has joined meanwhile
                        await self._exchange(wanted, header)
                else:
                    self._news.clear()
                    await self._news.wait()
        finally:
            self._line.remove(waiter)
            self._news.set()
        server = self._server
        assert server is not None
        server.users += 1
        if self._timer:
            self._timer.cancel()
            self._timer = None
        return server

    @property
    def _is_busy(self) -> bool:
        """Whether somebody is being answered, so that the file must stay."""
        return self._server is not None and self._server.users > 0 and not self._server.has_ended

    def _may_join(self, waiter: _Waiter, before: Sequence[_Waiter]) -> bool:
        """Whether the server that there is serves what somebody wants, and nobody has waited too long for another."""
        if self._server is None or self._server.has_ended or self._wanted != waiter.wanted:
            return False
        return not any(each.wanted != waiter.wanted and waiter.since - each.since >= PATIENCE_S for each in before)

    async def _exchange(self, wanted: Wanted, header: Header) -> None:
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
        self._news.set()
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
