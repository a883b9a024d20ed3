"""How the window looks, by its settings: theme and size of text, followed live and changed from anywhere."""

from __future__ import annotations

from collections.abc import Callable

import ttkbootstrap as ttk

from felix.gui.kit import Kit
from felix.gui.system_theme import SystemTheme, system_mode
from felix.settings import SettingsFile

SMALLEST, LARGEST = 0.7, 2.0
"""Of the text, against its normal size."""


class Look:
    """Tk's thread only. `close` ends the watch on the desktop."""

    def __init__(self, app: ttk.App, kit: Kit, settings: SettingsFile, *, on_change: Callable[[], object]) -> None:
        """`on_change` hears that a theme or size was chosen here, in force and saved."""
        self._kit, self._settings, self._on_change = kit, settings, on_change
        self._system = SystemTheme(app, self._follow)

    def apply(self, keys: frozenset[str]) -> None:
        """Follow settings that have changed."""
        settings = self._settings.current
        if "theme" in keys:
            if settings.theme == "system":
                self._system.start()
            else:
                self._system.stop()
            self._follow()
        if "font_scale" in keys:
            self._kit.scale_fonts(round(settings.font_scale * 100))

    def toggle_theme(self) -> None:
        self._change(theme="light" if self._kit.mode == "dark" else "dark")

    def zoom(self, by: float) -> None:
        """Larger or smaller text; 0 is the normal size."""
        scale = round(self._settings.current.font_scale + by, 1) if by else 1.0
        self._change(font_scale=min(LARGEST, max(SMALLEST, scale)))

    def close(self) -> None:
        self._system.stop()

    def _follow(self) -> None:
        """Show what the settings, or the desktop, say."""
        theme = self._settings.current.theme
        self._kit.set_theme(system_mode() if theme == "system" else theme)

    def _change(self, **changes: object) -> None:
        self._settings.change(**changes)
        self.apply(frozenset(changes))
        self._on_change()
