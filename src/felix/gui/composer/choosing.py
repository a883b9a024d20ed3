"""What a run is made of, as it is chosen at the task: the workflow, the model, and a word about whether they fit."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from pathlib import Path

from felix.endpoints import named
from felix.engine import Engine
from felix.errors import FelixError, WorkflowError
from felix.gui.bridge import Bridge
from felix.gui.composer.composer import Composer
from felix.gui.composer.endpoint_watch import EndpointWatch
from felix.gui.composer.guard import Guard
from felix.gui.composer.model_picker import ModelPicker
from felix.gui.composer.workflow_picker import WorkflowPicker
from felix.gui.kit import Kit
from felix.gui.server.doctor import Places
from felix.gui.server.server_watch import ServerWatch
from felix.gui.workflow_editor import Told
from felix.llm.models import ServerReport
from felix.settings import SettingsFile
from felix.team.asking import all_asked, endpoints_called
from felix.team.prompts import UNKNOWN_CONTEXT, assumed_context
from felix.team.tools.toolbox import Source
from felix.team.workflow import Library, Workflow


class Choosing:
    """Both chips, made by `add_pickers`, and the guard, which `furnish` puts at the task."""

    def __init__(
        self,
        root: tk.Misc,
        kit: Kit,
        engine: Engine,
        bridge: Bridge,
        settings: SettingsFile,
        watch: ServerWatch,
        library: Library,
        *,
        on_workflow: Callable[[], object],
        on_settings: Callable[[frozenset[str]], object],
        on_error: Callable[[str], object],
        on_connection: Callable[[], object],
        ask_model_file: Callable[[], Path | None],
    ) -> None:
        """`on_workflow` hears of another workflow, `on_settings` which settings another model has changed."""
        self._kit, self._settings, self._watch, self._library = kit, settings, watch, library
        self._on_workflow, self._on_settings, self._on_error = on_workflow, on_settings, on_error
        self._on_connection, self._ask_model_file = on_connection, ask_model_file
        self.endpoints = EndpointWatch(root, engine, bridge)
        self.endpoints.listeners.append(self._heard)
        self.listeners: list[Callable[[], object]] = []
        """Called when another workflow was chosen, and after every news of an endpoint."""
        self.guard: Guard | None = None
        self._was_busy = False
        self._engine, self._bridge = engine, bridge
        self._sources: tuple[Source, ...] = ()
        """What the servers of tools have told of, once they were asked."""

    def add_pickers(self, row: tk.Misc) -> None:
        """Make both chips, at the left of a row."""
        kit = self._kit
        self.workflow = WorkflowPicker(
            row, kit, self._library, self._settings, reports=lambda: self.endpoints.reports,
            told=Told(lambda: self._sources, self._ask_tools),
            on_change=lambda _entry: self._workflow_changed(), on_error=self._on_error,
        )  # fmt: skip
        self.model = ModelPicker(
            row, kit, self._settings, self.endpoints, on_change=self._on_settings, on_error=self._on_error,
            on_connection=self._on_connection, on_demo=self._watch.use_demo, ask_model_file=self._ask_model_file,
            places=self._places, is_busy=self._is_busy,
        )  # fmt: skip
        for picker in (self.workflow, self.model):
            picker.button.pack(side="left", padx=(kit.px(2), kit.px(4)))

    def furnish(self, composer: Composer) -> None:
        """The card in which the chips stand is there: put the guard in it."""
        self.guard = Guard(
            composer, self._settings, self.endpoints, workflow=self._chosen, is_wanted=lambda: not self._watch.uses_demo
        )
        composer.on_task.append(self._task_changed)

    def refresh(self) -> None:
        """Show what is known of the server now."""
        watch = self._watch
        self.model.show(watch.server.report if watch.server else None, is_demo=watch.uses_demo)
        if watch.server is None and watch.error is not None:
            self.endpoints.hear(watch.base_url, watch.error)
        if self.guard:
            self.guard.look()

    def look(self) -> None:
        """Ask the server in use again, and the others if they have been asked before."""
        self._watch.look()
        if self.endpoints.said.keys() - {self._watch.base_url}:
            self.endpoints.look()

    def to_run(self) -> Workflow | None:
        """The chosen workflow as it stands in its file now; None when it has a fault, which is told then."""
        try:
            return self.workflow.workflow()
        except WorkflowError as error:
            self._on_error(str(error))
            return None

    def report_of(self, endpoint: str) -> ServerReport | None:
        """What the endpoint of that name said, as far as it was asked; empty is the server in use."""
        if endpoint and (there := named(self._settings.current.endpoints, endpoint)):
            return self.endpoints.reports.get(there.base_url)
        return self._watch.server.report if self._watch.server else None

    @property
    def context(self) -> tuple[int | None, str]:
        """What the task is counted against: tokens, where they are known, and the name of the model."""
        server, model = self._watch.server, None if self._watch.uses_demo else self._watch.model
        if model is None or server is None:
            return None, ""
        assumed = assumed_context(server.report.kind)
        return model.context_length or (assumed if assumed != UNKNOWN_CONTEXT else None), model.name

    def close(self) -> None:
        """Ask nobody any more."""
        self.model.close()
        self.endpoints.close()

    def _ask_tools(self) -> None:
        def have(reply: object, error: FelixError | None) -> None:
            if error is not None:
                self._on_error(str(error))
            elif isinstance(reply, tuple):
                self._sources = reply

        self._bridge.expect(self._engine.ask_tools(), have)

    def _chosen(self) -> Workflow | None:
        return self.workflow.entry.workflow if self.workflow.entry else None

    def _is_busy(self) -> bool:
        return self._watch.is_busy()

    def _places(self) -> tuple[str, ...]:
        """The endpoints and pools that the chosen workflow names; empty: the server in use."""
        workflow = self._chosen()
        return tuple(dict.fromkeys(asked.endpoint for asked in all_asked(workflow))) if workflow else ("",)

    def places(self) -> Places:
        """Whom the chosen workflow asks; who has not been asked yet how it is, is asked now."""
        settings, names = self._settings.current, self._places()
        asked = {each.name: each for name in names if name for each in endpoints_called(name, settings)}
        heard = tuple((each, self.endpoints.said.get(each.base_url)) for each in asked.values())
        if self._watch.is_known and any(said is None for _, said in heard):  # before, nobody works yet
            self.endpoints.look()
        return Places("" in names, heard)

    def _task_changed(self) -> None:
        """Maybe a run has begun, or ended."""
        if self._was_busy != self._is_busy():
            self._was_busy = self._is_busy()
            self.model.refresh()

    def _workflow_changed(self) -> None:
        self._on_workflow()
        self.model.refresh()
        if self.guard:
            self.guard.look()
        self._tell()

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()

    def _heard(self) -> None:
        """An endpoint has other models now: of the one in use the rest of the window wants to know as well."""
        self._tell()
        watch = self._watch
        report = self.endpoints.reports.get(watch.base_url)
        known = watch.server.report if watch.server else None
        if report and not watch.is_busy() and (known is None or known.models != report.models):
            watch.look()
