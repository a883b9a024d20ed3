"""A tool, wherever it comes from: built in, a function of the caller's, or one of an MCP server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from felix.llm.chat import ToolSpec
from felix.mcp_servers import SaidReach, Trust

Tell = Callable[[str, float | None], None]
"""What a tool says of itself while it works: a message, and how far it is, 0 to 1, where it knows."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a tool touches. What nobody knows counts as yes: a run that joins all three stops for approval."""

    reads_private: bool = True
    """The user's files, mail, calendar and the like."""
    reads_untrusted: bool = True
    """What strangers have written: web pages, mail, issues."""
    can_send: bool = True
    """Anything of its arguments may leave the machine."""
    changes: bool = True
    """Doing it twice is not the same as doing it once: files, mail, bookings."""


def reach_said(word: SaidReach | None) -> Reach:
    """Of a tool of a server: everything, but for what the user says otherwise. Strangers may have a hand in whatever
    comes from there."""
    return Reach(reads_private=word.reads_private, can_send=word.can_send) if word else Reach()


@dataclass(frozen=True, slots=True)
class ToolOutput:
    text: str
    """The whole result; it is cut for the model elsewhere."""
    is_error: bool = False
    """The tool itself says that it failed; the text says why."""


class Tool(Protocol):
    """Belongs to the worker's loop, or for a caller's own functions to the caller's."""

    @property
    def name(self) -> str:
        """As workflows and settings name it: `calculator`, or `server/tool`."""
        ...

    @property
    def spec(self) -> ToolSpec:
        """As the model is told of it; its name there has no slash."""
        ...

    @property
    def reach(self) -> Reach: ...

    @property
    def trust(self) -> Trust:
        """Its own default, until the user says otherwise."""
        ...

    @property
    def limit_s(self) -> float | None:
        """How long one call may take; None is a minute."""
        ...

    async def call(self, arguments: Mapping[str, object], tell: Tell) -> ToolOutput:
        """Do it, within `limit_s`.

        `arguments` have been checked against the schema. Cancelling ends it, and any process it started.
        Raises ToolError, with one sentence, when it could not be done.
        """
        ...
