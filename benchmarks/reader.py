"""CPU per chunk of one stream: our reader, beside the same bytes thrown away, and beside the SDK's typed stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

CHUNKS = 4_000
REPEATS = 3


def measure(base_url: str) -> dict[str, float]:
    """Microseconds of this process' CPU time per chunk, the best of `REPEATS`, and the two ratios."""
    order = f"rate=0,tokens={CHUNKS}"
    cost = {
        "bytes_us": _best(lambda: _bytes(base_url, order)),
        "felix_us": _best(lambda: _felix(base_url, order)),
        "sdk_us": _best(lambda: _sdk(base_url, order)),
    }
    return {
        **{name: round(value, 1) for name, value in cost.items()},
        "felix_over_bytes": round(cost["felix_us"] / cost["bytes_us"], 2),
        "sdk_over_felix": round(cost["sdk_us"] / cost["felix_us"], 2),
    }


def _best(read: Callable[[], Awaitable[float]]) -> float:
    async def run() -> float:
        return min([await read() for _ in range(REPEATS)])

    return asyncio.run(run())


async def _bytes(base_url: str, order: str) -> float:
    import httpx2

    async with httpx2.AsyncClient(trust_env=False) as client:
        began = time.process_time()
        body = {"model": order, "stream": True, "messages": []}
        async with client.stream("POST", f"{base_url}/chat/completions", json=body) as response:
            async for _ in response.aiter_bytes():
                pass
        return (time.process_time() - began) / CHUNKS * 1e6


async def _felix(base_url: str, order: str) -> float:
    from felix.llm.chat import ChatRequest, Message, Text
    from felix.llm.models import make_client

    client = make_client(base_url)
    try:
        seen = 0
        began = time.process_time()
        async for delta in client.stream(ChatRequest((Message("user", "Why?"),), order)):
            seen += isinstance(delta, Text)
        spent = time.process_time() - began
    finally:
        await client.aclose()
    assert seen == CHUNKS, seen
    return spent / CHUNKS * 1e6


async def _sdk(base_url: str, order: str) -> float:
    import httpx2
    import openai

    async with openai.AsyncOpenAI(
        base_url=base_url, api_key="none", max_retries=0, http_client=httpx2.AsyncClient(trust_env=False)
    ) as client:
        began = time.process_time()
        stream = await client.chat.completions.create(
            model=order, stream=True, messages=[{"role": "user", "content": "Why?"}]
        )
        seen = 0
        async for chunk in stream:
            seen += bool(chunk.choices and chunk.choices[0].delta.content)
        spent = time.process_time() - began
    assert seen == CHUNKS, seen
    return spent / CHUNKS * 1e6
