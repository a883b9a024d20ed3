"""`felix tools`: every tool that workflows can name, where it comes from, and what it may do."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from typing import TypeVar

from felix.cli.given import loaded_settings
from felix.cli.output import COMPLETE, FAILED, Output, carry_out
from felix.errors import ToolError
from felix.settings import SettingsFile
from felix.team.tools.mcp.servers import McpServers, ServerReport
from felix.team.tools.naming import OF_FILES
from felix.team.tools.toolbox import KnownTool, Source
from felix.team.tools.words import TRUST_WORDS, hint_words, reach_words, state_words
from felix.terminal import safe
from felix.tools import Tools

T = TypeVar("T")

_LOG_LINES = 20
"""Of a server that does not start."""


def run(options: argparse.Namespace) -> int:
    """List them, with their servers started for it; 1 when the server that `--test` names does not start."""
    return carry_out(partial(_run, options))


def _run(options: argparse.Namespace, out: Output) -> int:
    file = loaded_settings(options, is_lenient=True)
    if options.test:
        report = asyncio.run(_with(file, lambda tools: _tested(tools.servers, options.test)))
        return _tell_test(report, out, as_json=options.json)
    sources, reports = asyncio.run(_with(file, _asked))
    _list(sources, reports, file, out, as_json=options.json)
    return COMPLETE


async def _with(file: SettingsFile, ask: Callable[[Tools], Awaitable[T]]) -> T:
    async with Tools(file, asks=False) as tools:
        return await ask(tools)


async def _tested(servers: McpServers, name: str) -> ServerReport:
    reports = await servers.reports()
    key = next((each.key for each in reports if name in (each.key, each.name)), None)
    if key is None:
        there = ", ".join(each.key for each in reports) or "none yet"
        raise ToolError(f"There is no server of tools called “{name}” – name one of the settings (there: {there}).")
    return await servers.start(key)


async def _asked(tools: Tools) -> tuple[tuple[Source, ...], tuple[ServerReport, ...]]:
    return await tools.known(), await tools.servers.reports()


def _tell_test(report: ServerReport, out: Output, *, as_json: bool) -> int:
    if as_json:
        _json(asdict(report), out)
    else:
        out.write(f"{safe(report.key)}  {state_words(report)}\n")
        for tool in report.tools:
            out.write(safe(f"  {tool.name}  {_short(tool.description)}\n"))
        if report.state != "ready":
            for line in report.log[-_LOG_LINES:]:
                out.write(f"  | {safe(line)}\n")
            out.note(report.reason)
    return COMPLETE if report.state == "ready" else FAILED


def _list(
    sources: tuple[Source, ...],
    reports: tuple[ServerReport, ...],
    file: SettingsFile,
    out: Output,
    *,
    as_json: bool,
) -> None:
    settings = file.current
    for source in sources:
        report = next((each for each in reports if source.name == each.name), None)
        hints = {tool.name: tool.hints for tool in report.tools} if report else {}
        if as_json:
            for tool in source.tools:
                said = asdict(hints[tool.name]) if tool.name in hints else None
                state = report.state if report else "ready"
                folder = {"folder": settings.tool_folder} if tool.name in OF_FILES else {}
                _json({"server": source.name, "state": state, **asdict(tool), "said": said, **folder}, out)
            if source.error:
                _json({"server": source.name, "state": "failed", "error": source.error}, out)
            continue
        out.write(f"{safe(source.name) or 'Built in'}{f'  {state_words(report)}' if report else ''}\n")
        if source.error:
            out.write(f"    {safe(source.error)}\n")
        if not source.name:
            where = settings.tool_folder or f"none – name one as tool_folder in {file.path}, or in Settings, Tools"
            out.write(f"  the folder of {', '.join(OF_FILES)}: {safe(where)}\n")
        for tool in source.tools:
            _write(tool, hint_words(hints[tool.name]) if tool.name in hints else "", out)
    for name, entry in settings.mcp_servers.items():
        if entry.disabled and not as_json:
            out.write(f"{safe(name)}  disabled\n")


def _write(tool: KnownTool, said: str, out: Output) -> None:
    """A line with the name and what is in force, and below it what it is for."""
    reach = reach_words(tool.reach)
    lines = [f"  {tool.name}  {TRUST_WORDS[tool.trust].lower()}, {reach}", f"      {_short(tool.description)}"]
    if said:
        lines.append(f"      {said}")
    out.write("".join(f"{safe(line)}\n" for line in lines if line.strip()))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else line[:119] + "…"


def _json(value: dict[str, object], out: Output) -> None:
    out.write(json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f") + "\n")
