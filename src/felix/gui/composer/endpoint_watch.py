"""What every endpoint said when it was last asked, and the models that are being loaded there. On Tk's thread.

Endpoints are asked in the background, all at once; whoever shows them is told as soon as there is news.
"""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable
from functools import partial

from felix.engine import Engine
from felix.errors import FelixError
from felix.gui.bridge import Bridge
from felix.gui.server.endpoint_words import Said
from felix.llm.models import ServerReport

TICK_MS = 1_000
"""A load tells nothing while it goes on; what is shown is how long it has taken."""


class EndpointWatch:
    """`listeners` are called after every news, and every second while a model is being loaded."""

    def __init__(self, root: tk.Misc, engine: Engine, bridge: Bridge) -> None:
        self._root, self._engine, self._bridge = root, engine, bridge
        self.said: dict[str, Said] = {}
        """By base URL, the latest of each."""
        self.faults: dict[tuple[str, str], str] = {}
        """By base URL and model, why it could not be loaded or unloaded."""
        self.listeners: list[Callable[[], object]] = []
        self._busy: dict[tuple[str, str], tuple[str, float]] = {}
        self._asking = 0
        """The question to all of them, while it is being answered."""
        self._is_passing = False
        """Only whoever looks at them at the moment wants to know."""
        self._after = ""
        self._is_open = True

    @property
    def reports(self) -> dict[str, ServerReport]:
        """By base URL, of those that answered."""
        return {base_url: said for base_url, said in self.said.items() if isinstance(said, ServerReport)}

    def look(self, *, is_passing: bool = False) -> None:
        """Ask them all, unless they are being asked already; `is_passing`: until `look_away`."""
        if not self._is_open:
            return
        self._is_passing = is_passing and (self._is_passing or not self._asking)
        if not self._asking:
            self._asking = self._engine.ask_endpoints()
            self._bridge.expect(self._asking, self._heard, self._heard_one)

    def look_away(self) -> None:
        """Whoever looked at them looks no more: what nobody else wants to know is not asked any longer."""
        if self._asking and self._is_passing:
            self._engine.forget(self._asking)
            self._bridge.forget(self._asking)
            self._asking = 0

    def hear(self, base_url: str, said: Said) -> None:
        """What somebody else has found out about one."""
        if said is not None and self.said.get(base_url) != said:
            self.said[base_url] = said
            self._tell()

    def busy_words(self, base_url: str, model: str) -> str:
        """What goes on with a model: `loading, 12 s`; empty: nothing."""
        what, since = self._busy.get((base_url, model), ("", 0.0))
        return f"{what}, {time.monotonic() - since:.0f} s" if what else ""

    def load(self, base_url: str, model: str) -> None:
        """Have a model loaded, with the context that its endpoint names, else the server's own."""
        self._begin("loading", base_url, model)
        self._bridge.expect(self._engine.load_model(base_url, model), partial(self._ended, base_url, model))

    def unload(self, base_url: str, model: str) -> None:
        """Have a model unloaded."""
        self._begin("unloading", base_url, model)
        self._bridge.expect(self._engine.unload_model(base_url, model), partial(self._ended, base_url, model))

    def close(self) -> None:
        """Tell nothing any more."""
        self._is_open = False
        self.listeners.clear()
        if self._after:
            self._root.after_cancel(self._after)
            self._after = ""

    def _heard(self, value: object, _error: FelixError | None) -> None:
        self._asking = 0
        if isinstance(value, dict):
            self.said.update(value)
            self._tell()

    def _heard_one(self, value: object) -> None:
        if isinstance(value, tuple):
            self.hear(*value)

    def _begin(self, what: str, base_url: str, model: str) -> None:
        self._busy[base_url, model] = (what, time.monotonic())
        self.faults.pop((base_url, model), None)
        self._tell()
        if not self._after:
            self._after = self._root.after(TICK_MS, self._tick)

    def _ended(self, base_url: str, model: str, value: object, error: FelixError | None) -> None:
        self._busy.pop((base_url, model), None)
        if error is not None:
            self.faults[base_url, model] = str(error)
        if isinstance(value, ServerReport):
            self.said[base_url] = value
        self._tell()

    def _tick(self) -> None:
        self._after = ""
        self._tell()
        if self._busy:
            self._after = self._root.after(TICK_MS, self._tick)

    def _tell(self) -> None:
        if self._is_open:
            for listener in tuple(self.listeners):
                listener()
