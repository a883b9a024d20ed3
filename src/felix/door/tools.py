"""What a caller gives agents to use: functions of their own, and the names of tools that the settings have."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import cast

from felix.errors import FelixError
from felix.events import CallId, Leave, Record, ToolCalled
from felix.team.tools.functions import FunctionTool
from felix.team.tools.tool import Tool
from felix.team.workflow import Workflow

ToolLike = str | Tool | Callable[..., object]
"""A name as in a workflow (`calculator`, `server/tool`), a `FunctionTool` or a tool of another make, or a function."""

Approve = Callable[[ToolCalled], Leave | bool | Awaitable[Leave | bool]]
"""Asked before a call that asks (`ToolCalled.asks` says why): True lets it once, "run" also all that follow."""


class GivenTools:
    """A provider of the caller's own tools."""

    name = ""

    def __init__(self, given: Iterable[ToolLike] = ()) -> None:
        """Raises FelixError for a function that cannot be described, and for two of one name."""
        self._tools: dict[str, Tool] = {}
        names: list[str] = []
        for each in given:
            if isinstance(each, str):
                names.append(each)
                continue
            tool = _tool(each)
            if tool.name in self._tools:
                raise FelixError(f"Two tools are called {tool.name} – give one another name with felix.FunctionTool.")
            self._tools[tool.name] = tool
            names.append(tool.name)
        self.names = tuple(dict.fromkeys(names))

    async def tools(self) -> tuple[Tool, ...]:
        return tuple(self._tools.values())

    def added_to(self, workflow: Workflow) -> Workflow:
        """A workflow whose agents may use them too, but for those that name tools of their own."""
        return workflow.model_copy(update={"tools": tuple(dict.fromkeys((*workflow.tools, *self.names)))})


def asker(
    approve: Approve | None, tasks: asyncio.TaskGroup, answer: Callable[[CallId, Leave], object]
) -> Callable[[Record], None]:
    """Hears what happens and has the caller asked about each call that asks, beside all else; `answer` is told."""

    async def ask(approve: Approve, call: ToolCalled) -> None:
        said = approve(call)
        if inspect.isawaitable(said):
            said = await said
        answer(call.call_id, said if isinstance(said, str) else "once" if said else "no")

    def hear(record: Record) -> None:
        if approve is not None and isinstance(record.event, ToolCalled) and record.event.asks:
            asked = ask(approve, record.event)
            try:
                tasks.create_task(asked)
            except RuntimeError:  # a fault of the caller's ends the run already
                asked.close()

    return hear


def _tool(given: Tool | Callable[..., object]) -> Tool:
    if hasattr(given, "spec") and hasattr(given, "call"):
        return cast("Tool", given)
    if callable(given):
        return FunctionTool(given)
    raise FelixError(f"{given!r} is no tool – give a function, a felix.FunctionTool, or the name of a tool.")
