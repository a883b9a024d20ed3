"""The head of the window: the notebook's own row of tabs, the mark before it and the window's buttons behind it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk as plain

from felix.gui.kit import Kit

HEIGHT = 44
WORKFLOWS, SETTINGS = 0, 1


class Header:
    """The notebook with its two pages. `reserve` is the room the caller keeps free below it."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        *,
        reserve: int,
        on_runs: Callable[[], None],
        on_panel: Callable[[], None],
        on_theme: Callable[[], None],
        on_help: Callable[[], None],
    ) -> None:
        self._kit = kit
        self.notebook = kit.notebook(parent)
        # one pixel beyond either edge hides the theme's side borders
        self.notebook.place(x=-1, y=0, relwidth=1, width=2, relheight=1)
        self.reserve(reserve)
        self.workflows, self.settings = kit.frame(self.notebook, "page"), kit.frame(self.notebook, "page")
        self.notebook.add(self.workflows, text="Workflows")
        self.notebook.add(self.settings, text="Settings")
        brand = kit.frame(parent, "side")
        brand.place(x=kit.px(14), y=0, height=kit.px(HEIGHT - 2))
        kit.label(brand, image=kit.logo(20), on="side").pack(side="left")
        kit.label(brand, "Felix", "Brand", on="side", padding=(7, 0, 0, 1)).pack(side="left", fill="y")
        self.buttons = buttons = kit.frame(parent, "side")
        buttons.place(relx=1, x=-kit.px(10), y=0, height=kit.px(HEIGHT - 2), anchor="ne")
        self.runs = kit.button(
            buttons, icon="layout-sidebar", on="side", icon_size=15, tooltip="Runs (Ctrl+B)", command=on_runs
        )
        self.panel = kit.button(
            buttons, icon="layout-sidebar-reverse", on="side", icon_size=15, tooltip="Helix (Ctrl+Shift+B)",
            command=on_panel,
        )  # fmt: skip
        self.theme = kit.button(
            buttons, icon="moon-stars", on="side", icon_size=15, tooltip="Light or dark", command=on_theme
        )
        self.help = kit.button(
            buttons, icon="question-circle", on="side", icon_size=15, tooltip="Shortcuts (F1)", command=on_help
        )
        for button in (self.runs, self.panel, self.theme, self.help):
            button.pack(side="left", padx=kit.px(1))
        kit.paint(self.theme, self._name_theme)

    def reserve(self, pixels: int) -> None:
        """Keep this much free below the pages."""
        self.notebook.place_configure(height=-pixels)

    @property
    def page(self) -> int:
        """The tab in front: `WORKFLOWS` or `SETTINGS`."""
        return int(self.notebook.index("current"))

    def turn_to(self, page: int) -> None:
        self.notebook.select(page)

    def turn(self, by: int) -> None:
        """The next tab, or the one before."""
        self.turn_to((self.page + by) % 2)

    def set_runs(self, *, is_open: bool) -> None:
        """Show whether the runs list is."""
        self._kit.set_button(self.runs, icon=f"layout-sidebar{'-inset' if is_open else ''}")

    def set_panel(self, *, is_open: bool) -> None:
        """Show whether the right panel is."""
        self._kit.set_button(self.panel, icon=f"layout-sidebar{'-inset' if is_open else ''}-reverse")

    def _name_theme(self) -> None:
        is_light = self._kit.mode == "light"
        self._kit.set_button(self.theme, icon="moon-stars" if is_light else "sun")
        self._kit.tooltip(self.theme, "Dark" if is_light else "Light")


def divider(parent: tk.Misc, kit: Kit, *, on_drag: Callable[[int], None], is_left_of_page: bool = False) -> plain.Frame:
    """The line between the page and a wing, in a zone of 6 px; `on_drag` hears where on the screen it is dragged to."""
    zone = kit.frame(parent, "side", width=kit.px(6), cursor="sb_h_double_arrow")
    rule = kit.rule(zone, vertical=True)
    rule.place(relx=1 if is_left_of_page else 0, y=0, relheight=1, anchor="ne" if is_left_of_page else "nw")
    zone.bind("<B1-Motion>", lambda event: on_drag(event.x_root))
    return zone
