"""A server of tools in the whole window: pasted, started, its log read, and stopped."""

from __future__ import annotations

import sys
import tkinter as tk
from pathlib import Path

import pytest

from tests.gui.opened import Opened, write_settings
from tests.servers import mcp_server


def paste(text: tk.Text, words: str) -> None:
    text.clipboard_clear()
    text.clipboard_append(words)
    text.event_generate("<<Paste>>")


@pytest.mark.slow
def test_in_the_window_a_pasted_server_is_started_and_its_log_read(tmp_path: Path) -> None:
    settings = write_settings(tmp_path / "settings.json", base_url="http://127.0.0.1:9/v1", has_connected=True)
    opened = Opened(settings, ledger=tmp_path / "ledger.db")
    try:
        window = opened.window
        window.header.notebook.select(1)
        opened.settle()
        tools, panels = window.settings_page.tab.tools, window.settings_page.tool_servers
        tools.add_button.invoke()
        opened.settle()
        editor = panels.editor
        assert editor
        paste(editor.pane.text, '{"mcpServers": {"one": {"command": 3}}}')  # in place of the example
        editor.save()
        assert "mcpServers.one.command must be text, not 3." in opened.words() and editor.overlay.is_open
        editor.pane.text.tag_add("sel", "1.0", "end")
        paste(editor.pane.text, f'"one": {{"command": "{sys.executable}", "args": ["-u", "{mcp_server.__file__}"]}}')
        opened.settle()
        opened.press("<Escape>")  # what is not saved is there when it is opened again
        assert not editor.overlay.is_open and not window.settings_page.tab.tools.key
        tools.add_button.invoke()
        opened.settle()
        editor = panels.editor
        assert editor and '"-u"' in editor.pane.content and editor.over_button.winfo_manager()
        opened.press("<Control-s>", editor.pane.text)
        assert not editor.overlay.is_open and tools.key == "one"
        opened.settle()
        assert tools._rule.winfo_y() > tools.list.frame.winfo_y()
        tools.start_or_stop()
        opened.until(lambda: (report := tools.report_of("one")) is not None and report.state == "ready")
        assert "one/echo" in tools.tools.rows
        tools.log_button.invoke()
        log = panels.log
        assert log
        opened.until(lambda: "here I am" in log.text.get("1.0", "end"))
        opened.press("<Escape>")
        assert not log.overlay.is_open
        tools.start_or_stop()
        opened.until(lambda: (report := tools.report_of("one")) is not None and report.state == "off")
    finally:
        opened.close()
