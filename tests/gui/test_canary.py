"""A key is used by the whole window, with ledger, log and session, and then looked for in every byte of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import keyring
import psutil
import pytest
from keyring.backend import KeyringBackend

from felix import log, places
from felix.keys import VARIABLE, origin_of
from felix.ledger.export import FORMATS, rendered
from felix.ledger.reader import Reader
from tests.gui.opened import Opened, write_settings
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import GOOD, events

KEY = "sk-canary+9'7/31415926535"
SPELLINGS = [
    KEY.encode(),
    KEY.encode("utf-16-le"),
    quote(KEY, safe="").encode(),
    json.dumps(KEY)[1:-1].encode(),
    repr(KEY)[1:-1].encode(),
    KEY.encode().hex().encode(),
    base64.b64encode(KEY.encode()),
    base64.b64encode(f"Bearer {KEY}".encode()),
]
WORKFLOW = "name: Short\nagents: [{id: research, role: research, count: 2}]\ncheckpoints: [0]\n"


class Store(KeyringBackend):
    """The key store of an operating system."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def store() -> Iterator[Store]:
    before, store = keyring.get_keyring(), Store()
    keyring.set_keyring(store)
    yield store
    keyring.set_keyring(before)


class Locked:
    """A server that wants the key, and quotes what it got in every second error."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, client: Connection) -> None:
        sent = client.request.headers.get("authorization", "")
        self.seen.append(sent)
        if sent != f"Bearer {KEY}":
            client.reply_json({"error": {"message": f"no key: {sent}"}}, "401 Unauthorized")
        elif client.request.method == "GET":
            is_list = client.request.path.endswith("/v1/models") and "/api/" not in client.request.path
            client.reply_json(
                {"data": [{"id": "m"}]} if is_list else {"error": sent}, "200 OK" if is_list else "404 No"
            )
        elif b"You are the hub" in client.request.body:
            events(*GOOD)(client)
        elif len(self.seen) % 2:
            client.reply_json({"error": {"message": f"Incorrect API key provided: {sent}"}}, "401 Unauthorized")
        else:
            events(*GOOD[:2], {"error": {"message": f"your key {KEY} has no credit"}})(client)


def found_in(*folders: Path) -> list[str]:
    """Every file with the key in it, however it is spelt."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert {"ledger.db", "session.json", "felix.log", "settings.json"} <= {file.name for file in files}
    return [f"{file.name}: {way!r}" for file in files for way in SPELLINGS if way in file.read_bytes()]


@pytest.mark.parametrize("place", ["environment", "store", "settings"])
def test_a_key_is_found_nowhere_once_it_has_been_used(
    display: str, tmp_path: Path, home: Path, store: Store, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "short.yaml").write_text(WORKFLOW)
    server_side = Locked()
    log.start(places.log_file(), detailed=True)
    with FaultServer({"locked": server_side}) as server:
        url = server.url("locked")
        if place == "environment":
            monkeypatch.setenv(VARIABLE, KEY)
        elif place == "store":
            store.kept["felix", origin_of(url)] = KEY
        settings = write_settings(
            tmp_path / "settings.json", base_url=url, workflow=str(tmp_path / "short.yaml"), has_connected=True
        )
        felix = Opened(settings, ledger=tmp_path / "ledger.db", session=tmp_path / "session.json")
        window = felix.window
        try:
            if place == "settings":
                window.header.notebook.select(1)
                felix.turn(50)
                row = window.settings_page.tab.connection.key
                row.edit()
                row.entry.insert(0, KEY)
                row.save.invoke()
                felix.until(lambda: store.kept or "…" in row.menu.cget("text"))
                window.settings_page.tab.change(verbose_log=True)
                window.header.notebook.select(0)
            for _ in range(2):
                before = window.bridge.run
                window.composer.take("does anything leak?")
                felix.press("<Control-Return>", felix.task)
                felix.until(
                    lambda before=before: window.bridge.run != before and window.bridge.state.status is not None
                )
            felix.until((tmp_path / "session.json").exists)
            shown = felix.words()
            state = window.bridge.state
            with Reader(tmp_path / "ledger.db") as reader:
                (run, *_) = [row.run for row in reader.runs()]
                records = reader.records(run)
            for kind in FORMATS:
                (tmp_path / f"export.{kind}").write_text(rendered(records, kind, include_thinking=True))
            assert (tmp_path / "ledger.db-wal").stat().st_size > 0
            assert found_in(tmp_path, home) == []
        finally:
            felix.close()
            log.stop()
    assert f"Bearer {KEY}" in server_side.seen, "the key was used"
    assert any("your key" in (thought.error or "") for thought in state.thoughts.values()), "and quoted"
    assert KEY not in shown
    assert not any(KEY in word for child in psutil.Process().children() for word in child.cmdline())
    assert found_in(tmp_path, home) == []
