"""The list of endpoints in the settings, and all about the one that is chosen: real widgets, events and files."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Iterator
from pathlib import Path

import pytest

from felix.endpoints import Endpoint
from felix.errors import ServerError
from felix.gui.kit import Kit
from felix.gui.settings_tab import endpoints as endpoints_module
from felix.gui.settings_tab.endpoints import Endpoints
from felix.gui.settings_tab.figure_rows import cost_words, facts
from felix.keys import VARIABLE
from felix.ledger.figures import EndpointFigures
from felix.llm.models import ModelInfo, ServerReport
from felix.settings import DEFAULT_BASE_URL
from tests.gui.paged import LMSTUDIO, Page, opened_page

BOX = Endpoint(name="Box", base_url="http://10.0.0.7:1234/v1", kind="lmstudio", model="qwen3-8b")
GROQ = Endpoint(name="Groq", base_url="https://api.groq.com/openai/v1", kind="groq", key="environment")
BIG = ServerReport(
    "lmstudio",
    "LM Studio",
    (
        ModelInfo("qwen3-8b", "Qwen3 8B", True, 16_384, 131_072, 4_700_000_000, "Q4_K_M", 4, "8B", True, True),
        ModelInfo("mistral", "Mistral", False, None, 32_768, 14_300_000_000),
        *(ModelInfo(f"m{n}", f"M{n}", False) for n in range(8)),
    ),
    1.0,
    BOX.base_url,
)


@pytest.fixture
def page(kit: Kit, window: tk.Toplevel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    for name in (VARIABLE, "GROQ_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with opened_page(kit, window, tmp_path / "settings.json") as page:
        yield page


@pytest.fixture
def three(page: Page) -> Page:
    """LM Studio in use, and two more."""
    page.tab.change(endpoints=(Endpoint(name="LM Studio", base_url=DEFAULT_BASE_URL, kind="lmstudio"), BOX, GROQ))
    page.app.update()
    page.asked.clear()
    return page


def part(page: Page) -> Endpoints:
    return page.tab.endpoints


def names(page: Page) -> list[str]:
    return [each.name for each in page.now.endpoints]


def menu(button: tk.Misc) -> list[str]:
    entries = button.nametowidget(button.cget("menu"))
    if entries.cget("postcommand"):
        entries.tk.call(entries.cget("postcommand"))
    return [entries.entrycget(n, "label") for n in range(entries.index("end") + 1) if entries.type(n) != "separator"]


def choose(button: tk.Misc, label: str) -> None:
    entries = button.nametowidget(button.cget("menu"))
    if entries.cget("postcommand"):
        entries.tk.call(entries.cget("postcommand"))
    for number in range(entries.index("end") + 1):
        if entries.type(number) != "separator" and entries.entrycget(number, "label") == label:
            entries.invoke(number)
            return
    raise AssertionError(label)


def click(page: Page, number: int) -> None:
    part(page).list.line(number).event_generate("<Button-1>", x=4, y=4)
    page.app.update()


# -- the list ----------------------------------------------------------------------------------------------------------


def test_the_server_in_use_is_listed_before_anything_has_a_name(page: Page) -> None:
    page.tab.server_report(DEFAULT_BASE_URL, LMSTUDIO, None)
    assert part(page).list.words == [("LM Studio", "In use", "127.0.0.1:1234", "answers · 3 models, 2 loaded")]


def test_each_line_says_how_its_endpoint_is(three: Page) -> None:
    three.tab.endpoints_report(
        {
            DEFAULT_BASE_URL: LMSTUDIO,
            BOX.base_url: ServerError("Nothing listens there.", fault="unreachable"),
            GROQ.base_url: ServerError("Groq wants a key.", fault="key"),
        }
    )
    assert [(name, mark, state) for name, mark, _, state in part(three).list.words] == [
        ("LM Studio", "In use", "answers · 3 models, 2 loaded"),
        ("Box", "", "does not answer"),
        ("Groq", "", "wants a key"),
    ]
    assert part(three).list.words[1][2] == "LM Studio · 10.0.0.7:1234"


def test_the_tab_asks_all_of_them_when_it_is_shown(three: Page) -> None:
    three.tab.shown()
    assert {"endpoints", "find", "figures"} <= {str(each[0]) for each in three.asked}


def test_a_line_is_chosen_by_click_and_by_arrow_keys_and_its_server_asked(three: Page) -> None:
    click(three, 1)
    assert three.tab.connection.address.entry.get() == BOX.base_url
    assert ("check", BOX.base_url) in three.asked
    line = part(three).list.line(1)
    line.focus_force()
    three.app.update()
    line.event_generate("<Key-Down>")
    three.app.update()
    assert part(three).endpoint().name == "Groq"
    assert three.app.focus_get() is part(three).list.line(2)
    assert three.now.base_url == DEFAULT_BASE_URL, "to look at one is not to use it"


def test_what_is_written_belongs_to_the_endpoint_it_was_written_at(three: Page) -> None:
    click(three, 1)
    three.type(three.tab.connection.address.entry, "127.0.0.1:9999")
    click(three, 0)
    assert [each.base_url for each in three.now.endpoints][:2] == [DEFAULT_BASE_URL, "http://127.0.0.1:9999/v1"]
    assert three.tab.connection.address.entry.get() == DEFAULT_BASE_URL


def test_what_stands_wrong_is_not_lost_by_choosing_another(three: Page) -> None:
    click(three, 1)
    three.type(three.tab.connection.address.entry, "ftp://x")
    click(three, 0)
    assert part(three).endpoint().name == "Box"
    assert three.tab.connection.address.entry.get() == "ftp://x"
    assert "ftp" in three.tab.connection._address_row.fault


def test_what_another_endpoint_says_is_not_shown_at_this_one(three: Page) -> None:
    three.tab.server_report(BOX.base_url, BIG, None)
    assert three.tab.connection.server.shown != "1 model loaded  ·  4 slots"
    click(three, 1)
    assert three.tab.connection.server.shown == "1 model loaded  ·  4 slots", "what is known is shown at once"


# -- adding, using, removing -------------------------------------------------------------------------------------------


def test_the_menu_offers_what_was_found_first_and_nothing_that_is_there(three: Page) -> None:
    ollama = ServerReport("ollama", "Ollama", (ModelInfo("a", "a", True),), 1.0, "http://127.0.0.1:11434/v1")
    three.tab.servers_found((ServerReport("lmstudio", "LM Studio", (), 1.0, DEFAULT_BASE_URL), ollama))
    labels = menu(part(three).add_button)
    assert labels == [
        "Ollama at 127.0.0.1:11434 – found", "llama.cpp", "OpenAI", "Anthropic", "Other server…", "Model file…",
    ]  # fmt: skip
    choose(part(three).add_button, "Ollama at 127.0.0.1:11434 – found")
    assert three.on_disk().endpoints[-1] == Endpoint(name="Ollama", base_url=ollama.base_url, kind="ollama")
    assert part(three).endpoint().name == "Ollama" and three.now.base_url == DEFAULT_BASE_URL


def test_the_one_in_use_gets_an_entry_when_another_is_added(page: Page) -> None:
    choose(part(page).add_button, "OpenAI")
    assert [(each.name, each.kind, each.key) for each in page.on_disk().endpoints] == [
        ("LM Studio", "auto", "store"),
        ("OpenAI", "openai", "store"),
    ]


def test_another_server_is_added_and_its_address_is_there_to_be_written(page: Page) -> None:
    page.window.focus_force()
    choose(part(page).add_button, "Other server…")
    page.app.update()
    assert page.app.focus_get() is page.tab.connection.address.entry
    page.type(page.tab.connection.address.entry, "box:9000", "Return")
    assert page.on_disk().endpoints[-1].base_url == "http://box:9000/v1"
    assert page.now.base_url == DEFAULT_BASE_URL


def test_a_model_file_is_added(page: Page) -> None:
    choose(part(page).add_button, "Model file…")
    endpoint = page.on_disk().endpoints[-1]
    assert (endpoint.name, endpoint.kind) == ("Qwen3-8B-Q4_K_M", "file")
    assert endpoint.base_url.endswith("/Qwen3-8B-Q4_K_M.gguf")
    row = page.tab.connection._address_row
    assert row._name.cget("text") == "Model file" and row.shown.startswith("A GGUF file on this machine")


def test_use_puts_address_and_model_in_force(three: Page) -> None:
    assert part(three).use_button.instate(["disabled"])
    click(three, 1)
    three.press(part(three).use_button)
    assert (three.on_disk().base_url, three.on_disk().model) == (BOX.base_url, "qwen3-8b")
    assert [mark for _, mark, _, _ in part(three).list.words] == ["", "In use", ""]
    assert any("base_url" in keys for keys in three.changed)


def test_remove_can_be_undone_and_the_order_stays(three: Page) -> None:
    assert part(three).remove_button.instate(["disabled"]), "it is in use"
    click(three, 1)
    three.press(part(three).remove_button)
    assert names(three) == ["LM Studio", "Groq"] == [each.name for each in three.on_disk().endpoints]
    assert part(three).notice.cget("text") == "“Box” removed"
    three.press(part(three).undo_button)
    assert three.on_disk().endpoints[1] == BOX
    assert part(three).endpoint() == BOX and not part(three).undo_button.winfo_ismapped()


def test_a_removed_endpoint_takes_its_key_along_once_it_cannot_come_back(three: Page) -> None:
    three.keys.put(BOX.base_url, "sk-box-123456")
    click(three, 1)
    three.press(part(three).remove_button)
    assert three.keys.key_for(BOX) == "sk-box-123456", "undo brings both back"
    three.press(part(three).undo_button)
    assert three.keys.key_for(BOX) == "sk-box-123456" and part(three).endpoint() == BOX
    three.press(part(three).remove_button)
    part(three).close()
    assert three.keys.key_for(BOX) == ""


def test_a_key_that_another_endpoint_uses_stays(three: Page) -> None:
    beside = Endpoint(name="Beside", base_url=BOX.base_url.replace("/v1", "/other/v1"))
    three.tab.change(endpoints=(*three.now.endpoints, beside))
    three.keys.put(BOX.base_url, "sk-box-123456")
    click(three, 1)
    three.press(part(three).remove_button)
    part(three).close()
    assert three.keys.key_for(beside) == "sk-box-123456"


def test_delete_removes_the_line_that_has_the_keyboard(three: Page) -> None:
    click(three, 2)
    line = part(three).list.line(2)
    line.focus_force()
    three.app.update()
    line.event_generate("<Delete>")
    three.app.update()
    assert names(three) == ["LM Studio", "Box"]


def test_what_cannot_come_back_is_said(three: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    click(three, 1)
    part(three).remove()
    three.tab.change(endpoints=(*three.now.endpoints, BOX.model_copy(update={"base_url": "http://new/v1"})))
    part(three).undo()
    assert "Another endpoint is called “Box” already" in part(three).notice.cget("text")


def test_after_a_while_a_removal_cannot_be_undone(three: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints_module, "UNDO_MS", 20)
    click(three, 1)
    part(three).remove()
    three.until(lambda: not part(three).undo_button.winfo_manager())
    part(three).undo()
    assert names(three) == ["LM Studio", "Groq"]


# -- more about one ----------------------------------------------------------------------------------------------------


def test_more_is_folded_until_it_is_wanted(three: Page) -> None:
    name = part(three).more.name.entry
    assert not name.winfo_viewable()
    three.press(part(three).more.fold)
    assert name.winfo_viewable()
    three.press(part(three).more.fold)
    assert not name.winfo_viewable()


def test_every_field_changes_its_own_value_of_its_own_endpoint(three: Page) -> None:
    click(three, 1)
    more = part(three).more
    more.toggle()
    three.app.update()
    for field, text in (
        (more.slots, "8"), (more.context, "16,384"), (more.pool, "fast"), (more.prompt_price, "0,25"),
        (more.completion_price, "1,000"), (more.name, "Cellar"),
    ):  # fmt: skip
        three.type(field.entry, text, "Return")
    choose(more.kind.button, "vLLM")
    lmstudio, cellar, groq = three.on_disk().endpoints
    assert cellar == Endpoint(
        name="Cellar", base_url=BOX.base_url, kind="vllm", model="qwen3-8b", slots=8, context_length=16_384,
        pool="fast", prompt_price=0.25, completion_price=1000.0,
    )  # fmt: skip
    assert (lmstudio.slots, groq) == (0, GROQ)
    assert part(three).endpoint().name == "Cellar" and part(three).list.words[1][0] == "Cellar"


def test_what_is_wrong_is_said_at_its_field_and_changes_nothing(three: Page) -> None:
    click(three, 1)
    part(three).more.toggle()
    three.app.update()
    for name, text, fault in (
        ("name", "", "A name is needed"),
        ("name", "GROQ", "Another endpoint is called “GROQ” already."),
        ("name", "x" * 61, "at most 60 characters"),
        ("slots", "999", "a whole number from 0 to 256"),
        ("context", "long", "a whole number from 0 to 10,000,000"),
        ("prompt_price", "-1", "a number from 0 to 1,000,000"),
        ("prompt_price", "nan", "a number from 0 to 1,000,000"),
    ):
        field = getattr(part(three).more, name)
        three.type(field.entry, text, "Return")
        assert fault in field._row.shown
        assert field.entry.instate(["invalid"])
    assert three.now.endpoints[1] == BOX


def test_an_unknown_price_is_empty_again_when_it_is_cleared(three: Page) -> None:
    part(three).more.toggle()
    three.type(part(three).more.prompt_price.entry, "3", "Return")
    assert three.on_disk().endpoints[0].prompt_price == 3.0
    three.type(part(three).more.prompt_price.entry, "", "Return")
    assert three.on_disk().endpoints[0].prompt_price is None


# -- keys --------------------------------------------------------------------------------------------------------------


def test_a_key_may_come_from_the_variable_of_its_kind(three: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk-0123456789-abcd")
    click(three, 2)
    key = three.tab.connection.key
    assert key.menu.cget("text") == "…abcd from GROQ_API_KEY"
    choose(key.menu, "Send no key")
    assert three.on_disk().endpoints[2].key == "none"
    assert key.menu.cget("text") == "Not sent"
    choose(key.menu, "From GROQ_API_KEY")
    assert three.on_disk().endpoints[2].key == "environment"
    assert key.menu.cget("text") == "…abcd from GROQ_API_KEY"


def test_a_kind_without_a_variable_offers_none(three: Page) -> None:
    three.tab.change(endpoints=(*three.now.endpoints, Endpoint(name="V", base_url="http://v/v1", kind="vllm")))
    click(three, 3)
    assert menu(three.tab.connection.key.menu) == [
        "Enter a key…", "From the key store of this system", "Send no key",
    ]  # fmt: skip


def test_a_key_that_is_entered_is_the_one_that_is_sent(three: Page) -> None:
    click(three, 2)
    key = three.tab.connection.key
    key.edit()
    three.type(key.entry, "gsk-9876543210", "Return")
    groq = three.on_disk().endpoints[2]
    assert groq.key == "store" and three.keys.key_for(groq) == "gsk-9876543210"
    assert "gsk-" not in three.settings.path.read_text()


def test_another_origin_gets_no_key_of_the_environment_and_that_is_said(
    three: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk-0123456789-abcd")
    click(three, 2)
    three.type(three.tab.connection.address.entry, "https://api.grok.example/v1", "Return")
    assert three.on_disk().endpoints[2].key == "none"
    assert three.tab.connection._address_row.shown.startswith("GROQ_API_KEY is not sent to a new address")
    assert three.tab.connection.key.menu.cget("text") == "Not sent"


# -- models and figures ------------------------------------------------------------------------------------------------


def test_the_models_of_the_chosen_endpoint_are_listed_with_what_is_known_of_them(three: Page) -> None:
    click(three, 1)
    three.tab.server_report(BOX.base_url, BIG, None)
    rows = part(three).models.rows
    assert list(rows) == ["qwen3-8b", "mistral", "m0", "m1", "m2", "m3"]
    assert rows["qwen3-8b"].row.shown == "Loaded · 16k of 128k context · 4 slots · thinks · tools"
    three.app.update()
    three.press(part(three).models.all_button)
    assert len(part(three).models.rows) == 10
    click(three, 0)
    assert not part(three).models.rows or not part(three).models.is_shown


def test_a_model_is_loaded_with_the_context_that_was_asked_for(three: Page) -> None:
    click(three, 1)
    three.tab.server_report(BOX.base_url, BIG, None)
    three.app.update()
    row = part(three).models.rows["mistral"]
    assert row.button is not None
    three.press(row.button)
    assert "Qwen3 8B is loaded and may have to go" in row.row.shown and "together they take 19.0 GB" in row.row.shown
    assert row.entry is not None
    three.type(row.entry, "99999999", "Return")
    assert "from 1 to 32,768" in row.row.shown
    three.type(row.entry, "8192", "Return")
    assert ("load", BOX.base_url, "mistral", 8192) in three.asked
    assert row.busy.cget("text") == "loading, 0 s" and row.entry is None
    three.tab.model_ended(BOX.base_url, "mistral", None, ServerError("Out of memory – unload one.", fault="server"))
    assert row.row.shown == "Out of memory – unload one." and not row.busy.winfo_manager()


def test_a_model_is_unloaded_and_the_list_follows(three: Page) -> None:
    click(three, 1)
    three.tab.server_report(BOX.base_url, BIG, None)
    three.app.update()
    button = part(three).models.rows["qwen3-8b"].button
    assert button is not None and button.cget("text") == "Unload"
    three.press(button)
    assert ("unload", BOX.base_url, "qwen3-8b") in three.asked
    unloaded = ServerReport("lmstudio", "LM Studio", (ModelInfo("qwen3-8b", "Qwen3 8B", False),), 1.0, BOX.base_url)
    three.tab.model_ended(BOX.base_url, "qwen3-8b", unloaded, None)
    button = part(three).models.rows["qwen3-8b"].button
    assert button is not None and button.cget("text") == "Load…"


def test_a_service_lets_nobody_load(three: Page) -> None:
    click(three, 2)
    report = ServerReport("groq", "Groq", (ModelInfo("llama", "llama", True),), 1.0, GROQ.base_url)
    three.tab.server_report(GROQ.base_url, report, None)
    assert part(three).models.rows["llama"].button is None


FIGURES = EndpointFigures("Box", BOX.base_url, 20, 0.6, 1.9, 43.21, 100, 420, (("failed", 2),), "It broke.", 500, 90, 1)


def test_figures_are_those_of_the_chosen_endpoint_and_a_slow_first_word_is_marked(three: Page) -> None:
    three.tab.figures_report((FIGURES,))
    assert part(three).figures.facts == ()
    click(three, 1)
    told = {fact.name: fact for fact in part(three).figures.facts}
    assert told["First word, model loaded"].is_marked
    assert told["Pace"].value == "43.2 tok/s" and not told["Pace"].is_marked
    assert "lately: It broke." in told["Not answered to the end"].value
    assert "unknown" in told["Cost"].value


def test_cost_is_said_only_by_the_prices_of_the_user() -> None:
    assert cost_words(FIGURES, BOX).startswith("unknown")
    priced = BOX.model_copy(update={"prompt_price": 1_000.0, "completion_price": 10_000.0})
    assert cost_words(FIGURES, priced) == "1.40 by your prices, for the tokens that were counted"
    assert not any(
        fact.is_marked for fact in facts(EndpointFigures("", "", 1, 0.5, 0.5, None, None, None, (), "", 0, 0, 0), BOX)
    )


def test_every_control_is_reached_by_tab(three: Page) -> None:
    click(three, 1)
    part(three).more.toggle()
    three.tab.server_report(BOX.base_url, BIG, None)
    three.app.update()
    part(three).list.line(1).focus_force()
    three.app.update()
    reached: set[str] = set()
    for _ in range(80):
        widget = three.app.focus_get()
        assert widget is not None
        if str(widget) in reached:
            break
        reached.add(str(widget))
        widget.event_generate("<Tab>")
        three.app.update()
    load = part(three).models.rows["mistral"].button
    for widget in (
        part(three).add_button, part(three).look_button, part(three).use_button, part(three).examine_button,
        part(three).remove_button, three.tab.connection.address.entry, three.tab.connection.key.menu,
        part(three).more.fold, part(three).more.name.entry, part(three).more.kind.button,
        part(three).more.completion_price.entry, load, part(three).models.all_button,
    ):  # fmt: skip
        assert str(widget) in reached
