"""The HTTP side of every fake: an asyncio server on loopback in a thread of its own, whose every byte is ours.

A dialect is a subclass: it says which paths answer, objects to requests its documentation does not allow, and encodes
the steps of a script.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from tests.servers.fakes.script import (
    Break,
    Call,
    Cut,
    End,
    Endless,
    Hush,
    Keep,
    Load,
    Raw,
    Read,
    Refuse,
    Say,
    Script,
    Think,
)

_PHRASES = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}

Json = dict[str, Any]


@dataclass
class Request:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    raw: bytes
    """Head and body."""
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when the client closed the connection before the reply was over."""
    gone_at: float = 0.0
    """Seconds on the monotonic clock."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Refusal:
    """An HTTP reply that is no answer of a model."""

    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict)


class Encoder(Protocol):
    """The bytes of one answer in one dialect."""

    content_type: str
    late_head: bool
    """Whether this server sends its headers with the first piece only."""

    def begin(self) -> bytes: ...
    def text(self, text: str) -> bytes: ...
    def thinking(self, text: str) -> bytes: ...
    def call(self, call: Call) -> bytes: ...
    def load(self, fraction: float) -> bytes: ...
    def read(self, fraction: float) -> bytes: ...
    def keep(self) -> bytes: ...
    def end(self, end: End) -> bytes: ...
    def error(self, error: Break) -> bytes: ...
    def whole(self, text: str, thinking: str, calls: list[Call], end: End) -> object: ...


class FakeServer(ABC):
    """Runs from `with` to its end. Plays one script per answer asked for, the last one again and again."""

    base_path = "/v1"
    slots = 4

    def __init__(self, *scripts: Script) -> None:
        self.scripts = scripts or (Script(Say("Hello"), Say(" world"), End()),)
        self.requests: list[Request] = []
        self.answered: list[Request] = []
        """The requests for an answer, in order."""
        self.connected = 0
        """Connections that were made."""
        self._came = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name=type(self).__name__)
        self._stop = asyncio.Event()
        self._connections: set[_Connection] = set()

    # what a dialect says

    @abstractmethod
    def encoder(self, request: Request, script: Script) -> Encoder | None:
        """Who encodes the answer to this request; None when it asks for none."""

    @abstractmethod
    def refusal(self, refuse: Refuse, request: Request) -> Refusal:
        """This server's way to refuse."""

    def objection(self, request: Request) -> Refusal | None:
        """What the documentation does not allow in this request."""
        return None

    @abstractmethod
    def other(self, request: Request) -> Refusal:
        """The reply to everything but questions to a model: lists, loading, unknown paths."""

    # what a test does

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return self.root + self.base_path

    def wait_for(self, count: int = 1, timeout_s: float = 10) -> Request:
        """The `count`th request for an answer, once it is there."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.answered) >= count, timeout_s), "nobody asked"
        return self.answered[count - 1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            server = await self._loop.create_server(lambda: _Connection(self, tasks), sock=self._listener)
            await self._stop.wait()
            server.close()
            for connection in list(self._connections):
                connection.close()

    async def _reply(self, connection: _Connection, request: Request) -> None:
        script = self.scripts[min(len(self.answered), len(self.scripts) - 1)]
        encoder = self.encoder(request, script) if request.method == "POST" else None
        with self._came:
            self.requests.append(request)
            if encoder:
                self.answered.append(request)
            self._came.notify_all()
        if encoder is None:
            connection.reply(self.other(request))
        elif objection := self.objection(request):
            connection.reply(objection)
        elif script.steps and isinstance(refuse := script.steps[0], Refuse):
            connection.reply(self.refusal(refuse, request))
        elif _is_streamed(request, encoder):
            await _play(connection, encoder, script)
        else:
            await _play_whole(connection, encoder, script)


def _is_streamed(request: Request, encoder: Encoder) -> bool:
    # Ollama streams unless told not to, all others only when told.
    return bool(request.json.get("stream", encoder.content_type == "application/x-ndjson"))


class _Connection(asyncio.Protocol):
    """One client's connection, kept alive between requests."""

    def __init__(self, server: FakeServer, tasks: asyncio.TaskGroup) -> None:
        self._server = server
        self._tasks = tasks
        self._pending = b""
        self._request: Request | None = None
        self._reply: asyncio.Task[None] | None = None
        self._has_head = False
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server._connections.add(self)
        self._server.connected += 1

    def data_received(self, data: bytes) -> None:
        self._pending += data
        head, found, rest = self._pending.partition(b"\r\n\r\n")
        if not found or self._request:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        method, path, _ = first.split(" ", 2)
        self._pending = rest[length:]
        raw = head + found + rest[:length]
        self._request = Request(method, path.partition("?")[0], headers, rest[:length], raw)
        self._has_head = False
        self._reply = self._tasks.create_task(self._answer(self._request))

    def eof_received(self) -> None:
        self.connection_lost(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._server._connections.discard(self)
        if self._request and not self._request.gone.is_set():
            self._request.gone_at = time.monotonic()
            self._request.gone.set()
        if self._reply:
            self._reply.cancel()

    def close(self) -> None:
        self._request = None
        self._transport.abort()

    async def _answer(self, request: Request) -> None:
        await self._server._reply(self, request)
        self._request = None
        if self._pending:
            self.data_received(b"")

    # what a reply may do

    def reply(self, refusal: Refusal) -> None:
        data = refusal.body if isinstance(refusal.body, bytes) else json.dumps(refusal.body).encode()
        kind = "text/plain" if isinstance(refusal.body, bytes) else "application/json"
        self.head(refusal.status, {"Content-Type": kind, "Content-Length": str(len(data)), **refusal.headers})
        self._transport.write(data)

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        if not self._has_head:
            self._has_head = True
            lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, 'Error')}", *(f"{k}: {v}" for k, v in headers.items())]
            self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def send(self, data: bytes) -> None:
        """One chunk of a chunked body: readers see its borders, however many travel together."""
        if data:
            self._unsent.append(b"%x\r\n%s\r\n" % (len(data), data))

    def flush(self) -> None:
        self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def end(self) -> None:
        self._unsent.append(b"0\r\n\r\n")
        self.flush()

    def cut(self, how: str) -> None:
        self._request = None
        if how == "reset":
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        else:
            self._transport.close()


