"""What asking a server takes, imported on a thread before the clock runs: it can be seconds on a slow machine, which
would stop the loop and look like the silence of a server."""

from __future__ import annotations

import asyncio
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from felix.llm.anthropic.headers import HOST as ANTHROPIC

if TYPE_CHECKING:
    from felix.endpoints import ServerKind

SDK = "anthropic.resources.messages"
"""The part of Anthropic's package that is slow to import."""

_COMMON = "felix.llm.transport"
_imported: set[str] = set()


async def ready_to_list() -> None:
    """Have what every question to a server takes."""
    await _have(_COMMON)


async def ready_to_ask(kind: ServerKind | Literal["auto"], base_url: str = "") -> None:
    """Have what an answer takes of a server of this kind; of one whose kind is not known, as its address tells."""
    await _have(_COMMON, "felix.llm.openai_client")
    if (kind == "anthropic" or urlsplit(base_url).hostname == ANTHROPIC) and find_spec("anthropic"):
        await _have("felix.llm.anthropic.client", SDK)


async def _have(*modules: str) -> None:
    for module in modules:
        if module not in _imported:
            await asyncio.to_thread(import_module, module)
            _imported.add(module)
