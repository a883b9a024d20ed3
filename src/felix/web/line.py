"""One connection as uvicorn serves it, with what an open port needs beside that.

Whoever has not been let in is a stranger: theirs are few, and soon closed, whatever they do meanwhile; the first to go
are those of whom most are there. So nobody without a token keeps those with one out. A socket takes only so much that
its reader has not read. A request that names no host at all is refused as one that names a wrong one.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from felix.web.replies import HEADERS

if TYPE_CHECKING:
    from starlette.types import Scope

MOST_LINES = 512
"""Of all; a browser has up to six."""
MOST_STRANGERS = 256
"""As many of those who watch may come at once. Beyond it the oldest goes of the address that most are from."""
STRANGER_S = 10.0
"""How long somebody stays one: enough to load the page and to exchange a link."""
SEND_BUFFER = 1 << 17
"""Bytes that the system holds for a reader: without a limit it is megabytes, for each."""
NO_HOST = "Say with the header Host which server is meant."

_KEY = "felix.line"


class Line(H11Protocol):
    """Of HTTP, and of a WebSocket until it is one."""

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, {**app_state, _KEY: self}, _loop)
        self._patience: asyncio.TimerHandle | None = None
        """Ends with being a stranger."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._patience = self.loop.call_later(STRANGER_S, self.abort)
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self.let_in()
        super().connection_lost(exc)

    def let_in(self) -> None:
        """It is no stranger's (any more)."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _make_room(self) -> None:
        lines = [each for each in self.connections if isinstance(each, Line)]
        oldest_first = sorted((each._patience.when(), id(each), each) for each in lines if each._patience)
        strangers = [each for *_, each in oldest_first]
        if len(strangers) > MOST_STRANGERS:
            crowd = Counter(each._place for each in strangers).most_common(1)[0][0]
            next(each for each in strangers if each._place == crowd).abort()
        elif len(self.connections) > MOST_LINES:
            self.abort()

    @property
    def _place(self) -> str:
        """The address that it comes from."""
        return self.client[0] if self.client else ""

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
        self.connections.discard(self)  # the transport tells of its end only in the loop's next turn
        self.transport.abort()


def line_of(scope: Scope) -> Line:
    """The connection that a request came by."""
    line = scope["state"][_KEY]
    assert isinstance(line, Line)
    return line
