"""CPU per chunk of one stream in each dialect: Felix's client beside the package its provider ships.

Both read the same answer of the same fake server, which speaks the documented wire in a process of its own
(`python -m benchmarks.dialects`), in turns and in one process; the ratio may be compared with another machine's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CHUNKS = 4_000
REPEATS = 3
GOAL = 0.25
"""Felix's share of what the provider's own package costs, at most."""

MESSAGES = [{"role": "user", "content": "Why?"}]
MODEL = "a-model"

Cost = dict[str, Any]

Read = Callable[[str], Awaitable[float]]
"""Reads one answer from a server's root; microseconds of this process' CPU time per chunk."""


def measure(root: Path, environment: Mapping[str, str]) -> dict[str, Cost]:
    """Per dialect: `felix_us`, `package_us` and their `ratio`; or `missing`, the package that is not installed."""
    results: dict[str, Cost] = {}
    with _servers(root, environment) as addresses:
        for name, (package, ours, theirs) in DIALECTS.items():
            if package and find_spec(package) is None:
                results[name] = {"missing": package}
                continue
            felix_us, package_us = asyncio.run(_in_turns(addresses[name], ours, theirs))
            results[name] = {"felix_us": round(felix_us, 1)}
            if theirs:
                results[name] |= {"package_us": round(package_us, 1), "ratio": round(felix_us / package_us, 3)}
    return results


async def _in_turns(address: str, ours: Read, theirs: Read | None) -> tuple[float, float]:
    """The best of each, so that what else the machine does falls on neither alone."""
    best = [float("inf"), float("inf")]
    for _ in range(REPEATS):
        for index, read in enumerate((ours, theirs)):
            if read:
                best[index] = min(best[index], await read(address))
    return best[0], best[1]


async def _spent(began: float, pieces: AsyncIterator[bool]) -> float:
    """Reads to the end; a piece is true when it holds text. The request counts too: it `began` before."""
    seen = 0
    async for has_text in pieces:
        seen += has_text
    spent = time.process_time() - began
    assert seen == CHUNKS, seen
    return spent / CHUNKS * 1e6


def _felix(kind: str, path: str) -> Read:
    async def read(address: str) -> float:
        from felix.llm.chat import ChatRequest, Message, Text
        from felix.llm.models import make_client

        client = make_client(address + path, "", kind)  # type: ignore[arg-type]
        try:
            request = ChatRequest((Message("user", "Why?"),), MODEL)
            began = time.process_time()
            return await _spent(began, (isinstance(delta, Text) async for delta in client.stream(request)))
        finally:
            await client.aclose()

    return read


async def _openai(address: str) -> float:
    import httpx2
    import openai

    http = httpx2.AsyncClient(trust_env=False)
    async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, http_client=http) as client:
        began = time.process_time()
        stream = await client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)  # type: ignore[call-overload]
        return await _spent(began, (bool(c.choices and c.choices[0].delta.content) async for c in stream))


async def _anthropic(address: str) -> float:
    import anthropic
    import httpx2

    http = httpx2.AsyncClient(trust_env=False)
    async with anthropic.AsyncAnthropic(base_url=address, api_key="none", max_retries=0, http_client=http) as client:
        began = time.process_time()
        stream = await client.messages.create(model=MODEL, messages=MESSAGES, max_tokens=8_192, stream=True)  # type: ignore[call-overload]
        return await _spent(began, (event.type == "content_block_delta" async for event in stream))


async def _ollama(address: str) -> float:
    import ollama

    client = ollama.AsyncClient(address, trust_env=False)
    began = time.process_time()
    stream = await client.chat(MODEL, MESSAGES, stream=True)
    return await _spent(began, (bool(part.message.content) async for part in stream))


DIALECTS: dict[str, tuple[str, Read, Read | None]] = {
    "openai": ("openai", _felix("openai", "/v1"), _openai),
    "anthropic": ("anthropic", _felix("anthropic", ""), _anthropic),
    "ollama": ("ollama", _felix("ollama", ""), _ollama),
    # its maker's package speaks another protocol, over a WebSocket
    "lmstudio": ("", _felix("lmstudio", "/v1"), None),
}


@contextlib.contextmanager
def _servers(root: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "benchmarks.dialects"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=root
    ) as servers:
        assert servers.stdin is not None and servers.stdout is not None
        yield json.loads(servers.stdout.readline())
        servers.stdin.close()


def _serve() -> None:
    from tests.servers.fakes import End, FakeAnthropic, FakeLMStudio, FakeOllama, FakeOpenAI, Say, Script

    answer = Script(*(Say("word ") for _ in range(CHUNKS)), End(), completion_tokens=CHUNKS)
    with (
        FakeOpenAI(answer) as openai,
        FakeAnthropic(answer) as anthropic,
        FakeOllama(answer) as ollama,
        FakeLMStudio(answer) as lmstudio,
    ):
        servers = {"openai": openai, "anthropic": anthropic, "ollama": ollama, "lmstudio": lmstudio}
        print(json.dumps({name: server.root for name, server in servers.items()}), flush=True)
        sys.stdin.read()  # ends with whoever started it


if __name__ == "__main__":
    _serve()
