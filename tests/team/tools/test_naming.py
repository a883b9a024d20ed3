"""What is said of a workflow's tools before a run, with the next step, and without starting anything."""

from __future__ import annotations

import importlib.util

import pytest

from felix.mcp_servers import McpServer
from felix.settings import Settings
from felix.team.tools.builtin import BuiltIn
from felix.team.tools.naming import BUILT_IN, first_lacking, lacking, names_in
from felix.team.workflow import parse

SERVERS = {"time": McpServer(command="never-started"), "off": McpServer(command="never-started", disabled=True)}


def workflow(tools: str, *of_agents: str) -> str:
    agents = "".join(f"  - {{id: a{at}, role: research{of}}}\n" for at, of in enumerate(of_agents or ("",)))
    return f"name: T\ntools: {tools}\nagents:\n{agents}checkpoints: [0]\n"


@pytest.mark.skipif(importlib.util.find_spec("mcp") is None, reason="the package mcp is missing")
@pytest.mark.parametrize(
    ("name", "lack"),
    [
        ("calculator", None), ("read_file", "folder"), ("time", None), ("time/now", None), ("off/x", "off"),
        ("Calculater", "unknown"), ("nobody/x", "unknown"), ("find_in_files", "off"),
    ],
)  # fmt: skip
def test_each_name_is_held_against_the_settings(name: str, lack: str | None) -> None:
    found = lacking(name, Settings(mcp_servers=SERVERS, tool_trust={"find_in_files": "never"}))
    assert (found.lack if found else None) == lack
    if found:
        assert "Settings" in found.sentence


def test_what_nobody_of_the_team_would_use_is_not_missed() -> None:
    whole = parse(workflow("[nobody]", ", tools: [calculator]", ", tools: []"), "x")
    assert names_in(whole) == ("calculator",)
    assert first_lacking(whole, Settings()) is None
    shared = parse(workflow("[list_files]", "", ", tools: [calculator]"), "x")
    assert names_in(shared) == ("list_files", "calculator")
    assert "No folder is chosen" in str(first_lacking(shared, Settings()))


def test_the_built_in_ones_are_those_that_there_are() -> None:
    assert {tool.name for tool in BuiltIn(Settings)._tools} == set(BUILT_IN)
