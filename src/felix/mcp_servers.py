"""A server of tools as the user names it in the settings, in the form that other programs use for it, too."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from felix.errors import SettingsError

Trust = Literal["allow", "ask", "never"]
"""Whether a tool may be used: unasked, after the user has seen its arguments, or not at all."""

MOST_SERVERS = 100
MARK = 6
"""Hexadecimal digits that keep two names apart when letters had to be left out."""
NOT_IN_WORKFLOWS = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 40
_BLOCKS = ("mcpServers", "servers")
"""Under which name programs keep them."""

_Text = Annotated[str, Field(max_length=10_000)]


class DocumentError(SettingsError):
    """A text that is no JSON."""

    def __init__(self, sentence: str, line: int) -> None:
        super().__init__(sentence)
        self.line = line
        """1-based, of the fault."""


class McpServer(BaseModel):
    """One entry of `mcpServers`: a program that is started (`command`), or an address (`url`).

    Values of `env` and `headers` may name variables of the environment as `${NAME}`, so that no secret need stand in
    the file.
    """

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    command: _Text = ""
    args: tuple[_Text, ...] = Field(default=(), strict=False)
    env: dict[str, _Text] = {}
    cwd: _Text = ""
    url: _Text = ""
    headers: dict[str, _Text] = {}
    disabled: bool = False


class SaidReach(BaseModel):
    """What the user says of a tool that nobody else can be believed about. Without a word of theirs it may do both."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    reads_private: bool = True
    can_send: bool = True


def server_word(name: str) -> str:
    """A server's name as workflows write it."""
    return NOT_IN_WORKFLOWS.sub("-", name).strip("-")[:_LONGEST_NAME] or "server"


def called(keys: Iterable[str]) -> dict[str, str]:
    """What each of several servers is called in workflows: no two alike, or a word on one would hold for the other."""
    words = {key: server_word(key) for key in keys}
    counted = Counter(words.values())
    return {
        key: word if word == key or counted[word] == 1 else f"{word[: _LONGEST_NAME - MARK - 1]}-{mark(key)}"
        for key, word in words.items()
    }


def server_of(tool: str) -> str:
    """The server in `server/tool`; empty for a tool that is called by its own name."""
    return tool.rpartition("/")[0]


def marks_of(servers: Mapping[str, McpServer]) -> dict[str, str]:
    """By the names that workflows use: which program or address each server is, however it is started."""
    names = called(servers)
    return {
        names[key]: mark(json.dumps([each.command, each.args, each.cwd, each.url]), digits=16)
        for key, each in servers.items()
    }


def mark(text: str, *, digits: int = MARK) -> str:
    """The same for the same text, and for no other one."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]


def document(servers: Mapping[str, McpServer]) -> str:
    """The servers as other programs keep them, to be edited: whatever else an entry holds is in it, too."""
    entries = {name: server.model_dump(mode="json", exclude_defaults=True) for name, server in servers.items()}
    return json.dumps({"mcpServers": entries}, indent=2, ensure_ascii=False) + "\n"


def parsed(text: str) -> dict[str, McpServer]:
    """The servers in a document, or in the part of one that a manual shows: the block, or entries without a block.

    Raises SettingsError, which names the place of the first fault.
    """
    raw = _json(text)
    where = next((name for name in _BLOCKS if name in raw), "")
    entries = raw[where] if where else raw
    if not isinstance(entries, dict):
        raise SettingsError(f"{where} must be an object with an entry for each server, not {_shown(entries)}.")
    if len(entries) > MOST_SERVERS:
        raise SettingsError(f"There are {len(entries):,} servers; {MOST_SERVERS} is the most.")
    return {name: _entry(name, entry, where) for name, entry in entries.items()}


def _entry(name: str, entry: object, block: str) -> McpServer:
    path = f"{block}.{name}" if block else name
    if not name.strip() or len(name) > 60:
        raise SettingsError(f"{path}: the name of a server must have 1 to 60 characters.")
    if not isinstance(entry, dict):
        raise SettingsError(f"{path} must be an object with a command or a url, not {_shown(entry)}.")
    try:
        server = McpServer.model_validate(entry)
    except ValidationError as error:
        raise SettingsError(fault_sentence(path, error.errors())) from None
    if not server.command and not server.url:
        raise SettingsError(f"{path} must have a command, which starts a program, or a url.")
    return server


_MUST_BE = {
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "tuple_type": "must be a list",
    "string_too_long": "is too long",
    "model_type": "must be an object",
}


def fault_sentence(path: str, faults: Sequence[ErrorDetails]) -> str:
    """The first fault of an entry at `path`, as `mcpServers.time.args.1 must be text, not 3.`"""
    fault = faults[0]
    place = ".".join([path, *(str(part) for part in fault["loc"])])
    must = _MUST_BE.get(fault["type"], "is not allowed")
    if len(fault["loc"]) > 1 and fault["loc"][0] in ("env", "headers"):  # what stands there may be a secret
        return f"{place} {must}; put quotation marks around it."
    return f"{place} {must}, not {_shown(fault['input'])}."


def _json(text: str) -> dict[str, object]:
    stripped = text.strip().lstrip("\ufeff").strip().rstrip(",")
    if stripped.startswith('"'):  # entries without their braces, as manuals show them
        stripped = "{" + stripped + "}"
    try:
        raw = json.loads(stripped or "{}", object_pairs_hook=_once)
        json.dumps(raw, ensure_ascii=False).encode()  # half characters, deep nesting: read by json, not written
    except json.JSONDecodeError as error:
        sentence = f"This is no JSON yet: line {error.lineno}, column {error.colno}: {error.msg}."
        raise DocumentError(sentence, error.lineno) from None
    except (ValueError, RecursionError):
        raise SettingsError("This is no JSON that could be saved again – look for strange characters.") from None
    if not isinstance(raw, dict):
        raise SettingsError('This must be an object: {"mcpServers": {"name": {"command": "…"}}}.')
    return raw


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A name that stands there twice would lose the first of the two."""
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise SettingsError(f"“{name[:60]}” stands there twice – give one of the two another name.")
        found[name] = value
    return found


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:59] + "…"
