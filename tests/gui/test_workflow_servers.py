"""Naming servers in a workflow's text: a line more, a line less, and everything else as its user wrote it."""

from __future__ import annotations

import pytest

from felix.endpoints import Endpoint
from felix.errors import WorkflowError
from felix.gui.workflow_editor.servers import changed, moved, places_of, unknown
from felix.gui.workflow_editor.tools import missing_tool, tool_places, written
from felix.settings import Settings
from felix.team.workflow import parse
from felix.team.workflow.document import Path

BLOCKS = """\
# mine
name: Small  # short
agents:
  # the first
  - id: one
    role: research
    prompt: |
      endpoint: is only a word here
  - id: two
    role: critic

checkpoints: [0, 0.5]
"""
BRACES = """\
name: Small
agents:
  - {id: one, role: research, spawn: 0}
  - {id: two, role: critic, spawn: 0}
checkpoints: [0]
synthesis: {temperature: 0.2}
"""
TEAM: Path = ()
RESEARCH: Path = ("roles", "research")
ONE: Path = ("agents", 0)
HUB: Path = ("synthesis",)


def asked(text: str) -> dict[Path, tuple[str, str]]:
    return {place.path: (place.endpoint, place.model) for place in places_of(parse(text, "x")) if place.endpoint}


@pytest.mark.parametrize("text", [BLOCKS, BRACES], ids=["blocks", "braces"])
@pytest.mark.parametrize("path", [TEAM, RESEARCH, ONE, HUB], ids=["team", "role", "agent", "hub"])
@pytest.mark.parametrize("endpoint", ["Ollama", "Left: rack", "true", "a}b,c # d", 'say "hi"', "ö"])
def test_a_server_is_named_changed_and_taken_back(text: str, path: Path, endpoint: str) -> None:
    once = moved(text, path, endpoint, "qwen3:8b")
    assert asked(once) == {path: (endpoint, "qwen3:8b")}
    twice = moved(once, path, "Studio", "")
    assert asked(twice) == {path: ("Studio", "")}
    back = moved(twice, path, "", "")
    assert asked(back) == {}
    assert parse(back, "x") == parse(text, "x")


def test_nothing_else_changes() -> None:
    after = moved(BLOCKS, ONE, "Ollama", "")
    assert after.split("\n") == [*BLOCKS.split("\n")[:6], "    endpoint: Ollama", *BLOCKS.split("\n")[6:]]
    assert moved(after, ONE, "", "") == BLOCKS
    assert moved(moved(BLOCKS, RESEARCH, "Ollama", ""), RESEARCH, "", "") == BLOCKS


def test_a_comment_behind_a_value_stays() -> None:
    text = BLOCKS.replace("name: Small  # short", "name: Small\nendpoint: Ollama  # the quiet one")
    assert "endpoint: Studio  # the quiet one" in moved(text, TEAM, "Studio", "")


def test_a_second_role_stands_beside_the_first() -> None:
    text = moved(moved(BLOCKS, RESEARCH, "Ollama", ""), ("roles", "critic"), "Studio", "qwen3-8b")
    assert asked(text) == {RESEARCH: ("Ollama", ""), ("roles", "critic"): ("Studio", "qwen3-8b")}
    assert asked(moved(text, RESEARCH, "", "")) == {("roles", "critic"): ("Studio", "qwen3-8b")}


def test_failing_over_is_a_switch() -> None:
    on = changed(BLOCKS, TEAM, "failover", "true")
    assert parse(on, "x").failover and not parse(changed(on, TEAM, "failover", None), "x").failover


def test_what_no_line_can_be_found_for_is_left_to_its_user() -> None:
    text = BRACES + 'roles: {\n  "research": {\n    model: m\n  }\n}\n'
    assert parse(text, "x")
    with pytest.raises(WorkflowError, match=r"by hand\.$"):
        moved(text, RESEARCH, "Ollama", "")


def test_what_stands_in_one_line_with_others_does_not_take_them_along() -> None:
    text = BRACES + "roles: {research: {endpoint: Ollama}, critic: {endpoint: Studio}}\n"
    with pytest.raises(WorkflowError, match=r"by hand\.$"):
        moved(text, RESEARCH, "", "")


def test_a_server_that_the_settings_do_not_know_is_found_at_its_line() -> None:
    settings = Settings(endpoints=(Endpoint(name="Studio", base_url="http://127.0.0.1:1234/v1", pool="racks"),))
    text = moved(moved(moved(BLOCKS, TEAM, "studio", ""), RESEARCH, "racks", ""), ONE, "Olama", "")
    found = unknown(text, parse(text, "x"), settings)
    assert found is not None
    line, sentence = found
    assert text.split("\n")[line - 1] == "    endpoint: Olama"
    assert "“Olama”" in sentence and "Studio" in sentence
    assert unknown(BLOCKS, parse(BLOCKS, "x"), settings) is None


@pytest.mark.parametrize("text", [BLOCKS, BRACES], ids=["blocks", "braces"])
@pytest.mark.parametrize("path", [TEAM, ONE], ids=["team", "agent"])
def test_tools_are_named_changed_and_taken_back(text: str, path: Path) -> None:
    def named(text: str) -> dict[Path, tuple[str, ...] | None]:
        return {place.path: place.tools for place in tool_places(parse(text, "x"))}

    once = changed(text, path, "tools", written(("calculator", "time/now")))
    assert named(once)[path] == ("calculator", "time/now")
    twice = changed(once, path, "tools", written(("read_file",)))
    assert named(twice)[path] == ("read_file",)
    assert named(twice)["agents", 1] is None
    assert parse(changed(twice, path, "tools", None), "x") == parse(text, "x")


def test_the_line_that_names_an_unknown_tool_is_found() -> None:
    text = changed(BLOCKS, ONE, "tools", "[calculator, calculater]")
    line, sentence = missing_tool(text, parse(text, "x"), Settings()) or (0, "")
    assert text.split("\n")[line - 1].strip() == "tools: [calculator, calculater]"
    assert "“calculater”" in sentence
    assert missing_tool(BLOCKS, parse(BLOCKS, "x"), Settings()) is None
