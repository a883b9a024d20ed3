"""`felix endpoints`: every endpoint of the settings, how it is now, and how it has done in the runs that are kept."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from felix import places
from felix.cli.given import loaded_settings
from felix.cli.output import COMPLETE, Output, carry_out, note
from felix.endpoints import Endpoint, at, unnamed
from felix.errors import FelixError, LedgerError
from felix.keys import KeyStore
from felix.ledger.figures import EndpointFigures, figures, of_endpoint
from felix.ledger.reader import Reader
from felix.ledger.words import amount
from felix.llm.condition import Said, condition, tells_loaded
from felix.llm.models import NAMES, ServerReport
from felix.servers import Servers
from felix.settings import Settings, SettingsFile
from felix.terminal import safe


def run(options: argparse.Namespace) -> int:
    """List them; a server that does not answer is told and is no fault of the command."""
    return carry_out(partial(_run, options))


def _run(options: argparse.Namespace, out: Output) -> int:
    file = loaded_settings(options, is_lenient=True)
    said = asyncio.run(_ask(file))
    _list(file.current, said, _figures(options, file.current), out, as_json=options.json)
    return COMPLETE


async def _ask(file: SettingsFile) -> dict[str, ServerReport | FelixError]:
    servers = Servers(file, KeyStore(), demo_speed=1.0)
    try:
        return await servers.reports()
    finally:
        await servers.close()


def _figures(options: argparse.Namespace, settings: Settings) -> Sequence[EndpointFigures]:
    """None are known while there is no ledger."""
    path = places.ledger_file(options.ledger or settings.ledger_path)
    if not options.ledger and not path.exists():
        return ()
    try:
        with Reader(path) as reader:
            return figures(reader, settings.endpoints)
    except LedgerError as error:
        if options.ledger:
            raise
        note(str(error))
        return ()


def _list(
    settings: Settings,
    said: dict[str, ServerReport | FelixError],
    counted: Sequence[EndpointFigures],
    out: Output,
    *,
    as_json: bool,
) -> None:
    in_use = at(settings.endpoints, settings.base_url) or unnamed(settings.base_url)
    listed = settings.endpoints if in_use.name else (in_use, *settings.endpoints)
    for endpoint in listed:
        answer, done = said.get(endpoint.base_url), of_endpoint(counted, endpoint)
        if as_json:
            value = _as_json(endpoint, answer, done, is_in_use=endpoint is in_use)
            out.write(json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f") + "\n")
        else:
            _write(endpoint, answer, done, out, is_in_use=endpoint is in_use)


def _write(endpoint: Endpoint, said: Said, done: EndpointFigures | None, out: Output, *, is_in_use: bool) -> None:
    """A line with the name and how it is, and below it what more there is to say."""
    name = endpoint.name or (said.name if isinstance(said, ServerReport) else NAMES["other"])
    kind = _kind(endpoint, said)
    lines = [f"{'* ' if is_in_use else '  '}{name}  {_state(endpoint, said)}"]
    about = [endpoint.base_url, NAMES[kind] if kind in NAMES and kind != "other" else ""]
    about.append(f"pool {endpoint.pool}" if endpoint.pool else "")
    lines.append("    " + "  ".join(part for part in about if part))
    if isinstance(said, ServerReport):
        if names := [model.id for model in said.models if model.loaded][:8]:
            lines.append(f"    {'loaded' if tells_loaded(said.kind) else 'models'}: {', '.join(names)}")
    elif said:
        lines.append(f"    {said}")
    if done:
        lines.append(f"    {_figures_line(done, endpoint)}")
    out.write("".join(f"{safe(line)}\n" for line in lines))


def _figures_line(done: EndpointFigures, endpoint: Endpoint) -> str:
    """`128 answers, 3 failed, first word 0.62 s (slow), 43.2 tok/s, chunks 23 ms, 1 in 100 42 ms, cost unknown`."""
    parts = [f"{done.calls:,} answer{'' if done.calls == 1 else 's'}", f"{done.failed:,} not to the end"]
    if done.ttft_s is not None:
        parts.append(f"first word {done.ttft_s:.2f} s{' (slow)' if done.is_slow else ''}")
    if done.tokens_per_s is not None:
        parts.append(f"{done.tokens_per_s:.1f} tok/s")
    if done.gap_p50_ms is not None:
        parts.append(f"chunks {done.gap_p50_ms:,.0f} ms, 1 in 100 {done.gap_p99_ms:,.0f} ms")
    cost = done.cost(endpoint)
    parts.append("cost unknown" if cost is None else f"cost {amount(cost)}")
    return ", ".join(parts)


def _as_json(endpoint: Endpoint, said: Said, done: EndpointFigures | None, *, is_in_use: bool) -> dict[str, object]:
    report = said if isinstance(said, ServerReport) else None
    return {
        "name": endpoint.name,
        "kind": _kind(endpoint, said),
        "base_url": endpoint.base_url,
        "in_use": is_in_use,
        "pool": endpoint.pool,
        "state": _state(endpoint, said),
        "answers": report is not None,
        "error": None if report else str(said),
        "latency_ms": report.latency_ms if report else None,
        "models": [asdict(model) for model in report.models] if report else [],
        "figures": {**asdict(done), "is_slow": done.is_slow, "cost": done.cost(endpoint)} if done else None,
    }


def _kind(endpoint: Endpoint, said: Said) -> str:
    """As the settings say, else as was found out by asking."""
    return said.kind if endpoint.kind == "auto" and isinstance(said, ServerReport) else endpoint.kind


def _state(endpoint: Endpoint, said: Said) -> str:
    return condition(said, is_file=endpoint.kind == "file").words
