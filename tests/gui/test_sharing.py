"""Runs of the window for other browsers: switched on in the settings, told in the status bar, gone with the switch."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from felix import web
from felix.errors import FelixError
from tests.gui.opened import Opened, write_settings

pytestmark = pytest.mark.usefixtures("display")


@pytest.fixture
def opened(display: str, tmp_path: Path) -> Iterator[Opened]:
    opened = Opened(write_settings(tmp_path / "settings.json", has_connected=True), size="1000x700")
    opened.window.settings_page.sharing.offer(web.start, opened.window.status.say_shared)
    opened.window.show_settings()
    yield opened
    opened.close()


def refused(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/runs", timeout=5).close()
    except urllib.error.HTTPError as error:
        return error.code in (401, 403)
    except OSError:
        return True
    return False


def test_a_link_lets_a_browser_in_and_the_token_a_program_until_the_switch_is_off(opened: Opened) -> None:
    sharing, tab = opened.window.settings_page.sharing, opened.window.settings_page.tab
    assert tab.sharing.copy.instate(["disabled"])
    tab.sharing.share.invoke()
    opened.until(lambda: "Shared on this machine" in opened.words())
    tab.sharing.link.invoke()
    opened.until(lambda: sharing.state.link in opened.words() and "lets one browser in" in opened.words().lower())
    tab.sharing.copy.invoke()
    link = opened.window.app.clipboard_get()
    assert link == sharing.state.link
    address, _, token = link.partition("/#t=")
    assert address == sharing.state.address and address.startswith("http://127.0.0.1:") and token
    assert refused(address)
    body = json.dumps({"token": token}).encode()
    headers = {"Content-Type": "application/json", "X-App": "1"}
    with urllib.request.urlopen(urllib.request.Request(f"{address}/session", body, headers), timeout=5) as answer:
        assert "HttpOnly" in answer.headers["Set-Cookie"]
    sharing._look()
    assert not sharing.state.link and "make a new one" in opened.words()
    tab.sharing.token.invoke()
    bearer = {"Authorization": f"Bearer {opened.window.app.clipboard_get()}"}
    with urllib.request.urlopen(urllib.request.Request(f"{address}/runs", headers=bearer), timeout=5) as answer:
        assert answer.status == 200
    tab.sharing.share.invoke()
    opened.until(lambda: not sharing.state.is_on and "Shared on" not in opened.words())
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address, timeout=5)


def test_the_network_is_reached_after_a_warning_and_a_word_at_the_same_port(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharing, tab = opened.window.settings_page.sharing, opened.window.settings_page.tab
    monkeypatch.setattr("felix.gui.sharing.own", lambda: ["127.0.0.2", "10.0.0.7"])
    tab.sharing.share.invoke()
    opened.until(lambda: sharing.state.is_on)
    address, port = sharing.state.address.rsplit(":", 1)
    tab.sharing.network.invoke()
    opened.until(lambda: "not encrypted" in opened.words())
    assert sharing.state.choice == "127.0.0.2" and sharing.state.address.startswith(address), "nothing is bound by that"
    assert (sharing.wish, sharing.state.link) == ("127.0.0.1", "")
    tab.sharing.agree.invoke()
    opened.until(lambda: sharing.state.address == f"http://127.0.0.2:{port}")
    assert sharing.wish == "127.0.0.2" and "Share there" not in opened.words()
    assert sharing.state.link.startswith(sharing.state.address) and tab.sharing._code is not None
    tab.sharing.network.invoke()
    opened.until(lambda: sharing.state.address == f"{address}:{port}")
    assert sharing.state.network == "" and "not encrypted" not in opened.words()
    tab.sharing.share.invoke()
    opened.until(lambda: not sharing.state.is_on)
    assert sharing.wish == ""


def test_what_was_shared_is_shared_again_and_in_a_network_asked_about_first(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharing = opened.window.settings_page.sharing
    monkeypatch.setattr("felix.gui.sharing.own", lambda: ["10.0.0.7", "127.0.0.2"])
    sharing.wish = "127.0.0.2"
    sharing.resume()
    opened.until(lambda: "Share again?" in opened.words())
    assert sharing.state.choice == "127.0.0.2" and not sharing.state.is_on
    sharing.reach_network(False)
    sharing.wish = "127.0.0.1"
    sharing.resume()
    opened.until(lambda: "Shared on this machine" in opened.words())


@pytest.mark.slow
def test_why_it_could_not_be_shared_is_said_at_the_switch(opened: Opened) -> None:
    sharing, tab = opened.window.settings_page.sharing, opened.window.settings_page.tab

    def serve(*_: object) -> web.Serving:
        raise FelixError("To be watched from a browser Felix needs starlette – get it.")

    sharing.offer(serve, opened.window.status.say_shared)
    tab.sharing.share.invoke()
    opened.until(lambda: "needs starlette" in opened.words())
    assert not sharing.state.is_on and not tab.sharing.share.instate(["selected"])


@pytest.mark.slow
def test_a_machine_in_no_network_says_so(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.gui.sharing.own", list)
    opened.window.settings_page.tab.sharing.network.invoke()
    opened.until(lambda: "in no network" in opened.words())
    assert not opened.window.settings_page.sharing.state.network
