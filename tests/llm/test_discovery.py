"""Servers found by themselves: on the loopback, at once, within a second."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from felix.llm.discovery import find_servers, usual_addresses
from tests.llm.test_models import LMSTUDIO, paths
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.llamacpp import LlamaServer
from tests.servers.quirks import QUIRKS


@pytest.fixture
def mute() -> Iterator[str]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def refused() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def test_only_the_usual_ports_of_this_machine_are_asked() -> None:
    usual = ("http://127.0.0.1:1234/v1", "http://127.0.0.1:11434/v1")
    llama = ("http://127.0.0.1:9931/v1", "http://127.0.0.1:8080/v1")
    assert usual_addresses({}) == (*usual, *llama)
    assert usual_addresses({"OLLAMA_HOST": "0.0.0.0"}) == (*usual, *llama)
    assert usual_addresses({"OLLAMA_HOST": "192.168.1.9:11434"}) == (*usual, *llama)
    moved = usual_addresses({"OLLAMA_HOST": "127.0.0.1:7777"})
    assert moved == (usual[0], "http://127.0.0.1:7777/v1", usual[1], *llama)


def test_servers_are_found_and_told_apart_whatever_hangs_beside_them(
    fault_server: FaultServer, llama_server: LlamaServer, mute: str
) -> None:
    models = paths({"/v1/models": {"data": [{"id": "m"}]}})

    def slow(client: Connection) -> None:
        fault_server.stopping.wait(0.5)  # for each of three questions
        models(client)

    fault_server.replies |= {
        "slow": slow,
        "lmstudio": paths(LMSTUDIO),
        "page": QUIRKS["html_200"],
        "other_json": QUIRKS["json_200_error"],
        "hangs": QUIRKS["silence_before_headers"],
        "no_http": lambda client: client.raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    }
    asyncio.run(find_servers(addresses=()))  # what is imported is imported
    started = time.monotonic()
    named = [fault_server.url(name) for name in ("page", "slow", "hangs", "lmstudio", "other_json", "no_http")]
    found = asyncio.run(find_servers(addresses=[mute, refused(), *named, llama_server.base_url]))
    assert time.monotonic() - started < 3  # 0.8 s, on a machine that is not shared
    assert [(report.kind, report.base_url) for report in found] == [
        ("lmstudio", fault_server.url("lmstudio")),
        ("llamacpp", llama_server.base_url),
    ]


def behind_a_key(words: str) -> Callable[[Connection], None]:
    """Tells nobody anything without a key but that it is well, as llama.cpp's server does."""

    def reply(client: Connection) -> None:
        if client.request.path.endswith("/health"):
            client.reply_json({"status": "ok"})
        else:
            error = {"message": words, "type": "authentication_error", "code": 401}
            client.reply_json({"error": error}, "401 Unauthorized")

    return reply


def test_a_server_that_wants_a_key_is_found_behind_those_that_want_none(fault_server: FaultServer) -> None:
    def router(client: Connection) -> None:
        client.reply_text(b"<html>Sign in</html>", "401 Unauthorized", "text/html")

    fault_server.replies |= {
        "llama": behind_a_key("Invalid API Key"),
        "studio": behind_a_key("An LM Studio API token is required to make requests to this server."),
        "router": router,
        "lmstudio": paths(LMSTUDIO),
    }
    named = [fault_server.url(name) for name in ("llama", "router", "studio", "lmstudio")]
    found = asyncio.run(find_servers(addresses=named))
    assert [(each.kind, each.base_url, each.wants_key) for each in found] == [
        ("lmstudio", fault_server.url("lmstudio"), False),
        ("llamacpp", fault_server.url("llama"), True),
        ("lmstudio", fault_server.url("studio"), True),
    ]


def test_a_proxy_in_the_environment_changes_nothing(fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, refused().removesuffix("/v1"))
    fault_server.replies["lmstudio"] = paths(LMSTUDIO)
    assert asyncio.run(find_servers(addresses=[fault_server.url("lmstudio")]))


def test_with_nothing_there_nothing_is_found() -> None:
    assert asyncio.run(find_servers(addresses=[refused(), refused()])) == ()
