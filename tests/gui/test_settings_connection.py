"""The section Connection of the Settings tab: address, model, key, and what a server and a test of it say."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Iterator
from pathlib import Path

import pytest

from felix.endpoints import unnamed
from felix.errors import ServerError
from felix.gui.kit import Kit
from felix.keys import VARIABLE, KeyState
from felix.llm.models import ConnectionCheck
from felix.settings import DEFAULT_BASE_URL
from tests.gui.paged import LMSTUDIO, Page, invoke, opened_page


@pytest.fixture
def page(kit: Kit, window: tk.Toplevel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.delenv(VARIABLE, raising=False)
    with opened_page(kit, window, tmp_path / "settings.json") as page:
        yield page


# -- connection --------------------------------------------------------------------------------------------------------


def test_an_address_is_repaired_and_the_repair_is_shown(page: Page) -> None:
    for typed, address in (
        ("localhost:1234", "http://127.0.0.1:1234/v1"),
        (" http://10.0.0.5:8080/ ", "http://10.0.0.5:8080/v1"),
        ("example.org/api/v1/", "http://example.org/api/v1"),
    ):
        page.tab.change(base_url="http://192.168.0.9:1/v1")
        page.asked.clear()
        field = page.tab.connection.address
        page.type(field.entry, typed, "Return")
        assert page.on_disk().base_url == address
        assert field.entry.get() == address
        assert page.tab.connection._address_row.shown == f"Read as {address}"
        assert ("check", address) in page.asked


def test_an_address_that_is_none_stays_as_typed_and_is_not_asked(page: Page) -> None:
    page.asked.clear()
    for typed in ("ftp://x", "not an address at all"):
        page.type(page.tab.connection.address.entry, typed, "Return")
        assert page.tab.connection.address.entry.get() == typed
        assert "http://" in page.tab.connection._address_row.fault
        assert page.now.base_url == DEFAULT_BASE_URL
        page.press(page.tab.connection.test_button)
        assert page.asked == []
        page.tab.connection.address.restore()


def test_a_fault_moves_nothing_that_is_about_to_be_clicked(page: Page) -> None:
    def places() -> list[int]:
        page.app.update()
        rows = [row.frame.winfo_rooty() for section in page.tab._sections for row in section.rows]
        return [row - rows[0] for row in rows]  # the page scrolls to the field that is written in

    before = places()
    fields = page.tab.connection.address, page.tab.streaming.interval, page.tab.workflow.tokens
    for typed in ("not an address at all, but a sentence that was pasted", "http://127.0.0.1:99999", ""):
        page.tab.server_report(DEFAULT_BASE_URL, LMSTUDIO, None)
        page.type(page.tab.connection.address.entry, typed, "Return")
        refused = "Connection refused: nothing listens at http://127.0.0.1:1234/v1 – start the server, or change it."
        page.tab.server_report(DEFAULT_BASE_URL, None, ServerError(refused, fault="unreachable"))
        page.type(page.tab.streaming.interval.entry, "99999", "Return")
        page.type(page.tab.workflow.tokens.entry, "-1", "Return")
        assert all(field._row.fault for field in fields) and places() == before
        for field in fields:
            field.restore()


def test_what_the_server_says_is_shown(page: Page) -> None:
    rows = page.tab.connection
    page.tab.server_report(DEFAULT_BASE_URL, LMSTUDIO, None)
    assert rows.server.shown == "2 models loaded  ·  4 slots"
    assert rows.badge.cget("text") == "Connected, 14 ms"
    assert rows.model.cget("text") == "Automatic · qwen3-8b"


def test_what_is_wrong_with_the_server_is_said_in_words(page: Page) -> None:
    sentence = "Nothing listens at http://127.0.0.1:1234/v1; start the server in LM Studio."
    page.tab.server_report(DEFAULT_BASE_URL, None, ServerError(sentence, fault="unreachable"))
    assert page.tab.connection.server.shown == sentence
    assert page.tab.connection.badge.cget("text") == "Not reachable"


def test_a_server_that_cannot_be_used_is_asked_again_until_it_can(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.gui.settings_tab.connection.LOOK_AGAIN_MS", 20)
    page.asked.clear()
    page.tab.server_report(DEFAULT_BASE_URL, None, ServerError("Nothing listens there.", fault="unreachable"))
    page.until(lambda: page.asked == [("check", DEFAULT_BASE_URL)])
    assert page.tab.connection.server.shown == "Nothing listens there."
    page.tab.server_report(DEFAULT_BASE_URL, LMSTUDIO, None)
    assert page.tab.connection._after == ""


def test_the_first_section_is_marked_at_first(page: Page) -> None:
    assert not page.tab._page.fits and page.tab.navigation.marked == 0


def test_news_of_a_server_that_is_no_longer_in_force_changes_nothing(page: Page) -> None:
    page.tab.server_report("http://10.9.9.9:1/v1", LMSTUDIO, None)
    page.tab.key_report(KeyState("http://10.9.9.9:1/v1", "session", "…1234"))
    assert page.tab.connection.badge.cget("text") == "Asking…"
    assert page.tab.connection.key.menu.cget("text") == "None"


def test_the_models_are_listed_loaded_first_and_chosen(page: Page) -> None:
    page.tab.server_report(DEFAULT_BASE_URL, LMSTUDIO, None)
    rows = page.tab.connection
    rows._fill_models()
    menu = rows.model.menu
    labels = [menu.entrycget(n, "label") for n in range(menu.index("end") + 1) if menu.type(n) != "separator"]
    assert labels == [
        "Automatic – the first that is loaded",
        "Loaded",
        "qwen3-8b  ·  16k context",
        "gemma-3-12b  ·  8,000 context",
        "Not loaded: the server loads it when a run starts",
        "mistral-7b",
    ]
    invoke(menu, "gemma")
    assert page.on_disk().model == "gemma-3-12b"
    assert rows.model.cget("text") == "gemma-3-12b · loaded, 8,000"
    invoke(menu, "Automatic")
    assert page.on_disk().model == ""


def test_a_model_the_server_lacks_is_said_to_be_missing(page: Page) -> None:
    page.tab.change(model="gone-1b")
    page.tab.server_report(DEFAULT_BASE_URL, LMSTUDIO, None)
    assert page.tab.connection.model.cget("text") == "gone-1b · not on this server"


def test_the_test_says_how_it_went(page: Page) -> None:
    rows = page.tab.connection
    page.press(rows.test_button)
    assert ("test", DEFAULT_BASE_URL, "") in page.asked
    assert rows.test_button.instate(["disabled"])
    page.tab.test_result(ConnectionCheck(ok=True, sentence="llama.cpp answers with qwen3-8b.", model="qwen3-8b"), None)
    assert rows.server.shown == "llama.cpp answers with qwen3-8b.", "a name begins as it is written"
    assert rows.badge.cget("text") == "Works" and rows.test_button.instate(["!disabled"])

    page.press(rows.test_button)
    page.tab.test_result(ConnectionCheck(ok=False, sentence="The key was refused; enter it again.", fault="key"), None)
    assert rows.server.fault == "The key was refused; enter it again." and rows.badge.cget("text") == "Key needed"

    page.press(rows.test_button)
    page.tab.test_result(None, ServerError("Nothing listens there; start it.", fault="unreachable"))
    assert rows.server.fault == "Nothing listens there; start it."


def test_a_new_address_during_a_test_makes_its_result_no_news(page: Page) -> None:
    page.press(page.tab.connection.test_button)
    page.tab.change(base_url="http://10.0.0.7:1/v1")
    page.tab.test_result(ConnectionCheck(ok=True, sentence="Old news."), None)
    assert page.tab.connection.server.shown != "Old news."
    page.tab.server_report("http://10.0.0.7:1/v1", LMSTUDIO, None)
    assert page.tab.connection.badge.cget("text") == "Connected, 14 ms"


def test_the_result_of_a_test_stays_until_something_is_set_anew(page: Page) -> None:
    rows = page.tab.connection
    page.press(rows.test_button)
    refused = ConnectionCheck(ok=False, sentence="The server failed – look at its log.", fault="server")
    page.tab.test_result(refused, None)
    said = rows.badge.cget("text")
    page.tab.server_report(DEFAULT_BASE_URL, LMSTUDIO, None)
    page.tab.shown()
    page.tab.server_report(DEFAULT_BASE_URL, LMSTUDIO, None)
    assert (rows.server.fault, rows.badge.cget("text")) == (refused.sentence, said)
    assert rows.model.cget("text") == "Automatic · qwen3-8b", "its models are news all the same"

    page.tab.change(model="gemma-3-12b")
    page.tab.server_report(DEFAULT_BASE_URL, LMSTUDIO, None)
    assert rows.badge.cget("text") == "Connected, 14 ms"

    page.press(rows.test_button)
    page.tab.test_result(refused, None)
    rows.key.edit()
    page.type(rows.key.entry, "sk-0123456789abcd", "Return")
    page.tab.server_report(DEFAULT_BASE_URL, LMSTUDIO, None)
    assert rows.badge.cget("text") == "Connected, 14 ms"


def test_a_test_that_found_nobody_ends_when_the_server_comes(page: Page) -> None:
    rows = page.tab.connection
    page.press(rows.test_button)
    page.tab.test_result(None, ServerError("Nothing listens there; start it.", fault="unreachable"))
    assert rows._after, "it is looked for again"
    page.tab.server_report(DEFAULT_BASE_URL, LMSTUDIO, None)
    assert rows.badge.cget("text") == "Connected, 14 ms"


# -- the key -----------------------------------------------------------------------------------------------------------


def test_a_key_is_entered_behind_dots_and_shown_by_its_end(page: Page) -> None:
    key = page.tab.connection.key
    invoke(key.menu.menu, "Enter a key")
    page.app.update()
    page.type(key.entry, "sk-0123456789abcd")
    assert key.entry.cget("show") == "•"
    page.press(key.eye)
    assert key.entry.cget("show") == ""
    page.press(key.save)
    assert page.keys.key_for(unnamed(DEFAULT_BASE_URL), is_in_use=True) == "sk-0123456789abcd"
    assert key.menu.cget("text") == "…abcd" and key.entry.get() == ""
    assert "this session only" in key._row.shown, "there is no key store here"
    page.tab.change(verbose_log=True)
    assert "sk-0123456789abcd" not in page.settings.path.read_text()
    invoke(key.menu.menu, "Remove")
    assert page.keys.key_for(unnamed(DEFAULT_BASE_URL), is_in_use=True) == "" and key.menu.cget("text") == "None"


def test_what_no_key_can_hold_is_refused_at_entry(page: Page) -> None:
    key = page.tab.connection.key
    for text in ("", "two words", "ends "):
        key.edit()
        page.app.update()
        page.type(key.entry, text, "Return")
        assert key.is_editing and key._row.fault and key.entry.instate(["invalid"])
        assert page.keys.key_for(unnamed(DEFAULT_BASE_URL), is_in_use=True) == ""
        key.entry.event_generate("<Escape>")
        assert not key.is_editing and not key._row.fault


def test_a_pasted_key_with_a_line_break_is_refused(page: Page) -> None:
    key = page.tab.connection.key
    key.edit()
    page.app.update()
    page.app.clipboard_clear()
    page.app.clipboard_append("sk-0123456789\nabcd")
    key.entry.focus_force()
    key.entry.event_generate("<<Paste>>")
    key.entry.event_generate("<Return>")
    page.app.update()
    assert "line breaks" in key._row.fault


def test_a_key_of_the_environment_is_named_and_cannot_be_changed(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "env-0123456789")
    page.tab.connection.look()
    key = page.tab.connection.key
    assert key.menu.cget("text") == f"…6789 from {VARIABLE}"
    assert key.menu.instate(["disabled"])


def test_a_key_stays_with_its_server(page: Page) -> None:
    page.keys.put(DEFAULT_BASE_URL, "sk-0123456789abcd")
    page.tab.connection.look()
    assert page.tab.connection.key.menu.cget("text") == "…abcd"
    page.tab.change(base_url="http://10.0.0.7:1/v1")
    assert page.tab.connection.key.menu.cget("text") == "None"
