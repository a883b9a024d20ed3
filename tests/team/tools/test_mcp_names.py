"""Names of servers' tools, what an entry asks for, and how the missing package is told."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from felix.errors import ToolError
from felix.log import redacted
from felix.mcp_servers import McpServer, called, server_word
from felix.team.tools.mcp.entry import Address, Program, wanted
from felix.team.tools.mcp.install import load_package
from felix.team.tools.mcp.names import spec_name, tool_name
from felix.team.workflow.model import ToolName

_FOR_MODELS = re.compile(r"[A-Za-z0-9_-]{1,64}")
_parts = st.text(alphabet="ab_-/. é", min_size=1, max_size=50)
_allowed = TypeAdapter(ToolName)


def test_plain_names_are_joined() -> None:
    assert tool_name("time", "get_current_time") == "time/get_current_time"
    assert spec_name("time", "get_current_time") == "time__get_current_time"
    assert server_word("My Server") == "My-Server"


@settings(max_examples=20)
@given(_parts, _parts)
def test_every_name_is_one_that_workflows_and_model_servers_take(server: str, tool: str) -> None:
    assert _FOR_MODELS.fullmatch(spec_name(server, tool))
    assert _allowed.validate_python(tool_name(server, tool))


@settings(max_examples=20)
@given(st.lists(st.tuples(_parts, _parts), unique=True, max_size=12))
def test_no_two_tools_share_a_name(pairs: list[tuple[str, str]]) -> None:
    assert len({spec_name(*pair) for pair in pairs}) == len(pairs)
    one_server = {tool for _, tool in pairs}
    assert len({tool_name("one", tool) for tool in one_server}) == len(one_server)


@pytest.mark.parametrize(
    ("pairs"),
    [
        [("a__b", "c"), ("a", "b__c")],
        [("a_", "b"), ("a", "_b")],
        [("x" * 40, "y" * 40), ("x" * 40, "y" * 41)],
        [("a b", "c"), ("a-b", "c"), ("a_b", "c")],
    ],
)
def test_names_that_would_fall_together_are_kept_apart(pairs: list[tuple[str, str]]) -> None:
    assert len({spec_name(*pair) for pair in pairs}) == len(pairs)


def test_variables_are_put_in_and_kept_out_of_every_log() -> None:
    entry = McpServer(
        command=sys.executable,
        args=("-m", "x"),
        env={"A": "${MY_KEY}", "B": "${env:MY_KEY}!", "C": "${NOT_SET:-3000}", "D": "literal-secret-value", "E": "on"},
    )
    program = wanted("one", entry, {"MY_KEY": "very-secret", "LANG": "C.UTF-8", "OPENAI_API_KEY": "sk-1"})
    assert isinstance(program, Program)
    assert program.env == {
        "LANG": "C.UTF-8", "A": "very-secret", "B": "very-secret!", "C": "3000", "D": "literal-secret-value", "E": "on",
    }  # fmt: skip
    assert program.command == (sys.executable, "-m", "x")
    assert "secret" not in repr(program)
    assert redacted("3000: very-secret and literal-secret-value, on") == "3000: [key] and [key], on"


def test_words_and_paths_of_an_entry_stay_readable_but_where_their_name_says_that_they_are_secret() -> None:
    env = {"MODE": "production", "ROOT": "/home/me/my notes", "DB_PASSWORD": "opensesame", "DOCS": "${HOME}/docs"}
    wanted("one", McpServer(command=sys.executable, env=env), {"HOME": "/home/me"})
    wanted("two", McpServer(url="http://127.0.0.1:9/mcp", headers={"Accept": "application/json"}), {})
    said = "production of application/json in /home/me/my notes: opensesame"
    assert redacted(said) == "production of application/json in /home/me/my notes: [key]"


def test_the_secret_in_a_header_is_known_without_the_word_before_it() -> None:
    entry = McpServer(url="http://127.0.0.1:9/mcp", headers={"Authorization": "Bearer ${HEADER_TOKEN}"})
    address = wanted("one", entry, {"HEADER_TOKEN": "tok-0123456789"})
    assert isinstance(address, Address) and address.headers == {"Authorization": "Bearer tok-0123456789"}
    assert "tok-" not in redacted("Bearer tok-0123456789") and "tok-" not in repr(address)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({}, "neither a command nor a url"),
        ({"command": "no-such-program-anywhere"}, "“no-such-program-anywhere” of the server “one” was not found"),
        (
            {"command": sys.executable, "env": {"A": "${NOT_SET}"}},
            "env.A of the server “one” names the variable NOT_SET",
        ),
        ({"command": sys.executable, "env": {"A=B": "1"}}, "cannot be used as it stands"),
        ({"command": sys.executable, "env": {"A": "\0"}}, "cannot be used as it stands"),
        ({"command": sys.executable, "cwd": "/no/such/folder"}, "The folder /no/such/folder"),
        ({"command": sys.executable, "disabled": True}, "is disabled"),
        ({"url": "ftp://host/mcp"}, "must begin with http"),
        ({"url": "http://[half"}, "must begin with http"),
        ({"url": "http://host/sse", "type": "sse"}, "of the old kind “sse”"),
        ({"url": "http://host/mcp", "headers": {"A": "ä"}}, "letters that cannot be sent"),
        ({"url": "http://host/mcp", "headers": {"A": "b\nC: d"}}, "letters that cannot be sent"),
    ],
)
def test_an_entry_that_cannot_be_used_is_told_in_one_sentence(entry: dict[str, object], sentence: str) -> None:
    with pytest.raises(ToolError, match=re.escape(sentence)) as refused:
        wanted("one", McpServer.model_validate(entry), {})
    assert str(refused.value).endswith(".")


def test_without_the_package_the_command_that_installs_it_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(ToolError, match="-m pip install --upgrade mcp`, then try again"),
    ):
        load_package()


def test_an_old_package_is_told_from_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    old = ModuleType("mcp")
    for name in ("mcp", "mcp.client.stdio", "mcp.client.streamable_http"):
        monkeypatch.setitem(sys.modules, name, old)
    with pytest.raises(ToolError, match="is too old – install a new one"):
        load_package()


def test_servers_whose_names_would_fall_together_are_called_apart() -> None:
    assert called(["time", "My Server", "web"]) == {"time": "time", "My Server": "My-Server", "web": "web"}
    names = called(["My Server", "My-Server", "My  Server"])
    assert names["My-Server"] == "My-Server" and len(set(names.values())) == 3


def test_felix_starts_without_the_package() -> None:
    """Nobody who has no server of tools pays for it: it is imported inside functions only."""
    package = Path(load_package.__code__.co_filename).parent
    for module in package.glob("*.py"):
        text = module.read_text("utf-8").split("if TYPE_CHECKING:")[0]
        assert not re.search(r"^(from|import) (mcp|mcp_types|httpx2|anyio)\b", text, re.MULTILINE), module
