"""What must run again when the theme or the type size changes, for as long as its widget lives.

ttk widgets follow their styles and images by themselves; Text, Canvas and Menu do not, and neither do canvas items and
text tags. Their paint functions wait here and go when the widget is destroyed.
"""

import tkinter as tk
from collections.abc import Callable

Paint = Callable[[], object]


class Paints:
    """Paint functions by widget. One class binding serves all widgets, so nothing is left behind in Tcl."""

    def __init__(self, app: tk.Tk, tag: str) -> None:
        self._tag = tag
        self._by_widget: dict[str, list[Paint]] = {}
        app.bind_class(tag, "<Destroy>", self._forget)

    def __len__(self) -> int:
        return sum(map(len, self._by_widget.values()))

    def add(self, widget: tk.Misc, paint: Paint) -> Callable[[], None]:
        """Run ``paint`` at every change until ``widget`` is destroyed or the returned function is called."""
        path = str(widget)
        paints = self._by_widget.setdefault(path, [])
        paints.append(paint)
        tags = widget.bindtags()
        if self._tag not in tags:
            widget.bindtags((*tags, self._tag))

        def unsubscribe() -> None:
            if paint in paints:
                paints.remove(paint)

        return unsubscribe

    def run(self) -> None:
        """Call them all, in the order in which the widgets came."""
        for paints in list(self._by_widget.values()):
            for paint in list(paints):
                paint()

    def _forget(self, event: "tk.Event[tk.Misc]") -> None:
        self._by_widget.pop(str(event.widget), None)
