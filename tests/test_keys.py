"""API keys, against key stores of `keyring`'s own making: one in memory, one that fails, one that keeps nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoStore
from keyring.backends.null import Keyring as NullStore
from keyring.errors import KeyringLocked

from felix import log
from felix.endpoints import Endpoint, KeySource, ServerKind, unnamed
from felix.errors import SettingsError
from felix.keys import VARIABLE, VARIABLES, KeyState, KeyStore, clean_key, masked, origin_of

LOCAL = "http://127.0.0.1:1234/v1"
KEY = "sk-0123456789-wxyz"


class MemoryStore(KeyringBackend):
    """A usable store of an operating system; `locked` is what it is until the user has typed their password."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False
        self.asked = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        self._check()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        del self.kept[service, username]

    def _check(self) -> None:
        if self.locked:
            raise KeyringLocked("dismissed")


@pytest.fixture(autouse=True)
def _own_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(VARIABLE, raising=False)
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


@pytest.fixture
def store() -> MemoryStore:
    backend = MemoryStore()
    keyring.set_keyring(backend)
    return backend


def test_a_key_outlives_the_session_in_the_store(store: MemoryStore) -> None:
    assert KeyStore().put(LOCAL, KEY) is True
    assert KeyStore().key_for(unnamed(LOCAL)) == KEY
    assert KeyStore().state_of(unnamed(LOCAL)) == KeyState(LOCAL, "store", "…wxyz")


def test_a_key_belongs_to_its_server_alone(store: MemoryStore) -> None:
    keys = KeyStore()
    keys.put(LOCAL, KEY)
    assert keys.key_for(unnamed("http://127.0.0.1:1234/other/v1")) == KEY
    assert keys.key_for(unnamed("http://127.0.0.1:9999/v1")) == ""
    assert keys.key_for(unnamed("https://127.0.0.1:1234/v1")) == ""
    assert keys.key_for(unnamed("http://example.org/v1?x=http://127.0.0.1:1234")) == ""


def test_the_store_is_asked_once_per_server_and_not_for_every_call(store: MemoryStore) -> None:
    keys = KeyStore()
    for _ in range(5):
        keys.key_for(unnamed(LOCAL))
        keys.state_of(unnamed(LOCAL))
    assert store.asked == 1


@pytest.mark.parametrize("backend", [NoStore, NullStore])
def test_without_a_usable_store_a_key_holds_for_this_session(backend: type[KeyringBackend]) -> None:
    keyring.set_keyring(backend())
    keys = KeyStore()
    assert keys.put(LOCAL, KEY) is False
    assert keys.key_for(unnamed(LOCAL)) == KEY
    assert keys.state_of(unnamed(LOCAL)).place == "session"
    assert KeyStore().key_for(unnamed(LOCAL)) == ""
    assert keys.remove(LOCAL) is True
    assert keys.state_of(unnamed(LOCAL)).place == "none"


def test_a_store_that_stays_locked_costs_the_key_and_nothing_else(store: MemoryStore) -> None:
    store.locked = True
    keys = KeyStore()
    assert keys.key_for(unnamed(LOCAL)) == ""
    assert keys.put(LOCAL, KEY) is False
    assert keys.key_for(unnamed(LOCAL)) == KEY


def test_removing_forgets_the_key_everywhere(store: MemoryStore) -> None:
    keys = KeyStore()
    keys.put(LOCAL, KEY)
    assert keys.remove(LOCAL) is True
    assert keys.key_for(unnamed(LOCAL)) == "" and store.kept == {}
    assert keys.remove(LOCAL) is True


def test_a_key_that_the_store_does_not_give_up_is_not_used_and_told_of(store: MemoryStore) -> None:
    keys = KeyStore()
    keys.put(LOCAL, KEY)
    store.locked = True
    assert keys.remove(LOCAL) is False
    assert keys.key_for(unnamed(LOCAL)) == ""
    assert "still holds the key" in keys.state_of(unnamed(LOCAL)).fault
    store.locked = False
    assert keys.remove(LOCAL) is True
    assert keys.state_of(unnamed(LOCAL)) == KeyState(LOCAL, "none")


