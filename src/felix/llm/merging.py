"""Small HTTP chunks that came together, handed on as one.

Servers send each token as an HTTP chunk of its own, and taking one apart costs the HTTP library more than all that
Felix does with the token. So the framing is rewritten before the library sees it: the chunks that one read of the
socket brought become one chunk with the same bytes. Nothing is held back: what has come is handed on at once, and what
is not understood is handed on as it is, for the library to judge.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2
import httpx2

_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
_INTERIM = re.compile(rb"HTTP/1\.1 1\d\d")
_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})\r\n").match
"""The line before a chunk. One with an extension is left to the library."""
_BREAK = b"\r\n"
_MOST_LINE = 10
_MOST_HEAD = 65_536
"""Bytes of a head; a longer one is none, and the library refuses it."""


def merge_chunks(client: httpx2.AsyncClient) -> None:
    """Have all connections of this client merged. One the library no longer makes in this way stays as it is."""
    for transport in (client._transport, *client._mounts.values()):
        pool = getattr(transport, "_pool", None)
        if isinstance(pool, httpcore2.AsyncConnectionPool):
            pool._network_backend = _Backend(pool._network_backend)


class ChunkMerger:
    """The bytes of one connection, response after response, as they come from the server."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """A request was sent: what comes next is the head of its response."""
        self._head = b""
        self._in_head = True
        self._is_chunked = False
        self._pending = b""
        """The beginning of a line that tells a chunk's size."""
        self._left = 0
        """Bytes of the chunk that are still to come, the line break after it included; the break is not handed on."""

    def feed(self, data: bytes) -> bytes:
        """What to hand on; empty when all of it is the beginning of something."""
        if self._in_head:
            return self._read_head(data)
        return self._merged(data) if self._is_chunked else data

    def _read_head(self, data: bytes) -> bytes:
        """Heads are handed on as they come; only their end is looked for."""
        before = len(self._head)
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            self._in_head = len(self._head) <= _MOST_HEAD
            return data
        head = self._head[: end + 4]
        body = self._head[end + 4 :]
        self._head = b""
        if _INTERIM.match(head):
            # an interim response: the head that counts is the next one
            return head[before:] + self._read_head(body) if body else data
        self._in_head = False
        self._is_chunked = _CHUNKED.search(head) is not None
        return head[before:] + self.feed(body) if body else data

    def _merged(self, data: bytes) -> bytes:
        data = self._pending + data
        self._pending = b""
        pieces: list[bytes] = []
        at, end = 0, len(data)
        if self._left:
            at = min(self._left, end)
            pieces.append(data[: min(at, max(0, self._left - len(_BREAK)))])
            self._left -= at
        while at < end:
            line = _SIZE(data, at)
            if line is None and end - at < _MOST_LINE and _BREAK not in data[at:]:
                self._pending = data[at:]
                break
            size = int(line[1], 16) if line else 0
            if line is None or not size:
                # the last chunk, or something odd: from here on the library reads what came
                self._is_chunked = False
                return _chunk(pieces) + data[at:]
            start = line.end()
            pieces.append(data[start : start + size])
            at = start + size + len(_BREAK)
        if at > end:
            self._left = at - end
        return _chunk(pieces)


def _chunk(pieces: list[bytes]) -> bytes:
    body = b"".join(pieces)
    return b"%x\r\n%s\r\n" % (len(body), body) if body else b""


class _Stream(httpcore2.AsyncNetworkStream):
    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self._merger = ChunkMerger()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while data := await self._stream.read(max_bytes, timeout):
            if merged := self._merger.feed(data):
                return merged
        return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._merger.begin()
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        return _Stream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:  # as the library has it
        return self._stream.get_extra_info(info)


class _Backend(httpcore2.AsyncNetworkBackend):
    def __init__(self, backend: httpcore2.AsyncNetworkBackend) -> None:
        self._backend = backend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,  # as the library has it
    ) -> httpcore2.AsyncNetworkStream:
        return _Stream(await self._backend.connect_tcp(host, port, timeout, local_address, socket_options))

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        return _Stream(await self._backend.connect_unix_socket(path, timeout, socket_options))

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)
