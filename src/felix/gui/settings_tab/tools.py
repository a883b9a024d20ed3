"""Tools: the folder that the built-in ones may read, the servers that bring others, and what each tool may do."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from felix.errors import FelixError, SettingsError
from felix.gui.kit import Kit
from felix.gui.server.endpoint_words import StateWords
from felix.gui.settings_tab.endpoint_list import EndpointList, Line
from felix.gui.settings_tab.fields import Field
from felix.gui.settings_tab.rows import UNDO_MS, Section
from felix.gui.settings_tab.tool_rows import ShownTool, ToolRows
from felix.mcp_servers import McpServer
from felix.settings import Settings
from felix.team.tools.builtin import built_in_tools
from felix.team.tools.mcp.servers import ServerReport
from felix.team.tools.tool import Reach
from felix.team.tools.words import hint_words, state_words

KEYS = ("mcp_servers", "tool_folder", "tool_trust", "tool_reach")

STARTING_MS, LOOK_MS = 400, 3_000
"""Between two looks at the servers: while one starts, and while nothing is known to happen."""
_FOLDER = "All that agents may read; empty: nothing"
_LOOKS = {
    "ready": ("done", "circle-fill"),
    "starting": ("prep", "hourglass-split"),
    "failed": ("fail", "x-circle-fill"),
    "off": ("queue", "circle"),
}


@dataclass(frozen=True, slots=True)
class ToolActs:
    """Callables, all called on Tk's thread. Each returns at once."""

    on_ask: Callable[[], object]
    """Ask how the servers of tools are: `reports` hears of it."""
    on_start: Callable[[str], object]
    """Start a server: `report` hears how it is then, as after the two below."""
    on_stop: Callable[[str], object]
    on_test: Callable[[str], object]
    """Start it, and end it again if it did not run."""
    on_log: Callable[[str], object]
    """Show the log of a server."""
    on_add: Callable[[], object]
    """Open the editor, for more servers."""
    on_edit: Callable[[], object]
    """Open the editor with all there are."""
    ask_folder: Callable[[], Path | None]
    """Ask the user for a folder; None when they thought better of it."""


