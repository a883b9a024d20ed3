"""The way to a server that is a program: messages of one line each through its standard input and output.

Felix has its own, for three things that the package's does not do: a message has a largest size, what the server says
on standard error is kept, and the server ends with Felix whatever becomes of either (see `leash`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from felix.errors import ToolError
from felix.team.tools.mcp import leash
from felix.team.tools.mcp.entry import Program

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.client._transport import TransportStreams
    from mcp.shared.message import SessionMessage

MOST_BYTES = 32 * 1024 * 1024
"""Of one message. What is larger is no result that anybody reads."""
GRACE_S = 0.5
"""For a server whose input was closed; then its group is told to end, and killed."""
_GONE_S = 3.0
_LAST_WORDS_S = 0.2
"""For what a server that has ended wrote on standard error."""
_LONGEST_LINE = 2_000
_CREATE_NO_WINDOW = 0x08000000
"""Of Windows: a console program started from a window gets no console of its own."""


class Pipes:
    """One process, from its start to its end. Belongs to one task of one loop."""

    def __init__(self, name: str, program: Program, base: Mapping[str, str], note: Callable[[str], None]) -> None:
        """`base` is the environment that every server gets; `note` hears each line of standard error."""
        self._name, self._program, self._base, self._note = name, program, base, note
        self._process: asyncio.subprocess.Process | None = None
        self.cancelled: set[int | str] = set()
        """Requests that were taken back, as long as the server has not said that they are over."""
        self.ended = asyncio.Event()
        """Set when the server has closed its output: nothing comes any more."""
        self.fault = ""
        """Why Felix ended it, when it did."""

    @property
    def pid(self) -> int:
        """Of the process in between, whose end is the server's; 0 before it was started."""
        return self._process.pid if self._process else 0

    @property
    def how_it_ended(self) -> str:
        """`exit status 1`, or `signal 9`; empty while it runs."""
        code = self._process.returncode if self._process else None
        if code is None:
            return ""
        if code > 128:
            code = 128 - code
        return f"signal {-code}" if code < 0 else f"exit status {code}"

    @property
    def is_stuck(self) -> bool:
        """Whether it does not read what it is sent."""
        return bool(self._process and self._process.stdin and self._process.stdin.transport.get_write_buffer_size())

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[TransportStreams, None]:
        """Start it, and end it at the end. Raises ToolError when it cannot be started."""
        import anyio

        process = self._process = await self._start()
        incoming, read = anyio.create_memory_object_stream[Any](0)  # Any: SessionMessage | Exception, not imported here
        write, outgoing = anyio.create_memory_object_stream[Any](0)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._read(process, incoming)),
                    group.create_task(self._write(process, outgoing)),
                    group.create_task(self._hear(process)),
                ]
                try:
                    yield read, write
                finally:
                    await self._end(process)
                    await asyncio.wait(tasks[2:], timeout=_LAST_WORDS_S)
                    for task in tasks:
                        task.cancel()
        finally:
            for stream in (incoming, read, write, outgoing):
                stream.close()
            # what left the group may still hold the pipes: nobody waits for it
            if transport := getattr(process, "_transport", None):
                transport.close()

    async def ends(self, seconds: float) -> bool:
        """Whether it has ended, or does within `seconds`."""
        return self._process is not None and await _ends(self._process, seconds)

    def kill(self, fault: str) -> None:
        """End it now, with all that it started."""
        self.fault = self.fault or fault
        if self._process:
            _terminate(self._process)

    async def _start(self) -> asyncio.subprocess.Process:
        command: tuple[str, ...] = self._program.command
        flags: dict[str, Any] = {"creationflags": _CREATE_NO_WINDOW}  # Any: as Popen has them
        if sys.platform != "win32":
            # -I and -S: what the server's environment says to Python is meant for the server
            command = (sys.executable, "-I", "-S", str(Path(leash.__file__)), str(os.getpid()), *command)
            flags = {"start_new_session": True}
        try:
            # On this thread, which must live as long as the server may: the kernel takes its end for Felix's own.
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**self._base, **self._program.env},
                cwd=self._program.cwd,
                limit=MOST_BYTES,
                **flags,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ToolError(f"The server “{self._name}” could not be started ({reason}).") from None

    async def _read(
        self, process: asyncio.subprocess.Process, incoming: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        import anyio
        from mcp.shared.message import SessionMessage
        from mcp_types import JSONRPCError, JSONRPCResponse, jsonrpc_message_adapter

        assert process.stdout
        try:
            while line := await process.stdout.readline():
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError:
                    self._note(f"(no message) {_told(line)}")  # many servers print there what they should log
                    continue
                if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
                    self.cancelled.discard(message.id)
                await incoming.send(SessionMessage(message))
        except ValueError:  # what readline says of a line without end
            self.kill(f"it sent a message of more than {MOST_BYTES // 1024 // 1024} MB")
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, ConnectionError):
            pass  # the session is over
        finally:
            self.ended.set()
            incoming.close()

    async def _write(
        self, process: asyncio.subprocess.Process, outgoing: MemoryObjectReceiveStream[SessionMessage]
    ) -> None:
        from mcp_types import JSONRPCNotification

        assert process.stdin
        try:
            async for each in outgoing:
                message = each.message
                if isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
                    taken_back = (message.params or {}).get("requestId")
                    if isinstance(taken_back, int | str):
                        self.cancelled.add(taken_back)
                process.stdin.write(message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                await process.stdin.drain()
        except (ConnectionError, RuntimeError):  # it has closed its input; its output will end, too
            pass

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr
        rest = b""
        while piece := await process.stderr.read(65_536):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self._note(_told(line))
            if len(rest) > _LONGEST_LINE * 4:
                self._note(_told(rest))
                rest = b""
        if rest:
            self._note(_told(rest))

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """By closing its input, then by its process group; takes half a second, a little more for one that resists."""
        if process.stdin:
            process.stdin.close()
        if self.fault or not await _ends(process, GRACE_S):
            _terminate(process)
            if not await _ends(process, _GONE_S):
                process.kill()
                await _ends(process, _GONE_S)


async def _ends(process: asyncio.subprocess.Process, seconds: float) -> bool:
    """Whether it ends within `seconds`. By its status: waiting for it also waits for whoever inherited its pipes."""
    until = asyncio.get_running_loop().time() + seconds
    while process.returncode is None:
        if asyncio.get_running_loop().time() > until:
            return False
        await asyncio.sleep(0.01)
    return True


def _terminate(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    try:
        if sys.platform == "win32":
            # not tried: the tree of a process has no other name there
            os.spawnlp(os.P_NOWAIT, "taskkill", "taskkill", "/T", "/F", "/PID", str(process.pid))  # noqa: S606
        else:
            process.send_signal(signal.SIGTERM)
    except (ProcessLookupError, OSError):
        pass


def _told(line: bytes) -> str:
    text = line.decode("utf-8", "replace").rstrip()
    return text if len(text) <= _LONGEST_LINE else text[:_LONGEST_LINE] + "…"
