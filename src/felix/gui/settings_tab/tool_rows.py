"""A row for each tool of one source: what it is for, what it may touch, and whether it may be used."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, get_args

from felix.gui.kit import Kit
from felix.gui.settings_tab.fields import Choice, ChoiceMenu
from felix.gui.settings_tab.rows import Card, Row
from felix.mcp_servers import SaidReach, Trust
from felix.settings import Settings
from felix.team.tools.tool import Reach, reach_said
from felix.team.tools.trust import Taint
from felix.team.tools.words import TRUST_WORDS, reach_words

FIRST = 10
"""So many are shown before somebody wants all: some servers have a hundred."""
_LONGEST = 76
"""Characters of a line: what has to be wrapped lays the whole page out again."""
_ASKS_ANYHOW = "asked about in each run all the same: say at the right what it can do"
_CHOICES = [
    Choice("allow", "Allow: used without asking", TRUST_WORDS["allow"]),
    Choice("ask", "Ask first: shows the exact arguments and waits", TRUST_WORDS["ask"]),
    Choice("never", "Never", TRUST_WORDS["never"]),
]


class ShownTool(NamedTuple):
    """What is said of one tool."""

    name: str
    """As workflows and settings name it."""
    title: str
    """As it is called here, below its server's name."""
    description: str
    aside: str
    """What its server says of it; nobody has to believe that."""
    reach: Reach
    """Its own, before the user's word."""
    trust: Trust
    """Its own default."""
    is_foreign: bool
    """Of a server: then the user may say that it reaches less."""


class ToolRows:
    """Belongs to one card. `change` puts values of the settings in force."""

    def __init__(self, card: Card, kit: Kit, read: Callable[[], Settings], change: Callable[..., None]) -> None:
        self._card, self._kit, self._read, self._change = card, kit, read, change
        self._tools: tuple[ShownTool, ...] = ()
        self._rows: list[_ToolRow] = []
        self._body = kit.frame(card.frame, "card")
        self._body.pack(fill="x")
        self.more = kit.button(
            card.frame, "Show all", "chevron-down", on="card", padding=(12, 6), command=self._show_all
        )
        self._shows_all = False

    @property
    def rows(self) -> Mapping[str, _ToolRow]:
        """By name."""
        return {row.tool.name: row for row in self._rows}

    def show(self, tools: Sequence[ShownTool]) -> None:
        """Say how they are now; rows are made anew only when there are other ones."""
        wanted = tuple(tools)
        if wanted != self._tools:
            if [tool.name for tool in wanted] != [tool.name for tool in self._tools]:
                self._shows_all = False
            self._tools = wanted
            self._fill()
        for row in self._rows:
            row.refresh()

    def _fill(self) -> None:
        for child in self._body.winfo_children():
            child.destroy()
        shown = self._tools if self._shows_all else self._tools[:FIRST]
        self._rows = []
        for number, tool in enumerate(shown):
            if number or len(self._card.frame.winfo_children()) > 2:
                self._kit.rule(self._body).pack(fill="x", padx=self._kit.px(11))
            self._rows.append(_ToolRow(self._body, self._kit, tool, self._read, self._change))
        if not shown:  # an empty frame keeps the height it had
            self._body.configure(height=1)
        if len(shown) < len(self._tools):
            self._kit.set_button(self.more, text=f"Show all {len(self._tools):,}", icon="chevron-down")
            self.more.pack(anchor="w", padx=self._kit.px(4))
        else:
            self.more.pack_forget()

    def _show_all(self) -> None:
        self._shows_all = True
        self._fill()
        for row in self._rows:
            row.refresh()
        self._rows[FIRST].trust.button.focus_set()


class _ToolRow:
    def __init__(
        self, parent: tk.Misc, kit: Kit, tool: ShownTool, read: Callable[[], Settings], change: Callable[..., None]
    ) -> None:
        self.tool, self._read, self._change = tool, read, change
        self.row = Row(parent, kit, tool.title, "", lines=2)
        self.row.frame.pack(fill="x")
        control = self.row.control
        self.trust = ChoiceMenu(control, kit, on_choose=self._choose, tooltip=f"Whether {tool.title} may be used")
        self.trust.button.pack(side="left")
        self._reads, self._sends = tk.BooleanVar(parent), tk.BooleanVar(parent)
        if tool.is_foreign:
            self.reach = kit.menu_button(control, "", "sliders", "ghost", "card", tooltip=f"What {tool.title} can do")
            self.reach.bind("<Down>", lambda _event: self.reach.event_generate("<<Invoke>>"))
            for words, variable in (("May read private data", self._reads), ("May send data away", self._sends)):
                self.reach.menu.add_checkbutton(label=words, variable=variable, command=self._say)
            self.reach.pack(side="left", padx=(kit.px(4), 0))

    @property
    def in_force(self) -> Reach:
        """Its reach after the user's word."""
        tool = self.tool
        return reach_said(self._read().tool_reach.get(tool.name)) if tool.is_foreign else tool.reach

    def refresh(self) -> None:
        """Show what is in force."""
        tool, reach = self.tool, self.in_force
        trust = self._read().tool_trust.get(tool.name, tool.trust)
        self.trust.show(_CHOICES, trust)
        self._reads.set(reach.reads_private)
        self._sends.set(reach.can_send)
        asks = _ASKS_ANYHOW if trust == "allow" and Taint().joined(reach).is_lethal else ""
        lines = [_cut(each[:1].upper() + each[1:]) for each in (tool.description, reach_words(reach), asks, tool.aside)]
        self.row.set_hint("\n".join(line for line in lines if line))

    def _choose(self, value: str) -> None:
        trust = {name: each for name, each in self._read().tool_trust.items() if name != self.tool.name}
        for each in get_args(Trust):
            if each == value and each != self.tool.trust:
                trust[self.tool.name] = each
        self._change(tool_trust=trust)

    def _say(self) -> None:
        said = {name: each for name, each in self._read().tool_reach.items() if name != self.tool.name}
        word = SaidReach(reads_private=self._reads.get(), can_send=self._sends.get())
        if word != SaidReach():
            said[self.tool.name] = word
        self._change(tool_reach=said)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
