"""Endpoints as the engine asks them: who gets which key on the wire, and that one of them cannot delay the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends.fail import Keyring as NoStore

from felix import servers
from felix.endpoints import Endpoint
from felix.engine import Engine
from felix.errors import FelixError, ServerError
from felix.keys import VARIABLE, VARIABLES, KeyStore
from felix.llm.models import ServerReport
from felix.settings import SettingsFile
from felix.team.mailbox import Part, Reply
from tests.servers.fault_server import Connection, FaultServer
from tests.test_engine import follow


def listing(client: Connection) -> None:
    """A server with one model, that is nothing but OpenAI-compatible."""
    if client.request.path.endswith("/v1/models") and "/api/" not in client.request.path:
        client.reply_json({"object": "list", "data": [{"id": "m", "object": "model"}]})
    else:
        client.reply_json({"error": "no"}, "404 Not Found")


def slow(client: Connection) -> None:
    """Answers each question in time, and all of them too late."""
    client.server.stopping.wait(0.4)
    listing(client)


@pytest.fixture
def one() -> Iterator[FaultServer]:
    with FaultServer({"s": listing, "slow": slow, "mute": lambda client: client.silence()}) as server:
        yield server


@pytest.fixture
def other() -> Iterator[FaultServer]:
    with FaultServer({"s": listing}) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SettingsFile]:
    for name in (VARIABLE, *VARIABLES.values()):
        monkeypatch.delenv(name, raising=False)
    before = keyring.get_keyring()
    keyring.set_keyring(NoStore())
    settings = SettingsFile(tmp_path / "settings.json")
    settings.load()
    yield settings
    keyring.set_keyring(before)


def asked_all(settings: SettingsFile, keys: KeyStore | None = None) -> dict[str, ServerReport | FelixError]:
    with Engine(settings, keys) as engine:
        mailbox = engine.subscribe()
        number = engine.ask_endpoints()
        reply = follow(mailbox, lambda item: isinstance(item, Reply) and item.number == number)[-1]
    assert isinstance(reply, Reply) and isinstance(reply.value, dict), reply
    return reply.value


def keys_sent(server: FaultServer) -> set[str]:
    return {request.headers.get("authorization", "") for request in server.requests}


def test_each_endpoint_gets_its_own_key_and_no_other(
    settings: SettingsFile, one: FaultServer, other: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "key-of-the-one-in-use")
    monkeypatch.setenv("GROQ_API_KEY", "key-from-the-environment")
    monkeypatch.setenv("OPENAI_API_KEY", "never-asked-for")
    with FaultServer({"s": listing}) as third:
        settings.override(
            base_url=one.url("s"),
            endpoints=(
                Endpoint(name="Groq", base_url=other.url("s"), kind="groq", key="environment"),
                Endpoint(name="Own", base_url=third.url("s"), kind="openai"),
            ),
        )
        keys = KeyStore()
        keys.put(third.url("s"), "key-in-the-store")
        said = asked_all(settings, keys)
        assert keys_sent(one) == {"Bearer key-of-the-one-in-use"}
        assert keys_sent(other) == {"Bearer key-from-the-environment"}
        assert keys_sent(third) == {"Bearer key-in-the-store"}
    assert list(said) == [one.url("s"), other.url("s"), third.url("s")]
    assert all(isinstance(each, ServerReport) for each in said.values())


def test_an_endpoint_that_hangs_keeps_nobody_waiting(
    settings: SettingsFile, one: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "LOOK_S", 0.6)
    settings.override(
        base_url=one.url("s"),
        endpoints=(
            Endpoint(name="Slow", base_url=one.url("slow")),
            Endpoint(name="Mute", base_url=one.url("mute")),
            Endpoint(name="Gone", base_url="http://127.0.0.1:9/v1"),
            Endpoint(name="Words", base_url="no address at all"),
        ),
    )
    with Engine(settings) as engine:
        mailbox = engine.subscribe()
        number = engine.ask_endpoints()
        items = follow(mailbox, lambda item: isinstance(item, Reply) and item.number == number)
    reply = items.pop()
    assert isinstance(reply, Reply) and isinstance(reply.value, dict), reply
    said: dict[str, ServerReport | FelixError] = reply.value
    news = [item.value for item in items if isinstance(item, Part) and item.number == number]
    assert [isinstance(each, tuple) and each[0] for each in news][-2:] in (
        [one.url("mute"), one.url("slow")],
        [one.url("slow"), one.url("mute")],
    )
    assert dict(each for each in news if isinstance(each, tuple)) == said
    late = said[one.url("slow")]
    assert isinstance(late, ServerError) and late.fault == "silent" and "Slow did not say within 0.6 s" in str(late)
    assert isinstance(said[one.url("s")], ServerReport)
    mute, gone = said[one.url("mute")], said["http://127.0.0.1:9/v1"]
    assert isinstance(mute, ServerError) and mute.fault == "silent"
    assert isinstance(gone, ServerError) and gone.fault == "unreachable"
    assert "no server address" in str(said["no address at all"])


def test_the_one_in_use_is_asked_once_when_it_is_an_endpoint_too(settings: SettingsFile, one: FaultServer) -> None:
    settings.override(base_url=one.url("s"), endpoints=(Endpoint(name="One", base_url=one.url("s")),))
    assert list(asked_all(settings)) == [one.url("s")]
    assert sum(request.path.endswith("/s/v1/models") for request in one.requests) == 1
