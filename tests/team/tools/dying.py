"""python -m tests.team.tools.dying LEDGER SETTINGS URL BEGUN: an engine whose tool says in a file that it has begun.

The tool never ends: whoever started this kills it in the middle of a call.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from felix.engine import Engine
from felix.llm.chat import ToolSpec
from felix.mcp_servers import Trust
from felix.settings import SettingsFile
from felix.team.tools.tool import Reach, Tell, ToolOutput
from felix.team.workflow import Workflow, parse

FLOW = """
name: Booking
agents: [{id: research, role: research}]
checkpoints: [0]
tools: [book]
synthesis: {skip: true}
"""


class Book:
    """Books a table, and tells in a file how often."""

    name = "book"
    spec = ToolSpec("book", "Books a table.", {"type": "object"})
    reach = Reach(reads_private=False, reads_untrusted=False, can_send=True)
    trust: Trust = "allow"
    limit_s: float | None = None

    def __init__(self, begun: Path, *, ends: bool) -> None:
        self._begun = begun
        self._ends = ends

    async def call(self, arguments: Mapping[str, object], tell: Tell) -> ToolOutput:
        with self._begun.open("a") as file:
            file.write("booked\n")
        if not self._ends:
            await asyncio.Event().wait()
        return ToolOutput("Booked.")


class Booking:
    """Its provider."""

    name = ""

    def __init__(self, begun: Path, *, ends: bool) -> None:
        self._book = Book(begun, ends=ends)

    async def tools(self) -> tuple[Book, ...]:
        return (self._book,)


def flow() -> Workflow:
    return parse(FLOW, "booking.yaml")


def settings_at(path: Path, url: str) -> SettingsFile:
    settings = SettingsFile(path)
    settings.override(base_url=url, model="m")
    return settings


def main(ledger: str, settings: str, url: str, begun: str) -> None:
    given = Booking(Path(begun), ends=False)
    with Engine(settings_at(Path(settings), url), ledger=Path(ledger), tools=[given]) as engine:
        mailbox = engine.subscribe()
        print(engine.start("Book a table.", flow()), flush=True)
        while True:
            mailbox.take()
            time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
