"""The body of a reply: what it is, whatever its label says, and how long to read it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Protocol

import jiter

from felix.llm.chunks import WATCHED_READS

if TYPE_CHECKING:
    import httpx2

AFTER_FINISH_S = 3.0
"""The token counts come after the finish signal; a server that never sends them must not hold the answer up."""

_DRAIN_S = 0.05
"""After the end mark the connection can be used again once its last few bytes are read."""

_AT_ONCE_S = 0.001
"""A piece that took longer to get was not there yet: all that was there has been read."""

_BOM = b"\xef\xbb\xbf"


class Ending(Protocol):
    """How far an answer has come; part of `exchange.Reader`."""

    @property
    def is_done(self) -> bool: ...

    @property
    def has_ended(self) -> bool: ...


async def beginning(body: AsyncIterator[bytes]) -> bytes:
    """Enough of the body to see what it is."""
    first = b""
    async for data in body:
        first += data
        if first.removeprefix(_BOM).strip():
            break
    return first


async def until_done(
    first: bytes,
    body: AsyncIterator[bytes],
    reader: Ending,
    gather_s: float = 0.0,
    *,
    gather_after: int = WATCHED_READS,
) -> AsyncGenerator[bytes, None]:
    """The body, from its beginning to the end mark; after the finish signal not for long.

    When everything that was there has been handed on, `gather_s` seconds go by, counted from the last such rest, before
    the socket is read again. A server that is faster than that is never held back. The first `gather_after` times that
    something comes, it is read at once.
    """
    loop = asyncio.get_running_loop()
    yield first
    if not reader.has_ended:
        rested = asked = loop.time()
        is_fetching = False
        reads = 0
        async for data in body:
            reads += 1
            has_waited = loop.time() - asked > _AT_ONCE_S and not is_fetching
            yield data
            if reader.has_ended:
                break
            if is_fetching := bool(gather_s) and has_waited and reads > gather_after:
                await asyncio.sleep(rested + gather_s - loop.time())
                rested = loop.time()
            asked = loop.time()
        else:
            return
    until = loop.time() + AFTER_FINISH_S
    while True:
        if reader.is_done:
            until = min(until, loop.time() + _DRAIN_S)
        try:
            async with asyncio.timeout_at(until):
                data = await anext(body)
        except (StopAsyncIteration, TimeoutError):
            return
        if not reader.is_done:
            yield data


def is_events(first: bytes, response: httpx2.Response) -> bool:
    """Whether the body is to be read as events; servers label streams wrongly and other things as streams."""
    kind, start = _kind(response), first.removeprefix(_BOM).lstrip()
    if kind == "text/event-stream":
        return not is_page(start)
    if start.startswith((b"data:", b":", b"event:", b"id:", b"retry:")):
        return True
    return kind != "application/json" and start.startswith(b"{") and b"\n" in start


def is_lines(first: bytes, response: httpx2.Response) -> bool:
    """Whether the body is to be read as lines of JSON."""
    if _kind(response) in ("application/x-ndjson", "application/ndjson", "application/jsonl"):
        return not is_page(first.removeprefix(_BOM))
    # A whole answer or an error is one JSON object, labelled so; a stream with that label shows by its second line.
    start = first.removeprefix(_BOM).lstrip()
    return start.startswith(b"{") and (_kind(response) != "application/json" or b"}\n{" in start)


def is_whole_message(line: bytes) -> bool:
    """Whether a line of data is a message by itself: a JSON object or the end mark."""
    if line.startswith(b"{") and line.endswith(b"}"):
        try:
            jiter.from_json(line)
        except ValueError:
            return False
        return True
    return is_end_mark(line)


def is_end_mark(data: bytes) -> bool:
    """Whether this is the `[DONE]` that ends the streams of some dialects, however it is written."""
    return data[:6].upper() == b"[DONE]"


def is_page(body: bytes) -> bool:
    """Whether this is HTML."""
    return body.lstrip()[:1] == b"<"


def parsed(body: bytes) -> object:
    """The JSON in a body, or its text when it is none."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return text.strip()


def _kind(response: httpx2.Response) -> str:
    label: str = response.headers.get("content-type", "")
    return label.partition(";")[0].strip().lower()