def test_the_environment_wins_and_is_named(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = KeyStore()
    keys.put(LOCAL, KEY)
    monkeypatch.setenv(VARIABLE, " env-key-98765\n")
    assert keys.key_for(unnamed(LOCAL), is_in_use=True) == "env-key-98765"
    assert keys.state_of(unnamed(LOCAL), is_in_use=True) == KeyState(LOCAL, "environment", "…8765", VARIABLE)


def test_the_key_for_the_server_in_use_goes_to_no_other(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "env-key-98765")
    assert KeyStore().key_for(unnamed(LOCAL)) == ""
    assert KeyStore().state_of(unnamed(LOCAL)).place == "none"


def test_the_key_for_the_server_in_use_does_not_follow_to_an_address_set_later(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "env-key-98765")
    keys = KeyStore()
    assert keys.key_for(unnamed(LOCAL), is_in_use=True) == "env-key-98765"
    assert keys.key_for(unnamed("https://elsewhere.example/v1"), is_in_use=True) == ""
    assert "start Felix again" in keys.state_of(unnamed("https://elsewhere.example/v1"), is_in_use=True).fault
    assert keys.key_for(unnamed("http://127.0.0.1:1234/other"), is_in_use=True) == "env-key-98765"
    assert KeyStore().key_for(unnamed("https://elsewhere.example/v1"), is_in_use=True) == "env-key-98765"


@pytest.mark.parametrize(("kind", "variable"), VARIABLES.items())
def test_each_kind_has_its_own_variable(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, kind: ServerKind, variable: str
) -> None:
    for number, each in enumerate(VARIABLES.values()):
        monkeypatch.setenv(each, f"key-number-{number}")
    keys = KeyStore()
    endpoint = Endpoint(name="One", base_url="https://one.example/v1", kind=kind, key="environment")
    key = f"key-number-{list(VARIABLES).index(kind)}"
    assert keys.key_for(endpoint) == key
    assert keys.state_of(endpoint) == KeyState(endpoint.base_url, "environment", masked(key), variable)


@pytest.mark.parametrize("source", ["store", "none"])
@pytest.mark.parametrize("kind", [*VARIABLES, "auto", "other"])
def test_nothing_of_the_environment_is_sent_unless_the_endpoint_says_so(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, kind: ServerKind, source: KeySource
) -> None:
    for each in (*VARIABLES.values(), VARIABLE):
        monkeypatch.setenv(each, "from-outside-1234")
    endpoint = Endpoint(name="One", base_url="https://one.example/v1", kind=kind, key=source)
    assert KeyStore().key_for(endpoint) == ""


def test_an_endpoint_without_a_key_leaves_the_one_in_the_store_alone(store: MemoryStore) -> None:
    keys = KeyStore()
    keys.put(LOCAL, KEY)
    endpoint = Endpoint(name="One", base_url=LOCAL, key="none")
    assert keys.key_for(endpoint) == "" and keys.state_of(endpoint) == KeyState(LOCAL, "none")
    assert store.asked == 1, "only to look whether it was kept"


def test_a_variable_that_is_not_there_is_named(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    keys = KeyStore()
    state = keys.state_of(Endpoint(name="One", base_url=LOCAL, kind="openai", key="environment"))
    assert state.place == "environment" and state.masked == ""
    assert state.fault.startswith("OPENAI_API_KEY is not set;")
    unclear = keys.state_of(Endpoint(name="Two", base_url=LOCAL, key="environment"))
    assert "choose one of them as the kind" in unclear.fault


@pytest.mark.parametrize("text", ["two words", "line\nbreak", "schlüssel"])
def test_what_no_key_can_hold_is_not_taken_from_the_environment(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(VARIABLE, text)
    keys = KeyStore()
    keys.put(LOCAL, KEY)
    assert keys.key_for(unnamed(LOCAL), is_in_use=True) == KEY
    state = keys.state_of(unnamed(LOCAL), is_in_use=True)
    assert state.place == "store"
    assert state.fault.startswith(f"{VARIABLE} is not used: a key has")
    assert text not in state.fault


@pytest.mark.parametrize("text", ["", "two words", "ends ", "\tkey", "key\n", "key\u00a0", "ключ", "nul\0", "bell\x07"])
def test_blanks_line_breaks_and_signs_that_no_key_has_are_refused(store: MemoryStore, text: str) -> None:
    with pytest.raises(SettingsError):
        clean_key(text)
    with pytest.raises(SettingsError):
        KeyStore().put(LOCAL, text)
    assert store.kept == {}


def test_of_a_key_only_its_end_is_shown_and_of_a_short_one_nothing() -> None:
    assert masked(KEY) == "…wxyz"
    assert masked("secret12") == "…"


def test_keys_are_in_no_repr() -> None:
    keyring.set_keyring(NoStore())
    keys = KeyStore()
    keys.put(LOCAL, KEY)
    assert KEY not in repr(keys) + repr(keys.state_of(unnamed(LOCAL)))


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin_of(" HTTP://Example.ORG:80/v1/ ") == "http://example.org:80"
    assert origin_of("http://localhost:1234/v1") == "http://127.0.0.1:1234"
    assert origin_of("http://localhost.example/v1") == "http://localhost.example"
    assert origin_of("http://[::1]:1234/v1") == "http://[::1]:1234"
    assert origin_of("https://user:word@example.org/v1") == "https://example.org"
    assert origin_of("http://[bad/v1") == "http://[bad/v1"


@pytest.mark.parametrize("place", ["environment", "store", "put"])
def test_a_key_is_kept_out_of_the_log_as_soon_as_it_is_known(
    store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    key = f"sk-from-{place}-0123456789"
    keys = KeyStore()
    match place:
        case "environment":
            monkeypatch.setenv(VARIABLE, key)
            keys.state_of(unnamed(LOCAL), is_in_use=True)
        case "store":
            store.kept["felix", origin_of(LOCAL)] = key
            keys.key_for(unnamed(LOCAL))
        case _:
            keys.put(LOCAL, key)
    log.start(tmp_path / "felix.log")
    logging.getLogger("felix.x").info("it is %s", key)
    log.stop()
    assert key not in (tmp_path / "felix.log").read_text()
