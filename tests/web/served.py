"""A server with an engine behind it, and the plainest of clients: bytes in, bytes out, streams cut into events."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from felix.engine import Engine
from felix.events import RunId
from felix.settings import SettingsFile
from felix.sharing import Sharing
from felix.team.workflow import Workflow
from felix.web import Serving, start
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import CALLED, DONE, GOOD, ROLE, STOP, call, event, text
from tests.servers.quirks import events as replied
from tests.team.scripted import workflow
from tests.test_engine import follow, is_event

WAIT_S = 20.0

Json = dict[str, Any]  # Any: whatever the server says


def on_word(client: Connection) -> None:
    """Begins an answer, and ends it when the test says so."""
    client.head()
    client.send(event(ROLE) + event(text("Hello")))
    client.wait(client.server.gate)
    client.send(event(text(" world")) + event(STOP) + DONE)
    client.end()


def calculates(client: Connection) -> None:
    """Has an agent use the calculator once, and then say what came of it."""
    messages = client.request.json["messages"]
    if b"You are the hub" in client.request.body or messages[-1]["role"] == "tool":
        replied(*GOOD)(client)
    else:
        replied(call("calculator", '{"expression": "2+2"}', index=0, id="c1"), CALLED)(client)


@dataclass
class Served:
    """An engine, and the server that shows its runs."""

    engine: Engine
    serving: Serving
    settings: SettingsFile
    ledger: Path

    def wait(self, holds: Callable[[], bool]) -> None:
        """Until something about the server is true."""
        end = time.monotonic() + WAIT_S
        pause = threading.Event()
        while not holds():
            assert time.monotonic() < end, "it did not come true"
            pause.wait(0.005)

    @property
    def port(self) -> int:
        return int(self.serving.address.rpartition(":")[2])

    @property
    def host(self) -> str:
        return self.serving.address.removeprefix("http://")

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.serving.token}"}

    def get(self, path: str, **headers: str) -> Answer:
        return ask(self.port, "GET", path, {"Host": self.host, **self.bearer, **_dashed(headers)})

    def json(self, path: str) -> Any:  # Any: JSON
        return json.loads(self.get(path).body)

    def post(self, path: str, body: object, **headers: str) -> Answer:
        given = {"Host": self.host, **self.bearer, "Content-Type": "application/json", **_dashed(headers)}
        return ask(self.port, "POST", path, given, json.dumps(body).encode())

    def cookie(self) -> str:
        """A session, as a browser gets one."""
        token = self.serving.link().partition("#t=")[2]
        answer = ask(
            self.port,
            "POST",
            "/session",
            {"Host": self.host, "Content-Type": "application/json", "X-App": "1"},
            json.dumps({"token": token}).encode(),
        )
        assert answer.status == 204, answer
        return answer.headers["set-cookie"].partition(";")[0]

    @contextmanager
    def stream(self, path: str, **headers: str) -> Iterator[Iterator[Event]]:
        """The events of a stream, as they come."""
        with socket.create_connection(("127.0.0.1", self.port), WAIT_S) as sock:
            sock.sendall(head("GET", path, {"Host": self.host, **self.bearer, **_dashed(headers)}))
            status, _, rest = read_head(sock)
            assert status == 200, (status, rest)
            yield events(dechunked(sock, rest))


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Event(NamedTuple):
    name: str
    id: str
    data: Any  # Any: JSON, or text that is none
    raw: str


WITH_TOOLS = workflow("{id: research, role: research}", checkpoints="[0]", more="tools: [calculator]\n")
ONE = workflow("{id: research, role: research}", checkpoints="[0]")


def begin(own: Served, held: FaultServer) -> RunId:
    """A run whose first agent has written `Hello`, and goes on when the gate is opened."""
    own.settings.override(base_url=held.url("held"), model="m")
    mailbox = own.engine.subscribe()
    run = own.engine.start("Why?", ONE)
    follow(mailbox, is_event("partial_thought"))
    own.engine.unsubscribe(mailbox)
    return run


def finished(shown: Served, base_url: str, task: str = "Why?", flow: Workflow = ONE) -> RunId:
    """A run at its end."""
    shown.settings.override(base_url=base_url, model="m")
    mailbox = shown.engine.subscribe()
    run = shown.engine.start(task, flow)
    follow(mailbox, is_event("run_finished"))
    shown.engine.unsubscribe(mailbox)
    return run


def kept(shown: Served, run: RunId) -> list[int]:
    """The numbers of a run's durable events."""
    return [event["seq"] for event in shown.json(f"/runs/{run}")["events"]]


@contextmanager
def served(folder: Path, **sharing: Any) -> Iterator[Served]:  # Any: as in Sharing
    settings = SettingsFile(folder / "settings.json")
    settings.load()
    settings.override(streaming_batch_interval=0.0)
    with Engine(settings, demo_speed=2_000, ledger=folder / "ledger.db") as engine:
        serving = start(engine, Sharing(**sharing))
        try:
            yield Served(engine, serving, settings, folder / "ledger.db")
        finally:
            serving.close()


def head(method: str, path: str, headers: dict[str, str] | list[tuple[str, str]]) -> bytes:
    pairs = headers.items() if isinstance(headers, dict) else headers
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in pairs)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def ask(
    port: int, method: str, path: str, headers: dict[str, str] | list[tuple[str, str]], body: bytes = b""
) -> Answer:
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    if body and not any(name.lower() in {"content-length", "transfer-encoding"} for name, _ in pairs):
        pairs.append(("Content-Length", str(len(body))))
    return exchange(port, head(method, path, [*pairs, ("Connection", "close")]) + body)


def exchange(port: int, data: bytes) -> Answer:
    """Whatever bytes, and the whole answer to them."""
    with socket.create_connection(("127.0.0.1", port), WAIT_S) as sock:
        sock.sendall(data)
        status, headers, rest = read_head(sock)
        if headers.get("transfer-encoding") == "chunked":
            return Answer(status, headers, b"".join(dechunked(sock, rest)))
        if "content-length" in headers:
            length = int(headers["content-length"])
            while len(rest) < length and (more := sock.recv(65536)):
                rest += more
        return Answer(status, headers, rest)


def read_head(sock: socket.socket) -> tuple[int, dict[str, str], bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        assert more, f"the server closed the connection after {data!r}"
        data += more
    first, _, rest = data.partition(b"\r\n\r\n")
    status, *lines = first.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(status.split()[1]), headers, rest


def dechunked(sock: socket.socket, data: bytes) -> Iterator[bytes]:
    """The pieces of a chunked body; a comment now and then keeps nobody waiting for ever."""
    end = time.monotonic() + 3 * WAIT_S
    while time.monotonic() < end:
        while b"\r\n" not in data:
            if not (more := sock.recv(65536)):
                return
            data += more
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        while len(data) < length + 2:
            if not (more := sock.recv(65536)):
                return
            data += more
        if not length:
            return
        yield data[:length]
        data = data[length + 2 :]


def events(pieces: Iterator[bytes]) -> Iterator[Event]:
    """Server-sent events, as the standard has them; comments are left out."""
    data = b""
    for piece in pieces:
        data += piece
        *whole, data = data.split(b"\n\n")
        for raw in whole:
            fields: dict[str, str] = {}
            for line in raw.decode().split("\n"):
                name, _, value = line.partition(": ")
                if name:
                    fields[name] = value
            if "data" in fields:
                yield Event(fields.get("event", "message"), fields.get("id", ""), _value(fields["data"]), raw.decode())


def _value(text: str) -> Any:  # Any: JSON
    try:
        return json.loads(text)
    except ValueError:
        return text


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
