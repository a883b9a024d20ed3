"""The Settings tab in the window: made when it is first turned to, and connected with the engine and the key store."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from tkinter import ttk as plain

from felix.engine import Engine
from felix.errors import FelixError
from felix.gui.aside import Aside
from felix.gui.bridge import Bridge
from felix.gui.kit import Kit
from felix.gui.settings_tab import Acts, SettingsTab
from felix.keys import KeyState, KeyStore
from felix.llm.models import ConnectionCheck, ServerReport
from felix.settings import SettingsFile


class SettingsPage:
    """Fills `frame` on the first `shown`."""

    def __init__(
        self,
        frame: plain.Frame,
        kit: Kit,
        settings: SettingsFile,
        engine: Engine,
        keys: KeyStore,
        bridge: Bridge,
        *,
        on_change: Callable[[frozenset[str]], None],
        on_saved: Callable[[str], None],
        on_key: Callable[[], None],
        on_works: Callable[[], None],
        on_show_log: Callable[[], None],
    ) -> None:
        """`on_key` hears that a key has come or gone: the server may answer differently now. `on_works` hears that a
        model has answered a test."""
        self._frame, self._kit, self._settings = frame, kit, settings
        self._engine, self._keys, self._bridge, self._aside = engine, keys, bridge, Aside(bridge)
        self._on_key, self._on_works = on_key, on_works
        self._tab: SettingsTab | None = None
        self._acts = Acts(
            on_change=on_change,
            on_saved=on_saved,
            on_check=self._check,
            on_test=self._test,
            on_ask_key=self._ask_key,
            on_put_key=self._put_key,
            on_remove_key=self._remove_key,
            on_show_log=on_show_log,
        )

    @property
    def tab(self) -> SettingsTab:
        """The tab itself, made now if it has not been."""
        if self._tab is None:
            self._tab = SettingsTab(self._frame, self._kit, self._settings, self._acts)
            self._tab.frame.pack(fill="both", expand=True)
        return self._tab

    def shown(self) -> None:
        """The tab has come to the front."""
        self.tab.shown()

    def refresh(self) -> None:
        """Something else has changed the settings."""
        if self._tab is not None:
            self._tab.refresh()

    def _check(self, base_url: str) -> None:
        def heard(value: object, error: FelixError | None) -> None:
            self.tab.server_report(base_url, value if isinstance(value, ServerReport) else None, error)

        self._bridge.expect(self._engine.ask_server(base_url), heard)

    def _test(self, base_url: str, model: str) -> None:
        def heard(value: object, error: FelixError | None) -> None:
            check = value if isinstance(value, ConnectionCheck) else None
            if check and check.ok:
                self._on_works()
            self.tab.test_result(check, error)

        self._bridge.expect(self._engine.test_server(base_url, model), heard)

    def _ask_key(self, base_url: str) -> None:
        self._aside.do(partial(self._keys.state, base_url), self._heard_of_key)

    def _put_key(self, base_url: str, key: str) -> None:
        def put() -> KeyState:
            self._keys.put(base_url, key)
            return self._keys.state(base_url)

        self._aside.do(put, self._key_changed)

    def _remove_key(self, base_url: str) -> None:
        def remove() -> KeyState:
            self._keys.remove(base_url)
            return self._keys.state(base_url)

        self._aside.do(remove, self._key_changed)

    def _key_changed(self, value: object, error: FelixError | None) -> None:
        self._heard_of_key(value, error)
        self._on_key()

    def _heard_of_key(self, value: object, _error: FelixError | None) -> None:
        if isinstance(value, KeyState):
            self.tab.key_report(value)
