"""A model server whose every token is the time at which it was written.

It runs in a process of its own and speaks just enough of the protocol. The model's name is the order:
`rate=60,tokens=200` writes 200 tokens at 60 a second; `line=12` ends a line after every 12 (0: never), `wait=0.2`
seconds go by before the first, `rate=0` writes as fast as the reader takes it, `first=500` writes so many at twice
the rate before the rest.

A token is `~` and the tenths of a millisecond on the machine's monotonic clock, in base 36: both processes read the
same clock, so the time a token took needs no other bookkeeping.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
TICKS_PER_S = 10_000


def stamp(now: float) -> str:
    """`~` and `now` (seconds, monotonic) in tenths of a millisecond, base 36."""
    number, digits = int(now * TICKS_PER_S), ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return f"~{digits}"


def stamped_at(token: str) -> float:
    """Seconds on the monotonic clock of a token. Raises ValueError for a text that is none."""
    if not token.startswith("~"):
        raise ValueError(token)
    return int(token[1:], 36) / TICKS_PER_S


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length")),
                0,
            )
            body = await reader.readexactly(length)
            if head.startswith(b"POST"):
                request = json.loads(body)
                await _answer(writer, request["model"], streamed=bool(request.get("stream")))
            elif b"/v1/models " in head and b"/api/" not in head:
                _whole(writer, {"object": "list", "data": [{"id": "stamped", "object": "model"}]})
            else:
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the client has gone
    finally:
        writer.close()


async def _answer(writer: asyncio.StreamWriter, order: str, *, streamed: bool) -> None:
    wishes = dict(part.split("=") for part in order.split(",") if "=" in part)
    rate, tokens = float(wishes.get("rate", "60")), int(wishes.get("tokens", "100"))
    per_line, first = int(wishes.get("line", "12")), int(wishes.get("first", "0"))
    await asyncio.sleep(float(wishes.get("wait", "0")))
    if not streamed:
        await asyncio.sleep(tokens / rate if rate else 0)
        text = " ".join(stamp(time.monotonic()) for _ in range(tokens))
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        _whole(writer, {"choices": [choice], "usage": _usage(tokens)})
        return
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    began = time.monotonic()
    for number in range(tokens):
        if rate:
            ahead = began + (number - 0.5 * min(number, first)) / rate - time.monotonic()
            if ahead > 0:
                await asyncio.sleep(ahead)
        end = "\n" if per_line and number % per_line == per_line - 1 else " "
        _event(writer, {"choices": [{"index": 0, "delta": {"content": stamp(time.monotonic()) + end}}]})
        if not rate or number % 64 == 63:
            await writer.drain()
    _event(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    _event(writer, {"choices": [], "usage": _usage(tokens)})
    data = b"data: [DONE]\n\n"
    writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))
    await writer.drain()


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": tokens + 10}


def _event(writer: asyncio.StreamWriter, chunk: object) -> None:
    data = b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))


def _whole(writer: asyncio.StreamWriter, body: object) -> None:
    data = json.dumps(body).encode()
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data)
    )


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, limit=2**24)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # ends with whoever started it
    os._exit(0)  # an answer that nobody reads any more is not worth an orderly end


if __name__ == "__main__":
    asyncio.run(_main())
