"""Servers of tools as a user pastes them from elsewhere: what is taken, and how a fault is told."""

from __future__ import annotations

import json
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
