"""What the rows set their values with: a field that is checked when it is left, and a menu of choices.

A field applies on Enter, on leaving it, and a moment after the last key when what stands there is right. What is wrong
stays as typed, marked, until it is mended or Escape brings back the value in force.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from felix.errors import SettingsError
from felix.gui.kit import Kit, MenuButton
from felix.gui.settings_tab.rows import Row

SETTLED_MS = 600
"""Without a key this long, a number is taken to be typed to its end."""


class Field:
    """An entry in a row."""

    def __init__(
        self,
        row: Row,
        kit: Kit,
        *,
        read: Callable[[], str],
        commit: Callable[[str], None],
        width: int,
        settles: bool = True,
        parent: tk.Misc | None = None,
        justify: str = "right",
    ) -> None:
        """`read` is the value in force; `commit` puts a text in force and raises SettingsError, or hints at it.

        With `settles` False only Enter and leaving apply: for what is wrong or something else until it is whole.
        """
        self._row, self._kit, self._read, self._commit = row, kit, read, commit
        self._after = ""
        self._text = tk.StringVar(row.frame)
        self.entry = kit.entry(parent or row.control, "card", width, justify=justify, textvariable=self._text)
        self.refresh()
        if settles:
            self._text.trace_add("write", lambda *_: self._typed())
        self.entry.bind("<FocusOut>", lambda _event: self.apply())
        self.entry.bind("<Return>", self._entered)
        self.entry.bind("<KP_Enter>", self._entered)
        self.entry.bind("<Escape>", self._escaped)
        self.entry.bind("<Destroy>", lambda _event: self._stop_waiting())

    @property
    def is_touched(self) -> bool:
        """Whether it shows something else than the value in force."""
        # the variable, not the entry: while the variable is being set, the entry still holds what stood there before
        return self._text.get() != self._read()

    def apply(self) -> None:
        """Put what stands there in force, or mark it."""
        self._stop_waiting()
        text = self.entry.get()
        if text == self._read():
            self._mark("")
            return
        try:
            self._commit(text)
        except SettingsError as error:
            self._mark(str(error))
        else:
            self._mark("")
            self._show()

    def refresh(self) -> None:
        """Show the value in force, unless somebody is writing here or a bad entry waits to be mended."""
        if self._row.fault and self.is_touched:
            return
        if self.entry.focus_displayof() is not self.entry or not self._after:
            self._mark("")
            self._show()

    def restore(self) -> None:
        """Show the value in force, whatever stands there."""
        self._stop_waiting()
        self._mark("")
        self._show()

    def preview(self, text: str) -> None:
        """Show a right value that somebody else is about to put in force."""
        self._text.set(text)
        self._stop_waiting()
        self._mark("")

    def _show(self) -> None:
        if self.is_touched:
            self._text.set(self._read())

    def _mark(self, fault: str) -> None:
        self._row.set_fault(fault)
        self._kit.set_bad(self.entry, bool(fault))

    def _typed(self) -> None:
        self._stop_waiting()
        if self.is_touched:
            self._after = self.entry.after(SETTLED_MS, self._settle)

    def _settle(self) -> None:
        """Apply what is right as it stands; what is not may be half of something, and is left alone."""
        self._after = ""
        if not self.is_touched:
            return  # what is in force has come to what stands here
        try:
            self._commit(self.entry.get())
        except SettingsError:
            return
        self._mark("")

    def _entered(self, _event: tk.Event[tk.Misc]) -> str:
        self.apply()
        self.entry.selection_range(0, "end")
        return "break"

    def _escaped(self, _event: tk.Event[tk.Misc]) -> str | None:
        if not self.is_touched and not self._row.fault:
            return None  # nothing to bring back: Escape means something else then
        self.restore()
        return "break"

    def _stop_waiting(self) -> None:
        if self._after:
            self.entry.after_cancel(self._after)
            self._after = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a menu."""

    value: str
    text: str
    short: str = ""
    """What the button says when it is taken; empty: the text."""


class ChoiceMenu:
    """A button that names the choice in force and opens a menu of all."""

    def __init__(
        self, parent: tk.Misc, kit: Kit, *, on_choose: Callable[[str], None], tooltip: str, icon: str | None = None
    ) -> None:
        self._kit, self._on_choose = kit, on_choose
        self.button: MenuButton = kit.menu_button(parent, "…", icon, "outline", "card", tooltip=tooltip)
        self.button.bind("<Down>", lambda _event: self.button.event_generate("<<Invoke>>"))
        self._value = tk.StringVar(parent)

    def show(self, choices: Sequence[Choice], value: str) -> None:
        """Fill the menu; a `value` that is no choice stands in the button as it is."""
        self._value.set(value)
        menu = self.button.menu
        menu.delete(0, "end")
        for choice in choices:
            menu.add_radiobutton(label=choice.text, value=choice.value, variable=self._value, command=self._chosen)
        taken = next((choice for choice in choices if choice.value == value), None)
        self._kit.set_button(self.button, text=(taken.short or taken.text) if taken else value)

    def _chosen(self) -> None:
        self._on_choose(self._value.get())


def number_between(text: str, low: float, high: float, what: str) -> int:
    """`1,000` or ` 1000 ` as 1000. Raises SettingsError, in a sentence about `what`."""
    digits = "".join(text.split()).replace(",", "")
    if digits.isascii() and digits.isdigit() and len(digits) <= 12 and low <= int(digits) <= high:
        return int(digits)
    raise SettingsError(f"{what} must be a whole number from {low:,.0f} to {high:,.0f}.")
