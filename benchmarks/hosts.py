"""Machines with a model each, as many as are wanted, in one process: `python -m benchmarks.hosts 16 2 1.5`.

Every machine listens on a port of its own, answers two (say) at once and takes the same time for each answer, whatever
it is asked; who comes when all its slots are taken waits there. The ports are printed on one line.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

TOKENS = 30
"""Of an answer, evenly over its time."""


class Host:
    """One machine."""

    def __init__(self, slots: int, answer_s: float) -> None:
        self._slots, self._answer_s = slots, answer_s
        self._free = asyncio.Semaphore(slots)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = (line.split(b":")[1] for line in head.splitlines() if line.lower().startswith(b"content-len"))
                await reader.readexactly(int(next(lengths, b"0")))
                if head.startswith(b"POST"):
                    async with self._free:
                        await self._answer(writer)
                elif b" /v1/models " in head:
                    _whole(writer, {"object": "list", "data": [{"id": "m", "owned_by": "llamacpp"}]})
                elif b" /props " in head:
                    settings = {"default_generation_settings": {"n_ctx": 131_072}, "total_slots": self._slots}
                    _whole(writer, settings)
                else:
                    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        now = asyncio.get_running_loop().time
        began = now()
        for number in range(1, TOKENS + 1):
            await asyncio.sleep(began + self._answer_s * number / TOKENS - now())
            if writer.is_closing():
                return  # the client has gone
            _event(writer, {"choices": [{"index": 0, "delta": {"content": f"word{number} "}}]})
        _event(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()


def _event(writer: asyncio.StreamWriter, chunk: object) -> None:
    data = b"data: " + json.dumps({"model": "m", **chunk}).encode() + b"\n\n"  # type: ignore[dict-item]
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))


def _whole(writer: asyncio.StreamWriter, body: object) -> None:
    data = json.dumps(body).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(data)
    writer.write(head + data)


async def _main(hosts: int, slots: int, answer_s: float) -> None:
    servers = [await asyncio.start_server(Host(slots, answer_s).serve, "127.0.0.1", 0) for _ in range(hosts)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # ends with whoever started it
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