class ToolsSection:
    """`change` puts values of the settings in force. Tk's thread only."""

    def __init__(
        self, section: Section, kit: Kit, acts: ToolActs, read: Callable[[], Settings], change: Callable[..., None]
    ) -> None:
        self._kit, self._acts, self._read, self._change = kit, acts, read, change
        self._reports: dict[str, ServerReport] = {}
        self._chosen = ""
        self._testing: set[str] = set()
        self._before: dict[str, object] | None = None
        """What Undo brings back."""
        self._after = self._look_after = ""
        self._add_folder(section)
        self.built_in = ToolRows(section.card, kit, read, change)
        servers = section.another_card()
        kit.label(servers.head, "Servers of tools (MCP)", "Strong", padding=(0, 0, 0, 6)).pack(side="left")
        self.list = EndpointList(
            servers.frame, kit, on_choose=self._choose_line, on_remove=self.remove, on_use=self.start_or_stop
        )
        self.list.frame.pack(fill="x")
        self.empty = kit.label(
            servers.frame, "None yet: paste what a server's manual shows under mcpServers", "Small", "text2", "card",
            padding=(12, 8, 12, 6),
        )  # fmt: skip
        self._add_foot(servers.frame)
        self._detail = section.another_card()
        self._add_head(self._detail.head)
        self._state_row = self._detail.row("State", "")
        self._state_row.control.configure(width=1)
        self.tools = ToolRows(self._detail, kit, read, change)
        self.fields = (self.folder,)
        section.frame.bind("<Destroy>", lambda _event: self._forget_all(), add="+")
        self._frame = section.frame

    def _add_folder(self, section: Section) -> None:
        kit = self._kit
        self._folder_row = section.row("Folder for files", _FOLDER, lines=2)
        self.folder = Field(
            self._folder_row, kit, read=lambda: self._read().tool_folder, commit=self._set_folder, width=28,
            settles=False, justify="left",
        )  # fmt: skip
        self.folder.entry.pack(side="left")
        self.choose = kit.button(
            self._folder_row.control, icon="three-dots", on="card", padding=(6, 6), tooltip="Choose a folder",
            command=self._choose_folder,
        )  # fmt: skip
        self.choose.pack(side="left", padx=(kit.px(4), 0))

    def _add_foot(self, parent: tk.Misc) -> None:
        kit = self._kit
        self._rule = kit.rule(parent)
        self._rule.pack(fill="x", padx=kit.px(11), pady=(kit.px(2), 0))
        foot = kit.frame(parent, "card", padding=(8, 6, 10, 7))
        foot.pack(fill="x")
        self.add_button = kit.button(
            foot, "Add…", "plus-lg", "outline", "card", icon_size=11, padding=(10, 5),
            tooltip="Paste the configuration of more servers", command=self._acts.on_add,
        )  # fmt: skip
        self.edit_button = kit.button(
            foot, "Edit as JSON…", on="card", padding=(8, 5), command=self._acts.on_edit,
            tooltip="All servers, in the form that other programs use",
        )  # fmt: skip
        self.add_button.pack(side="left")
        self.edit_button.pack(side="left", padx=(kit.px(6), 0))
        self.notice = kit.label(foot, font="Small", color="text2", on="card", padding=(12, 0, 8, 0))
        self.notice.pack(side="left")
        self.undo_button = kit.button(
            foot, "Undo", "arrow-counterclockwise", on="card", padding=(8, 5), command=self.undo
        )

    def _add_head(self, head: tk.Misc) -> None:
        kit = self._kit
        self.title = kit.label(head, font="Strong", padding=(0, 0, 0, 6))
        self.title.pack(side="left")

        def button(words: str, tooltip: str, command: Callable[[], object]) -> Any:  # Any: the kit's button
            return kit.button(head, words, font="Small", padding=(6, 1, 6, 2), tooltip=tooltip, command=command)

        # made from left to right, as the Tab key goes, and packed from the right
        self.start_button = button("Start", "Start or stop this server", self.start_or_stop)
        self.test_button = button("Test", "Start it, list its tools, and leave it as it was", self._test)
        self.log_button = button(
            "Log", "What it has said, and what was done to it", lambda: self._acts.on_log(self.key)
        )
        self.remove_button = button("Remove", "Take it off the list", self.remove)
        for each in (self.remove_button, self.log_button, self.test_button, self.start_button):
            each.pack(side="right")

    # -- what is chosen ------------------------------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """Name of the server that is shown; empty while there is none."""
        servers = self._read().mcp_servers
        return self._chosen if self._chosen in servers else next(iter(servers), "")

    def choose_server(self, key: str) -> None:
        """Show another server."""
        self._chosen = key
        self._state_row.set_fault("")
        self.refresh()

    def _choose_line(self, number: int) -> bool:
        self.choose_server(list(self._read().mcp_servers)[number])
        return True

    # -- acts ----------------------------------------------------------------------------------------------------------

    def start_or_stop(self) -> None:
        """Start the chosen server, or stop it when it runs."""
        key = self.key
        if not key or self._read().mcp_servers[key].disabled:
            return
        report = self._reports.get(key)
        if report and report.state in ("ready", "starting"):
            self._acts.on_stop(key)
        else:
            self._acts.on_start(key)
        self._look_soon(STARTING_MS)

    def _test(self) -> None:
        if key := self.key:
            self._testing.add(key)
            self._state_row.set_hint("Testing …")
            self._acts.on_test(key)
            self._look_soon(STARTING_MS)

    def remove(self) -> None:
        """Take the chosen server off the list; it can be brought back for a moment."""
        if key := self.key:
            self.put({name: each for name, each in self._read().mcp_servers.items() if name != key})

    def take(self, servers: dict[str, McpServer], *, is_more: bool) -> None:
        """What the editor holds: more servers, or all there shall be. Raises SettingsError, with nothing changed."""
        there = self._read().mcp_servers
        if is_more and (twice := [name for name in servers if name in there]):
            raise SettingsError(f"There is a server “{twice[0]}” already – give this one another name.")
        self.put({**there, **servers} if is_more else servers)
        if is_more and servers:
            self.choose_server(next(iter(servers)))

    def put(self, servers: dict[str, McpServer]) -> None:
        """Other servers in place of those there are; a moment long this can be taken back."""
        settings = self._read()
        before = settings.mcp_servers
        self._change(mcp_servers=servers)
        if gone := [name for name in before if name not in servers]:
            words = f"“{gone[0]}” removed" if len(gone) == 1 else f"{len(gone)} servers removed"
        else:
            words = "Servers saved"
        if servers != before:
            # with what was said of their tools, which does not hold for others of the name
            self._offer_undo(
                {key: getattr(settings, key) for key in ("mcp_servers", "tool_trust", "tool_reach")}, words
            )
        self.look()

    def undo(self) -> None:
        """Bring back the servers as they were before the last change."""
        before = self._before
        self._forget_undo()
        if before is not None:
            self._change(**before)
            self.look()

    def _set_folder(self, text: str) -> None:
        path = Path(text.strip()).expanduser() if text.strip() else None
        if path and not path.is_dir():
            raise SettingsError(f"There is no folder {path}; choose one that is there, or leave this empty.")
        if path and path == Path(path.anchor):
            raise SettingsError("That would be all files of this machine; choose a folder within it.")
        self._change(tool_folder=str(path.absolute()) if path else "")

    def _choose_folder(self) -> None:
        if path := self._acts.ask_folder():
            self.folder.preview(str(path))
            self.folder.apply()

    # -- what comes back -----------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Ask how the servers are, and go on asking while the section can be seen."""
        self._stop_looking()
        if self._read().mcp_servers:
            self._acts.on_ask()

    def reports(self, reports: Sequence[ServerReport]) -> None:
        """How all of them are."""
        self._reports = {report.key: report for report in reports}
        self.refresh()
        is_busy = any(report.state == "starting" for report in reports)
        self._look_soon(STARTING_MS if is_busy else LOOK_MS)

    def report(self, key: str, report: ServerReport | None, error: FelixError | None) -> None:
        """How one of them is, after it was started, tested or stopped."""
        was_tested = key in self._testing
        self._testing.discard(key)
        if report:
            self._reports[key] = report
        self.refresh()
        if key == self.key and error:
            self._state_row.set_fault(str(error))
        elif key == self.key and was_tested and report and report.state == "ready":
            self._state_row.set_hint(f"The test went well: {state_words(report)}")
        self._look_soon(LOOK_MS)

    def report_of(self, key: str) -> ServerReport | None:
        """What was last heard of a server."""
        return self._reports.get(key)

    def refresh(self) -> None:
        """Show what is in force, and what is known."""
        settings = self._read()
        self.folder.refresh()
        self.built_in.show([
            ShownTool(tool.name, tool.name, tool.spec.description, "", tool.reach, tool.trust, False)
            for tool in built_in_tools(self._read)
        ])  # fmt: skip
        keys = list(settings.mcp_servers)
        self.list.show([self._line(key) for key in keys], keys.index(self.key) if keys else 0)
        self._show_empty(not keys)
        self._detail.show(is_shown=bool(keys))
        self.edit_button.state(["!disabled" if keys else "disabled"])
        if keys:
            self._show_chosen(self.key, settings)

    def _show_empty(self, is_empty: bool) -> None:  # noqa: FBT001  private, and one word says it
        if is_empty == bool(self.empty.winfo_manager()):
            return
        if is_empty:
            self.list.frame.pack_forget()
            self.empty.pack(anchor="w", before=self._rule)
        else:
            self.empty.pack_forget()
            self.list.frame.pack(fill="x", before=self._rule)

    def _show_chosen(self, key: str, settings: Settings) -> None:
        kit, report, entry = self._kit, self._reports.get(key), settings.mcp_servers[key]
        self.title.configure(text=key)
        runs = report is not None and report.state in ("ready", "starting")
        kit.set_button(self.start_button, text="Stop" if runs else "Start")
        for each in (self.start_button, self.test_button):
            each.state(["disabled" if entry.disabled else "!disabled"])
        reason = report.reason if report else ""
        is_bad = report is not None and report.state == "failed"
        self._state_row.set_fault(reason if is_bad else "")
        if key not in self._testing:
            self._state_row.set_hint(reason or self._about(report, entry))
        self.tools.show([
            ShownTool(
                tool.name, tool.name.partition("/")[2], tool.description, hint_words(tool.hints), Reach(), "ask", True
            )
            for tool in (report.tools if report else ())
        ])  # fmt: skip

    @staticmethod
    def _about(report: ServerReport | None, entry: McpServer) -> str:
        if entry.disabled:
            return "Disabled in its entry"
        if report is None or report.state == "off":
            return "Off until a workflow names it, or one of its tools"
        called = f", called {report.name} in workflows" if report.name != report.key else ""
        return f"{state_words(report)[:1].upper()}{state_words(report)[1:]}{called}"

    def _line(self, key: str) -> Line:
        entry, report = self._read().mcp_servers[key], self._reports.get(key)
        place = entry.url or " ".join((entry.command, *entry.args))
        look = _LOOKS[report.state if report and not entry.disabled else "off"]
        return Line(key, place, StateWords(state_words(report, disabled=entry.disabled), *look), False)

    # -- time ----------------------------------------------------------------------------------------------------------

    def _look_soon(self, after_ms: int) -> None:
        self._stop_looking()
        self._look_after = self._frame.after(after_ms, self._look_if_seen)

    def _look_if_seen(self) -> None:
        self._look_after = ""
        if self._frame.winfo_viewable():
            self.look()

    def _stop_looking(self) -> None:
        if self._look_after:
            self._frame.after_cancel(self._look_after)
            self._look_after = ""

    def _offer_undo(self, before: dict[str, object], words: str) -> None:
        self._forget_undo()
        self._before = before
        self.notice.configure(text=words)
        self.undo_button.pack(side="left")
        self._after = self.notice.after(UNDO_MS, self._forget_undo)

    def _forget_undo(self) -> None:
        if self._after:
            self.notice.after_cancel(self._after)
            self._after = ""
        self._before = None
        if self.notice.winfo_exists():
            self.notice.configure(text="")
            self.undo_button.pack_forget()

    def _forget_all(self) -> None:
        self._stop_looking()
        if self._after:
            self.notice.after_cancel(self._after)
            self._after = ""
