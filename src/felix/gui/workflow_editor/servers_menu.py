"""The menu of the editor that says which server and which model the team, a role, an agent and the hub ask."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping
from functools import partial
from itertools import groupby

from felix.errors import WorkflowError
from felix.gui.composer.model_menu import shortened
from felix.gui.kit import Kit
from felix.gui.workflow_editor.servers import Place, changed, moved, places_of
from felix.llm.models import ServerReport
from felix.settings import Settings
from felix.team.workflow import Workflow

MOST_MODELS = 30
"""Of an endpoint, in a menu of Tk's, which cannot scroll; any other is written by hand."""


class ServersMenu:
    """`button` opens it. It changes text, and leaves the rest to `on_change`."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        *,
        read: Callable[[], str],
        workflow: Callable[[], Workflow | None],
        settings: Callable[[], Settings],
        reports: Callable[[], Mapping[str, ServerReport]],
        on_change: Callable[[str], object],
        on_error: Callable[[str], object],
    ) -> None:
        """`read` gives the text, `workflow` what it is, None while it has a fault; `reports` are by base URL."""
        self._kit, self._read, self._workflow = kit, read, workflow
        self._settings, self._reports = settings, reports
        self._on_change, self._on_error = on_change, on_error
        self._variables: list[tk.Variable] = []
        self.button = kit.menu_button(
            parent, "Servers", "hdd-network", "outline", "side", tooltip="Who asks which server, and which model there"
        )
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
        for _, group in groupby(places_of(workflow), key=lambda place: place.path[:1]):
            if menu.index("end") is not None:
                menu.add_separator()
            for place in group:
                menu.add_cascade(label=_said(place), menu=self._of_place(menu, place))
        menu.add_separator()
        failover = tk.BooleanVar(menu, value=workflow.failover)
        self._variables.append(failover)
        menu.add_checkbutton(
            label="Ask another server when one fails",
            variable=failover,
            command=lambda: self._fail_over(is_wanted=failover.get()),
        )

    def _of_place(self, parent: tk.Menu, place: Place) -> tk.Menu:
        menu = self._kit.menu(parent)
        chosen = tk.StringVar(menu, value=f"{place.endpoint}\n{place.model}")
        self._variables.append(chosen)
        settings = self._settings()

        def add(to: tk.Menu, label: str, endpoint: str, model: str) -> None:
            to.add_radiobutton(
                label=label,
                value=f"{endpoint}\n{model}",
                variable=chosen,
                command=partial(self._change, lambda text: moved(text, place.path, endpoint, model)),
            )

        add(menu, "The model of the task box" if not place.path else "As the team", "", "")
        menu.add_separator()
        for endpoint in settings.endpoints:
            report = self._reports().get(endpoint.base_url)
            models = [model.id for model in report.models][:MOST_MODELS] if report else []
            if not models:
                add(menu, endpoint.name, endpoint.name, "")
                continue
            inner = self._kit.menu(menu)
            add(inner, f"Its own{f' ({shortened(endpoint.model, 30)})' if endpoint.model else ''}", endpoint.name, "")
            inner.add_separator()
            for model in models:
                add(inner, shortened(model, 50), endpoint.name, model)
            menu.add_cascade(label=endpoint.name, menu=inner)
        pools = sorted({each.pool for each in settings.endpoints if each.pool})
        if pools:
            menu.add_separator()
        for pool in pools:
            add(menu, f"{pool}, whichever is least busy", pool, "")
        if not settings.endpoints:
            menu.add_command(label="The settings list no endpoints yet", state="disabled")
        return menu

    def _fail_over(self, *, is_wanted: bool) -> None:
        self._change(lambda text: changed(text, (), "failover", "true" if is_wanted else None))

    def _change(self, change: Callable[[str], str]) -> None:
        before = self._read()
        try:
            after = change(before)
        except WorkflowError as error:
            self._on_error(str(error))
            return
        if after != before:
            self._on_change(after)


def _said(place: Place) -> str:
    """`Role research:  Ollama · qwen3:8b`."""
    where = " · ".join(part for part in (place.endpoint, shortened(place.model, 30)) if part)
    return f"{place.name}:  {where}" if where else place.name
