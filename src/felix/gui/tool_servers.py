"""The servers of tools between the settings and the engine: what the page asks goes there, what comes back is shown."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Awaitable, Callable
from functools import partial

from felix.engine import Engine
from felix.errors import FelixError
from felix.gui.bridge import Bridge
from felix.gui.file_dialogs import FileDialogs
from felix.gui.kit import Kit
from felix.gui.overlay import Overlay, Room
from felix.gui.overlays import Overlays
from felix.gui.settings_tab.tools import ToolActs, ToolsSection
from felix.gui.tool_panels import EXAMPLE, ServerLogPanel, ServersPanel
from felix.mcp_servers import document
from felix.settings import SettingsFile
from felix.team.tools.mcp.servers import McpServers, ServerReport


class ToolServers:
    """`section` gives the part of the page that hears of everything. Tk's thread."""

    def __init__(
        self,
        root: tk.Misc,
        kit: Kit,
        engine: Engine,
        bridge: Bridge,
        settings: SettingsFile,
        overlays: Overlays,
        dialogs: FileDialogs,
        section: Callable[[], ToolsSection],
    ) -> None:
        self._root, self._kit, self._engine, self._bridge = root, kit, engine, bridge
        self._overlays, self._section = overlays, section
        self.editor: ServersPanel | None = None
        """The one that was opened last, as is the log."""
        self.log: ServerLogPanel | None = None
        self._drafts: dict[bool, str] = {}
        """Of the editor: of all servers (True), and of more of them."""
        self.acts = ToolActs(
            on_ask=self._ask,
            on_start=lambda key: self._do(key, lambda servers: servers.start(key)),
            on_stop=lambda key: self._do(key, lambda servers: servers.stop(key)),
            on_test=lambda key: self._do(key, lambda servers: servers.test(key)),
            on_log=self._show_log,
            on_add=lambda: overlays.show(partial(self._make_editor, "")),
            on_edit=lambda: overlays.show(partial(self._make_editor, document(settings.current.mcp_servers))),
            ask_folder=lambda: dialogs.choose_folder(root, "A folder that agents may read"),
        )

    def _ask(self) -> None:
        def heard(value: object, _error: FelixError | None) -> None:
            if isinstance(value, tuple):
                self._section().reports(value)

        self._bridge.expect(self._engine.ask_tool_servers(McpServers.reports), heard)

    def _do(self, key: str, question: Callable[[McpServers], Awaitable[object]]) -> None:
        def heard(value: object, error: FelixError | None) -> None:
            self._section().report(key, value if isinstance(value, ServerReport) else None, error)

        self._bridge.expect(self._engine.ask_tool_servers(question), heard)

    def _make_editor(self, text: str, room: Callable[[], Room], on_close: Callable[[], None]) -> Overlay:
        """Without a text it is for more servers. What is not saved when it closes is there when it opens again."""

        def closed() -> None:
            self._drafts[bool(text)] = editor.draft
            on_close()

        editor = self.editor = ServersPanel(
            self._root, self._kit, "Servers of tools" if text else "Add servers of tools", text or EXAMPLE,
            draft=self._drafts.get(bool(text), ""), room=room, on_close=closed,
            take=lambda servers: self._section().take(servers, is_more=not text),
        )  # fmt: skip
        return editor.overlay

    def _show_log(self, key: str) -> None:
        self._overlays.show(partial(self._make_log, key))

    def _make_log(self, key: str, room: Callable[[], Room], on_close: Callable[[], None]) -> Overlay:
        log = self.log = ServerLogPanel(
            self._root, self._kit, key, ask=lambda: self._ask_log(key), room=room, on_close=on_close
        )
        return log.overlay

    def _ask_log(self, key: str) -> None:
        def heard(value: object, _error: FelixError | None) -> None:
            if self.log and isinstance(value, tuple):
                self.log.show(next((report.log for report in value if report.key == key), ()))

        self._bridge.expect(self._engine.ask_tool_servers(McpServers.reports), heard)
