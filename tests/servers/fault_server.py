"""A model server that misbehaves on purpose: one path per quirk, `POST /<quirk>/v1/chat/completions`.

Raw sockets on threads, so that every byte and every way to end a connection is ours. It keeps what was asked, and
notices when a client goes away.
"""

from __future__ import annotations

import json
import re
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

Reply = Callable[["Connection"], None]


@dataclass
class Request:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    raw_head: bytes
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when the client closed the connection before the reply was over."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ClientGone(Exception):
    """The client closed the connection."""


class Connection:
    """What a reply may do to the client."""

    def __init__(self, sock: socket.socket, server: FaultServer, request: Request) -> None:
        self._sock = sock
        self.server = server
        self.request = request
        self._chunked = False
        self.is_whole = False
        """The reply came to its regular end; the connection stays open for the next request."""

    def head(self, status: str = "200 OK", content_type: str | None = "text/event-stream", **headers: str) -> None:
        """Status line and headers; the body is chunked unless a content_length is among them."""
        lines = [f"HTTP/1.1 {status}"]
        if content_type is not None:
            lines.append(f"Content-Type: {content_type}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self._chunked = "content_length" not in headers and "connection" not in headers
        if self._chunked:
            lines.append("Transfer-Encoding: chunked")
        self.raw("\r\n".join(lines).encode() + b"\r\n\r\n")

    def send(self, data: bytes) -> None:
        """A piece of the body."""
        if data:
            self.raw(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)

    def end(self) -> None:
        """The regular end of the body."""
        if self._chunked:
            self.raw(b"0\r\n\r\n")
        self.is_whole = True

    def raw(self, data: bytes) -> None:
        try:
            self._sock.sendall(data)
        except OSError:
            raise ClientGone from None

    def reset(self) -> None:
        """RST instead of FIN."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def wait(self, release: threading.Event | None = None) -> None:
        """Say nothing until `release` is set; ClientGone when the client leaves or the server stops first."""
        while not (release and release.is_set()):
            if self.server.stopping.is_set():
                raise ClientGone
            readable, _, _ = select.select([self._sock], [], [], 0.01)
            if readable:
                try:
                    if not self._sock.recv(65536):
                        raise ClientGone
                except OSError:
                    raise ClientGone from None

    def silence(self) -> None:
        """Say nothing for ever."""
        self.wait()

    def reply_json(self, body: object, status: str = "200 OK", **headers: str) -> None:
        """A whole JSON body."""
        data = json.dumps(body).encode()
        self.reply_text(data, status, "application/json", **headers)

    def reply_text(self, data: bytes, status: str, content_type: str | None, **headers: str) -> None:
        """A whole body of any kind."""
        self.head(status, content_type, content_length=str(len(data)), **headers)
        self.send(data)
        self.end()


class FaultServer:
    """Runs from `with` to its end. `replies` holds the quirks by name; add your own."""

    def __init__(self, replies: dict[str, Reply] | None = None) -> None:
        from tests.servers.quirks import QUIRKS

        self.replies: dict[str, Reply] = {**QUIRKS, **(replies or {})}
        self.requests: list[Request] = []
        self.connections: list[int] = []
        """The client's port, once per connection."""
        self.stopping = threading.Event()
        self.gate = threading.Event()
        """For replies that wait for the test's word."""
        self._came = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._sockets: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in list(self._sockets):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(5)

    @property
    def is_connected(self) -> bool:
        with self._came:
            return bool(self._sockets)

    def wait_until_idle(self, timeout_s: float = 10) -> None:
        """Until no client is connected."""
        with self._came:
            assert self._came.wait_for(lambda: not self._sockets, timeout_s), "a client is still connected"

    def url(self, quirk: str) -> str:
        """The base URL under which this quirk answers."""
        return f"http://127.0.0.1:{self.port}/{quirk}/v1"

    def posts(self, quirk: str) -> list[Request]:
        """Requests for an answer from this quirk, in order."""
        return [r for r in list(self.requests) if r.method == "POST" and r.path.startswith(f"/{quirk}/")]

    def wait_for(self, quirk: str, count: int = 1, timeout_s: float = 10) -> Request:
        """The `count`th request to this quirk, once its reply has begun."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.posts(quirk)) >= count, timeout_s), f"no request to {quirk}"
        return self.posts(quirk)[count - 1]

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, (_, client_port) = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.add(sock)
            self.connections.append(client_port)
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        try:
            for request in _requests(sock):
                with self._came:
                    self.requests.append(request)
                    self._came.notify_all()
                quirk = request.path.split("/")[1]
                connection = Connection(sock, self, request)
                reply = self.replies.get(quirk)
                if reply is None:
                    connection.reply_text(b"no such quirk", "404 Not Found", "text/plain")
                    continue
                try:
                    reply(connection)
                except ClientGone:
                    request.gone.set()
                    return
                if not connection.is_whole:
                    return
        except OSError:
            return
        finally:
            sock.close()
            with self._came:
                self._sockets.discard(sock)
                self._came.notify_all()


def _requests(sock: socket.socket) -> Iterator[Request]:
    """The requests of one keep-alive connection."""
    pending = b""
    while True:
        while b"\r\n\r\n" not in pending:
            data = sock.recv(65536)
            if not data or not (pending + data)[:1].isalpha():
                return  # gone, or it speaks TLS
            pending += data
        head, _, pending = pending.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        while len(pending) < length:
            data = sock.recv(65536)
            if not data:
                return
            pending += data
        yield Request(method, re.sub(r"\?.*", "", path), headers, pending[:length], head)
        pending = pending[length:]
