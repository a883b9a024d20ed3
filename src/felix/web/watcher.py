"""One reader of a stream: a queue between those who write for all and the one socket, bounded for the run's sake.

Who does not read fast enough loses the stream and is told where to go on from; nobody else notices.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

MOST_EVENTS = 1_000
MOST_BYTES = 4_000_000
"""Waiting for one reader."""
SLICE = 1 << 16
"""Bytes handed to a socket at once: what is written beyond what it takes would wait in memory that nobody counts."""
STUCK_BEATS = 2
"""A socket that takes nothing for more of them is closed."""


class Piece(NamedTuple):
    """Something for the socket."""

    data: bytes
    events: int = 1
    seq: int = 0
    """The last durable event in it; 0 for none."""


class Watcher:
    """Everything on the server's loop. `take` and `write` are for the one task that writes to the socket."""

    def __init__(self, seq: int = 0, abort: Callable[[], None] = lambda: None, comment: bytes = b"") -> None:
        """`abort` closes the socket, whatever waits in it; `comment` is what a quiet one is sent now and then."""
        self.seq = seq
        """Of the last durable event that was handed to the socket."""
        self.is_dropped = False
        """It was too slow."""
        self.is_over = False
        """Nothing more will come."""
        self._abort, self._comment = abort, comment
        self._waiting: deque[Piece] = deque()
        self._events = self._bytes = 0
        self._news = asyncio.Event()
        self._is_writing = False
        self._written = self._written_before = 0
        self._stuck_for = 0

    def put(self, piece: Piece) -> None:
        if self.is_over:
            return
        self._events += piece.events
        self._bytes += len(piece.data)
        # who has read all that came before takes a large one too
        if self._waiting and (self._events > MOST_EVENTS or self._bytes > MOST_BYTES):
            self.is_dropped = True
            self._waiting.clear()
            self.end()
            return
        self._waiting.append(piece)
        self._news.set()

    def end(self) -> None:
        """What waits is still to be written; nothing comes behind it."""
        self.is_over = True
        self._news.set()

    @property
    def is_idle(self) -> bool:
        return not self._waiting

    async def take(self) -> list[Piece]:
        """What waits, about a `SLICE` of it; empty when it is over."""
        while not self._waiting and not self.is_over:
            self._news.clear()
            await self._news.wait()
        taken: list[Piece] = []
        size = 0
        while self._waiting and (not taken or size + len(self._waiting[0].data) <= SLICE):
            piece = self._waiting.popleft()
            self._events -= piece.events
            self._bytes -= len(piece.data)
            size += len(piece.data)
            taken.append(piece)
        return taken

    async def write(self, send: Callable[[bytes], Awaitable[None]], data: bytes) -> None:
        """Hand bytes to the socket, a slice at a time: it may be slow with each, and `beat` sees when it takes none."""
        for start in range(0, len(data), SLICE):
            await self.write_whole(send, data[start : start + SLICE])

    async def write_whole(self, send: Callable[[bytes], Awaitable[None]], data: bytes) -> None:
        """The same for what must not be cut."""
        self._is_writing = True
        await send(data)
        self._written += 1
        self._is_writing = False

    def beat(self) -> None:
        """To be called now and then: a quiet stream gets a comment, a stuck one is closed."""
        if not self._is_writing:
            if not self._waiting and self._comment:
                self.put(Piece(self._comment, 0))
            self._stuck_for = 0
        elif self._written != self._written_before:
            self._stuck_for = 0
        else:
            self._stuck_for += 1
            if self._stuck_for > STUCK_BEATS:
                self._abort()
        self._written_before = self._written
