"""One MCP server: off until it is wanted, then one task that starts it, keeps it between runs and ends it.

All of a session is entered and left in that task, as its library wants it; calls may come from any task of the loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, assert_never

from felix.errors import FelixError, ToolError
from felix.llm.faults import error_text
from felix.log import redacted
from felix.mcp_servers import McpServer
from felix.settings import Settings
from felix.team.tools.mcp.entry import Address, Program, place_of, wanted
from felix.team.tools.mcp.install import load_package
from felix.team.tools.mcp.pipes import Pipes
from felix.team.tools.mcp.tool import McpTool, fits
from felix.team.tools.tool import Tell
from felix.terminal import safe

if TYPE_CHECKING:
    import mcp_types
    from mcp import Client

START_S = 120.0
"""`npx` and `uvx` fetch a server before they start it for the first time."""
CONFIRM_S = 3.0
"""For a server to say that a call which was stopped is over; then it is ended, with all that it started."""
LOG_LINES = 500
_SESSION_IS_GONE = ("Session terminated", "Server returned an error response")
"""How the package says that a server at an address, started anew meanwhile, knows nothing of the session."""
_MOST_CRASHES, _WITHIN_S = 3, 60.0
_MOST_TOOLS, _MOST_PAGES = 500, 50

_log = logging.getLogger(__name__)

State = Literal["off", "starting", "ready", "failed"]
Begin = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Starts a task in a group that outlives the runs."""


@dataclass(frozen=True, slots=True)
class Session:
    """A server that answers."""

    client: Client
    pipes: Pipes | None
    """None for one that is an address."""
    group: asyncio.TaskGroup
    lost: asyncio.Event
    """Set when it answers no more."""

    @property
    def is_over(self) -> bool:
        return self.lost.is_set() or bool(self.pipes and self.pipes.ended.is_set())


