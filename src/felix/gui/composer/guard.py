"""Says before a run what its machines will not do as its user expects: one line at the task, which holds nothing up."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.gui.composer.composer import Composer
from felix.gui.composer.endpoint_watch import EndpointWatch
from felix.gui.composer.model_choices import swap_warning
from felix.gui.composer.model_menu import shortened
from felix.gui.server import roster
from felix.settings import SettingsFile
from felix.team.asking import all_asked, endpoints_called, not_in_settings, unknown_endpoints
from felix.team.fit import addresses_of, misfit
from felix.team.tools.naming import first_lacking
from felix.team.workflow import Workflow

PAUSE_MS = 300
"""After the last key: a long task is looked at once, not at every letter of it."""

Combination = tuple[str, str, str]
"""Name of the workflow, address and model: what a sentence is about that was waved away."""


class Guard:
    """`look` after whatever it depends on has changed. On Tk's thread."""

    def __init__(
        self,
        composer: Composer,
        settings: SettingsFile,
        watch: EndpointWatch,
        *,
        workflow: Callable[[], Workflow | None],
        is_wanted: Callable[[], bool],
    ) -> None:
        """`workflow` gives the chosen one, None when its file has a fault; `is_wanted` is false for the demo."""
        self._composer, self._settings, self._watch = composer, settings, watch
        self._workflow, self._is_wanted = workflow, is_wanted
        self._waved_away: set[Combination] = set()
        self._asked: tuple[str, ...] = ()
        self._after = ""
        watch.listeners.append(self.look)
        composer.on_task.append(self.look)
        composer.frame.bind("<Destroy>", lambda _event: self._cancel(), add="+")

    def look(self) -> None:
        """Look again, in a moment."""
        self._cancel()
        self._after = self._frame.after(PAUSE_MS, self._check)

    def wave_away(self) -> None:
        """Say no more of this workflow on this model."""
        if (workflow := self._workflow()) is not None:
            self._waved_away.add(self._combination(workflow))
        self._composer.set_guard("")

    def _check(self) -> None:
        self._after = ""
        self._composer.set_guard(self._sentence(), self.wave_away)

    def _sentence(self) -> str:
        composer, settings, workflow = self._composer, self._settings.current, self._workflow()
        if workflow is None or not composer.task or composer.box.is_locked:
            return ""
        if self._combination(workflow) in self._waved_away:
            return ""
        if missing := first_lacking(workflow, settings):  # the demo uses tools, too
            return missing.sentence
        if not self._is_wanted():
            return ""
        if unknown := unknown_endpoints(workflow, settings):
            return not_in_settings(unknown, settings)
        reports, wanted = self._watch.reports, addresses_of(workflow, settings)
        if wanted != self._asked and any(base_url not in self._watch.said for base_url in wanted):
            self._asked = wanted  # one that stays silent is not asked at every letter
            self._watch.look()
        found = misfit(composer.task, workflow, settings, reports)
        return str(found) if found else self._swap(workflow)

    def _swap(self, workflow: Workflow) -> str:
        """Which models will have to go for those of the run."""
        settings = self._settings.current
        for asked in all_asked(workflow):
            here = (roster.found(settings, ""),)
            for endpoint in endpoints_called(asked.endpoint, settings) if asked.endpoint else here:
                report = self._watch.reports.get(endpoint.base_url)
                name = asked.model or (endpoint.model if asked.endpoint else settings.model)
                model = report.model(name) if report and name else None
                if report and model and (warning := swap_warning(report, model)):
                    return f"The run loads {shortened(model.name, 30)}. {warning}"
        return ""

    def _combination(self, workflow: Workflow) -> Combination:
        settings = self._settings.current
        return workflow.name, settings.base_url, settings.model

    @property
    def _frame(self) -> tk.Misc:
        return self._composer.frame

    def _cancel(self) -> None:
        if self._after:
            self._frame.after_cancel(self._after)
            self._after = ""
