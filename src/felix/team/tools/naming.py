"""The tools that a workflow names, held against the settings: what is missing or off, without starting anything."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from felix.errors import WorkflowError
from felix.ledger.state import RunState
from felix.mcp_servers import called
from felix.settings import Settings
from felix.team.tools.calculator import Calculator
from felix.team.tools.files import FindInFiles, ListFiles, ReadFile
from felix.team.workflow import Workflow, from_json

OF_FILES: tuple[str, ...] = (ListFiles.name, ReadFile.name, FindInFiles.name)
BUILT_IN: tuple[str, ...] = (Calculator.name, *OF_FILES)
"""Felix's own, as workflows name them."""

Lack = Literal["unknown", "off", "folder", "package"]
"""No settings have it; they switch it off; no folder is chosen for it; the package for servers is missing."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """A name of the workflow's, why agents will have nothing of it, and a sentence with the next step."""

    name: str
    lack: Lack
    sentence: str


def names_in(workflow: Workflow) -> tuple[str, ...]:
    """All that somebody of the team may use, in the order of the file, each once."""
    return tuple(dict.fromkeys(name for names in sets_of_tools(workflow) for name in names))


def servers_in(workflow: Workflow) -> tuple[str, ...]:
    """The servers of tools that a workflow has started, in the order of the file."""
    return tuple(dict.fromkeys(name.partition("/")[0] for name in names_in(workflow) if name not in BUILT_IN))


def starting_tools(state: RunState) -> str:
    """What a run does before its first round where its workflow names servers of tools; empty for another one."""
    servers = _servers(state.plan.definition) if state.plan is not None else ()
    if not servers:
        return ""
    return f"Starting the tools' server{'s' if len(servers) > 1 else ''} {', '.join(servers)}"


def sets_of_tools(workflow: Workflow) -> tuple[tuple[str, ...], ...]:
    """What the agents of a workflow may use, each set once: the team's, where somebody has none of their own, first."""
    own = [spec.tools for spec in workflow.agents]
    has_team = None in own or bool(workflow.rules)  # who comes by a rule may be of no agent's kind
    return tuple(dict.fromkeys((*((workflow.tools,) if has_team else ()), *(each for each in own if each is not None))))


def lacking(name: str, settings: Settings) -> Lacking | None:
    """What is wrong with one name; None when it can be used, as far as that is known before a server is started."""
    server, _, tool = name.partition("/")
    if name in BUILT_IN:
        if settings.tool_trust.get(name) == "never":
            return Lacking(
                name, "off", f"The workflow names {name}, which is set to Never – allow it in Settings, Tools."
            )
        if name in OF_FILES and not settings.tool_folder:
            what = "the workflow's tools may read nothing yet"
            return Lacking(name, "folder", f"No folder is chosen, so {what} – choose one in Settings, Tools.")
        return None
    words = called(settings.mcp_servers)
    entries = {words[key]: entry for key, entry in settings.mcp_servers.items()}
    if (entry := entries.get(server)) is None:
        there = ", ".join([*BUILT_IN, *entries])
        why = "which Felix does not know – add its server in Settings, Tools, or name another one"
        return Lacking(name, "unknown", f"The workflow names the tool “{name}”, {why} (there: {there}).")
    if entry.disabled:
        why = f"but the server “{server}” is switched off – switch it on in Settings, Tools"
        return Lacking(name, "off", f"The workflow names “{name}”, {why}.")
    if tool and settings.tool_trust.get(name) == "never":
        return Lacking(name, "off", f"The workflow names {name}, which is set to Never – allow it in Settings, Tools.")
    if importlib.util.find_spec("mcp") is None:
        why = "servers of tools need the package mcp, which is not installed – Settings, Tools says how"
        return Lacking(name, "package", f"The workflow names “{name}”; {why}.")
    return None


def first_lacking(workflow: Workflow, settings: Settings) -> Lacking | None:
    """The first name in a workflow of which its agents would have nothing."""
    return next((found for name in names_in(workflow) if (found := lacking(name, settings))), None)


@lru_cache(maxsize=4)
def _servers(definition: str) -> tuple[str, ...]:
    try:
        return servers_in(from_json(definition))
    except WorkflowError:  # of a later Felix
        return ()