class Server:
    """A provider of tools. Belongs to one loop."""

    def __init__(self, key: str, name: str, entry: McpServer, begin: Begin, settings: Callable[[], Settings]) -> None:
        """`key` is its name in the settings, `name` what workflows call it."""
        self.key, self.name, self.entry = key, name, entry
        self.state: State = "off"
        self.reason = ""
        """One sentence: why it failed, or that it was started again."""
        self.known: tuple[McpTool, ...] = ()
        """Its tools, as it last told them."""
        self.wanted = 0
        """How often somebody has asked for it."""
        self._is_gone = False
        self._begin, self._settings = begin, settings
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._task: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        """One that was stopped and takes its time."""
        self._session: Session | None = None
        self._settled = asyncio.Event()
        """Set when it is neither off nor starting."""
        self._calls = 0
        self._crashes: deque[float] = deque(maxlen=_MOST_CRASHES)

    @property
    def log(self) -> tuple[str, ...]:
        """The latest lines of its standard error, of what it reports, and of what Felix did to it."""
        return tuple(self._log)

    @property
    def pid(self) -> int:
        """Of its process; 0 while there is none."""
        return self._session.pipes.pid if self._session and self._session.pipes else 0

    async def tools(self) -> tuple[McpTool, ...]:
        """What it has; it is started for it. Raises ToolError when it does not start."""
        await self._ready()
        return self.known

    async def stop(self) -> None:
        """End it; it may be started again."""
        task, self._task = self._task, None
        if task and not task.done():
            self._ending = task
            task.cancel()
            await asyncio.wait({task})
        if self._task is None:  # else somebody has wanted it again meanwhile
            self._settled.set()  # a task that was cancelled before it began has told nobody
            self.state, self.reason = "off", ""

    def leave(self) -> None:
        """End it for good: its entry is another one by now, or none. Runs that go on may still hold its tools."""
        self._is_gone = True
        self._begin(self.stop())

    async def call(self, tool: str, arguments: Mapping[str, object], tell: Tell) -> mcp_types.CallToolResult:
        """Have a tool called; cancelling this tells the server so, and ends it when it goes on all the same.

        Raises ToolError when it refuses, or ends meanwhile; a call is never made twice.
        """
        session = await self._ready()

        async def told(progress: float, total: float | None, message: str | None) -> None:
            fraction = progress / total if total and 0 <= progress <= total else None
            tell(safe(message or ""), fraction)

        self._calls += 1
        try:
            return await session.client.call_tool(tool, dict(arguments), progress_callback=told)
        except asyncio.CancelledError:
            if session.pipes and not session.lost.is_set():
                session.group.create_task(self._see_it_end(session, session.pipes, tool))
            raise
        except Exception as error:  # noqa: BLE001  whatever a stranger's answer raises is that stranger's fault
            raise await self._refusal(session, tool, error) from None
        finally:
            self._calls -= 1

    # ---------------------------------------------------------------- its task

    async def _ready(self) -> Session:
        """The session, started if there is none. Raises ToolError."""
        self.wanted += 1
        if self._is_gone:
            raise ToolError(
                f"The server “{self.key}” was changed or removed in Settings while this run went on – start another run"
                " for what there is now."
            )
        for _ in range(2):  # one that was ended between two calls is started once more
            self._leave_if_over()
            if self._ending is not None and not self._ending.done():
                await asyncio.wait({self._ending})  # its last words are not those of the next one
            if self._task is None or self._task.done():
                self.state, self.reason = "starting", ""
                self._settled.clear()
                self._task = self._begin(self._run())
            await self._settled.wait()
            if self._session:
                return self._session
            if self.state == "failed" or self._task is None:
                break
        raise ToolError(self.reason or f"The server “{self.key}” was stopped – start it again in Settings, Tools.")

    def _leave_if_over(self) -> None:
        """Its task may not have noticed yet that the server has ended: nobody shall call it meanwhile."""
        if self._session and self._session.is_over:
            self._session = None
            self._settled.clear()

    async def _run(self) -> None:
        """From the start to the end; started again after a crash, unless it crashes over and over."""
        try:
            while await self._live():
                self.state = "starting"
        except Exception:  # noqa: BLE001  a bug here must not end what else runs in the group
            _log.exception("the server of tools %s", self.key)
            self._fail(f"Felix made a mistake with the server “{self.key}” – the log has the details.")
        finally:
            self._session = None
            if self.state != "failed":
                self.state = "off"
            self._settled.set()

    async def _live(self) -> bool:
        """One session; whether there shall be another."""
        is_ready = False
        pipes: Pipes | None = None
        try:
            await asyncio.to_thread(load_package)
            goal = wanted(self.key, self.entry, os.environ)
            if isinstance(goal, Program):
                pipes = Pipes(self.key, goal, _base_environment(), self._note)
            async with asyncio.TaskGroup() as group, self._session_with(goal, pipes, group) as session:
                is_ready = True
                self._session, self.state = session, "ready"
                self._settled.set()
                await session.lost.wait()
        except Exception as error:  # noqa: BLE001  a server may break in ways that nobody has thought of
            first = _first(error)
            if not is_ready:
                self._fail(str(first) if isinstance(first, FelixError) else self._cannot_start(first, pipes))
                return False
            self._note_own(f"failed: {_sentence(first)}")
        finally:
            self._session = None
        return self._goes_on(pipes)

    @asynccontextmanager
    async def _session_with(
        self, goal: Program | Address, pipes: Pipes | None, group: asyncio.TaskGroup
    ) -> AsyncGenerator[Session, None]:
        from mcp import Client
        from mcp_types import Implementation

        from felix import __version__

        lost = asyncio.Event()
        match goal:
            case Program():
                assert pipes
                transport = pipes.open()
            case Address():
                from felix.team.tools.mcp.web import reached

                transport = reached(goal)
            case _:
                assert_never(goal)

        listing: asyncio.Task[None] | None = None

        async def heard(message: object) -> None:
            nonlocal listing
            if getattr(message, "method", "") == "notifications/tools/list_changed" and (not listing or listing.done()):
                listing = group.create_task(self._list_again(client))  # one at a time, however often it says so

        client = Client(
            transport,
            client_info=Implementation(name="felix", version=__version__),
            logging_callback=self._reported,
            log_level="info",
            message_handler=heard,
            cache=None,
        )
        self._note_own("starting" if pipes else "connecting")
        async with asyncio.timeout(START_S) as limit:
            async with client:
                await self._list(client)
                limit.reschedule(None)
                watch = group.create_task(_when_ended(pipes, lost)) if pipes else None
                self._note_own(f"ready, with {len(self.known)} tools")
                try:
                    yield Session(client, pipes, group, lost)
                finally:
                    lost.set()
                    if watch:
                        watch.cancel()

    async def _list(self, client: Client) -> None:
        tools: list[McpTool] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await client.list_tools(cursor=cursor)
            for each in page.tools:
                if fits(each):
                    tools.append(McpTool(self.name, each, self, self._settings))
                else:
                    self._note_own(f"the tool “{each.name[:100]}” is left out: its schema cannot be sent to a model")
            cursor = page.next_cursor
            if cursor is None or len(tools) >= _MOST_TOOLS:
                break
        self.known = tuple({tool.name: tool for tool in tools}.values())[:_MOST_TOOLS]

    async def _list_again(self, client: Client) -> None:
        try:
            await self._list(client)
        except Exception as error:  # noqa: BLE001  what was known still holds
            self._note_own(f"its tools could not be listed again ({error_text(str(error))})")

    async def _see_it_end(self, session: Session, pipes: Pipes, tool: str) -> None:
        """After a call was stopped: a server that does not confirm it, and answers nobody else, is ended."""
        until = time.monotonic() + CONFIRM_S
        while (pipes.cancelled or pipes.is_stuck) and not session.lost.is_set():
            if time.monotonic() >= until and not self._calls:
                pipes.kill(f"it did not say that {tool[:100]}, which was stopped, had ended")
                return
            await asyncio.sleep(0.05)

    # ---------------------------------------------------------------- words

    async def _refusal(self, session: Session, tool: str, error: Exception) -> ToolError:
        """Why a call failed, in one sentence."""
        from mcp import MCPError
        from mcp_types import CONNECTION_CLOSED

        which = f"{self.name}/{tool[:100]}"
        # the code alone says nothing: servers use it for faults of their own
        is_closed = isinstance(error, MCPError) and error.error.code == CONNECTION_CLOSED and session.pipes is None
        if session.is_over or (is_closed and str(error) == "Connection closed"):
            session.lost.set()
            how = await _how(session.pipes)
            return ToolError(
                f"The server “{self.key}” ended while {which} was at work{how} – it may or may not have been done; "
                "look before you call it again."
            )
        if session.pipes is None and str(error) in _SESSION_IS_GONE:
            session.lost.set()
            return ToolError(f"{which} was not done: its server refused this session – call it again, for a new one.")
        if isinstance(error, MCPError):
            return ToolError(f"{which} was refused by its server: {_sentence(error)}.")
        if session.pipes is None and _is_network(error):
            session.lost.set()
            return ToolError(
                f"The server “{self.key}” was lost while {which} was at work – it may or may not have been done; "
                "look before you call it again."
            )
        return ToolError(f"{which} answered with something that Felix cannot use: {_sentence(error)}.")

    def _cannot_start(self, error: BaseException, pipes: Pipes | None) -> str:
        where = f"its log says more: Settings, Tools, or felix tools --test {self.key}"
        if isinstance(error, TimeoutError):
            return f"The server “{self.key}” did not start within {START_S:.0f} s – {where}."
        if pipes:
            how = pipes.how_it_ended
            if pipes.fault:
                return f"The server “{self.key}” was ended, as {pipes.fault} – {where}."
            if how:
                last = next((line for line in reversed(self._log) if not line.startswith("[felix]")), "")
                said = f": {error_text(last)[:200]}" if last else ""
                return f"The server “{self.key}” ended before it was ready ({how}{said}) – {where}."
            return f"The server “{self.key}” does not speak MCP ({_sentence(error)}) – {where}."
        return (
            f"The server “{self.key}” cannot be reached at {place_of(self.entry.url)} ({_sentence(error)}) – check its"
            " address and its headers in Settings, Tools."
        )

    def _goes_on(self, pipes: Pipes | None) -> bool:
        """After the end of a session: whether it is started again at once."""
        if pipes is None:
            self._note_own("the connection was lost; it is made again when it is needed")
            return False
        how = pipes.how_it_ended or "its output ended"
        if pipes.fault:
            self._note_own(f"ended, as {pipes.fault}; it is started again when it is needed")
            self.reason = f"The server “{self.key}” was ended, as {pipes.fault}."
            return False
        now = time.monotonic()
        self._crashes.append(now)
        if len(self._crashes) == _MOST_CRASHES and now - self._crashes[0] < _WITHIN_S:
            self._crashes.clear()
            self._fail(
                f"The server “{self.key}” crashed {_MOST_CRASHES} times within a minute ({how}) – look into its log in "
                f"Settings, Tools, or with felix tools --test {self.key}, then start it again."
            )
            return False
        self._note_own(f"crashed ({how}); started again")
        self.reason = f"The server “{self.key}” crashed ({how}) and was started again."
        self._settled.clear()
        return True

    def _fail(self, sentence: str) -> None:
        self.state, self.reason = "failed", redacted(sentence)
        self._note_own(sentence.partition(" – its log")[0])  # which is this one

    async def _reported(self, params: mcp_types.LoggingMessageNotificationParams) -> None:
        source = f" {params.logger}:" if params.logger else ""
        self._note(f"[{params.level}]{source} {params.data}")

    def _note_own(self, text: str) -> None:
        self._note(f"[felix] {text}")

    def _note(self, line: str) -> None:
        self._log.append(redacted(safe(" ".join(line.split("\n")))[:2_000]))


async def _when_ended(pipes: Pipes, lost: asyncio.Event) -> None:
    await pipes.ended.wait()
    lost.set()


async def _how(pipes: Pipes | None) -> str:
    """How a process ended, a moment after it closed its output."""
    return f" ({pipes.how_it_ended})" if pipes and await pipes.ends(1.0) else ""


def _base_environment() -> dict[str, str]:
    from mcp.client.stdio import get_default_environment

    return get_default_environment()


def _first(error: BaseException) -> BaseException:
    """The fault itself, out of the groups that tasks put around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _is_network(error: BaseException) -> bool:
    import httpx2

    return isinstance(error, httpx2.HTTPError | OSError)


def _sentence(error: BaseException) -> str:
    """What an error says of itself, short."""
    said = redacted(error_text(str(error)))
    return (said[:300] or type(error).__name__).rstrip(".")
