"""The section Tools of the settings: real widgets, events and files."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Iterator
from pathlib import Path

import pytest

from felix.errors import SettingsError
from felix.gui.kit import Kit
from felix.gui.settings_tab.tool_rows import FIRST
from felix.gui.settings_tab.tools import ToolsSection
from felix.mcp_servers import McpServer, SaidReach
from felix.team.tools.mcp.servers import ListedTool, ServerReport
from felix.team.tools.mcp.tool import Hints
from tests.gui.paged import Page, invoke, opened_page

TIME = McpServer(command="uvx", args=("mcp-server-time",))
WEB = McpServer(url="https://example.org/mcp")


@pytest.fixture
def page(kit: Kit, window: tk.Toplevel, tmp_path: Path) -> Iterator[Page]:
    with opened_page(kit, window, tmp_path / "settings.json") as page:
        yield page


@pytest.fixture
def two(page: Page) -> Page:
    """Two servers, of which one runs."""
    page.tab.change(mcp_servers={"time": TIME, "web": WEB})
    tools = (
        ListedTool("time/now", "What time it is", Hints("Now", reads_only=True, is_open=False)),
        ListedTool("time/set", "Set the clock", Hints()),
    )
    part(page).reports([_report("time", "ready", tools=tools), _report("web", "failed", "It cannot be reached.")])
    page.app.update()
    page.asked.clear()
    return page


def _report(key: str, state: str, reason: str = "", tools: tuple[ListedTool, ...] = ()) -> ServerReport:
    return ServerReport(key, key, state, reason, tools, ("a line",), 0)  # type: ignore[arg-type]


def part(page: Page) -> ToolsSection:
    return page.tab.tools


def _states(page: Page) -> list[tuple[str, str]]:
    return [(name, state) for name, _, _, state in part(page).list.words]


def test_without_servers_the_section_says_where_to_get_some(page: Page) -> None:
    assert part(page).empty.winfo_manager() and not part(page).list.words
    assert str(part(page).edit_button.state()) and "disabled" in part(page).edit_button.state()
    page.press(part(page).add_button)
    assert ("add tools",) in page.asked
    assert set(part(page).built_in.rows) == {"calculator", "read_file", "list_files", "find_in_files"}
    assert "Reads nothing private and sends nothing away" in part(page).built_in.rows["calculator"].row.shown


def test_the_servers_are_listed_with_their_tools_and_what_can_be_asked_of_them(two: Page) -> None:
    assert _states(two) == [("time", "ready · 2 tools"), ("web", "failed")]
    rows = part(two).tools.rows
    assert list(rows) == ["time/now", "time/set"]
    assert rows["time/now"].row.shown.splitlines() == [
        "What time it is",
        "Unknown: counts as private data, text by strangers and a way out",
        "Its server says: only reads, deals with nothing outside",
    ]
    part(two).list.line(0).focus_force()
    two.app.update()
    part(two).list.line(0).event_generate("<Down>")
    two.app.update()
    assert part(two).key == "web"
    assert "It cannot be reached." in two.tab.tools._state_row.shown
    part(two).list.line(1).event_generate("<Return>")
    assert ("start tools", "web") in two.asked

    part(two).choose_server("time")
    for button, asked in (
        (part(two).start_button, ("stop tools", "time")),
        (part(two).test_button, ("test tools", "time")),
        (part(two).log_button, ("tool log", "time")),
        (part(two).edit_button, ("edit tools",)),
    ):
        two.press(button)
        assert asked in two.asked
    part(two).report("time", _report("time", "ready"), None)
    assert part(two)._state_row.shown == "The test went well: ready · 0 tools"
    many = tuple(ListedTool(f"time/t{n}", "", Hints()) for n in range(FIRST + 5))
    part(two).report("time", _report("time", "ready", tools=many), None)
    assert len(part(two).tools.rows) == FIRST
    part(two).tools.more.invoke()
    assert len(part(two).tools.rows) == FIRST + 5


def test_trust_and_reach_are_the_users_word_and_nothing_is_kept_of_a_default(two: Page) -> None:
    row = part(two).tools.rows["time/now"]
    invoke(row.trust.button.menu, "Allow")
    assert two.on_disk().tool_trust == {"time/now": "allow"}
    assert "Unknown: counts as" in row.row.shown and "Asked about in each run all the same" in row.row.shown
    invoke(row.reach.menu, "May send")
    assert "Asked" not in row.row.shown
    assert two.on_disk().tool_reach == {"time/now": SaidReach(can_send=False)}
    assert "send data away" not in row.row.shown
    invoke(row.reach.menu, "May send")
    invoke(row.trust.button.menu, "Ask first")
    assert two.on_disk().tool_reach == two.on_disk().tool_trust == {}


def test_a_server_is_removed_and_brought_back_with_what_was_allowed_of_it(two: Page) -> None:
    two.tab.change(tool_trust={"time/now": "allow"})
    part(two).list.line(0).focus_force()
    part(two).list.line(0).event_generate("<Delete>")
    two.app.update()
    assert (list(two.on_disk().mcp_servers), two.on_disk().tool_trust) == (["web"], {})
    assert part(two).notice.cget("text") == "“time” removed"
    two.press(part(two).undo_button)
    assert (two.now.mcp_servers, two.now.tool_trust) == ({"time": TIME, "web": WEB}, {"time/now": "allow"})
    assert not part(two).undo_button.winfo_manager()


def test_more_servers_are_added_and_never_in_place_of_one(two: Page) -> None:
    with pytest.raises(SettingsError, match="a server “web” already"):
        part(two).take({"new": TIME, "web": TIME}, is_more=True)
    assert list(two.now.mcp_servers) == ["time", "web"]
    part(two).take({"new": TIME}, is_more=True)
    assert list(two.now.mcp_servers) == ["time", "web", "new"] and part(two).key == "new"
    part(two).take({"web": WEB}, is_more=False)
    assert list(two.now.mcp_servers) == ["web"]
    part(two).undo()
    assert list(two.now.mcp_servers) == ["time", "web", "new"]


def test_the_folder_must_be_there_and_not_be_everything(page: Page, tmp_path: Path) -> None:
    part(page).choose.invoke()
    assert page.on_disk().tool_folder == str(tmp_path)
    page.type(part(page).folder.entry, "/", "Return")
    assert "That would be all files" in part(page)._folder_row.shown
    part(page).folder.restore()
    page.type(part(page).folder.entry, "/no/such", "Return")
    assert "There is no folder /no/such" in part(page)._folder_row.shown
    assert page.now.tool_folder == str(tmp_path)
