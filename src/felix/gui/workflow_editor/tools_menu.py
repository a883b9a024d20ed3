"""The menu of the editor that says which tools the team, or one agent of it, may use."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from felix.errors import WorkflowError
from felix.gui.kit import Kit
from felix.gui.text.shown_text import printable
from felix.gui.workflow_editor.servers import changed
from felix.gui.workflow_editor.tools import ToolPlace, tool_places, written
from felix.mcp_servers import called
from felix.settings import Settings
from felix.team.tools.naming import BUILT_IN, Lack, lacking
from felix.team.tools.toolbox import Source
from felix.team.tools.words import TRUST_WORDS
from felix.team.workflow import Workflow

MOST_TOOLS = 40
"""Of a server, in a menu of Tk's, which cannot scroll; any other is written by hand."""
_LACKS: dict[Lack, str] = {
    "unknown": "not known here",
    "off": "switched off",
    "folder": "no folder chosen yet",
    "package": "needs the package mcp",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What servers of tools have told of so far, and how to learn more: that starts them."""

    sources: Callable[[], Sequence[Source]] = tuple
    ask: Callable[[], object] = lambda: None


NOBODY_ASKED = Told()


class ToolsMenu:
    """`button` opens it. It changes text, and leaves the rest to `on_change`."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        *,
        read: Callable[[], str],
        workflow: Callable[[], Workflow | None],
        settings: Callable[[], Settings],
        told: Told,
        on_change: Callable[[str], object],
        on_error: Callable[[str], object],
    ) -> None:
        """`read` gives the text, `workflow` what it is, None while it has a fault."""
        self._kit, self._read, self._workflow, self._settings = kit, read, workflow, settings
        self._told = told
        self._on_change, self._on_error = on_change, on_error
        self._variables: list[tk.Variable] = []
        self.button = kit.menu_button(parent, "Tools", "tools", "outline", "side", tooltip="Who may use which tools")
        self.button.menu.configure(postcommand=self.fill)
        self.button.bind("<Down>", lambda _event: self.button.event_generate("<<Invoke>>"))

    def fill(self) -> None:
        """List it all as the text has it now."""
        menu, workflow = self.button.menu, self._workflow()
        for child in menu.winfo_children():
            child.destroy()
        menu.delete(0, "end")
        self._variables.clear()
        if workflow is None:
            menu.add_command(label="Mend the fault below first", state="disabled")
            return
        for place in tool_places(workflow):
            menu.add_cascade(label=_said(place), menu=self._of_place(menu, place, workflow.tools))
            if not place.path:
                menu.add_separator()
        if self._settings().mcp_servers:
            menu.add_separator()
            menu.add_command(label="Ask the servers which tools they have", command=self._told.ask)

    def _of_place(self, parent: tk.Menu, place: ToolPlace, of_team: tuple[str, ...]) -> tk.Menu:
        menu = self._kit.menu(parent)
        if place.path:
            as_team = tk.BooleanVar(menu, value=place.tools is None)
            self._variables.append(as_team)
            menu.add_checkbutton(
                label="As the team", variable=as_team,
                command=lambda: self._change(place, None if as_team.get() else of_team),
            )  # fmt: skip
            menu.add_separator()
        chosen = of_team if place.tools is None else place.tools

        def add(to: tk.Menu, name: str, label: str) -> None:
            is_on = tk.BooleanVar(to, value=name in chosen)
            self._variables.append(is_on)
            after = (*chosen, name) if name not in chosen else tuple(each for each in chosen if each != name)
            to.add_checkbutton(label=label, variable=is_on, command=partial(self._change, place, after))

        for name in BUILT_IN:
            add(menu, name, self._label(name))
        known = {source.name: source for source in self._told.sources() if source.name}
        for server in called(self._settings().mcp_servers).values():
            source = known.get(server)
            inner = self._kit.menu(menu)
            add(inner, server, f"All of {self._label(server)}")
            for tool in source.tools[:MOST_TOOLS] if source else ():
                add(inner, tool.name, f"{printable(tool.name)}  ·  {TRUST_WORDS[tool.trust].lower()}")
            if source and source.error:
                inner.add_command(label=printable(source.error)[:100], state="disabled")
            menu.add_cascade(label=printable(server), menu=inner)
        others = [name for name in chosen if (found := lacking(name, self._settings())) and found.lack == "unknown"]
        if others:
            menu.add_separator()
        for name in others:
            add(menu, name, self._label(name))
        return menu

    def _label(self, name: str) -> str:
        settings = self._settings()
        if found := lacking(name, settings):
            return f"{printable(name)}  ·  {_LACKS[found.lack]}"
        trust = settings.tool_trust.get(name)
        return f"{printable(name)}  ·  {TRUST_WORDS[trust].lower()}" if trust else printable(name)

    def _change(self, place: ToolPlace, tools: tuple[str, ...] | None) -> None:
        before = self._read()
        is_none = tools is None or (not tools and not place.path)
        try:
            after = changed(before, place.path, "tools", None if is_none or tools is None else written(tools))
        except WorkflowError as error:
            self._on_error(str(error))
            return
        if after != before:
            self._on_change(after)


def _said(place: ToolPlace) -> str:
    """`Agent reader:  calculator, read_file`."""
    if place.tools is None:
        return f"{place.name}:  as the team"
    names = ", ".join(place.tools) or "none"
    return f"{place.name}:  {printable(names if len(names) <= 50 else f'{names[:49]}…')}"
