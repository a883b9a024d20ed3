"""All the tools that there are, by the names that workflows use for them.

Providers have them: the built-in ones, each MCP server, a caller's own functions. Nobody is asked, and no server is
started, before a workflow names one of theirs or the user wants to see what there is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from felix.errors import ToolError
from felix.mcp_servers import Trust
from felix.settings import Settings
from felix.team.tools.tool import Reach, Tool, reach_said

_MOMENT_S = 2.0
"""After one server has failed, for others that fail as well: they are told of together."""


class Provider(Protocol):
    """Somebody who has tools. Belongs to the worker's loop; whoever made it closes it."""

    @property
    def name(self) -> str:
        """Of an MCP server, whose tools are called `name/tool`; empty where they are called by their own names."""
        ...

    async def tools(self) -> tuple[Tool, ...]:
        """What it has; an MCP server is started for it, once. Raises ToolError when that cannot be had."""
        ...


@dataclass(frozen=True, slots=True)
class KnownTool:
    """A tool as the settings and the workflow editor show it."""

    name: str
    """As workflows and settings name it."""
    description: str
    reach: Reach
    own_trust: Trust
    """Its own default."""
    trust: Trust
    """What is in force."""


@dataclass(frozen=True, slots=True)
class Source:
    """What one provider has, or why it has nothing."""

    name: str
    """Of the MCP server; empty for those whose tools are called by their own names."""
    tools: tuple[KnownTool, ...]
    error: str = ""
    """One sentence."""


class Toolbox:
    """Belongs to the worker's loop."""

    def __init__(
        self, providers: Callable[[], Iterable[Provider]] = tuple, settings: Callable[[], Settings] = Settings
    ) -> None:
        """`providers` are asked for anew each time: servers come and go with the settings."""
        self._providers = providers
        self._settings = settings

    async def offered(self, names: Sequence[str]) -> tuple[Tool, ...]:
        """The tools that a workflow means by `names`, each once: a tool's own name, `server/tool`, or all of `server`.

        Raises ToolError, which says what is missing and what there is.
        """
        wanted = {name.partition("/")[0] for name in names}
        had = await _had_of([each for each in self._providers() if each.name in wanted or not each.name])
        found: dict[str, Tool] = {}
        for name in names:
            for tool in await self._named(name, had):
                found.setdefault(tool.name, tool)
        return tuple(found.values())

    async def reaches(self) -> dict[str, Reach]:
        """What tools reach whether or not they are offered, as far as it is known without a server."""
        said = {name: reach_said(each) for name, each in self._settings().tool_reach.items()}
        own = [await _tools_of(provider) for provider in self._providers() if not provider.name]
        return said | {tool.name: tool.reach for tools in own if not isinstance(tools, ToolError) for tool in tools}

    async def known(self) -> tuple[Source, ...]:
        """What every provider has; their servers are started for it, all at once."""
        return tuple(await asyncio.gather(*(self._source(provider) for provider in self._providers())))

    def trust(self, tool: Tool) -> Trust:
        """What is in force: the user's word, else the tool's own."""
        return self._settings().tool_trust.get(tool.name, tool.trust)

    async def _named(self, name: str, had: Iterable[tuple[Provider, tuple[Tool, ...]]]) -> tuple[Tool, ...]:
        server, _, rest = name.partition("/")
        for provider, tools in had:
            if provider.name != server and (provider.name or rest):
                continue
            if provider.name and not rest:
                return tools
            if one := [tool for tool in tools if tool.name == name]:
                return tuple(one[:1])
            if provider.name:
                there = ", ".join(tool.name for tool in tools) or "none"
                raise ToolError(f"The server “{server}” has no tool “{rest}” – name one it has (there: {there}).")
        raise ToolError(
            f"The workflow names the tool “{name}”, which Felix does not know – add it in Settings, or name another one"
            f" (there: {await self._there()})."
        )

    async def _there(self) -> str:
        """What could have been named; servers are not started to say so."""
        names: list[str] = []
        for provider in self._providers():
            if provider.name:
                names.append(provider.name)
                continue
            tools = await _tools_of(provider)
            names += [] if isinstance(tools, ToolError) else [tool.name for tool in tools]
        return ", ".join(names) or "none yet"

    async def _source(self, provider: Provider) -> Source:
        tools = await _tools_of(provider)
        if isinstance(tools, ToolError):
            return Source(provider.name, (), str(tools))
        return Source(provider.name, tuple(self._known(tool) for tool in tools))

    def _known(self, tool: Tool) -> KnownTool:
        return KnownTool(tool.name, tool.spec.description, tool.reach, tool.trust, self.trust(tool))


async def _had_of(providers: Sequence[Provider]) -> list[tuple[Provider, tuple[Tool, ...]]]:
    """What each of them has, asked of all at once: a server may take minutes to start. Raises ToolError soon after
    one has failed, which names all that are known to have failed by then."""
    async with asyncio.TaskGroup() as tasks:
        asked = {tasks.create_task(_tools_of(provider)): provider for provider in providers}
        waits, has_failed = set(asked), False
        while waits:
            limit = _MOMENT_S if has_failed else None
            done, waits = await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                break
            has_failed = has_failed or any(isinstance(each.result(), ToolError) for each in done)
        for each in waits:
            each.cancel()
    ended = [each for each in asked if each not in waits]
    faults = [had for each in ended if isinstance(had := each.result(), ToolError)]
    if len(faults) == 1 and not waits:
        raise faults[0]
    if faults:
        said = [str(fault).partition(" – ")[0].rstrip(".") for fault in faults]
        said[1:] = [f"{each[:1].lower()}{each[1:]}" for each in said[1:]]
        said += [f"the server “{asked[each].name}” has not started yet" for each in asked if each in waits]
        raise ToolError(f"{'; '.join(said)} – look into Settings, Tools.")
    return [(asked[each], had) for each in ended if not isinstance(had := each.result(), ToolError)]


async def _tools_of(provider: Provider) -> tuple[Tool, ...] | ToolError:
    try:
        return await provider.tools()
    except ToolError as error:
        return error
