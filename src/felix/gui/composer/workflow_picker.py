"""The chip that says which workflow runs, and the menu in which another is chosen or a file opened."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping
from pathlib import Path

from felix.errors import SettingsError, WorkflowError
from felix.gui.composer.model_menu import shortened
from felix.gui.folders import show_folder
from felix.gui.kit import Kit
from felix.gui.workflow_editor import NOBODY_ASKED, Told, WorkflowEditor
from felix.llm.models import ServerReport
from felix.settings import SettingsFile
from felix.team.workflow import Entry, Library, Workflow

_LONGEST, _SHORT = 30, 11
"""Characters of a name on its chip; the short ones are for large type, which leaves room for no more beside Run."""
_LARGE_PERCENT = 150


class WorkflowPicker:
    """`button` is the chip. It also opens the editor: it knows first when a file has come or changed."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        library: Library,
        settings: SettingsFile,
        *,
        reports: Callable[[], Mapping[str, ServerReport]] = dict,
        told: Told = NOBODY_ASKED,
        on_change: Callable[[Entry], object],
        on_error: Callable[[str], object],
    ) -> None:
        """`reports` are what endpoints said, by base URL. `on_change` hears when another workflow is chosen or the
        chosen file has changed; `on_error` a sentence."""
        self._kit, self._library, self._settings, self._reports = kit, library, settings, reports
        self._told = told
        self._on_change, self._on_error = on_change, on_error
        self._entries: tuple[Entry, ...] = ()
        self._lent = ""
        self.entry: Entry | None = None
        """What is chosen; None when there is no workflow at all. It may have a fault."""
        self.editors: dict[Path, WorkflowEditor] = {}
        self._variable = tk.StringVar(parent)
        self.button = kit.menu_button(parent, "Workflow", "diagram-3", "soft", "card", tooltip=self._tip)
        self.button.menu.configure(postcommand=self._fill)
        self.button.bind("<Down>", lambda _event: self.button.event_generate("<<Invoke>>"))
        kit.on_font_change(self.refresh, owner=self.button)
        self.refresh()

    def workflow(self) -> Workflow:
        """The chosen one as it stands in its file now. Raises WorkflowError when it has a fault or there is none."""
        self.refresh()
        if self.entry is None:
            raise WorkflowError("There is no workflow; put a YAML file in the folder that Show folder opens.")
        if self.entry.workflow is None:
            raise self.entry.fault or WorkflowError(f"{self.entry.path.name} has a fault; open it with Edit.")
        return self.entry.workflow

    def refresh(self) -> None:
        """Look at the files, and show what is chosen in the settings."""
        before = self.entry
        self._entries = self._library.entries()
        wanted = [self._lent] * bool(self._lent) + [self._settings.current.workflow]
        self.entry = next((found for name in wanted if (found := self._find(name))), None) or self._default()
        entry = self.entry
        self._variable.set(str(entry.path) if entry else "")
        is_fine = entry is not None and entry.workflow is not None
        self._kit.set_button(
            self.button,
            text=shortened(entry.name, longest_name(self._kit)) if entry else "No workflow",
            icon="diagram-3" if is_fine else "exclamation-octagon",
        )
        if entry and entry != before and before is not None:
            self._on_change(entry)

    def lend(self, name: str) -> None:
        """Show the workflow of a run on screen, for it to be run again, until another is chosen; "" ends that."""
        self._lent = name
        self.refresh()

    def choose(self, entry: Entry) -> None:
        """Take a workflow from now on."""
        self._lent = ""
        try:
            self._settings.change(workflow=entry.key)
        except SettingsError as error:
            self._on_error(str(error))
        self.refresh()

    def edit(self, entry: Entry) -> None:
        """Show a workflow's file in a window, or bring that window to the front."""
        if editor := self.editors.get(entry.path):
            editor.window.deiconify()
            editor.window.lift()
            editor.pane.text.focus_set()
            return
        try:
            self.editors[entry.path] = WorkflowEditor(
                self.button.winfo_toplevel(), self._kit, self._library, entry,
                settings=lambda: self._settings.current,
                reports=self._reports,
                told=self._told,
                on_saved=lambda _entry: self.refresh(),
                on_duplicate=self._duplicate_from_editor,
                on_close=lambda: self.editors.pop(entry.path, None),
            )  # fmt: skip
        except WorkflowError as error:
            self._on_error(str(error))

    def duplicate(self, entry: Entry) -> Entry | None:
        """Copy a workflow to the user's own, choose the copy and open it. None when that failed."""
        try:
            copy = self._library.duplicate(entry)
        except WorkflowError as error:
            self._on_error(str(error))
            return None
        self.choose(copy)
        self.edit(copy)
        return copy

    def _duplicate_from_editor(self, entry: Entry) -> None:
        if self.duplicate(entry) and (editor := self.editors.get(entry.path)):
            editor.window.destroy()

    def _find(self, name: str) -> Entry | None:
        try:
            return self._library.find(name)
        except WorkflowError:
            return None

    def _default(self) -> Entry | None:
        try:
            return self._library.find("")
        except WorkflowError:
            return next((entry for entry in self._entries if entry.workflow), None)

    def _fill(self) -> None:
        self.refresh()
        menu, entry = self.button.menu, self.entry
        menu.delete(0, "end")
        for is_builtin, heading in ((True, "Built in"), (False, "Your own")):
            group = [each for each in self._entries if each.is_builtin == is_builtin]
            if not group:
                continue
            if menu.index("end") is not None:
                menu.add_separator()
            menu.add_command(label=heading, state="disabled")
            for each in group:
                self._add(menu, each)
        menu.add_separator()
        if entry:
            menu.add_command(label="View…" if entry.is_builtin else "Edit…", command=lambda: self.edit(entry))
            menu.add_command(label="Duplicate…", command=lambda: self.duplicate(entry))
        menu.add_command(label="Show folder", command=self._show_folder)

    def _add(self, menu: tk.Menu, entry: Entry) -> None:
        if entry.workflow is None:
            # what cannot run can still be mended: choosing it opens it at its fault
            menu.add_command(
                label=f"  {shortened(str(entry.fault), 100)}",
                image=self._kit.icon("exclamation-octagon", 12, "ink:fail"),
                compound="left",
                command=lambda: self.edit(entry),
            )
            return
        menu.add_radiobutton(
            label=f"{entry.name}  –  {plan_words(entry)}",
            value=str(entry.path),
            variable=self._variable,
            command=lambda: self.choose(entry),
        )

    def _show_folder(self) -> None:
        if sentence := show_folder(self._library.user_folder):
            self._on_error(sentence)

    def _tip(self) -> str:
        entry = self.entry
        if entry is None:
            return "Choose a workflow"
        if entry.workflow is None:
            return str(entry.fault)
        return f"{plan_words(entry)}\n{' '.join(entry.workflow.description.split())}".strip()


def plan_words(entry: Entry) -> str:
    """`4 agents, 8 calls in 3 rounds`; empty for an entry with a fault."""
    if entry.workflow is None:
        return ""
    agents = len(entry.workflow.members())
    return f"{agents} agent{'' if agents == 1 else 's'}, {entry.summary}"


def longest_name(kit: Kit, more: int = 0) -> int:
    """Characters of a name that a chip has room for, and `more` where type is not large."""
    return _SHORT if kit.font_percent > _LARGE_PERCENT else _LONGEST + more
