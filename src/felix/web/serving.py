"""The server: a socket, a thread with a loop of its own, and an end that leaves no connection open.

It shares an engine that is somebody else's – the window's, or that of `felix serve` – and reads from it like any face.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import threading
from typing import TYPE_CHECKING

from felix import places
from felix.engine import Engine
from felix.errors import FelixError
from felix.sharing import Sharing
from felix.team.workflow import Library
from felix.web.addresses import Address, listen
from felix.web.tokens import Tokens
from felix.worker import Aside

if TYPE_CHECKING:
    import uvicorn

    from felix.web.feeds import Feeds

PACKAGES = ("starlette", "uvicorn", "websockets")
START_S = 10.0
CLOSE_S = 1.0
"""How long `close` waits at most; it takes a few hundredths of a second."""
GRACE_S = 0.1
"""How long all streams may take to say farewell."""
MOST_SAID = 1 << 16
"""Bytes of one message of a WebSocket from outside."""

_log = logging.getLogger(__name__)


def start(engine: Engine, sharing: Sharing | None = None) -> Serving:
    """Serve this engine's runs, until `close`. FelixError for a port that is taken, or a package that is not there."""
    missing = _missing()
    if missing:
        raise FelixError(
            f"To be watched from a browser Felix needs {' and '.join(missing)} – get it with"
            f" `{sys.executable} -m pip install {' '.join(missing)}`, then try again."
        )
    sharing = sharing or Sharing()
    listener, address = listen(sharing.host, sharing.port)
    serving = Serving(engine, sharing, listener, address)
    serving.begin()
    return serving


class Serving:
    """A server that goes on; as `felix.sharing` says."""

    def __init__(self, engine: Engine, sharing: Sharing, listener: socket.socket, address: Address) -> None:
        self._engine, self._sharing, self._listener, self._where = engine, sharing, listener, address
        self._tokens = Tokens()
        self._thread = threading.Thread(target=self._work, name="felix-web", daemon=True)
        self._has_begun = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = asyncio.Event()
        self._feeds: Feeds | None = None

    @property
    def address(self) -> str:
        return self._where.url

    @property
    def token(self) -> str:
        return self._tokens.program

    @property
    def watchers(self) -> int:
        return len(self._feeds.watchers) if self._feeds else 0

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def link(self) -> str:
        return f"{self.address}/#t={self._tokens.link()}"

    def link_left_s(self, link: str) -> float:
        return self._tokens.left_s(link.partition("#t=")[2])

    def begin(self) -> None:
        """Start the thread; returns when it listens."""
        self._thread.start()
        if not self._has_begun.wait(START_S) or not self._thread.is_alive():
            self.close()
            raise FelixError("The web server could not be started – the log has the details.")

    def close(self) -> None:
        self._tokens.revoke()
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._closing.set)
            except RuntimeError:  # it has ended between the two lines
                _log.debug("the web server has ended")
        if self._thread is not threading.current_thread() and self._thread.ident is not None:
            self._thread.join(CLOSE_S)
        self._listener.close()

    def _work(self) -> None:
        try:
            with asyncio.Runner() as runner:
                self._loop = runner.get_loop()
                self._loop.set_default_executor(Aside())
                runner.run(self._serve())
        except Exception:  # noqa: BLE001  a bug here must not end the runs that are shown
            _log.exception("the web server failed")
        finally:
            self._loop = None
            self._has_begun.set()

    async def _serve(self) -> None:
        import uvicorn

        from felix.web.app import application, routes
        from felix.web.chat import Chat
        from felix.web.feeds import Feeds
        from felix.web.line import Line
        from felix.web.messages import Messages
        from felix.web.replies import HEADERS

        feeds = self._feeds = Feeds(self._engine)
        library = Library(places.builtin_workflows(), places.user_workflows())
        chat = Chat(self._engine, feeds, library, self._sharing)
        messages = Messages(self._engine, feeds, allow_control=self._sharing.allow_control)
        table = routes(feeds, self._tokens, self._where, chat, messages)
        server = uvicorn.Server(
            uvicorn.Config(
                application(table, self._tokens, self._where),
                http=Line,
                ws="websockets-sansio",
                ws_max_size=MOST_SAID,
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                log_level=logging.WARNING,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                headers=list(HEADERS),
            )
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(feeds.work())
            endless = [tasks.create_task(each) for each in (feeds.follow_others(), server.serve([self._listener]))]
            self._has_begun.set()  # the socket listens already: who comes now waits a moment
            await self._closing.wait()
            feeds.close()
            await self._dismiss(server)
            for each in endless:
                each.cancel()

    @staticmethod
    async def _dismiss(server: uvicorn.Server) -> None:
        """Have every connection end now. uvicorn's own way waits for them, and looks ten times a second."""
        for each in server.servers:
            each.close()
        if answering := set(server.server_state.tasks):
            await asyncio.wait(answering, timeout=GRACE_S)
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # they are told that nobody is there any more
        for task in answering:
            task.cancel()


def _missing() -> list[str]:
    from importlib.util import find_spec

    return [name for name in PACKAGES if find_spec(name) is None]
