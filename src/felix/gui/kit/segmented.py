"""One choice out of a few, all in sight: a row of buttons that is a single stop for Tab."""

from collections.abc import Callable
from dataclasses import dataclass
from tkinter import ttk as plain


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a segmented control; without words it needs a tooltip."""

    value: str
    text: str = ""
    icon: str | None = None
    tooltip: str = ""


class Segmented:
    """A row of choices of which one is taken. ``frame`` is what the caller places."""

    def __init__(
        self, frame: plain.Frame, buttons: dict[str, plain.Button], on_change: Callable[[str], object]
    ) -> None:
        self.frame = frame
        self.value = ""
        self._buttons, self._on_change = buttons, on_change

    def set(self, value: str) -> None:
        """Show ``value`` as taken, without telling anybody."""
        self.value = value
        for each, button in self._buttons.items():
            button.state(["selected" if each == value else "!selected"])
            button.configure(takefocus=each == value)  # one stop for Tab; the arrow keys go on from there

    def choose(self, value: str) -> None:
        """As a click on ``value``."""
        if value != self.value:
            self.set(value)
            self._on_change(value)

    def step(self, by: int) -> str:
        """Take the neighbour; the end of a Tk binding, hence "break"."""
        values = list(self._buttons)
        at = max(0, min(len(values) - 1, values.index(self.value) + by))
        self._buttons[values[at]].focus_set()
        self.choose(values[at])
        return "break"
