"""The chip that says which model runs, and opens the panel in which another is chosen."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from pathlib import Path

from felix.errors import SettingsError
from felix.gui.composer.endpoint_watch import EndpointWatch
from felix.gui.composer.model_choices import Choice, Row, chosen, rows_of, swap_warning
from felix.gui.composer.model_menu import chosen_words, shortened
from felix.gui.composer.model_panel import ModelPanel, PanelActs
from felix.gui.composer.workflow_picker import longest_name
from felix.gui.kit import Kit
from felix.gui.server import roster
from felix.llm.models import ServerReport
from felix.settings import SettingsFile


class ModelPicker:
    """`button` is the chip, `panel` what it opens."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        settings: SettingsFile,
        watch: EndpointWatch,
        *,
        on_change: Callable[[frozenset[str]], object],
        on_error: Callable[[str], object],
        on_connection: Callable[[], object],
        on_demo: Callable[[], object],
        ask_model_file: Callable[[], Path | None],
        places: Callable[[], tuple[str, ...]] = lambda: ("",),
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        """`on_change` hears which settings a choice has changed and saved, `on_error` a sentence.

        `places` are the endpoints and pools that the next run asks, empty the server in use; `is_busy` is true while a
        run is on: what a server has loaded may change then without being told.
        """
        self._kit, self._settings, self._watch = kit, settings, watch
        self._on_change, self._on_error = on_change, on_error
        self._on_connection, self._on_demo, self._ask_model_file = on_connection, on_demo, ask_model_file
        self._places, self._is_busy = places, is_busy
        self._report: ServerReport | None = None
        self._is_demo, self._is_wide = False, True
        self.panel: ModelPanel | None = None
        self.button = kit.button(
            parent, "Automatic", "cpu", "soft", "card", arrow=True, command=self.toggle, tooltip=self._tip
        )
        self.button.bind("<Down>", lambda _event: self._opened_by_key())
        kit.on_font_change(self.refresh, owner=self.button)
        watch.listeners.append(self.refresh)

    def show(self, report: ServerReport | None, *, is_demo: bool) -> None:
        """What is known of the server in use (None: nothing), and whether the demo model stands in for it."""
        self._report, self._is_demo = report, is_demo
        if report is not None:
            self._watch.hear(self._settings.current.base_url, report)
        self.refresh()

    def set_wide(self, *, is_wide: bool) -> None:
        """In a narrow window the chip says the dearest word alone, and pointing tells the rest."""
        self._is_wide = is_wide
        self.refresh()

    def refresh(self) -> None:
        """Show the model of the settings."""
        settings = self._settings.current
        words = "Demo model" if self._is_demo else chosen_words(self._report, settings.model)
        if self._is_busy() and not self._is_demo and settings.model:
            words = shortened(settings.model)
        places = self._places()
        if not self._is_demo and "" not in places:
            words = ", ".join(places)
        elif not self._is_demo and (busy := self._watch.busy_words(settings.base_url, settings.model)):
            words = f"{shortened(settings.model)} · {busy}"
        if not self._is_wide:
            words = words.partition(" · ")[0]
        self._kit.set_button(self.button, text=shortened(words, longest_name(self._kit, more=8 * self._is_wide)))
        if self.panel is not None:
            self.panel.refresh()

    def toggle(self) -> None:
        """Open the panel, or close it."""
        if self.panel is not None:
            self.panel.close()
            return
        acts = PanelActs(
            choose=self._choose,
            warning=self._warning,
            look=partial(self._watch.look, is_passing=True),
            open_file=self.open_file,
            endpoints=self._on_connection,
            demo=self._on_demo,
        )
        self.panel = ModelPanel(self.button, self._kit, self._watch, self._rows, acts, on_close=self._closed)
        self._watch.look(is_passing=True)

    def close(self) -> bool:
        """Close the panel; False when it was not open."""
        if self.panel is None:
            return False
        self.panel.close()
        return True

    def open_file(self) -> None:
        """Ask for a model file, remember it as an endpoint, and use it."""
        path = self._ask_model_file()
        if path is None:
            return
        endpoint = roster.model_file(path)
        known = next((each for each in self._settings.current.endpoints if each.base_url == endpoint.base_url), None)
        if known is None:
            before = {each.name for each in self._settings.current.endpoints}
            if not self._change(roster.added(self._settings.current, endpoint)):
                return
            kept = self._settings.current.endpoints
            known = next(each for each in kept if each.name not in before and each.base_url == endpoint.base_url)
        self._change(chosen(self._settings.current, known.name, ""))

    def _choose(self, choice: Choice) -> None:
        self._change(chosen(self._settings.current, choice.endpoint, choice.model), is_chosen=True)

    def _change(self, changes: roster.Changes, *, is_chosen: bool = False) -> bool:
        before = self._settings.current
        try:
            self._settings.change(**changes)
        except SettingsError as error:
            self._on_error(str(error))
            return False
        keys = {key for key, value in changes.items() if getattr(before, key) != value}
        if is_chosen and self._is_demo:
            keys.add("base_url")  # a model in place of the demo's is another server, though its address stands
        self.refresh()
        if keys:
            self._on_change(frozenset(keys))
        return True

    def _warning(self, choice: Choice) -> str:
        report = self._watch.reports.get(choice.base_url)
        model = report.model(choice.model) if report and choice.model else None
        return swap_warning(report, model) if report and model else ""

    def _rows(self, query: str) -> list[Row]:
        return rows_of(self._settings.current, self._watch.said, query, is_demo=self._is_demo)

    def _opened_by_key(self) -> str:
        if self.panel is None:
            self.toggle()
        return "break"

    def _closed(self) -> None:
        self.panel = None
        self._watch.look_away()

    def _tip(self) -> str:
        settings = self._settings.current
        if self._is_demo:
            return "The demo model follows a script; choose a model to use a server"
        places = self._places()
        if "" not in places:
            return (
                f"The workflow itself names whom everybody asks: {', '.join(places)}\nA model chosen here is not asked"
            )
        endpoint = roster.found(settings, "")
        where = endpoint.name or roster.address_words(endpoint)
        return f"{settings.model or 'The first model that is loaded'} on {where}\nFor every agent that names none"
