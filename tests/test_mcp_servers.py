"""Servers of tools as a user pastes them from elsewhere: what is taken, and how a fault is told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from felix.errors import SettingsError
from felix.mcp_servers import McpServer, document, parsed
from felix.settings import SettingsFile

DESKTOP = """
{
  "globalShortcut": "Ctrl+Space",
  "mcpServers": {
    "filesystem": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-filesystem", "/home/me/Desktop"],
      "env": {"TOKEN": "${TOKEN}"}
    },
    "remote": {"type": "http", "url": "https://example.org/mcp", "headers": {"Authorization": "Bearer ${KEY}"}}
  }
}
"""


def test_the_form_of_other_programs_is_taken_as_it_stands() -> None:
    servers = parsed(DESKTOP)
    assert list(servers) == ["filesystem", "remote"]
    assert servers["filesystem"].args[0] == "-y" and servers["remote"].headers == {"Authorization": "Bearer ${KEY}"}
    assert json.loads(document(servers)) == {"mcpServers": json.loads(DESKTOP)["mcpServers"]}
    assert parsed(document(servers)) == servers


@pytest.mark.parametrize(
    "text",
    [
        '{"servers": {"time": {"command": "uvx"}}}',
        '{"time": {"command": "uvx"}}',
        '"time": {"command": "uvx"},',
        '\ufeff{"mcpServers": {"time": {"command": "uvx"}}}\n',
    ],
)
def test_what_manuals_show_is_taken_too(text: str) -> None:
    assert parsed(text) == {"time": McpServer(command="uvx")}


def test_an_empty_text_is_no_server() -> None:
    assert parsed("") == parsed("{}") == parsed('{"mcpServers": {}}') == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"mcpServers": {"time": {"command": 3}}}', "mcpServers.time.command must be text, not 3."),
        ('{"mcpServers": {"time": {"command": "a", "args": ["b", 3]}}}', "mcpServers.time.args.1 must be text, not 3."),
        ('{"mcpServers": {"time": {"command": "a", "args": "b"}}}', 'mcpServers.time.args must be a list, not "b".'),
        (
            '{"mcpServers": {"time": {"command": "a", "env": {"KEY": 1234}}}}',
            "mcpServers.time.env.KEY must be text; put quotation marks around it.",
        ),
        ('{"mcpServers": {"time": "uvx"}}', 'mcpServers.time must be an object with a command or a url, not "uvx".'),
        ('{"mcpServers": {"time": {}}}', "mcpServers.time must have a command, which starts a program, or a url."),
        ('{"mcpServers": {"": {"url": "a"}}}', "mcpServers.: the name of a server must have 1 to 60 characters."),
        ('{"mcpServers": []}', "mcpServers must be an object with an entry for each server, not []."),
        ('{"mcpServers": {"a": {"url": "b"}, "a": {"url": "c"}}}', "“a” stands there twice"),
        ('{\n  "mcpServers": {\n    "time": {,}\n  }\n}', "This is no JSON yet: line 3, column 14"),
        ("[1]", "This must be an object"),
        ("[" * 100_000, "This is no JSON that could be saved again"),
        ('{"mcpServers": {"\\ud800": {"url": "b"}}}', "This is no JSON that could be saved again"),
    ],
)
def test_a_fault_is_named_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parsed(text)
    assert sentence in str(refused.value)


def test_one_bad_entry_does_not_cost_the_others(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"mcp_servers": {"good": {"command": "a", "x": 1}, "bad": {"command": 3}}}), "utf-8")
    file = SettingsFile(path)
    assert list(file.load().mcp_servers) == ["good"]
    assert file.notices == ("settings.json: mcp_servers.bad.command must be text, not 3. It is left out.",)
    file.change(tool_folder="/tmp")
    kept = json.loads(path.read_text("utf-8"))["mcp_servers"]["good"]
    assert (kept["command"], kept["x"]) == ("a", 1)
    assert "bad" in (tmp_path / "settings.json.bad").read_text("utf-8")


TIME = {"command": "uvx", "args": ["mcp-server-time"], "env": {"A": "1"}}
SAID = {"tool_trust": {"time/now": "allow", "time/set": "never"}, "tool_reach": {"time/now": {"can_send": False}}}


@pytest.mark.parametrize(
    ("entries", "holds"),
    [
        ({"time": {**TIME, "env": {"A": "2"}, "disabled": True}}, True),
        ({"time": {**TIME, "args": ["another"]}}, False),
        ({"time": {"url": "https://localhost"}}, False),
        ({"ti me": TIME, "time": {"command": "b"}}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("by_hand", [True, False])
def test_what_was_allowed_of_a_server_does_not_hold_for_another_one_of_its_name(
    tmp_path: Path, entries: dict[str, object], *, holds: bool, by_hand: bool
) -> None:
    path = tmp_path / "settings.json"
    file = SettingsFile(path)
    file.change(mcp_servers={"time": TIME, "web": {"url": "http://a"}}, **SAID)
    others = {**entries, "web": {"url": "http://a"}}
    if by_hand:
        path.write_text(json.dumps({**json.loads(path.read_text()), "mcp_servers": others}))
        file = SettingsFile(path)
        file.load()
    else:
        file.change(mcp_servers=others)
    assert file.current.tool_trust.get("time/now") == ("allow" if holds else None)
    assert bool(file.current.tool_reach) == holds
    assert file.current.tool_trust["time/set"] == "never", "what is forbidden stays so"
    assert holds == (not file.notices) and all("“time” is another one now, or gone" in each for each in file.notices)
    file.change(tool_trust=SAID["tool_trust"])
    assert file.current.tool_trust == SAID["tool_trust"] and not file.notices, "it is allowed anew"


@pytest.mark.skipif(os.name == "nt", reason="files have no such rights there")
def test_a_file_that_may_hold_secrets_of_servers_is_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"theme": "none of these"}')
    path.chmod(0o644)
    file = SettingsFile(path)
    file.load()
    file.change(theme="dark")
    assert path.stat().st_mode & 0o777 == 0o644
    file.change(mcp_servers={"time": TIME})
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text(path.read_text().replace('"dark"', "3"))
    file.load()
    file.change(theme="light")
    assert (tmp_path / "settings.json.bad").stat().st_mode & 0o777 == 0o600


def test_a_word_on_tools_that_names_none_is_not_passed_over(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path / "settings.json")
    with pytest.raises(SettingsError, match="“server/tool”; “time” is none"):
        file.change(tool_reach={"time": {"can_send": False}})
    file.path.write_text(json.dumps({"mcp_servers": {"time": TIME}, "tool_trust": {"time": "never"}}))
    file.load()
    (notice,) = file.notices
    assert "holds for no tool" in notice and "“time/tool”" in notice
