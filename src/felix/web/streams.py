"""Server-sent events: a run from any of its events on, and which runs begin and end.

`/runs/{id}/events` ends with the run. Whoever then comes back, as a browser does by itself, gets an answer that tells
it to stop asking (204). `/events` goes on for ever; with `?run=` it brings the events of that run as well.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING

from starlette.responses import Response

from felix.events import RunId
from felix.web import replies
from felix.web.feeds import FullError
from felix.web.frames import BEAT, Frame, resync
from felix.web.line import line_of
from felix.web.runs import NO_RUN
from felix.web.watcher import SLICE, Piece, Watcher

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from felix.web.feed import Feed
    from felix.web.feeds import Feeds

RETRY = b"retry: 1000\n\n"
"""How soon a browser comes back that has lost its connection, in ms."""
_HEADERS = {"X-Accel-Buffering": "no"}
"""Whatever lies between shall not wait for more."""


class Streams:
    """The endpoints."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds

    async def run(self, request: Request) -> Response:
        """`GET /runs/{id}/events`."""
        after = _after(request)
        if isinstance(after, Response):
            return after
        feed = await self._feeds.feed(RunId(request.path_params["run"]))
        if feed is None:
            return replies.fault(NO_RUN, 404)
        if after and feed.is_over and not feed.behind(after):
            return Response(status_code=204)
        return _Events(self._feeds, feed, after, stays=False)

    async def news(self, request: Request) -> Response:
        """`GET /events`."""
        after = _after(request)
        if isinstance(after, Response):
            return after
        run = request.query_params.get("run")
        feed = await self._feeds.feed(RunId(run)) if run else None
        if run and feed is None:
            return replies.fault(NO_RUN, 404)
        return _Events(self._feeds, feed, after, stays=True)


Write = Callable[[bytes], Awaitable[None]]


class Told(Response, ABC):
    """An answer that goes on: what is told is up to `tell`, who is told no longer, to the reader and the limits."""

    def __init__(self, feeds: Feeds, *, seq: int = 0, headers: dict[str, str] | None = None) -> None:
        super().__init__(headers={**_HEADERS, **(headers or {})}, media_type="text/event-stream")
        del self.headers["content-length"]
        self._feeds, self._seq = feeds, seq

    @abstractmethod
    async def tell(self, watcher: Watcher, write: Write) -> None:
        """Write until there is no more to tell."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watcher = Watcher(self._seq, line_of(scope).abort, BEAT)

        async def put(part: bytes) -> None:
            await send({"type": "http.response.body", "body": part, "more_body": True})

        async def write(data: bytes) -> None:
            await watcher.write(put, data)

        try:
            with self._feeds.watching(watcher):
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                if scope["method"] != "HEAD":
                    async with asyncio.TaskGroup() as tasks:
                        gone = tasks.create_task(_until_gone(receive, watcher))
                        await self.tell(watcher, write)
                        gone.cancel()
        except FullError as error:
            await replies.fault(str(error), 503)(scope, receive, send)
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Events(Told):
    def __init__(self, feeds: Feeds, feed: Feed | None, after: int, *, stays: bool) -> None:
        super().__init__(feeds, seq=after)
        self._feed, self._stays = feed, stays

    async def tell(self, watcher: Watcher, write: Write) -> None:
        feed = self._feed
        await write(RETRY)
        if self._stays:
            self._feeds.follow_news(watcher)
        with feed.reading() if feed is not None else nullcontext():
            await self._go_on(feed, watcher, write)

    async def _go_on(self, feed: Feed | None, watcher: Watcher, write: Write) -> None:
        if feed is not None:
            while behind := feed.behind(watcher.seq):
                for piece in _pieces(behind):
                    await write(piece.data)
                    watcher.seq = piece.seq
                    if watcher.is_over:
                        return
            # nothing has been awaited since there was nothing behind: what comes from here on is told by the feed
            await write(feed.join(watcher).data)
        while self._stays or feed is None or not (feed.is_over and watcher.is_idle):
            taken = await watcher.take()
            if not taken:
                break
            await write(b"".join(piece.data for piece in taken))
            watcher.seq = max(watcher.seq, *(piece.seq for piece in taken))
        if watcher.is_dropped:
            await write(resync(watcher.seq))


async def _until_gone(receive: Receive, watcher: Watcher) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    watcher.end()


def _pieces(frames: list[Frame]) -> Iterator[Piece]:
    """Joined to about a slice each."""
    waiting: list[Frame] = []
    size = 0
    for each in frames:
        waiting.append(each)
        size += len(each.data)
        if size >= SLICE or each is frames[-1]:
            yield Piece(b"".join(part.data for part in waiting), len(waiting), each.seq)
            waiting, size = [], 0


def _after(request: Request) -> int | Response:
    """The last event that the reader has; what a browser says by itself when it comes back is the newer word."""
    given = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
    if not (given.isascii() and given.isdigit() and len(given) <= 15):
        return replies.fault("Say with a number behind which event to go on, as ?after=12 or in Last-Event-ID.", 400)
    return int(given)
