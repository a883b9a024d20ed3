"""What an entry of `mcpServers` asks for: a program to start or an address, with the variables it names put in."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from felix.errors import ToolError
from felix.log import hide
from felix.mcp_servers import McpServer

_VARIABLE = re.compile(r"\$\{(?:env:)?(\w+)(?::-([^}]*))?\}")
"""`${NAME}`, and the forms in which other programs write it: `${env:NAME}` and `${NAME:-otherwise}`."""
_SHORTEST = 8
"""Characters of a value that is kept out of logs; `true` or `3000` is no secret."""
_PLAIN = re.compile(r"[a-z]+(?:[-_./][a-z]+)?|[/~][\w./ -]*")
"""Nor is a word or two (`production`, `application/json`), or a path, which may stand in every result…"""
_SAYS_SECRET = re.compile(r"key|token|secret|pass|pwd|pw\b|auth|cred|cookie|session", re.IGNORECASE)
"""… but where their name says so."""
_INHERITED = ("LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ")
"""Beside what the package passes on (PATH, HOME and the like); API keys of the environment are no server's business."""


@dataclass(frozen=True, slots=True)
class Program:
    """Something to start, that speaks through its standard input and output."""

    command: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    """All of its environment but what every program gets."""
    cwd: str | None


@dataclass(frozen=True, slots=True)
class Address:
    """Something to reach over HTTP."""

    url: str
    headers: Mapping[str, str] = field(repr=False)


def wanted(name: str, entry: McpServer, environment: Mapping[str, str]) -> Program | Address:
    """What to start or reach. Its secrets never reach a log from here on.

    Raises ToolError when the entry names no program, one that is not there, or a variable that is not set.
    """
    if entry.disabled:
        raise ToolError(f"The server “{name}” is disabled – take “disabled” off its entry in Settings, Tools.")
    if entry.url:
        return _address(name, entry, environment)
    if not entry.command:
        raise ToolError(f"The server “{name}” has neither a command nor a url – add one in Settings, Tools.")
    env = _expanded(name, "env", entry.env, environment)
    passed = {key: environment[key] for key in _INHERITED if key in environment}
    path = env.get("PATH", environment.get("PATH", os.defpath))
    command = str(Path(entry.command).expanduser()) if entry.command.startswith("~") else entry.command
    found = shutil.which(command, path=path)
    if found is None:
        raise ToolError(
            f"The program “{entry.command}” of the server “{name}” was not found – install it, or write its whole path "
            "in Settings, Tools."
        )
    cwd = str(Path(entry.cwd).expanduser()) if entry.cwd else None
    if cwd and not Path(cwd).is_dir():
        raise ToolError(f"The folder {cwd} of the server “{name}” is not there – correct cwd in Settings, Tools.")
    # on Windows npx is a script with an ending of its own, which only the search finds
    program = found if sys.platform == "win32" else command
    return Program((program, *entry.args), {**passed, **env}, cwd)


def _address(name: str, entry: McpServer, environment: Mapping[str, str]) -> Address:
    if (entry.model_extra or {}).get("type") == "sse":
        raise ToolError(
            f"The server “{name}” is of the old kind “sse”, which Felix does not speak – use its address for "
            "streamable HTTP, usually one that ends in /mcp."
        )
    try:
        parts = urlsplit(entry.url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_web = False
    if not is_web:
        raise ToolError(f"The url of the server “{name}” is none – it must begin with http:// or https://.")
    headers = _expanded(name, "headers", entry.headers, environment)
    for key, value in headers.items():
        if not (key.isascii() and key.strip() and value.isascii() and value.isprintable()):
            raise ToolError(f"The header “{key}” of the server “{name}” has letters that cannot be sent.")
        for word in value.split():  # `Bearer …`: the secret alone must be known, too
            _hide_if_secret(key, word)
    parts = urlsplit(entry.url)
    for secret in (parts.password or "", *(value for _, value in parse_qsl(parts.query))):
        if len(secret) >= _SHORTEST:
            hide(secret)
    return Address(entry.url, headers)


def place_of(url: str) -> str:
    """An address without what may be a secret in it: scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _expanded(name: str, where: str, given: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for key, text in given.items():
        if "\0" in key + text or "=" in key:
            raise ToolError(f"{where}.{key[:60]!r} of the server “{name}” cannot be used as it stands.")

        def put_in(found: re.Match[str], key: str = key) -> str:
            value = environment.get(found[1], found[2])
            if value is None:
                raise ToolError(
                    f"{where}.{key} of the server “{name}” names the variable {found[1]}, which is not set – set it "
                    "and start Felix again."
                )
            if found[1] in environment:  # what stands behind `:-` is for all to read
                _hide_if_secret(f"{key} {found[1]}", value)
            return value

        values[key] = _VARIABLE.sub(put_in, text)
        _hide_if_secret(key, values[key])
    return values


def _hide_if_secret(name: str, value: str) -> None:
    if len(value) >= _SHORTEST and (_SAYS_SECRET.search(name) or not _PLAIN.fullmatch(value)):
        hide(value)
