"""The Settings tab in the window: made when it is first turned to, and connected with the engine and the key store."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tkinter import ttk as plain
from typing import Any

from felix.endpoints import at, unnamed
from felix.engine import Engine
from felix.errors import FelixError, WorkflowError
from felix.gui.aside import Aside
from felix.gui.bridge import Bridge
from felix.gui.file_dialogs import FileDialogs
from felix.gui.kit import Kit
from felix.gui.overlays import Overlays
from felix.gui.server.examination import Examination
from felix.gui.settings_tab import Acts, SettingsTab, StorageActs, StorageReport
from felix.gui.sharing import WindowSharing
from felix.gui.tool_servers import ToolServers
from felix.keys import KeyState, KeyStore
from felix.ledger.export.everything import write_documents, write_events
from felix.ledger.figures import figures
from felix.ledger.file import Ledger
from felix.ledger.reader import Reader
from felix.llm.models import ConnectionCheck, ServerReport
from felix.settings import SettingsFile
from felix.team.fit import needs_context
from felix.team.workflow import Library


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
        overlays: Overlays,
        library: Library,
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
        self._library, self._on_change, self._on_key, self._on_works = library, on_change, on_key, on_works
        self._tab: SettingsTab | None = None
        self.examination = Examination(
            frame.winfo_toplevel(), kit, engine, bridge, settings, overlays,
            change=self._change, needs_context=self._needs_context,
        )  # fmt: skip
        dialogs = self._dialogs = FileDialogs()
        self.tool_servers = ToolServers(
            frame.winfo_toplevel(), kit, engine, bridge, settings, overlays, dialogs, lambda: self.tab.tools
        )
        self.sharing = WindowSharing(
            frame.winfo_toplevel(), engine, self._aside, lambda: self._tab.sharing if self._tab else None
        )
        self._acts = Acts(
            on_change=self._changed,
            on_saved=on_saved,
            on_check=self._check,
            on_test=self._test,
            on_ask_key=self._ask_key,
            on_put_key=self._put_key,
            on_remove_key=self._remove_key,
            on_ask_endpoints=self._ask_endpoints,
            on_find=self._find,
            on_ask_figures=self._ask_figures,
            on_load=self._load,
            on_unload=self._unload,
            on_examine=self._examine,
            ask_model_file=lambda: dialogs.open_model(frame, "Open a model file"),
            on_show_log=on_show_log,
            storage=StorageActs(
                on_ask=self._ask_storage,
                on_compact=self._compact,
                on_export=self._export_all,
                ask_file=lambda: dialogs.choose_ledger(frame, "Keep runs in"),
            ),
            tools=self.tool_servers.acts,
            sharing=self.sharing.acts,
        )

    @property
    def tab(self) -> SettingsTab:
        """The tab itself, made now if it has not been."""
        if self._tab is None:
            self._tab = SettingsTab(self._frame, self._kit, self._settings, self._acts)
            self._tab.frame.pack(fill="both", expand=True)
            self._tab.sharing.show(self.sharing.state)
        return self._tab

    def shown(self) -> None:
        """The tab has come to the front."""
        self.tab.shown()

    def close(self) -> None:
        """Finish what cannot wait for another start."""
        if self._tab is not None:
            self._tab.endpoints.close()
        self.sharing.close()
        self._aside.close()

    def refresh(self) -> None:
        """Something else has changed the settings."""
        if self._tab is not None:
            self._tab.refresh()

    def _check(self, base_url: str) -> None:
        def heard(value: object, error: FelixError | None) -> None:
            self.tab.server_report(base_url, value if isinstance(value, ServerReport) else None, error)

        self._bridge.expect(self._engine.ask_server(base_url), heard)

    def _examine(self, name: str) -> None:
        self.examination.open(name)

    def _changed(self, keys: frozenset[str]) -> None:
        self._on_change(keys)
        if "endpoints" in keys and "base_url" not in keys:
            self._on_key()  # kind, key source or context of the one in use may be another

    def _needs_context(self) -> int:
        """Tokens of the longest prompt of the chosen workflow with its answer, for a short task; 0 without one."""
        settings = self._settings.current
        try:
            workflow = self._library.find(settings.workflow).workflow
        except WorkflowError:
            return 0
        return needs_context("", workflow, settings) if workflow else 0

    def _change(self, **changes: Any) -> None:  # Any: as SettingsFile.change
        self.tab.change(**changes)

    def _ask_endpoints(self) -> None:
        def heard(value: object, _error: FelixError | None) -> None:
            if isinstance(value, dict):
                self.tab.endpoints_report(value)

        def heard_one(value: object) -> None:
            if isinstance(value, tuple):
                self.tab.endpoints_report(dict([value]))

        self._bridge.expect(self._engine.ask_endpoints(), heard, heard_one)

    def _find(self) -> None:
        def heard(value: object, _error: FelixError | None) -> None:
            if isinstance(value, tuple):
                self.tab.servers_found(value)

        self._bridge.expect(self._engine.find_servers(), heard)

    def _ask_figures(self) -> None:
        def heard(value: object, _error: FelixError | None) -> None:
            if isinstance(value, tuple):
                self.tab.figures_report(value)

        self._bridge.expect(
            self._engine.ask_ledger(partial(figures, endpoints=self._settings.current.endpoints)), heard
        )

    def _load(self, base_url: str, model: str, context_length: int) -> None:
        question = self._engine.load_model(base_url, model, context_length)
        self._bridge.expect(question, partial(self._model_ended, base_url, model))

    def _unload(self, base_url: str, model: str) -> None:
        self._bridge.expect(self._engine.unload_model(base_url, model), partial(self._model_ended, base_url, model))

    def _model_ended(self, base_url: str, model: str, value: object, error: FelixError | None) -> None:
        self.tab.model_ended(base_url, model, value if isinstance(value, ServerReport) else None, error)
        self._on_key()

    def _test(self, base_url: str, model: str) -> None:
        def heard(value: object, error: FelixError | None) -> None:
            check = value if isinstance(value, ConnectionCheck) else None
            if check and check.ok:
                self._on_works()
            self.tab.test_result(check, error)

        self._bridge.expect(self._engine.test_server(base_url, model), heard)

    def _ask_key(self, base_url: str) -> None:
        self._aside.do(partial(self._key_state, base_url), self._heard_of_key)

    def _put_key(self, base_url: str, key: str) -> None:
        def put() -> KeyState:
            self._keys.put(base_url, key)
            return self._key_state(base_url)

        self._aside.do(put, self._key_changed)

    def _remove_key(self, base_url: str) -> None:
        def remove() -> KeyState:
            self._keys.remove(base_url)
            return self._key_state(base_url)

        self._aside.do(remove, self._key_changed)

    def _key_state(self, base_url: str) -> KeyState:
        """On whichever thread asks the store."""
        settings = self._settings.current
        endpoint = at(settings.endpoints, base_url) or unnamed(base_url)
        return self._keys.state_of(endpoint, is_in_use=base_url == settings.base_url)

    def _key_changed(self, value: object, error: FelixError | None) -> None:
        self._heard_of_key(value, error)
        self._on_key()

    def _heard_of_key(self, value: object, _error: FelixError | None) -> None:
        if isinstance(value, KeyState):
            self.tab.key_report(value)

    # -- storage -------------------------------------------------------------------------------------------------------

    def _ask_storage(self) -> None:
        self._bridge.expect(self._engine.ask_ledger(_storage), self._heard_of_storage)

    def _heard_of_storage(self, value: object, error: FelixError | None) -> None:
        if error is not None:
            self.tab.storage.say_room(str(error))
        elif isinstance(value, tuple):
            size, runs = value
            health = self._engine.health
            self.tab.storage_report(StorageReport(health.path if health.is_readable else None, size, runs))

    def _compact(self) -> None:
        def heard(_value: object, error: FelixError | None) -> None:
            self._ask_storage() if error is None else self.tab.storage.say_room(str(error))

        self._bridge.expect(self._engine.change_ledger(Ledger.compact), heard)

    def _export_all(self, form: str) -> None:
        dialogs, frame = self._dialogs, self._frame
        write: Callable[[Reader, Path], int] = write_documents if form == "md" else write_events
        if form == "md":
            target = dialogs.choose_folder(frame, "A folder for the documents of all runs")
        else:
            target = dialogs.save_json(frame, "Save all runs", "felix-runs.json")
        if target is None:
            return
        self.tab.storage.say_export(f"Writing to {target} …", is_fault=False)

        def heard(value: object, error: FelixError | None) -> None:
            said = str(error) if error else f"{value} run{'' if value == 1 else 's'} written to {target}"
            self.tab.storage.say_export(said, is_fault=error is not None)

        self._bridge.expect(self._engine.ask_ledger(partial(_written, write=write, target=target)), heard)


def _storage(reader: Reader) -> tuple[int, int]:
    return reader.size_bytes(), len(reader.runs())


def _written(reader: Reader, write: Callable[[Reader, Path], int], target: Path) -> int:
    try:
        return write(reader, target)
    except OSError as error:
        raise FelixError(f"{target} could not be written ({error.strerror}); choose another place.") from None