async def _play(connection: _Connection, encoder: Encoder, script: Script) -> None:
    head = {"Content-Type": encoder.content_type, "Transfer-Encoding": "chunked"}
    is_late = script.late_head or encoder.late_head
    if not is_late:
        connection.head(200, head)
    first, size = script.cuts
    if size:
        body = whole_body(encoder, script)
        _send(connection, head, [body[:first], *(body[at : at + size] for at in range(first, len(body), size))])
        connection.end()
        return
    ways = _ways(encoder)
    begun = False
    for step in script.steps:
        if isinstance(step, Hush):
            connection.flush()
            await asyncio.Event().wait()
        if isinstance(step, Cut):
            connection.flush()
            # what was written so far must be on its way: a reset throws away what is still in the buffer
            await asyncio.sleep(0.02 if step.how == "reset" else 0)
            if step.how == "orderly":
                connection.head(200, head)
                break
            connection.cut(step.how)
            return
        beginning = b"" if begun else encoder.begin()
        begun = True
        if isinstance(step, Endless):
            _send(connection, head, [beginning])
            while True:
                _send(connection, head, [encoder.text(step.text)])
                connection.flush()
                await asyncio.sleep(0.001)
        data = beginning + ways[type(step)](step)
        _send(connection, head, (data[i : i + 1] for i in range(len(data))) if script.in_bytes else [data])
    connection.end()


def _send(connection: _Connection, head: Mapping[str, str], pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        if piece:
            connection.head(200, head)
            connection.send(piece)


def _ways(encoder: Encoder) -> dict[type, Callable[[Any], bytes]]:
    return {
        Say: lambda step: encoder.text(step.text),
        Think: lambda step: encoder.thinking(step.text),
        Call: encoder.call,
        Load: lambda step: encoder.load(step.fraction),
        Read: lambda step: encoder.read(step.fraction),
        Keep: lambda _: encoder.keep(),
        End: encoder.end,
        Break: encoder.error,
        Raw: lambda step: step.data,
    }


def whole_body(encoder: Encoder, script: Script) -> bytes:
    """All bytes of a streamed answer."""
    ways = _ways(encoder)
    return encoder.begin() + b"".join(ways[type(step)](step) for step in script.steps)


async def _play_whole(connection: _Connection, encoder: Encoder, script: Script) -> None:
    end = End()
    for step in script.steps:
        if isinstance(step, Hush | Endless):
            await asyncio.Event().wait()
        if isinstance(step, End):
            end = step
    text = "".join(step.text for step in script.steps if isinstance(step, Say))
    thinking = "".join(step.text for step in script.steps if isinstance(step, Think))
    calls = [step for step in script.steps if isinstance(step, Call)]
    connection.reply(Refusal(200, encoder.whole(text, thinking, calls, end)))


def sse(value: object, name: str = "") -> bytes:
    """One server-sent event; UTF-8 as it is, half emojis escaped."""
    data = json.dumps(value, ensure_ascii=False)
    try:
        encoded = data.encode()
    except UnicodeEncodeError:
        encoded = json.dumps(value).encode()
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + encoded + b"\n\n"


def line(value: object) -> bytes:
    """One line of NDJSON."""
    return sse(value)[len(b"data: ") : -1]
