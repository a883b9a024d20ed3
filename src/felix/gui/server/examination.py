"""The connection doctor at work: asks the engine, shows what was found, and puts sure repairs in force and back."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from typing import Any

from felix.endpoints import Endpoint, at
from felix.engine import Engine
from felix.errors import FelixError, SettingsError
from felix.gui.bridge import Bridge
from felix.gui.kit import Kit
from felix.gui.overlay import Overlay, Room
from felix.gui.overlays import Overlays
from felix.gui.server import roster
from felix.gui.server.doctor_panel import DoctorActs, DoctorPanel
from felix.llm.examination import Comparison, Finding, Repair
from felix.settings import SettingsFile


class Examination:
    """`change` puts values of the settings in force. Tk's thread."""

    def __init__(
        self,
        root: tk.Misc,
        kit: Kit,
        engine: Engine,
        bridge: Bridge,
        settings: SettingsFile,
        overlays: Overlays,
        *,
        change: Callable[..., None],
        needs_context: Callable[[], int],
    ) -> None:
        """`needs_context` is how many tokens the longest prompt of the chosen workflow takes; 0 is unknown."""
        self._root, self._kit, self._engine, self._bridge, self._settings = root, kit, engine, bridge, settings
        self._overlays, self._change, self._needs_context = overlays, change, needs_context
        self._name = ""
        self._asked = 0
        self._passing = 0
        """A question that only this panel asks: taken back when it closes."""
        self._undo: Callable[[], None] | None = None
        self.panel: DoctorPanel | None = None
        """The one that was opened last."""

    def open(self, name: str) -> None:
        """Examine the endpoint of that name; empty is the one in use."""
        self._name, self._undo = name, None
        self._overlays.show(self._make)
        self.examine()

    def examine(self) -> None:
        """Look again at everything."""
        endpoint = self._endpoint()
        number = self._engine.examine(endpoint.base_url, self._model(endpoint), needs_context=self._needs_context())
        if self.panel:
            self.panel.examine()
        self._expect(number, self._found, self._found_one)
        self._passing = number

    def compare(self) -> None:
        """Ask the model the same question twice."""
        endpoint = self._endpoint()
        number = self._engine.compare_streaming(endpoint.base_url, self._model(endpoint))
        self._wait(number, "Asking twice", self._compared)
        self._passing = number

    def repair(self, repair: Repair) -> None:
        """Put a repair in force, and look again."""
        settings = self._settings.current
        before = {"base_url": settings.base_url, "model": settings.model, "endpoints": settings.endpoints}
        name = self._name
        try:
            self._put_in_force(repair)
        except SettingsError as error:
            if self.panel:
                self.panel.trouble(error)
            return
        if repair.load:
            endpoint = self._endpoint()
            model = repair.model or self._model(endpoint)
            self._undo = partial(self._unload, endpoint.base_url, model)
            number = self._engine.load_model(endpoint.base_url, model, repair.context_length)
            self._wait(number, f"Loading {model}", self._loaded)
            return
        self._undo = partial(self._put_back, name, before)
        self.examine()

    def undo(self) -> None:
        """Take the last repair back, and look again."""
        undo, self._undo = self._undo, None
        if undo:
            undo()

    def _put_in_force(self, repair: Repair) -> None:
        if repair.base_url:
            self._move(repair.base_url)
        values: dict[str, Any] = {}  # Any: as in roster.changed
        if repair.kind:
            values["kind"] = repair.kind
        if repair.model and not repair.load:
            values["model"] = repair.model
        if repair.context_length and not repair.load:
            values["context_length"] = repair.context_length
        if values:
            self._change(**roster.changed(self._settings.current, self._endpoint().name, **values))
            self._name = self._endpoint().name

    def _move(self, base_url: str) -> None:
        """Another address; where one of the list is already, that one is used in place of the one in use."""
        settings, endpoint = self._settings.current, self._endpoint()
        there = at(settings.endpoints, base_url)
        if there and there.name != endpoint.name and roster.is_in_use(settings, endpoint):
            self._change(**roster.used(settings, there.name))
            self._name = there.name
        else:
            self._change(**roster.moved(settings, endpoint.name, base_url))

    def _put_back(self, name: str, before: dict[str, Any]) -> None:
        self._name = name
        self._change(**before)
        self.examine()

    def _unload(self, base_url: str, model: str) -> None:
        self._wait(self._engine.unload_model(base_url, model), f"Unloading {model}", self._loaded)

    def _make(self, room: Callable[[], Room], on_close: Callable[[], None]) -> Overlay:
        endpoint = self._endpoint()
        acts = DoctorActs(self.examine, self.compare, self.repair, self.undo)
        name = endpoint.name or roster.address_words(endpoint)

        def closed() -> None:
            self._take_back()
            on_close()

        self.panel = DoctorPanel(self._root, self._kit, name, acts, room=room, on_close=closed)
        return self.panel.overlay

    def _take_back(self) -> None:
        number, self._passing = self._passing, 0
        if number:
            self._engine.forget(number)
            self._bridge.forget(number)

    def _wait(self, number: int, doing: str, then: Callable[[DoctorPanel, object], None]) -> None:
        if self.panel:
            self.panel.wait(doing)
        self._expect(number, then)

    def _expect(
        self,
        number: int,
        then: Callable[[DoctorPanel, object], None],
        on_part: Callable[[DoctorPanel, object], None] | None = None,
    ) -> None:
        """Hear the answer to a question, as long as it is the latest."""
        self._asked = number

        def heard_part(value: object) -> None:
            panel = self.panel
            if on_part and number == self._asked and panel is not None and panel.is_open:
                on_part(panel, value)

        def heard(value: object, error: FelixError | None) -> None:
            panel = self.panel
            if number != self._asked or panel is None or not panel.is_open:
                return
            if error:
                panel.trouble(error)
            else:
                then(panel, value)

        self._bridge.expect(number, heard, heard_part)

    def _found(self, panel: DoctorPanel, value: object) -> None:
        assert isinstance(value, tuple)
        panel.findings(value, can_undo=self._undo is not None)

    def _found_one(self, panel: DoctorPanel, value: object) -> None:
        assert isinstance(value, Finding)
        panel.finding(value)

    def _compared(self, panel: DoctorPanel, value: object) -> None:
        assert isinstance(value, Comparison)
        panel.comparison(value)

    def _loaded(self, _panel: DoctorPanel, _value: object) -> None:
        self.examine()

    def _endpoint(self) -> Endpoint:
        return roster.found(self._settings.current, self._name)

    def _model(self, endpoint: Endpoint) -> str:
        settings = self._settings.current
        return settings.model if roster.is_in_use(settings, endpoint) else endpoint.model
