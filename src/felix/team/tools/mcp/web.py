"""The way to a server that is an address: streamable HTTP, with nothing sent anywhere else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from felix.llm.address import is_loopback
from felix.team.tools.mcp.entry import Address
from felix.team.tools.mcp.pipes import MOST_BYTES

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

_CONNECT_S = 30.0


@asynccontextmanager
async def reached(address: Address) -> AsyncGenerator[TransportStreams, None]:
    """The streams of a session at an address. No redirect is followed: headers, which may be keys, would go along."""
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    class Bounded(httpx2.AsyncByteStream):
        """A body that is cut off when it grows past every use; events have a limit of the package's own."""

        def __init__(self, body: httpx2.AsyncByteStream) -> None:
            self._body = body

        async def __aiter__(self) -> AsyncIterator[bytes]:
            count = 0
            async for piece in self._body:
                count += len(piece)
                if count > MOST_BYTES:
                    raise httpx2.ReadError("the answer is too large")
                yield piece

        async def aclose(self) -> None:
            await self._body.aclose()

    async def bound(response: httpx2.Response) -> None:
        is_events = "event-stream" in response.headers.get("content-type", "")
        if not is_events and isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = Bounded(response.stream)

    client = httpx2.AsyncClient(
        headers=dict(address.headers),
        # a call may take as long as it likes; whoever made it has a limit
        timeout=httpx2.Timeout(_CONNECT_S, read=None),
        # proxies of the environment are not for servers of this machine, nor is a password of the user's .netrc
        trust_env=not is_loopback(address.url),
        follow_redirects=False,
        max_redirects=0,  # the package follows those within an origin by itself, so many of them
        event_hooks={"response": [bound]},
    )
    async with (
        client,
        streamable_http_client(address.url, http_client=client, max_sse_event_size=MOST_BYTES) as streams,
    ):
        yield streams
