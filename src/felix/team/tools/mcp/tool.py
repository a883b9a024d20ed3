"""A tool of an MCP server. What the server says of it comes from a stranger: it is shown, sent to models, and cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from felix.llm.chat import ToolSpec
from felix.mcp_servers import Trust
from felix.settings import Settings
from felix.team.tools.mcp.names import spec_name, tool_name
from felix.team.tools.mcp.results import output_of
from felix.team.tools.tool import Reach, Tell, ToolOutput, reach_said
from felix.terminal import safe

if TYPE_CHECKING:
    import mcp_types

_LONGEST_DESCRIPTION = 2_000
_LONGEST_TITLE = 100
MOST_SCHEMA_BYTES = 64 * 1024
"""Of a tool's schema, which stands in every prompt; one that is larger is not offered."""


class Asked(Protocol):
    """The server, as its tools know it."""

    async def call(self, tool: str, arguments: Mapping[str, object], tell: Tell) -> mcp_types.CallToolResult: ...


@dataclass(frozen=True, slots=True)
class Hints:
    """What a server says of its own tool. Nobody has to believe it."""

    title: str = ""
    reads_only: bool | None = None
    destroys: bool | None = None
    is_open: bool | None = None
    """It deals with the world outside, as a search of the web does."""


class McpTool:
    """Belongs to the worker's loop."""

    trust: Trust = "ask"
    limit_s: float | None = None

    def __init__(
        self, server: str, listed: mcp_types.Tool, asked: Asked, settings: Callable[[], Settings] = Settings
    ) -> None:
        """`server` is what workflows call it."""
        self.name = tool_name(server, listed.name)
        self.spec = ToolSpec(
            spec_name(server, listed.name), _cut(listed.description or "", _LONGEST_DESCRIPTION), listed.input_schema
        )
        self.hints = _hints(listed)
        self._own_name, self._asked, self._settings = listed.name, asked, settings

    @property
    def reach(self) -> Reach:
        return reach_said(self._settings().tool_reach.get(self.name))

    async def call(self, arguments: Mapping[str, object], tell: Tell) -> ToolOutput:
        """Raises ToolError when the server is not there, ends meanwhile, or refuses."""
        return output_of(await self._asked.call(self._own_name, arguments, tell))


def fits(listed: mcp_types.Tool) -> bool:
    """Whether a tool can be offered: its schema is one of an object, and no larger than all prompts together bear."""
    schema = listed.input_schema
    try:
        size = len(json.dumps(schema))
    except (TypeError, ValueError, RecursionError):
        return False
    return schema.get("type", "object") == "object" and size <= MOST_SCHEMA_BYTES


def _hints(listed: mcp_types.Tool) -> Hints:
    said = listed.annotations
    title = _cut(listed.title or (said.title if said else None) or "", _LONGEST_TITLE)
    if said is None:
        return Hints(title)
    return Hints(title, said.read_only_hint, said.destructive_hint, said.open_world_hint)


def _cut(text: str, most: int) -> str:
    words = safe(text).strip()
    return words if len(words) <= most else words[: most - 1] + "…"
