"""The model servers that run on this machine, found by asking the usual ports of the loopback and no others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from felix.errors import ServerError
from felix.llm.address import is_loopback
from felix.llm.models import NAMES, ServerReport, list_models
from felix.llm.ollama.address import DEFAULT as OLLAMA
from felix.llm.ollama.address import from_environment
from felix.llm.packages import ready_to_list
from felix.llm.questions import Questions, parsed

if TYPE_CHECKING:
    from felix.endpoints import ServerKind

USUAL = (
    "http://127.0.0.1:1234/v1",  # LM Studio
    OLLAMA,
    "http://127.0.0.1:9931/v1",  # llama.cpp since autumn 2026
    "http://127.0.0.1:8080/v1",  # llama.cpp before
)
LOOK_S = 0.8
"""For each, all at once: a server on the loopback lists its models in milliseconds, and people wait a second."""


async def find_servers(
    *, environment: Mapping[str, str] | None = None, addresses: Sequence[str] | None = None
) -> tuple[ServerReport, ...]:
    """Those that answered in time and have a model, in the order of `addresses`: without them the usual ones.

    Behind them come those of which nothing is known yet, but that they want a key.
    """
    await ready_to_list()
    wanted = usual_addresses(os.environ if environment is None else environment) if addresses is None else addresses
    found = await asyncio.gather(*map(_look, wanted))
    return tuple(sorted((report for report in found if report), key=lambda report: report.wants_key))


def usual_addresses(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Where to look. `OLLAMA_HOST` is heeded when it names this machine: others are asked only if a user says so."""
    ollama = from_environment(environment)
    return tuple(dict.fromkeys((*USUAL[:1], *([ollama] if is_loopback(ollama) else []), *USUAL[1:])))


async def _look(base_url: str) -> ServerReport | None:
    """The server there, if it is one: a web page on the same port is not."""
    try:
        async with asyncio.timeout(LOOK_S):
            try:
                return await list_models(base_url, timeout_s=LOOK_S)
            except ServerError as error:
                return await _behind_its_key(base_url) if error.fault == "key" else None
    except (ServerError, TimeoutError):
        return None


async def _behind_its_key(base_url: str) -> ServerReport | None:
    """Who refuses to list its models without a key; None for what need not be a model server."""
    from felix.llm import faults

    async with Questions(base_url, timeout_s=LOOK_S) as server:
        refusal = parsed(await server.get(f"{base_url}/models"))
        kind: ServerKind | None = None
        if isinstance(refusal, dict) and isinstance(refusal.get("error"), dict):
            if "LM Studio" in faults.error_text(refusal):
                kind = "lmstudio"
            elif await server.json(f"{server.root}/health") == {"status": "ok"}:
                kind = "llamacpp"
        return ServerReport(kind, NAMES[kind], (), server.latency_ms, base_url, wants_key=True) if kind else None
