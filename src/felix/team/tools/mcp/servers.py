"""All the MCP servers of the settings: started when a workflow first names one, kept between runs, ended with Felix."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from felix.errors import ToolError
from felix.settings import Settings
from felix.team.tools.mcp.server import Begin, Server, State
from felix.team.tools.mcp.tool import McpTool


@dataclass(frozen=True, slots=True)
class ServerReport:
    """How a server is at this moment."""

    key: str
    """Its name in the settings."""
    name: str
    """As workflows call it."""
    state: State
    reason: str
    """One sentence, where there is something to say."""
    tools: tuple[McpTool, ...]
    """As it last told them; empty before it was started once."""
    log: tuple[str, ...]
    pid: int
    """Of its process; 0 while there is none, or for an address."""


class McpServers:
    """Belongs to one loop. Whatever the settings say is looked up anew each time: servers come and go with them."""

    def __init__(self, settings: Callable[[], Settings], begin: Begin) -> None:
        """`begin` starts a task that lives as long as its server; `close` ends them all."""
        self._settings, self._begin = settings, begin
        self._servers: dict[str, Server] = {}
        self._is_closed = False

    def providers(self) -> tuple[Server, ...]:
        """One for each entry of the settings that is not disabled; none is started for it."""
        return tuple(server for key in self._settings().mcp_servers if not (server := self._server(key)).entry.disabled)

    def reports(self) -> tuple[ServerReport, ...]:
        """How all of them are."""
        return tuple(self.report(key) for key in self._settings().mcp_servers)

    def report(self, key: str) -> ServerReport:
        """How one of them is. Raises ToolError for one that the settings do not know."""
        server = self._server(key)
        return ServerReport(key, server.name, server.state, server.reason, server.known, server.log, server.pid)

    async def start(self, key: str) -> ServerReport:
        """Have a server run, anew if it failed; how it is then."""
        try:
            await self._server(key).tools()
        except ToolError:
            pass  # its report says it
        return self.report(key)

    async def stop(self, key: str) -> ServerReport:
        """End a server; how it is then."""
        await self._server(key).stop()
        return self.report(key)

    async def close(self) -> None:
        """End all of them, for good."""
        self._is_closed = True
        servers, self._servers = self._servers, {}
        await asyncio.gather(*(server.stop() for server in servers.values()))

    def _server(self, key: str) -> Server:
        entry = self._settings().mcp_servers.get(key)
        if entry is None:
            raise ToolError(f"There is no server of tools called “{key}” – add it in Settings, Tools.")
        if self._is_closed:
            raise ToolError("Felix is closing – start it again to go on.")
        server = self._servers.get(key)
        if server is None or server.entry != entry:
            if server:  # its entry was changed: the old one ends, and the new one is started when it is wanted
                self._end(server)
            server = self._servers[key] = Server(key, entry, self._begin, self._settings)
        for gone in [each for each in self._servers if each not in self._settings().mcp_servers]:
            self._end(self._servers.pop(gone))
        return server

    def _end(self, server: Server) -> None:
        self._begin(server.stop())
