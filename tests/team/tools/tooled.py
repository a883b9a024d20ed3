"""Tools for tests, and runs whose agents use them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from felix.errors import ToolError
from felix.llm.chat import ChatRequest, Finish, Text, ToolCallPart, ToolSpec, Usage
from felix.mcp_servers import Trust
from felix.settings import Settings
from felix.team.tools.tool import Reach, Tell, ToolOutput
from felix.team.tools.toolbox import Toolbox
from tests.team.scripted import Line

HARMLESS = Reach(reads_private=False, reads_untrusted=False, can_send=False, changes=False)
ANYTHING: Mapping[str, object] = {"type": "object"}

Work = Callable[[Mapping[str, object]], str]


@dataclass
class Scripted:
    """A tool that does what a test says, and remembers what it was asked."""

    name: str
    work: Work | BaseException = lambda arguments: "done"
    reach: Reach = HARMLESS
    trust: Trust = "allow"
    schema: Mapping[str, object] = field(default_factory=lambda: ANYTHING)
    says: Sequence[tuple[str, float | None]] = ()
    waits: asyncio.Event | None = None
    limit_s: float | None = None
    asked: list[Mapping[str, object]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    cancelled: int = 0

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec(self.name.replace("/", "_"), f"The tool {self.name}.", self.schema)

    async def call(self, arguments: Mapping[str, object], tell: Tell) -> ToolOutput:
        self.asked.append(arguments)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            for message, fraction in self.says:
                tell(message, fraction)
            await (self.waits.wait() if self.waits else asyncio.sleep(0))
            if isinstance(self.work, BaseException):
                raise self.work
            return ToolOutput(self.work(arguments))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.at_once -= 1


@dataclass(eq=False)
class Having:
    """A provider of some tools; one with a fault has none."""

    has: Sequence[Scripted]
    name: str = ""
    fault: str = ""

    async def tools(self) -> tuple[Scripted, ...]:
        if self.fault:
            raise ToolError(self.fault)
        return tuple(self.has)


def toolbox(*tools: Scripted, trust: Mapping[str, Trust] | None = None) -> Toolbox:
    settings = Settings(tool_trust=dict(trust or {}))
    return Toolbox(lambda: [Having(tools)], lambda: settings)


def calls(*wanted: tuple[str, str], text: str = "", finish: str | None = "tool_calls", step: int = 0) -> list[Line]:
    """An answer that asks for tools: (name, arguments) of each; in pieces of `step` characters, or whole."""
    lines: list[Line] = [Text(text)] if text else []
    for index, (name, arguments) in enumerate(wanted):
        size = step or len(arguments) or 1
        pieces = [arguments[at : at + size] for at in range(0, len(arguments), size)] or [""]
        lines += [
            ToolCallPart(index, f"call_{index}" if not at else "", name if not at else "", piece)
            for at, piece in enumerate(pieces)
        ]
    lines.append(Usage(10, 5))
    if finish:
        lines.append(Finish(finish))
    return lines


def in_turn(*answers: Iterable[Line]) -> Callable[[ChatRequest], Iterable[Line]]:
    """A script that gives one answer after another, the last again and again."""
    left = [list(answer) for answer in answers]
    return lambda request: left.pop(0) if len(left) > 1 else left[0]
