"""Where a workflow's text says which tools may be used: reading those places, and what to put there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from felix.settings import Settings
from felix.team.tools.naming import lacking
from felix.team.workflow import Workflow
from felix.team.workflow.document import Document, Path


@dataclass(frozen=True, slots=True)
class ToolPlace:
    """A block of the file that may name tools."""

    path: Path
    """`()` is the workflow itself."""
    name: str
    tools: tuple[str, ...] | None
    """As they stand there; None: as the team."""


def tool_places(workflow: Workflow) -> list[ToolPlace]:
    """The whole team, then its agents."""
    agents = (ToolPlace(("agents", at), f"Agent {spec.id}", spec.tools) for at, spec in enumerate(workflow.agents))
    return [ToolPlace((), "The whole team", workflow.tools), *agents]


def written(names: Sequence[str]) -> str:
    """A list of names as YAML writes it."""
    return f"[{', '.join(names)}]"


def missing_tool(text: str, workflow: Workflow, settings: Settings) -> tuple[int, str] | None:
    """The first line that names a tool which the settings do not have or switch off, and what to do about it."""
    document = Document(text, "")
    for place in tool_places(workflow):
        for at, name in enumerate(place.tools or ()):
            found = lacking(name, settings)
            if found and found.lack in ("unknown", "off"):
                lines, path = document.lines, (*place.path, "tools")
                return lines.get((*path, at), lines.get(path, 1)), found.sentence
    return None
