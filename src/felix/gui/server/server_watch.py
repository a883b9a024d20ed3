"""What is known of the model server, and whether the demo model stands in for it.

The demo model is used unasked only while no model has ever answered this user and nothing answers at the configured
address. At a first start, where nobody has chosen an address yet, a server that is found elsewhere on this machine is
taken instead. Looking happens through the engine; this object only remembers what it said and when to look again.
"""

from __future__ import annotations

import logging
import os
import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from urllib.parse import urlsplit

from felix.endpoints import Endpoint, at, unnamed
from felix.engine import Engine
from felix.errors import FelixError, ServerError
from felix.gui.bridge import Bridge
from felix.gui.server import roster
from felix.gui.server.roster import address_words
from felix.llm.address import is_loopback
from felix.llm.discovery import usual_addresses
from felix.llm.models import ModelInfo, ServerReport
from felix.settings import DEFAULT_BASE_URL, SettingsFile

LOOK_AGAIN_MS = 3_000
_SERVERS = {1234: "LM Studio", 9931: "llama.cpp", 8080: "llama.cpp"}
"""Who usually listens at a port; Ollama's can be another."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """A server that answers."""

    base_url: str
    report: ServerReport

    @property
    def name(self) -> str:
        return self.report.name

    @property
    def model(self) -> ModelInfo | None:
        """The first model that is loaded; a model file is loaded when it is asked."""
        first = self.report.models[0] if self.report.kind == "file" else None
        return next((model for model in self.report.models if model.loaded), first)


class ServerWatch:
    """The state of the connection, and the looks at it. On Tk's thread; `on_change` is called after every news."""

    def __init__(self, root: tk.Misc, engine: Engine, bridge: Bridge, settings: SettingsFile, *, demo: bool) -> None:
        self._root, self._engine, self._bridge, self._settings = root, engine, bridge, settings
        self.on_change: Callable[[], None] = lambda: None
        self.is_busy: Callable[[], bool] = lambda: False
        """True from the press on Run to the run's end: the server has better things to do than to be looked at."""
        self.server: Found | None = None
        """At the configured address."""
        self.other: Found | None = None
        """Elsewhere on this machine, while the configured address is silent."""
        self.locked: tuple[ServerReport, ...] = ()
        """Elsewhere on this machine, too, but they want a key."""
        self.error: FelixError | None = None
        """Why the last look at the configured address failed."""
        self.is_known = False
        """False until the first look is over."""
        self.also: tuple[ServerReport, ...] = ()
        """Other servers on this machine that were found at a first start."""
        self._is_first = not (settings.current.has_connected or settings.current.endpoints)
        self._chose_demo = demo
        self._auto_demo = False
        self._has_answered = False
        """A server has been there in this session: when it goes, that is told, and the demo model not slipped in."""
        self._asked_for = ""
        self._question = 0
        self.tried: tuple[str, ...] = ()
        """Where else was looked, as `11434 Ollama` or `9931 and 8080 llama.cpp`; empty until all of it is done."""
        self._must_choose = False
        """Nothing answers at the configured address, and until it is known what else there is, that decides nothing."""
        self._after: str | None = None
        self._is_open = True

    @property
    def base_url(self) -> str:
        return self._settings.current.base_url

    @property
    def uses_demo(self) -> bool:
        return self._chose_demo or self._auto_demo

    @property
    def offer(self) -> Found | None:
        """A server that could be used instead of the demo model, or of the silent one that is configured."""
        if self.uses_demo:
            return self.server or self.other
        return self.other if self.server is None else None

    def name_of(self, found: Found) -> str:
        """As its user calls it, else what it is."""
        endpoint = at(self._settings.current.endpoints, found.base_url)
        return endpoint.name if endpoint else found.name

    @property
    def is_silent(self) -> bool:
        """True when nothing at all answers at the configured address."""
        return isinstance(self.error, ServerError) and self.error.fault == "unreachable"

    @property
    def address(self) -> str:
        """Host and port, as people write them, or a file's name; all of it where that is not what they wrote."""
        return address_words(unnamed(self.base_url))

    @property
    def is_usual(self) -> bool:
        """True at the address where LM Studio listens unless it was told otherwise."""
        return self.base_url == DEFAULT_BASE_URL

    @property
    def wanted_model(self) -> str:
        """As chosen in the settings; empty is the first that is loaded."""
        return self._settings.current.model

    @property
    def model(self) -> ModelInfo | None:
        """The model a run would use, as far as the server told."""
        if self.server is None:
            return None
        if wanted := self.wanted_model:
            return next((model for model in self.server.report.models if model.id == wanted), None)
        return self.server.model

    def look(self) -> None:
        """Ask the configured server what it is, now. News comes through `on_change`."""
        self._cancel()
        if not self._is_open:
            return
        self._asked_for = self.base_url
        self._question = self._engine.ask_server(self.base_url)
        self._bridge.expect(self._question, partial(self._heard, self._question))

    def use(self, found: Found) -> None:
        """Take a server instead of the demo model from now on."""
        self._chose_demo = self._auto_demo = False
        changes: dict[str, object] = {"has_connected": True}
        if found.base_url != self.base_url:
            changes |= {"base_url": found.base_url, "model": ""}
        self._settings.change(**changes)
        self.server, self.other, self.error = found, None, None
        self.on_change()
        self.look()

    def has_worked(self) -> None:
        """A model of a real server has answered, in a run or a test: that is remembered from now on."""
        if not self._settings.current.has_connected:
            self._settings.change(has_connected=True)

    def use_demo(self) -> None:
        """The user asked for the demo model."""
        self._chose_demo = True
        self.on_change()
        self._plan()

    def address_changed(self) -> None:
        """The settings name another server."""
        self.server = self.other = self.error = None
        self.locked = ()
        self.is_known = self._must_choose = False
        self._chose_demo = self._auto_demo = False
        self.on_change()
        self.look()

    def close(self) -> None:
        self._is_open = False
        self._cancel()

    def _heard(self, question: int, value: object, error: FelixError | None) -> None:
        if question != self._question or not self._is_open:
            return  # of an address that is no longer the configured one
        before = self._news()
        if isinstance(value, ServerReport):
            self.is_known, self._must_choose = True, False
            self.server, self.other, self.error = Found(self._asked_for, value), None, None
            self._has_answered = self._has_answered or not self.uses_demo
            if self._is_first and not self.uses_demo:
                self._is_first = False
                self._bridge.expect(self._engine.find_servers(), self._heard_others)
        else:
            self.server, self.error = None, error
            is_new = not (self._has_answered or self._settings.current.has_connected)
            if self.is_silent and is_loopback(self.base_url) and not self.is_busy():
                self._must_choose = is_new and not self.uses_demo
                self.is_known = self.is_known or not self._must_choose
                self._look_elsewhere()
                if self._must_choose:
                    return
            else:
                self.is_known = True
                self._auto_demo = self._auto_demo or (self.is_silent and is_new)
        if self._news() != before:
            self.on_change()
        self._plan()

    def _news(self) -> tuple[object, ...]:
        """What would be told; a look that finds all as it was tells nothing."""
        server = self.server and (self.server.base_url, self.server.report.name, self.server.report.models)
        locked = tuple(each.base_url for each in self.locked)
        return self.is_known, self.uses_demo, server, self.other, locked, str(self.error)

    def _look_elsewhere(self) -> None:
        """Ask where else servers usually listen on this machine, all of them at once."""
        question = self._engine.find_servers()
        self._bridge.expect(question, partial(self._heard_elsewhere, self._question))

    def _heard_elsewhere(self, question: int, value: object, _error: FelixError | None) -> None:
        if question != self._question or not self._is_open or self.server is not None:
            return
        before = self._news()
        reports = [each for each in value if each.base_url != self.base_url] if isinstance(value, tuple) else []
        self.locked = tuple(each for each in reports if each.wants_key)
        free = [each for each in reports if not each.wants_key]
        self.other = Found(free[0].base_url, free[0]) if free else None
        self.tried = _tried(self.base_url)
        if self._must_choose:
            self._must_choose, self.is_known = False, True
            if self.other is not None and self.is_usual:
                self.use(self.other)
                return
            self._auto_demo = True
        if self._news() != before:
            self.on_change()
        self._plan()

    def _heard_others(self, value: object, _error: FelixError | None) -> None:
        """At a first start every server of this machine gets a name, so that its models can be chosen, too."""
        if not self._is_open or not isinstance(value, tuple):
            return
        others = [each for each in value if isinstance(each, ServerReport) and each.base_url != self.base_url]
        for each in others:
            if at(self._settings.current.endpoints, each.base_url) is None:
                endpoint = Endpoint(name=each.name, base_url=each.base_url, kind=each.kind)
                self._settings.change(**roster.added(self._settings.current, endpoint))
        if others:
            self.also = tuple(others)
            self.on_change()

    def _plan(self) -> None:
        """Look again in a while, as long as the answer could be news."""
        self._cancel()
        if self._is_open and (self.uses_demo or self.server is None):
            self._after = self._root.after(LOOK_AGAIN_MS, self._again)

    def _again(self) -> None:
        self._after = None
        if self.is_busy():
            self._plan()
        else:
            self.look()

    def _cancel(self) -> None:
        if self._after is not None:
            self._root.after_cancel(self._after)
            self._after = None


def _tried(base_url: str) -> tuple[str, ...]:
    """Where was looked beside the configured address, in words."""
    ports = [
        port for address in usual_addresses(os.environ) if address != base_url and (port := urlsplit(address).port)
    ]
    grouped = groupby(ports, lambda port: _SERVERS.get(port, "Ollama"))
    return tuple(f"{' and '.join(map(str, numbers))} {name}" for name, numbers in grouped)
