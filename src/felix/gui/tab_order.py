"""The way of the Tab key through the window: part after part as they are read, and inside a part as Tk goes.

Tk goes by the order in which widgets lie over each other. That is not the order of reading where one part is drawn in
the place of another's, as the task box is on the first screen.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Iterator, Sequence

_NEXT, _PREVIOUS = "<<NextWindow>>", "<<PrevWindow>>"


class TabOrder:
    """Takes the Tab key over for all that lies in `parts`, in their order; what lies elsewhere goes Tk's way.

    A part within another one stands where it is named, and not in the other.
    """

    def __init__(self, root: tk.Misc, parts: Sequence[tk.Misc]) -> None:
        self._root, self._parts = root, tuple(parts)
        root.bind_all(_NEXT, lambda event: self._go(event, 1))
        root.bind_all(_PREVIOUS, lambda event: self._go(event, -1))

    def widgets(self) -> list[tk.Misc]:
        """All that take the keyboard now, first to last."""
        return [widget for part in self._parts for widget in self._within(part)]

    def _within(self, widget: tk.Misc) -> Iterator[tk.Misc]:
        if not widget.winfo_viewable():
            return
        if self._root.tk.getboolean(self._root.tk.call("tk::FocusOK", str(widget))):
            yield widget
        for child in widget.winfo_children():
            if child not in self._parts and child.winfo_toplevel() is self._root:
                yield from self._within(child)

    def _go(self, event: tk.Event[tk.Misc], by: int) -> None:
        here = event.widget
        if not isinstance(here, tk.Misc):
            return  # a window of Tk's own, which has its own ways
        widgets = self.widgets() if here.winfo_toplevel() is self._root else []
        if here in widgets:
            target: tk.Misc | None = widgets[(widgets.index(here) + by) % len(widgets)]
        else:
            target = here.tk_focusNext() if by > 0 else here.tk_focusPrev()
        if target is not None:
            self._root.tk.call("tk::TabToWindow", str(target))  # also selects what stands in a field
