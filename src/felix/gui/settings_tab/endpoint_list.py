"""The endpoints as lines of a card: name, address, state and which one is in use. One line is chosen, by click or keys.

The lines stay while only their words change; they are made anew when there are more or fewer of them.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk as plain
from typing import NamedTuple

from felix.gui.composer.model_menu import shortened
from felix.gui.kit import Kit
from felix.gui.server.endpoint_words import StateWords

_NAME = 34
"""Characters of a name beside its state."""


class Line(NamedTuple):
    """What is said of one endpoint."""

    name: str
    place: str
    state: StateWords
    is_in_use: bool


class _Row:
    """The widgets of a line."""

    def __init__(self, parent: plain.Frame, kit: Kit, styles: Sequence[str]) -> None:
        self._kit, self._styles = kit, styles
        self.frame = kit.frame(
            parent, "card", padding=(9, 5, 9, 6), box="endpoint", border=None, outer="card", radius=6, cursor="hand2"
        )
        self.frame.columnconfigure(1, weight=1)
        self.dot = kit.label(self.frame, on="card", icon="circle", icon_size=9)
        self.dot.grid(row=0, column=0, padx=(0, kit.px(8)))
        head = self._head = kit.frame(self.frame, "card")
        head.grid(row=0, column=1, sticky="w")
        self.name = kit.label(head, on="card")
        self.name.pack(side="left")
        self.use = kit.label(head, font="Small", color="primary", on="card", padding=(10, 1, 0, 0))
        self.use.pack(side="left")
        self.place = kit.label(self.frame, font="Small", color="text2", on="card")
        self.place.grid(row=1, column=1, sticky="w")
        self.state = kit.label(self.frame, font="Small", color="text2", on="card")
        self.state.grid(row=0, column=2, rowspan=2, sticky="e", padx=(kit.px(12), 0))
        self._shown: tuple[Line, bool] | None = None

    def show(self, line: Line, *, is_chosen: bool) -> None:
        if self._shown == (line, is_chosen):
            return
        self._shown = (line, is_chosen)
        on, kit = "sel" if is_chosen else "card", self._kit
        self.frame.configure(style=self._styles[is_chosen], takefocus=is_chosen)  # one stop for Tab
        self._head.configure(style=self._styles[2 + is_chosen])
        words = line.state
        kit.set_label(self.dot, on=on, icon=words.icon, icon_color=f"state:{words.state}")
        kit.set_label(self.name, on=on, text=shortened(line.name, _NAME), font="Strong" if is_chosen else "Base")
        kit.set_label(self.use, on=on, text="In use" if line.is_in_use else "")
        kit.set_label(self.place, on=on, text=shortened(line.place, 56))
        kit.set_label(self.state, on=on, text=words.words)

    @property
    def parts(self) -> tuple[tk.Misc, ...]:
        """Whatever a click may hit."""
        return (self.frame, self._head, self.dot, self.name, self.use, self.place, self.state)


class EndpointList:
    """`frame` is what the caller places."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        *,
        on_choose: Callable[[int], bool],
        on_remove: Callable[[], object],
        on_use: Callable[[], object],
    ) -> None:
        """`on_choose` says whether the choice stands; the other two are for the line that is chosen."""
        self._kit, self._on_choose, self._on_remove, self._on_use = kit, on_choose, on_remove, on_use
        self.frame = kit.frame(parent, "card", padding=(2, 2, 2, 2))
        # a frame of the kit keeps its look; these lend theirs to the lines and to what stands in them
        looks = [
            kit.frame(self.frame, surface, box="endpoint", border=None, outer="card", radius=6)
            for surface in ("card", "sel")
        ] + [kit.frame(self.frame, surface) for surface in ("card", "sel")]
        self._styles = [str(look.cget("style")) for look in looks]
        for look in looks:
            look.destroy()
        self._rows: list[_Row] = []

    def show(self, lines: Sequence[Line], chosen: int) -> None:
        """Say how things are now."""
        focus = self.frame.focus_displayof()
        had_focus = any(row.frame is focus for row in self._rows)
        while len(self._rows) > len(lines):
            self._rows.pop().frame.destroy()
        while len(self._rows) < len(lines):
            self._add()
        for number, (row, line) in enumerate(zip(self._rows, lines, strict=True)):
            row.show(line, is_chosen=number == chosen)
        if had_focus:
            self._rows[chosen].frame.focus_set()

    @property
    def words(self) -> list[tuple[str, str, str, str]]:
        """What stands in each line: name, mark, place and state."""
        return [
            (str(r.name.cget("text")), str(r.use.cget("text")), str(r.place.cget("text")), str(r.state.cget("text")))
            for r in self._rows
        ]

    def focus(self, number: int) -> None:
        """Give a line the keyboard."""
        self._rows[number].frame.focus_set()

    def line(self, number: int) -> tk.Misc:
        """The frame of a line."""
        return self._rows[number].frame

    def _add(self) -> None:
        number = len(self._rows)
        row = _Row(self.frame, self._kit, self._styles)
        row.frame.pack(fill="x", pady=1)
        for part in row.parts:
            part.bind("<Button-1>", lambda _event: self._choose(number))
        frame = row.frame
        for key, by in (("<Up>", -1), ("<Down>", 1)):
            frame.bind(key, lambda _event, by=by: self._choose(number + by))  # type: ignore[misc]
        for key in ("<Return>", "<KP_Enter>", "<space>"):
            frame.bind(key, lambda _event: self._on_use())
        frame.bind("<Delete>", lambda _event: self._on_remove())
        self._rows.append(row)

    def _choose(self, number: int) -> str:
        if 0 <= number < len(self._rows) and self._on_choose(number):
            self._rows[number].frame.focus_set()
        return "break"
