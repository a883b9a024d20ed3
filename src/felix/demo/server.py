"""The demo model's HTTP side: the OpenAI protocol as LM Studio and llama.cpp speak it, one request per connection.

It listens on loopback and nowhere else. A client that leaves is noticed at once, also while it waits for the first
token: the pauses between tokens are spent waiting for the end of its side of the connection.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import json
import logging
import random
import sys
from collections.abc import Callable
from typing import Self

from felix.demo.completion import CONTEXT, MODEL, Completion, Json, Refused, refusal
from felix.demo.pacing import delays_s, first_token_s
from felix.errors import FelixError

SLOTS = 4
_MAX_BODY = 8 * 1024 * 1024
_HEAD_TIMEOUT_S = 30.0
_log = logging.getLogger(__name__)


class DemoServer:
    """A server on the running loop, for as long as the `async with` block or until `close`.

    `speed` multiplies the pace: 1 is a home machine's 40 to 70 tokens a second, `math.inf` has no pauses.
    """

    def __init__(self, *, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError("the demo model's speed must be above 0")
        self.base_url = ""
        """`http://127.0.0.1:40123/v1` once started."""
        self._speed = speed
        self._server: asyncio.Server | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the base URL; port 0 is any free one.

        Raises ValueError for a host that is not loopback, FelixError when the port cannot be had.
        """
        if not ipaddress.ip_address("127.0.0.1" if host == "localhost" else host).is_loopback:
            raise ValueError(f"the demo model serves this machine only, not {host}")
        if not 0 <= port <= 65_535:
            raise FelixError(f"There is no port {port}; choose one from 1 to 65535.")
        try:
            self._server = await asyncio.start_server(self._serve, host, port, limit=64 * 1024)
        except OSError as error:
            why = error.strerror or "unknown reason"
            raise FelixError(f"Port {port} cannot be used ({why}); choose another one.") from error
        address, bound = self._server.sockets[0].getsockname()[:2]
        self.base_url = f"http://{f'[{address}]' if ':' in address else address}:{bound}/v1"
        return self.base_url

    async def close(self) -> None:
        """Stop listening and drop every answer that is under way."""
        if self._server is None:
            return
        self._server.close()
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    @property
    def answering(self) -> int:
        """How many connections are being served."""
        return len(self._answering)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        try:
            await self._answer(reader, writer)
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            pass  # the client left, or never said anything
        except asyncio.CancelledError:
            pass  # `close`; passed on, Python 3.11's streams would log it as an error of theirs
        except Exception:  # noqa: BLE001 – a bug must end this answer, not the server
            _log.exception("the demo model failed to answer")
        finally:
            writer.transport.abort()  # nothing is left to be sent, or nobody to send it to
            self._answering.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_TIMEOUT_S):
                method, path, body = await _request(reader)
            match method, path.partition("?")[0].rstrip("/"):
                case "GET", "/v1/models":
                    await _send(writer, "200 OK", _models())
                case "GET", "/props":
                    await _send(writer, "200 OK", _props())
                case "GET", "/health":
                    await _send(writer, "200 OK", {"status": "ok"})
                case "POST", "/v1/chat/completions":
                    await self._complete(Completion(body, next(self._numbers)), reader, writer)
                case _:
                    raise refusal("404 Not Found", f"There is no {method} {path} here.", "not_found_error")
        except Refused as refused:
            await _send(writer, refused.status, refused.body)

    async def _complete(
        self, completion: Completion, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        chance = random.Random(completion.seed)
        first_s = first_token_s(completion.prompt_tokens, chance)
        if not completion.is_streamed:
            writing_s = sum(itertools.islice(delays_s(chance), len(completion.pieces)))
            if not await self._has_left_within(first_s + writing_s, reader):
                await _send(writer, "200 OK", completion.whole())
            return
        writer.write(_head("200 OK", "text/event-stream", "Transfer-Encoding: chunked"))
        await writer.drain()
        loop = asyncio.get_running_loop()
        due = loop.time() + first_s / self._speed
        for event, delay_s in zip(completion.events(), itertools.chain([0.0], delays_s(chance)), strict=False):
            # by the clock, so that a busy machine does not make the model slower than it is
            due += delay_s / self._speed
            if await self._has_left_within((due - loop.time()) * self._speed, reader):
                _log.debug("the client left")
                return
            _write_event(writer, json.dumps(event, ensure_ascii=False, separators=(",", ":")))
            await writer.drain()
        _write_event(writer, "[DONE]")
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _has_left_within(self, seconds: float, reader: asyncio.StreamReader) -> bool:
        """Let that much of the model's time pass, or less when the client closes its side: then True."""
        wait_s = seconds / self._speed
        if wait_s <= 0:
            await asyncio.sleep(0)
            return reader.at_eof()
        try:
            async with asyncio.timeout(wait_s):
                while await reader.read(1024):
                    pass
            return True
        except TimeoutError:
            return False


def serve_forever(port: int = 0, *, announce: Callable[[str], None] | None = None) -> int:
    """The command `felix demo-server`: serve until Ctrl+C, and return the exit status.

    `announce` is given the base URL once it can be used; without it the terminal is.
    """

    async def serve() -> None:
        server = DemoServer()
        try:
            (announce or _announce)(await server.start(port=port))
            await asyncio.Event().wait()
        finally:
            await server.close()

    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        pass  # that is how it is ended
    except FelixError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _announce(base_url: str) -> None:
    sys.stdout.write(f"The demo model (scripted text) answers at {base_url} until you press Ctrl+C.\n")
    sys.stdout.flush()


def _models() -> Json:
    model = {"id": MODEL, "object": "model", "owned_by": "felix", "created": 0, "max_model_len": CONTEXT}
    return {"object": "list", "data": [{**model, "meta": {"n_ctx": CONTEXT, "n_ctx_train": CONTEXT}}]}


def _props() -> Json:
    return {"default_generation_settings": {"n_ctx": CONTEXT}, "total_slots": SLOTS, "model_alias": MODEL}


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, bytes]:
    """(method, path, body). Raises Refused for what is no HTTP request we can read."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, _ = head.split("\r\n", 1)[0].split(" ")
    except (asyncio.LimitOverrunError, ValueError):
        raise refusal("400 Bad Request", "That is no HTTP request.", "invalid_request_error") from None
    headers = dict(line.lower().split(":", 1) for line in head.split("\r\n")[1:] if ":" in line)
    length = headers.get("content-length", "0").strip()
    if not length.isdecimal() or "transfer-encoding" in headers:
        raise refusal("411 Length Required", "Send the body with a Content-Length.", "invalid_request_error")
    if int(length[:12]) > _MAX_BODY:
        raise refusal("413 Content Too Large", "The body is longer than 8 MB.", "invalid_request_error")
    return method, path, await reader.readexactly(int(length))


def _head(status: str, content_type: str, *more: str) -> bytes:
    lines = (
        f"HTTP/1.1 {status}",
        f"Content-Type: {content_type}",
        "Cache-Control: no-store",
        "Connection: close",
        *more,
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _send(writer: asyncio.StreamWriter, status: str, body: Json) -> None:
    content = json.dumps(body, ensure_ascii=False).encode()
    writer.write(_head(status, "application/json; charset=utf-8", f"Content-Length: {len(content)}") + content)
    await writer.drain()


def _write_event(writer: asyncio.StreamWriter, text: str) -> None:
    event = f"data: {text}\n\n".encode()
    writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
