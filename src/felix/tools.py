"""The tools as the engine has them: who provides them, what a run gets of them, and the user's lasting word to one.

All of it belongs to the worker's loop; nothing is started before somebody wants a tool.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Self

from felix.events import Record, ToolAnswered
from felix.ledger.file import Ledger
from felix.settings import SettingsFile
from felix.team.hub import CentralPost
from felix.team.tools.builtin import BuiltIn
from felix.team.tools.earlier import calls_of_followed
from felix.team.tools.mcp.servers import McpServers
from felix.team.tools.offer import RunTools
from felix.team.tools.toolbox import Provider, Source, Toolbox


class Tools:
    """Of one engine. A context manager around all runs: leaving it ends the servers of tools that were started."""

    def __init__(self, settings: SettingsFile, given: Iterable[Provider] = (), *, asks: bool) -> None:
        """`given` are the caller's own; `asks`: somebody is there who can be asked whether a call may begin."""
        self._settings = settings
        self._given = tuple(given)
        self._asks = asks
        self._toolbox = Toolbox(self._providers, lambda: settings.current)
        self._built_in = BuiltIn(lambda: settings.current)
        self.servers = McpServers(lambda: settings.current)
        self._one_at_a_time = threading.Lock()

    async def __aenter__(self) -> Self:
        await self.servers.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.servers.__aexit__(*failure)

    def of_run(self, hub: CentralPost, ledger: Ledger | None) -> RunTools:
        """What a run may use. A word of its user that holds for always is put into the settings."""
        loop = asyncio.get_running_loop()

        def hear(record: Record) -> None:
            event = record.event
            if isinstance(event, ToolAnswered) and event.answer == "always":
                loop.run_in_executor(None, self._trust, event.name)

        hub.register_streaming_callback(hear)
        files = ledger.results if ledger else None
        return RunTools(
            self._toolbox,
            asks=self._asks,
            hub=hub,
            files=files,
            before=lambda: calls_of_followed(hub.state, ledger) if ledger else (),
        )

    async def known(self) -> tuple[Source, ...]:
        """All that there are, with what is in force for each; servers of tools are started for it."""
        return await self._toolbox.known()

    def _providers(self) -> tuple[Provider, ...]:
        return (*self._given, self._built_in, *self.servers.providers())

    def _trust(self, name: str) -> None:
        """On a thread of its own: the file is written and flushed to the disk."""
        with self._one_at_a_time:
            self._settings.change(tool_trust={**self._settings.current.tool_trust, name: "allow"})
