"""Servers of tools as real processes: what they bring, how they fail, and that nothing of them stays behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from felix.errors import ToolError
from felix.mcp_servers import McpServer, SaidReach
from felix.settings import Settings
from felix.team.tools.mcp.server import Server
from felix.team.tools.mcp.servers import McpServers
from felix.team.tools.tool import Reach, ToolOutput
from tests.servers import mcp_server

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="process groups of Unix")]


def _entry(*more: str, **env: str) -> McpServer:
    return McpServer(command=sys.executable, args=("-u", mcp_server.__file__, *more), env=env)


@asynccontextmanager
async def _servers(*more: str, **changes: object) -> AsyncGenerator[tuple[McpServers, Server], None]:
    settings = Settings.model_validate({"mcp_servers": {"one": _entry(*more)}, **changes})
    async with McpServers(lambda: settings) as servers:
        yield servers, servers.providers()[0]


async def _call(server: Server, tool: str, told: list[object] | None = None, **arguments: object) -> ToolOutput:
    tools = {each.name: each for each in await server.tools()}

    def tell(message: str, fraction: float | None) -> None:
        if told is not None:
            told.append((message, fraction))

    return await tools[f"one/{tool}"].call(arguments, tell)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  what is waited for is in another process
            await asyncio.sleep(0.02)


def _with_server(test: Callable[[McpServers, Server], Awaitable[None]], *more: str, **changes: object) -> None:
    async def run() -> None:
        async with _servers(*more, **changes) as (servers, server):
            await test(servers, server)

    asyncio.run(run())


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_its_tools_are_listed_and_called() -> None:
    async def test(servers: McpServers, server: Server) -> None:
        assert (server.state, server.pid) == ("off", 0)
        tools = {tool.name: tool for tool in await server.tools()}
        assert server.state == "ready" and server.pid
        assert "one/too-large" not in tools and len(tools) == len(mcp_server.TOOLS) - 1
        echo = tools["one/echo"]
        assert (echo.spec.name, echo.trust, echo.reach) == ("one__echo", "ask", Reach())
        assert (echo.hints.title, echo.hints.reads_only, echo.hints.is_open) == ("Say it again", True, False)
        odd = next(tool for tool in tools.values() if tool.name.startswith("one/odd"))
        assert len(odd.spec.description) == 2_000 and "\x1b" not in odd.spec.description
        assert (await odd.call({}, lambda *_: None)).text == "called odd name/with: everything"
        assert await _call(server, "echo", text="Grüße \u2028 \N{GRINNING FACE}") == ToolOutput(
            "Grüße \u2028 \N{GRINNING FACE}"
        )
        told: list[object] = []
        assert (await _call(server, "steps", told)).text == "three steps"
        await _until(lambda: len(told) == 3)
        assert told[1] == ("step 2", 2 / 3)
        assert await _call(server, "fail") == ToolOutput("the printer is on fire", is_error=True)
        with pytest.raises(ToolError, match=r"one/refuse was refused by its server: not on a Sunday\."):
            await _call(server, "refuse")
        picture = (await _call(server, "picture")).text
        assert "[a picture, image/png, 300 bytes" in picture and "a.txt: file:///a.txt" in picture
        assert picture.endswith("[from note://1]\na note")
        assert json.loads((await _call(server, "structured")).text) == {"degrees": 21.5}
        assert len((await _call(server, "huge", count=3_000_000)).text) == 3_000_000
        with pytest.raises(ToolError, match="something that Felix cannot use"):
            await _call(server, "nonsense")
        assert "(no message) this is no JSON at all" in server.log
        assert "here I am" in server.log and "[info] scripted: ready to work" in server.log
        await _call(server, "grow")
        await _until(lambda: any(tool.name == "one/new" for tool in server.known))

    _with_server(test)


def test_what_the_user_says_of_a_tool_is_its_reach() -> None:
    said = {"tool_reach": {"one/echo": SaidReach(reads_private=False, can_send=False)}}

    async def test(_servers: McpServers, server: Server) -> None:
        reach = {tool.name: tool.reach for tool in await server.tools()}
        assert reach["one/echo"] == Reach(reads_private=False, reads_untrusted=True, can_send=False)
        assert reach["one/fail"] == Reach()

    _with_server(test, **said)


def test_a_server_gets_its_own_variables_and_no_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-user")
    monkeypatch.setenv("MY_TOKEN", "token-of-the-user")
    entry = _entry(TOKEN="Bearer ${MY_TOKEN}", PLAIN="x")
    settings = Settings(mcp_servers={"one": entry})

    async def run() -> None:
        async with McpServers(lambda: settings) as servers:
            seen = json.loads((await _call(servers.providers()[0], "environment")).text)
        assert (seen["TOKEN"], seen["PLAIN"]) == ("Bearer token-of-the-user", "x")
        assert "OPENAI_API_KEY" not in seen and "MY_TOKEN" not in seen

    asyncio.run(run())


def test_a_test_leaves_a_server_alone_that_somebody_has_wanted_meanwhile() -> None:
    async def test(servers: McpServers, server: Server) -> None:
        tested, tools = await asyncio.gather(servers.test("one"), server.tools())
        assert tested.state == server.state == "ready" and tools
        await servers.stop("one")
        assert (await servers.test("one")).state == "ready" and server.state == "off"

    _with_server(test)


def test_a_server_whose_entry_has_changed_is_not_started_again_by_a_run_that_goes_on() -> None:
    settings = [Settings(mcp_servers={"one": _entry()})]

    async def run() -> None:
        async with asyncio.timeout(30), McpServers(lambda: settings[-1]) as servers:
            old = servers.providers()[0]
            await old.tools()
            settings.append(Settings(mcp_servers={"one": _entry("--other")}))
            assert await servers.providers()[0].tools(), "the new one is there"
            with pytest.raises(ToolError, match="changed or removed in Settings"):
                await old.call("echo", {"text": "a"}, lambda *_: None)
            assert old.state == "off"

    asyncio.run(run())


def test_after_a_crash_the_call_is_not_made_again_but_the_server_is_there() -> None:
    async def test(servers: McpServers, server: Server) -> None:
        await server.tools()
        before = server.pid
        with pytest.raises(ToolError, match=r"ended while one/crash was at work \(exit status 3\) – it may or may not"):
            await _call(server, "crash")
        assert (await _call(server, "echo", text="back")).text == "back"
        assert server.pid != before
        assert server.reason == "The server “one” crashed (exit status 3) and was started again."
        assert "cannot go on: the disk is gone" in server.log
        for _ in range(2):
            with pytest.raises(ToolError, match="ended while"):
                await _call(server, "crash")
            await _until(lambda: server.state in ("ready", "failed"))
        await _until(lambda: server.state == "failed")
        assert "crashed 3 times within a minute" in server.reason
        assert (await servers.start("one")).state == "ready"

    _with_server(test)


def test_a_call_that_is_stopped_and_confirmed_leaves_the_server_alone() -> None:
    async def test(_servers: McpServers, server: Server) -> None:
        await server.tools()
        before = server.pid
        await _stopped(server, "hang")
        await _until(lambda: not server._session or not server._session.pipes or not server._session.pipes.cancelled)
        assert (await _call(server, "echo", text="still here")).text == "still here"
        assert server.pid == before

    _with_server(test)


def test_a_call_that_goes_on_though_stopped_ends_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.team.tools.mcp.server.CONFIRM_S", 0.3)

    async def test(_servers: McpServers, server: Server) -> None:
        await server.tools()
        before = server.pid
        family = psutil.Process(before).children(recursive=True)
        assert family
        await _stopped(server, "freeze")
        await _until(lambda: server.state == "off")
        assert not _is_running(before) and not any(_is_running(each.pid) for each in family)
        assert "it did not say that freeze, which was stopped, had ended" in server.reason
        assert (await _call(server, "echo", text="again")).text == "again"

    _with_server(test)


async def _stopped(server: Server, tool: str) -> None:
    async with asyncio.TaskGroup() as group:
        call = group.create_task(_call(server, tool))
        await _until(lambda: bool(server._calls))
        await asyncio.sleep(0.05)
        call.cancel()
        await asyncio.wait({call})


def test_a_message_without_end_ends_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.team.tools.mcp.pipes.MOST_BYTES", 200_000)

    async def test(_servers: McpServers, server: Server) -> None:
        with pytest.raises(ToolError, match="ended while one/huge was at work"):
            await _call(server, "huge", count=1_000_000)
        await _until(lambda: server.state == "off")
        assert "a message of more than 0 MB" in server.reason

    _with_server(test)


def test_what_cannot_be_started_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(_servers: McpServers, server: Server) -> None:
        with pytest.raises(ToolError) as refused:
            await server.tools()
        assert str(refused.value).startswith(
            "The server “one” ended before it was ready (exit status 5: no licence found)"
        )
        assert server.state == "failed" and server.reason == str(refused.value)

    _with_server(gone, "--gone")
    monkeypatch.setattr("felix.team.tools.mcp.server.START_S", 0.5)

    async def deaf(_servers: McpServers, server: Server) -> None:
        with pytest.raises(ToolError, match="did not start within"):
            await server.tools()

    _with_server(deaf, "--deaf")


def test_closing_takes_every_process_of_a_server_along() -> None:
    pids: list[int] = []

    async def test(_servers: McpServers, server: Server) -> None:
        pids.extend(int(pid) for pid in (await _call(server, "children")).text.split())
        pids.append(server.pid)
        assert len(pids) == 4 and all(_is_running(pid) for pid in pids)

    _with_server(test, "--stays")
    assert not [pid for pid in pids if _is_running(pid)]


_PROGRAM = """
    import asyncio, sys
    from felix.mcp_servers import McpServer
    from felix.settings import Settings
    from felix.team.tools.mcp.servers import McpServers

    async def main():
        settings = Settings(mcp_servers={"one": McpServer(command=sys.executable, args=("-u", *sys.argv[1:]))})
        async with McpServers(lambda: settings) as servers:
            server, = servers.providers()
            tools = {tool.name: tool for tool in await server.tools()}
            print((await tools["one/children"].call({}, print)).text, server.pid, flush=True)
            await asyncio.sleep(600)

    asyncio.run(main())
"""


def test_when_felix_is_killed_nothing_of_a_server_stays(tmp_path: Path) -> None:
    program = tmp_path / "felix_with_a_server.py"
    program.write_text(textwrap.dedent(_PROGRAM), "utf-8")
    source = str(Path(__file__).parents[3] / "src")
    with subprocess.Popen(
        [sys.executable, str(program), mcp_server.__file__, "--stays"],
        env={**os.environ, "PYTHONPATH": source},
        stdout=subprocess.PIPE,
        text=True,
    ) as felix:
        assert felix.stdout
        pids = [int(pid) for pid in felix.stdout.readline().split()]
        assert len(pids) == 4 and all(_is_running(pid) for pid in pids)
        felix.send_signal(signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=20)
    assert not [pid for pid in pids if _is_running(pid)]
