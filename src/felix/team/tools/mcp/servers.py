"""All the MCP servers of the settings: started when a workflow first names one, kept between runs, ended with Felix."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Self

from felix.errors import ToolError
from felix.mcp_servers import called
from felix.settings import Settings
from felix.team.tools.mcp.server import Server, State
from felix.team.tools.mcp.tool import Hints


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool as its server tells of it."""

    name: str
    """As workflows and settings name it."""
    description: str
    hints: Hints


@dataclass(frozen=True, slots=True)
class ServerReport:
    """How a server is at one moment; any thread may read it."""

    key: str
    """Its name in the settings."""
    name: str
    """As workflows call it."""
    state: State
    reason: str
    """One sentence, where there is something to say."""
    tools: tuple[ListedTool, ...]
    """As it last told them; empty before it was started once."""
    log: tuple[str, ...]
    """The latest lines of its standard error, of what it reports and of what was done to it, the oldest first."""
    pid: int
    """Of its process; 0 while there is none, or for an address."""


class McpServers:
    """Belongs to one loop. A context manager: leaving it ends all servers.

    Whatever the settings say is looked up anew each time: servers come and go with them.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._servers: dict[str, Server] = {}
        self._group = asyncio.TaskGroup()
        self._is_closed = False

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        self._is_closed = True
        servers, self._servers = self._servers, {}
        await asyncio.gather(*(server.stop() for server in servers.values()))
        await self._group.__aexit__(None, None, None)  # what went wrong outside is not the group's own

    def providers(self) -> tuple[Server, ...]:
        """One for each entry of the settings that is not disabled; none is started for it."""
        return tuple(server for key in self._settings().mcp_servers if not (server := self._server(key)).entry.disabled)

    async def reports(self) -> tuple[ServerReport, ...]:
        """How all of them are; none is started for it."""
        return tuple(self._report(self._server(key)) for key in self._settings().mcp_servers)

    async def start(self, key: str) -> ServerReport:
        """Have a server run, anew if it failed; how it is then. Raises ToolError for one that nobody knows."""
        server = self._server(key)
        try:
            await server.tools()
        except ToolError:
            pass  # its report says it
        return self._report(server)

    async def stop(self, key: str) -> ServerReport:
        """End a server; how it is then. Raises ToolError for one that nobody knows."""
        server = self._server(key)
        await server.stop()
        return self._report(server)

    async def test(self, key: str) -> ServerReport:
        """Start a server, and end it again if it did not run before and nobody else has wanted it meanwhile; how it was
        while it ran."""
        server = self._server(key)
        was_off, wanted = server.state in ("off", "failed"), server.wanted + 1
        report = await self.start(key)
        if was_off and report.state == "ready" and server.wanted == wanted:
            await self.stop(key)
        return report

    def _server(self, key: str) -> Server:
        if self._is_closed:
            raise ToolError("Felix is closing – start it again to go on.")
        entries = self._settings().mcp_servers
        names = called(entries)
        known = self._servers.items()
        for gone in [each for each, old in known if (entries.get(each), names.get(each)) != (old.entry, old.name)]:
            # taken off the list, or changed: then another one is started when it is wanted
            self._servers.pop(gone).leave()
        if key not in entries:
            raise ToolError(f"There is no server of tools called “{key}” – add it in Settings, Tools.")
        if key not in self._servers:
            self._servers[key] = Server(key, names[key], entries[key], self._begin, self._settings)
        return self._servers[key]

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._group.create_task(work)

    def _report(self, server: Server) -> ServerReport:
        tools = tuple(ListedTool(tool.name, tool.spec.description, tool.hints) for tool in server.known)
        return ServerReport(server.key, server.name, server.state, server.reason, tools, server.log, server.pid)
