"""The tools that need nothing: Felix brings them itself."""

from __future__ import annotations

from collections.abc import Callable

from felix.settings import Settings
from felix.team.tools.calculator import Calculator
from felix.team.tools.files import file_tools
from felix.team.tools.tool import Tool


def built_in_tools(settings: Callable[[], Settings]) -> tuple[Tool, ...]:
    """All of them; those for files say what to do while no folder is chosen."""
    return (Calculator(), *file_tools(settings))


class BuiltIn:
    """A provider of tools that are called by their own names."""

    name = ""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._tools = built_in_tools(settings)

    async def tools(self) -> tuple[Tool, ...]:
        """All of them."""
        return self._tools
