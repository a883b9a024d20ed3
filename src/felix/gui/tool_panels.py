"""The panels about servers of tools: their configuration as JSON to be edited or pasted, and the log of one."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.errors import SettingsError
from felix.gui.kit import Kit
from felix.gui.overlay import Overlay, Room
from felix.gui.text.shown_text import printable
from felix.gui.workflow_editor.code_pane import CodePane
from felix.mcp_servers import DocumentError, McpServer, parsed

CHECK_MS = 300
"""Without an edit this long, the text is checked."""
FOLLOW_MS = 700
"""Between two looks at the log of a server."""
EXAMPLE = '{\n  "mcpServers": {\n    \n  }\n}\n'
_HINT = (
    "Paste the mcpServers of another program or of a manual; ${NAME} in env and headers is read from the environment"
)


class ServersPanel:
    """The editor. Whatever stands in it stays until it is saved or the panel is closed."""

    def __init__(
        self,
        root: tk.Misc,
        kit: Kit,
        title: str,
        text: str,
        *,
        draft: str,
        take: Callable[[dict[str, McpServer]], None],
        room: Callable[[], Room],
        on_close: Callable[[], None],
    ) -> None:
        """`draft` is what was not saved the last time; empty: nothing. `take` gets the servers, and raises
        SettingsError when they cannot be put in force."""
        self._kit, self._take, self._after = kit, take, ""
        self._text = self._content = text
        self._is_saved = False
        self.overlay = Overlay(root, kit, title, width=860, height=560, room=room, on_close=on_close)
        self.save_button = kit.button(
            self.overlay.head, "Save", "check2", "primary", "card", command=self.save, tooltip="Save (Ctrl+S)"
        )
        self.save_button.pack(side="right", padx=(0, kit.px(6)))
        self.over_button = kit.button(
            self.overlay.head, "Start over", on="card", padding=(8, 5), command=self._start_over,
            tooltip="Forget what was not saved",
        )  # fmt: skip
        body = self.overlay.body
        foot = kit.frame(body, "card", padding=(14, 6, 12, 8))
        foot.pack(side="bottom", fill="x")
        self.verdict = kit.label(foot, _HINT, "Small", "text2", "card", anchor="w")
        self.verdict.pack(side="left", fill="x", expand=True)
        foot.bind("<Configure>", lambda event: self.verdict.configure(wraplength=max(200, event.width - kit.px(30))))
        self.pane = CodePane(body, kit, editable=True, on_edit=self._edited)
        self.pane.frame.pack(fill="both", expand=True)
        self.pane.load(draft or text)
        if draft:
            self.over_button.pack(side="right", padx=(0, kit.px(4)))
        for key in ("<Control-s>", "<Control-S>"):
            self.pane.text.bind(key, lambda _event: self._save_by_key())
        self.overlay.shade.bind("<Destroy>", lambda _event: self._stop_waiting(), add="+")
        self.pane.text.bind("<<Paste>>", lambda _event: self._make_room(), add="+")
        self._begin()

    def check(self) -> dict[str, McpServer] | None:
        """Look at the text now, and say what is wrong with it or what it would be."""
        self._stop_waiting()
        try:
            servers = parsed(self.pane.content)
        except SettingsError as error:
            self._say_fault(error)
            return None
        self.pane.mark_fault(None)
        count = len(servers)
        words = f"{count} server{'' if count == 1 else 's'}: {', '.join(servers)}" if servers else _HINT
        self._kit.set_label(self.verdict, text=words[:200], color="text2", icon="check-lg" if servers else "")
        return servers

    def save(self) -> None:
        """Put the servers in force and close, or say what is wrong."""
        servers = self.check()
        if servers is None:
            return
        try:
            self._take(servers)
        except SettingsError as error:
            self._say_fault(error)
            return
        self._is_saved = True
        self.overlay.close()

    @property
    def draft(self) -> str:
        """What would be lost now; empty when nothing would."""
        return "" if self._is_saved or self._content.strip() in ("", self._text.strip()) else self._content

    def _start_over(self) -> None:
        self.pane.load(self._text)
        self.over_button.pack_forget()
        self._begin()

    def _begin(self) -> None:
        self.pane.text.focus_set()
        self.pane.text.mark_set("insert", "3.4" if self.pane.content == EXAMPLE else "1.0")

    def _make_room(self) -> None:
        """A whole block that is pasted takes the place of the example; an entry goes into it."""
        text = self.pane.text
        try:
            pasted = text.clipboard_get().lstrip()
        except tk.TclError:  # there is none
            return
        if self.pane.content == EXAMPLE and pasted.startswith(("{", '"mcpServers"', '"servers"')):
            text.delete("1.0", "end")

    def _save_by_key(self) -> str:
        self.save()
        return "break"

    def _say_fault(self, error: SettingsError) -> None:
        self._kit.set_label(self.verdict, text=str(error), color="ink:fail", icon="x-octagon-fill")
        self.pane.mark_fault(error.line if isinstance(error, DocumentError) else None)

    def _edited(self) -> None:
        self._content = self.pane.content
        self._stop_waiting()
        self._after = self.pane.text.after(CHECK_MS, self.check)

    def _stop_waiting(self) -> None:
        if self._after:
            self.pane.text.after_cancel(self._after)
            self._after = ""


class ServerLogPanel:
    """The log of one server, followed while the reader is at its end."""

    def __init__(
        self,
        root: tk.Misc,
        kit: Kit,
        key: str,
        *,
        ask: Callable[[], object],
        room: Callable[[], Room],
        on_close: Callable[[], None],
    ) -> None:
        """`ask` has the log looked at: `show` hears of it."""
        self._root, self._ask, self._after = root, ask, ""
        self.overlay = Overlay(root, kit, f"Log of {key}", width=1_000, height=560, room=room, on_close=on_close)
        kit.button(
            self.overlay.head, "Copy", "copy", "outline", "card", "Small", padding=(9, 4), command=self._copy
        ).pack(side="right", padx=(0, kit.px(6)))  # fmt: skip
        body = self.overlay.body
        self.text = kit.text(body, "card", "Mono", padx=14, pady=8, takefocus=True)
        bar = kit.scrollbar(body, self.text.yview, "card")
        self.text.configure(yscrollcommand=bar.set)
        bar.pack(side="right", fill="y")
        self.text.pack(side="left", fill="both", expand=True)
        self._lines: tuple[str, ...] | None = None
        self.overlay.shade.bind("<Destroy>", lambda _event: self._stop_waiting(), add="+")
        self.text.focus_set()
        ask()

    def show(self, lines: tuple[str, ...]) -> None:
        """What it is now."""
        if not self.overlay.is_open:
            return
        if lines != self._lines:
            self._lines = lines
            is_at_end, view = self.text.yview()[1] >= 1.0, self.text.yview()[0]
            self.text.delete("1.0", "end")
            self.text.insert("1.0", printable("\n".join(lines)) or "Nothing yet: the server was not started.")
            if is_at_end:
                self.text.see("end")
            else:
                self.text.yview_moveto(view)
        self._stop_waiting()
        self._after = self.text.after(FOLLOW_MS, self._follow)

    def _follow(self) -> None:
        self._after = ""
        self._ask()

    def _copy(self) -> None:
        self._root.clipboard_clear()
        self._root.clipboard_append(self.text.get("1.0", "end-1c"))

    def _stop_waiting(self) -> None:
        if self._after:
            self.text.after_cancel(self._after)
            self._after = ""
