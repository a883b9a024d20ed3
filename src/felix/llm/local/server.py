"""One child process that serves one model file: started, watched while it loads, ended. See `child`.

A protocol of asyncio's and no task: what the child says arrives in the loop, whichever run is on, and nobody has to
wait for it. Belongs to that loop.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import sys
from collections import deque
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Self

from felix.errors import ServerError
from felix.llm.faults import error_text
from felix.llm.local import child
from felix.llm.local.sizing import Sizing

END_S = 5.0
"""A killed process is gone in milliseconds; one that the kernel holds, as a dead disk can, is not waited for."""

INSTALL = f"{sys.executable} -m pip install xllamacpp"
"""Not `felix[local]`: that means this Felix only where it was installed under its name, and never in a checkout."""

_STATE = "cmd_child_to_router:state:"
"""How a line begins in which llama.cpp tells what it does."""
_MOST_LINES = 40
_LOG_ERROR = re.compile(r"[\d.]+ E +(?:\w+ *: +)?(?:error loading model: +)?(.+)")
_CREATE_NO_WINDOW = 0x08000000
"""Of Windows: a console program started from a window gets no console of its own."""


class LocalServer(asyncio.SubprocessProtocol):
    """A child from its start to its end. `users` is for whoever keeps it: those who ask it something now."""

    def __init__(self, path: Path, alias: str, sizing: Sizing) -> None:
        self.path, self.alias, self.sizing = path, alias, sizing
        self.api_key = secrets.token_urlsafe(24)
        self.base_url = ""
        """Empty until the model is loaded."""
        self.users = 0
        self._fraction: float | None = None
        self._failed = ""
        """Where it stopped, in its own word: import or load."""
        self._reason = ""
        self._log: deque[str] = deque(maxlen=_MOST_LINES)
        self._unread = {1: b"", 2: b""}
        self._transport: asyncio.SubprocessTransport | None = None
        self._news = asyncio.Event()
        self._ended = asyncio.Event()

    @classmethod
    async def start(cls, path: Path, alias: str, sizing: Sizing) -> Self:
        """Start it; its model is not loaded yet. Raises ServerError when no process can be started."""
        server = cls(path, alias, sizing)
        flags: dict[str, Any] = (  # Any: as Popen has them
            {"creationflags": _CREATE_NO_WINDOW} if sys.platform == "win32" else {"start_new_session": True}
        )
        # On this thread, which must live as long as the child may: the kernel takes its end for the parent's death.
        try:
            await asyncio.get_running_loop().subprocess_exec(
                lambda: server, sys.executable, "-P", str(Path(child.__file__)), **flags
            )
        except OSError as error:
            raise ServerError(
                f"The process for {path.name} could not be started ({error.strerror})"
                " – free some memory, then try again.",
                fault="server",
            ) from None
        return server

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    @property
    def is_ready(self) -> bool:
        return bool(self.base_url) and not self.has_ended

    @property
    def pid(self) -> int:
        """Of the process; 0 before it was started."""
        return self._transport.get_pid() if self._transport else 0

    async def loading(self) -> AsyncGenerator[float | None, None]:
        """How far loading is, from 0 to 1, whenever there is news; None while nobody says. Ends when it is loaded.

        Raises ServerError when it fails.
        """
        told: float | None = -1.0
        while not self.is_ready:
            if self.has_ended or self._failed:
                await self.wait_ended(END_S)
                raise self.failure()
            if told != self._fraction:
                yield (told := self._fraction)
                continue  # there may be news by now
            self._news.clear()
            await self._news.wait()

    async def wait_ended(self, seconds: float) -> bool:
        """Whether the process has ended, or does within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return False
        return True

    async def end(self) -> None:
        """Kill the process: it holds nothing that would have to be saved."""
        self.kill()
        await self.wait_ended(END_S)

    def kill(self) -> None:
        """`end` without waiting for it."""
        if self._transport:
            self._transport.close()  # kills a process that still runs

    def failure(self) -> ServerError:
        """Why it ended, in one sentence."""
        name = self.path.name
        if self._failed == "import":
            return ServerError(
                f"The package that reads model files does not start ({error_text(self._reason)})"
                f" – install it again with `{INSTALL}`, and on Linux the system's libgomp1.",
                fault="server",
            )
        if self._failed or (not self.base_url and self._code >= 0):
            return ServerError(
                f"{name} could not be loaded{self._said()} – choose another file, or a smaller context.",
                fault="no_model",
            )
        if not self.base_url:
            return ServerError(
                f"{name} could not be loaded: its process ended ({self._how()})"
                " – the machine may have too little memory for it; choose a smaller model or context.",
                fault="no_model",
            )
        return ServerError(
            f"The process that served {name} crashed ({self._how()}) – ask again, Felix starts it anew.",
            fault="server",
            retryable=True,
        )

    # ---------------------------------------------------------------- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport
        wanted = {
            "parent": os.getpid(),
            "path": str(self.path),
            "alias": self.alias,
            "key": self.api_key,
            "context_length": self.sizing.context_length,
            "slots": self.sizing.slots,
            "threads": self.sizing.threads,
        }
        pipe = transport.get_pipe_transport(0)
        assert isinstance(pipe, asyncio.WriteTransport)
        pipe.write(json.dumps(wanted).encode() + b"\n")

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *lines, self._unread[fd] = (self._unread[fd] + data).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").strip()
            if fd == 1:
                self._heard(text)
            elif text:
                self._log.append(text)

    def process_exited(self) -> None:
        self._ended.set()
        self._news.set()

    # ----------------------------------------------------------------

    @property
    def _code(self) -> int:
        code = self._transport.get_returncode() if self._transport else None
        return code or 0

    def _heard(self, line: str) -> None:
        try:
            said = json.loads(line.removeprefix(_STATE))
        except ValueError:
            return
        match said:
            case {"state": "loading", "payload": {"value": int() | float() as value}}:
                # The last tensor is not the end: memory for the context follows, and nobody says how far that is.
                self._fraction = float(value) if 0 < value < 1 else None
            case {"address": str() as address}:
                self.base_url = f"{address}/v1"
            case {"failed": str() as stage, "reason": str() as reason}:
                self._failed, self._reason = stage, reason
        self._news.set()

    def _said(self) -> str:
        """llama.cpp's own first word on what went wrong: those after it only say that it did."""
        found = next((text for line in self._log if (text := _error(line))), "")
        return f" ({found})" if found else ""

    def _how(self) -> str:
        return f"signal {-self._code}" if self._code < 0 else f"exit status {self._code}"


def _error(line: str) -> str:
    """What a line of llama.cpp's log says of an error, without its time and where it arose; empty for other lines."""
    return error_text(found[1]).rstrip(".") if (found := _LOG_ERROR.match(line)) else ""
