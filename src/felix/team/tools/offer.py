"""What the agents of one run may use: found before anything is asked, and offered to each as its model knows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from felix.events import CallId, Leave
from felix.ledger.results import ResultFiles
from felix.ledger.speech import Call
from felix.llm.chat import ToolSpec
from felix.team.hub import CentralPost
from felix.team.tools.earlier import calls_of
from felix.team.tools.naming import names_in, sets_of_tools
from felix.team.tools.results import tokens_of_tools
from felix.team.tools.tool import Tool
from felix.team.tools.toolbox import Toolbox
from felix.team.tools.trust import Approvals
from felix.team.workflow import Member, Workflow

LIMIT_S = 60.0
"""For one call; a tool that may take longer says so itself."""


class Offer:
    """The tools of one agent, as its model knows them."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        specs: list[ToolSpec] = []
        for tool in tools:
            name, number = tool.spec.name, 1
            while name in self._tools:  # of two servers
                number += 1
                name = f"{tool.spec.name[:60]}_{number}"
            self._tools[name] = tool
            specs.append(replace(tool.spec, name=name))
        self.specs = tuple(specs)

    def __bool__(self) -> bool:
        return bool(self._tools)

    def get(self, name: str) -> Tool | None:
        """By the name the model was told, or the one that stands in workflows: its prompt may have that."""
        return self._tools.get(name) or next((tool for tool in self._tools.values() if tool.name == name), None)

    def shown(self, name: str) -> str:
        """As the user knows what a model calls so."""
        tool = self.get(name)
        return tool.name if tool else name

    def name_of(self, tool: str) -> str:
        """What the model calls a tool; empty for one that is not offered."""
        return next((name for name, each in self._tools.items() if each.name == tool), "")

    @property
    def tokens(self) -> int:
        """What their descriptions take of the context."""
        return tokens_of_tools(self.specs)


class RunTools:
    """What the agents of one run may use, and what they have been let do."""

    def __init__(
        self,
        toolbox: Toolbox,
        *,
        asks: bool = False,
        hub: CentralPost | None = None,
        files: ResultFiles | None = None,
        before: Callable[[], Iterable[Call]] = tuple,
        limit_s: float = LIMIT_S,
    ) -> None:
        """`asks`: somebody is there who can be asked; else what would ask is refused.

        `before` gives the calls of the runs that this one follows: what they brought may stand in its prompts.
        """
        self.approvals = Approvals(toolbox, asks)
        self.limit_s = limit_s
        self.hub = hub
        self.files = files or ResultFiles(None)
        self._before = before
        self._toolbox = toolbox
        self._workflow: Workflow | None = None
        self._tools: dict[tuple[str, ...], tuple[Tool, ...]] = {}
        self.missing = ""
        """Why none are to be had, in one sentence."""

    async def open(self, workflow: Workflow) -> None:
        """Find all that the workflow names, before anything is asked of a model. Raises ToolError."""
        self._workflow = workflow
        wanted = sets_of_tools(workflow)
        if not any(wanted):
            return
        await self._toolbox.offered(names_in(workflow))  # so that all servers start at once, and all faults are told
        for names in wanted:
            self._tools[names] = await self._toolbox.offered(names)
        found = [tool for tools in self._tools.values() for tool in tools]
        reaches = {**await self._toolbox.reaches(), **{tool.name: tool.reach for tool in found}}
        self.approvals.reach_of(self._before(), reaches)
        if self.hub:
            self.approvals.remember(calls_of(self.hub.state), reaches)

    def do_without(self, why: str) -> None:
        """Agents are asked without tools, and it is said of what they write."""
        self._tools.clear()
        self.missing = why

    def of(self, member: Member) -> Offer:
        """Those of an agent that are not forbidden at this moment."""
        names = member.spec.tools
        if names is None:
            names = self._workflow.tools if self._workflow else ()
        return Offer(tool for tool in self._tools.get(names, ()) if self._toolbox.trust(tool) != "never")

    async def keep(self, call_id: CallId, text: str) -> str:
        """Have a whole result kept; where, empty when that cannot be."""
        return await asyncio.to_thread(self.files.keep, self.hub.run, call_id, text) if self.hub else ""

    def answer(self, call_id: CallId, leave: Leave) -> tuple[Leave, list[CallId]]:
        """The user's word to a call that asks, as it holds, and the calls that it holds for."""
        return self.approvals.answer(call_id, leave)
