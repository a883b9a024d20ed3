"""Servers of tools as people have them: one from PyPI, and the reference server from npm by both ways."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from felix.errors import ToolError
from felix.mcp_servers import McpServer
from felix.settings import Settings
from felix.team.tools.mcp.server import Server
from felix.team.tools.mcp.servers import McpServers
from felix.team.tools.tool import Tool

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="process groups of Unix")]

_EVERYTHING = "@modelcontextprotocol/server-everything"
_START_S = 60.0


def _quiet(_message: str, _fraction: float | None) -> None:
    pass


def test_the_time_server_of_pypi_tells_the_time_and_why_it_cannot() -> None:
    entry = McpServer(command=sys.executable, args=("-m", "mcp_server_time", "--local-timezone", "Europe/Berlin"))

    others = psutil.Process().children(recursive=True)

    async def run() -> list[psutil.Process]:
        async with McpServers(lambda: Settings(mcp_servers={"time": entry})) as servers:
            tools = {tool.name: tool for tool in await servers.providers()[0].tools()}
            assert set(tools) == {"time/get_current_time", "time/convert_time"}
            now = await tools["time/get_current_time"].call({"timezone": "Europe/London"}, _quiet)
            assert json.loads(now.text)["timezone"] == "Europe/London"
            wrong = await tools["time/get_current_time"].call({"timezone": "Nowhere"}, _quiet)
            assert wrong.is_error and "Nowhere" in wrong.text
            return [each for each in psutil.Process().children(recursive=True) if each not in others]

    assert not [each for each in asyncio.run(run()) if _runs(each)]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def npm() -> dict[str, str]:
    """What `npx` needs of the environment: the user's own cache, as a test has a home of its own."""
    npx = shutil.which("npx")
    if npx is None:
        pytest.skip("npx is not installed: install Node.js to try the reference server of MCP.")
    import pwd  # of Unix

    cache = str(Path(pwd.getpwuid(os.getuid()).pw_dir) / ".npm")
    given = {"npm_config_cache": cache, "npm_config_prefer_offline": "true", "npm_config_update_notifier": "false"}
    try:
        done = subprocess.run(
            [npx, "-y", _EVERYTHING, "--help"],
            env={**os.environ, **given},
            capture_output=True,
            timeout=_START_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        done = None
    if done is None or done.returncode not in (0, 1) or b"Everything Server" not in done.stdout + done.stderr:
        pytest.skip(f"{_EVERYTHING} is not in npm's cache and could not be fetched: connect to the net once.")
    return given


@contextmanager
def _over_http(npm: dict[str, str]) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        ["npx", "-y", _EVERYTHING, "streamableHttp"],
        env={**os.environ, **npm, "PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as server:
        try:
            end = time.monotonic() + _START_S
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert server.poll() is None and time.monotonic() < end
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            os.killpg(server.pid, signal.SIGKILL)


async def _try_all(server: Server) -> dict[str, Tool]:
    """What the reference server has of everything."""
    tools: dict[str, Tool] = {tool.name.partition("/")[2]: tool for tool in await server.tools()}
    assert (await tools["echo"].call({"message": "Grüße"}, _quiet)).text == "Echo: Grüße"
    told: list[float | None] = []
    long = tools["trigger-long-running-operation"]
    assert "completed" in (await long.call({"duration": 0.4, "steps": 4}, lambda _, far: told.append(far))).text
    assert told == [0.25, 0.5, 0.75, 1.0]
    wrong = await tools["get-sum"].call({"a": "x"}, _quiet)
    assert wrong.is_error and "expected number" in wrong.text
    image = (await tools["get-tiny-image"].call({}, _quiet)).text
    assert "[a picture, image/png, 4,033 bytes" in image
    weather = (await tools["get-structured-content"].call({"location": "Chicago"}, _quiet)).text
    assert json.loads(weather)["temperature"] == 36
    resource = await tools["get-resource-reference"].call({"resourceType": "Text", "resourceId": 1}, _quiet)
    assert "[from demo://resource/dynamic/text/1]" in resource.text
    return tools


async def _stopped(tools: dict[str, Tool]) -> None:
    async with asyncio.TaskGroup() as group:
        begun = asyncio.Event()
        long = tools["trigger-long-running-operation"]
        call = group.create_task(long.call({"duration": 60, "steps": 600}, lambda *_: begun.set()))
        await begun.wait()
        call.cancel()


def test_the_reference_server_is_used_by_its_pipes(npm: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.team.tools.mcp.server.CONFIRM_S", 0.3)
    entry = McpServer(command="npx", args=("-y", _EVERYTHING), env=npm)
    others = psutil.Process().children(recursive=True)

    async def run() -> list[psutil.Process]:
        async with McpServers(lambda: Settings(mcp_servers={"every": entry})) as servers:
            server = servers.providers()[0]
            tools = await _try_all(server)
            before = psutil.Process(server.pid).children(recursive=True)
            # it does not confirm that: it is ended, with npx, and started when it is wanted again
            await _stopped(tools)
            async with asyncio.timeout(20):
                while server.state != "off":  # noqa: ASYNC110  what is waited for is in another process
                    await asyncio.sleep(0.02)
            assert len(before) >= 2 and not [each for each in before if _runs(each)]
            assert (await tools["echo"].call({"message": "again"}, _quiet)).text == "Echo: again"
            return [each for each in psutil.Process().children(recursive=True) if each not in others]

    assert not [each for each in asyncio.run(run()) if _runs(each)]


def test_the_reference_server_is_used_over_http(npm: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # what is on this machine is reached without one

    async def run() -> None:
        with _over_http(npm) as url:
            entry = McpServer(url=url)
            async with McpServers(lambda: Settings(mcp_servers={"every": entry})) as servers:
                server = servers.providers()[0]
                tools = await _try_all(server)
                await _stopped(tools)
                assert (await tools["echo"].call({"message": "again"}, _quiet)).text == "Echo: again"
                assert (server.state, server.pid) == ("ready", 0)

    asyncio.run(run())


class _Turning(http.server.BaseHTTPRequestHandler):
    """Sends everybody on to somewhere else."""

    seen: list[tuple[str, str | None]] = []  # noqa: RUF012  of the one server that a test has
    target = ""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((self.path, self.headers.get("Authorization")))
        self.send_response(307)
        self.send_header("Location", self.target if self.path == "/mcp" else "/never")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


def test_no_redirect_takes_the_headers_elsewhere() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Turning) as turning:
        thread = threading.Thread(target=turning.serve_forever)
        thread.start()
        _Turning.target = f"http://127.0.0.1:{turning.server_port}/elsewhere"
        entry = McpServer(
            url=f"http://127.0.0.1:{turning.server_port}/mcp", headers={"Authorization": "Bearer of-the-user-alone"}
        )

        async def run() -> None:
            async with McpServers(lambda: Settings(mcp_servers={"one": entry})) as servers:
                with pytest.raises(ToolError, match="cannot be reached at http://127") as refused:
                    await servers.providers()[0].tools()
                assert "of-the-user" not in str(refused.value) + "".join((await servers.reports())[0].log)

        try:
            asyncio.run(run())
        finally:
            turning.shutdown()
            thread.join()
    assert {path for path, _ in _Turning.seen} == {"/mcp"}
    assert {key for _, key in _Turning.seen} == {"Bearer of-the-user-alone"}
