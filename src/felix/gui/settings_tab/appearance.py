"""Appearance: theme, text size and motion; and where the log and the settings themselves are."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from pathlib import Path

from felix.gui.folders import show_folder
from felix.gui.kit import Kit, Option
from felix.gui.settings_tab.acts import Acts
from felix.gui.settings_tab.fields import Choice, ChoiceMenu
from felix.gui.settings_tab.rows import Section
from felix.settings import Settings

KEYS = ("theme", "font_scale", "reduce_motion", "verbose_log")

PERCENTS = (70, 80, 90, 100, 110, 125, 150, 175, 200)


class AppearanceRows:
    """The rows of the section. `change` puts values in force."""

    def __init__(
        self,
        section: Section,
        kit: Kit,
        acts: Acts,
        read: Callable[[], Settings],
        change: Callable[..., None],
        file: Path,
    ) -> None:
        self._kit, self._read, self._change = kit, read, change
        self._motion = tk.BooleanVar(section.frame)
        self._verbose = tk.BooleanVar(section.frame)
        row = section.row("Theme", "Follows the desktop, or fixed")
        options = (
            Option("system", "System", "circle-half"),
            Option("light", "Light", "sun"),
            Option("dark", "Dark", "moon"),
        )
        self.theme = kit.segmented(row.control, options, read().theme, lambda value: change(theme=value))
        self.theme.frame.pack()

        row = section.row("Text size", "Ctrl + and Ctrl − anywhere, Ctrl 0 for 100 %")
        self.smaller = kit.button(
            row.control, icon="dash-lg", on="card", padding=(6, 6), tooltip="Smaller (Ctrl −)",
            command=lambda: self._step(-1),
        )  # fmt: skip
        self.size = ChoiceMenu(row.control, kit, on_choose=self._choose_size, tooltip="Text size")
        self.larger = kit.button(
            row.control, icon="plus-lg", on="card", padding=(6, 6), tooltip="Larger (Ctrl +)",
            command=lambda: self._step(1),
        )  # fmt: skip
        for widget in (self.smaller, self.size.button, self.larger):
            widget.pack(side="left", padx=(kit.px(4), 0))

        row = section.row("Reduce motion", "Nothing glides or blinks; text appears batch by batch")
        self.motion = kit.toggle(row.control, self._motion, lambda: change(reduce_motion=self._motion.get()))
        self.motion.pack()

        row = section.row("Detailed log", "Every request and chunk, never their text")
        kit.button(row.control, "Show log", kind="outline", on="card", padding=(10, 5), command=acts.on_show_log).pack(
            side="left", padx=(0, kit.px(10))
        )
        self.verbose = kit.toggle(row.control, self._verbose, lambda: change(verbose_log=self._verbose.get()))
        self.verbose.pack(side="left")

        self.file_row = section.row("Settings file", "Everything on this page is kept here, except the key")
        self.file = kit.entry(self.file_row.control, "card", 30)
        self.file.insert(0, str(file))
        self.file.state(["readonly"])
        # of a long path the end tells more than the beginning
        self.file.bind("<Configure>", lambda _event: self.file.xview_moveto(1), add="+")
        self.file.pack(side="left")
        kit.button(
            self.file_row.control, icon="folder2-open", on="card", padding=(6, 6), tooltip="Show folder",
            command=lambda: self.file_row.set_fault(show_folder(file.parent)),
        ).pack(side="left", padx=(kit.px(4), 0))  # fmt: skip

    def refresh(self) -> None:
        """Show what is in force."""
        settings = self._read()
        self.theme.set(settings.theme)
        self._motion.set(settings.reduce_motion)
        self._verbose.set(settings.verbose_log)
        percent = round(settings.font_scale * 100)
        percents = sorted({*PERCENTS, percent})
        self.size.show([Choice(str(each), f"{each} %") for each in percents], str(percent))
        self.smaller.state(["disabled" if percent <= PERCENTS[0] else "!disabled"])
        self.larger.state(["disabled" if percent >= PERCENTS[-1] else "!disabled"])

    def _choose_size(self, value: str) -> None:
        self._change(font_scale=int(value) / 100)

    def _step(self, by: int) -> None:
        percent = round(self._read().font_scale * 100)
        if by > 0:
            percent = next((each for each in PERCENTS if each > percent), PERCENTS[-1])
        else:
            percent = next((each for each in reversed(PERCENTS) if each < percent), PERCENTS[0])
        self._change(font_scale=percent / 100)
