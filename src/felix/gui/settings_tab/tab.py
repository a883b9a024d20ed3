"""The Settings tab: a list of sections, and one scrolling page of them. Every change is in force and saved at once."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterable, Mapping, Sequence
from tkinter import ttk as plain
from typing import Any

from felix.errors import FelixError
from felix.gui import shortcuts
from felix.gui.kit import Kit
from felix.gui.settings_tab import appearance, connection, sharing, storage, streaming, tools, workflow
from felix.gui.settings_tab.acts import Acts
from felix.gui.settings_tab.endpoints import Endpoints
from felix.gui.settings_tab.navigation import Navigation, Place
from felix.gui.settings_tab.rows import Section
from felix.keys import KeyState
from felix.ledger.figures import EndpointFigures
from felix.llm.models import ConnectionCheck, ServerReport
from felix.settings import Settings, SettingsFile

COLUMN = 720
_MARGIN = 24
_PLACES = (
    Place("Connection", "plug"),
    Place("Streaming", "lightning-charge"),
    Place("Workflow", "diagram-3"),
    Place("Tools", "tools"),
    Place("Appearance", "palette"),
    Place("Storage", "hdd"),
    Place("Sharing", "broadcast"),
    Place("Shortcuts", "keyboard"),
)
_GROUND_TAG = "FelixSettingsGround"


class SettingsTab:
    """`frame` is the tab. Tk's thread only."""

    def __init__(self, parent: tk.Misc, kit: Kit, settings: SettingsFile, acts: Acts) -> None:
        self._kit, self._settings, self._acts = kit, settings, acts
        self._sections: list[Section] = []
        self._keys: list[tuple[str, ...]] = []
        self._target = -1
        self.frame = kit.frame(parent, "page")
        self.navigation = Navigation(self.frame, kit, _PLACES, on_go=self.go_to)
        self.navigation.frame.pack(side="left", fill="y")
        kit.rule(self.frame, vertical=True).pack(side="left", fill="y")
        self._page = kit.scrolled_frame(self.frame)
        self._page.frame.pack(side="left", fill="both", expand=True)
        self._page.canvas.configure(yscrollcommand=self._scrolled)
        # room below the last section, so that it too can stand at the top of the page
        self._column = kit.frame(self._page.body, "page")
        self._column.pack(fill="x")

        read = self._read
        self.endpoints = Endpoints(self._section(0, connection.KEYS), kit, acts, read, self.change)
        self.connection = self.endpoints.connection
        self.streaming = streaming.StreamingRows(self._section(1, streaming.KEYS), kit, read, self.change)
        self.workflow = workflow.WorkflowRows(self._section(2, workflow.KEYS), kit, read, self.change)
        self.tools = tools.ToolsSection(self._section(3, tools.KEYS), kit, acts.tools, read, self.change)
        self.appearance = appearance.AppearanceRows(
            self._section(4, appearance.KEYS), kit, acts, read, self.change, settings.path
        )
        self.storage = storage.StorageRows(self._section(5, storage.KEYS), kit, acts.storage, read, self.change)
        self.sharing = sharing.SharingRows(self._section(6, ()), kit, acts.sharing)
        self._add_shortcuts(self._section(7, ()))
        self._page.canvas.bind("<Configure>", lambda event: self._fit(event.width), add="+")
        self._let_the_ground_take_focus()
        self.refresh()

    def _section(self, index: int, keys: tuple[str, ...]) -> Section:
        section = Section(
            self._column, self._kit, _PLACES[index].title, on_reset=(lambda: self._reset(index)) if keys else None
        )
        section.frame.pack(fill="x")
        self._sections.append(section)
        self._keys.append(keys)
        return section

    def _add_shortcuts(self, section: Section) -> None:
        for group, entries in shortcuts.GROUPS:
            section.list(group, [(entry.does, entry.keys) for entry in entries])

    # -- values --------------------------------------------------------------------------------------------------------

    def change(self, **changes: Any) -> None:  # Any: as SettingsFile.change
        """Put values in force, save them and tell. Raises SettingsError, with nothing changed, for one not allowed."""
        before = self._read()
        changed = {key for key, value in changes.items() if getattr(before, key) != value}
        self._settings.change(**changes)
        for section, keys in zip(self._sections, self._keys, strict=True):
            if changed.intersection(keys):
                section.forget_undo()
        self._tell(changed)

    def _reset(self, index: int) -> Callable[[], None]:
        keys = self._keys[index]
        before = {key: getattr(self._read(), key) for key in keys}
        self._settings.reset(keys)
        self._restore_fields(index)
        self._tell(_different(before, self._read()))

        def undo() -> None:
            changed = _different(before, self._read())
            self._settings.change(**before)
            self._restore_fields(index)
            self._tell(changed)

        return undo

    def _restore_fields(self, index: int) -> None:
        """What stands wrong in the fields of a section goes with a reset."""
        fields = (
            self.endpoints.fields,
            self.streaming.fields,
            self.workflow.fields,
            self.tools.fields,
            (),
            self.storage.fields,
        )[index]
        for field in fields:
            field.restore()

    def _tell(self, changed: Iterable[str]) -> None:
        notices = self._settings.notices  # before anybody who hears of the change makes another
        self.refresh()
        if changed:
            self._acts.on_change(frozenset(changed))
        self._acts.on_saved(notices[0] if notices else "")

    def _read(self) -> Settings:
        return self._settings.current

    # -- what comes from outside ---------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what is in force, also when something else has changed it."""
        self.endpoints.refresh()
        self.streaming.refresh()
        self.workflow.refresh()
        self.tools.refresh()
        self.appearance.refresh()
        self.storage.refresh()
        for section, keys in zip(self._sections, self._keys, strict=True):
            settings = self._read()
            is_default = all(getattr(settings, key) == Settings.model_fields[key].default for key in keys)
            section.show_is_default(is_default=is_default)

    def shown(self) -> None:
        """The tab was selected: ask the servers once more, what is known may be old."""
        self.refresh()
        self.endpoints.look()
        self.tools.look()
        self.storage.look()

    def server_report(self, base_url: str, report: ServerReport | None, error: FelixError | None) -> None:
        """What the server at `base_url` said after `on_check`, or why it said nothing."""
        self.endpoints.server_report(base_url, report, error)

    def endpoints_report(self, said: Mapping[str, ServerReport | FelixError]) -> None:
        """What the endpoints said after `on_ask_endpoints`, by base URL."""
        self.endpoints.endpoints_report(said)

    def servers_found(self, reports: Sequence[ServerReport]) -> None:
        """Which servers run on this machine, after `on_find`."""
        self.endpoints.servers_found(reports)

    def figures_report(self, figures: Sequence[EndpointFigures]) -> None:
        """How the endpoints have done, after `on_ask_figures`."""
        self.endpoints.figures.show(figures)

    def model_ended(self, base_url: str, model: str, report: ServerReport | None, error: FelixError | None) -> None:
        """How `on_load` or `on_unload` ended."""
        self.endpoints.models.ended(base_url, model, error)
        if report:
            self.endpoints.server_report(base_url, report, None)

    def test_result(self, check: ConnectionCheck | None, error: FelixError | None) -> None:
        """How the test went that `on_test` asked for."""
        self.connection.test_result(check, error)

    def key_report(self, state: KeyState) -> None:
        """Where the key is kept, after `on_ask_key`, `on_put_key` or `on_remove_key`."""
        self.endpoints.key_report(state)

    def storage_report(self, report: storage.StorageReport) -> None:
        """What the ledger is like, after `on_ask` and `on_compact`."""
        self.storage.report(report)

    # -- the page ------------------------------------------------------------------------------------------------------

    def go_to(self, index: int) -> None:
        """Show a section from its top, or as near to it as the page goes."""
        self._target = index
        page = self._page
        top = self._sections[index].frame.winfo_rooty() - page.canvas.winfo_rooty()
        page.scroll(top - self._kit.px(12))
        self.navigation.mark(index)
        self._page.canvas.after_idle(self._arrived)

    def _arrived(self) -> None:
        self._target = -1

    def _scrolled(self, low: float, high: float) -> None:  # Tk gives them as text
        self._page.bar.set(low, high)
        if self._target < 0 and self._page.frame.winfo_ismapped() and not self._page.fits:
            self.navigation.mark(self._section_in_view(float(low), float(high)))

    def _section_in_view(self, low: float, high: float) -> int:
        if low <= 0:  # also true while the sections have no places yet
            return 0
        if high >= 1:
            return len(self._sections) - 1
        edge = self._page.canvas.winfo_rooty() + self._kit.px(48)
        tops = [section.frame.winfo_rooty() for section in self._sections]
        return max((index for index, top in enumerate(tops) if top <= edge), default=0)

    def _fit(self, width: int) -> None:
        self.navigation.fit(self.frame.winfo_width())
        side = max(self._kit.px(_MARGIN), (width - self._kit.px(COLUMN) + 1) // 2)
        self._column.configure(padding=(side, self._kit.px(14), side, 0))

    def _let_the_ground_take_focus(self) -> None:
        """A click beside a field leaves it, which applies what was typed; ttk frames take no focus by themselves."""
        self._page.canvas.bind_class(_GROUND_TAG, "<Button-1>", lambda _event: self._page.canvas.focus_set())
        waiting: list[tk.Misc] = [self._page.canvas, self._page.body]
        while waiting:
            widget = waiting.pop()
            waiting += widget.children.values()
            if type(widget) in (plain.Frame, plain.Label) or widget is self._page.canvas:
                widget.bindtags((*widget.bindtags(), _GROUND_TAG))


def _different(before: dict[str, object], now: Settings) -> set[str]:
    return {key for key, value in before.items() if getattr(now, key) != value}
