"""One connection as uvicorn serves it, with what an open port needs beside that.

A connection that asks nothing is closed, there are only so many of them, and a socket takes only so much that its
reader has not read. A request that names no host at all is refused as one that names a wrong one.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from felix.web.replies import HEADERS

if TYPE_CHECKING:
    from starlette.types import Scope

MOST_LINES = 512
"""A browser has up to six."""
FIRST_S = 20.0
"""How long a connection may take to ask its first question."""
SEND_BUFFER = 1 << 17
"""Bytes that the system holds for a reader: without a limit it is megabytes, for each."""
NO_HOST = "Say with the header Host which server is meant."

_KEY = "felix.line"


class Line(H11Protocol):
    """Of HTTP, and of a WebSocket until it is one."""

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, {**app_state, _KEY: self}, _loop)
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        if len(self.connections) > MOST_LINES:
            transport.abort()
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._patience = self.loop.call_later(FIRST_S, self._lose_patience)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What h11 refuses before there is a request for the gate to judge."""
        error = sys.exc_info()[1]
        if isinstance(error, h11.RemoteProtocolError) and "Host:" in str(error):
            body = json.dumps({"error": NO_HOST}).encode()
            headers = [*HEADERS, ("Content-Type", "application/json"), ("Connection", "close")]
            for part in (
                h11.Response(status_code=403, headers=headers, reason=b"Forbidden"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(part) or b"")
            self.transport.close()
            return
        super().send_400_response(msg)

    def abort(self) -> None:
        """Close it at once; what waits to be sent is lost."""
        self.transport.abort()

    def _lose_patience(self) -> None:
        if self.scope is None:
            self.transport.abort()


def line_of(scope: Scope) -> Line:
    """The connection that a request came by."""
    line = scope["state"][_KEY]
    assert isinstance(line, Line)
    return line
