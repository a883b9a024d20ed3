"""Find in a text, also while it grows: what is new is searched as it comes, what is found stays marked.

The search runs over what the reader sees, without the line breaks that only Tk needs. Any Tk Text will do.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import Any

from felix.gui.kit import Kit
from felix.gui.text.shown_text import segments

REFRESH_S = 0.3
"""A growing text is searched again at most this often."""
MOST_MARKED = 2_000
"""Places that are marked and can be walked to; more are counted as "2,000+"."""


class FindBar:
    """A row above a text: a field, the count, next, previous, close. It takes no room while it is closed."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        text: tk.Text,
        *,
        before: tk.Misc | None = None,
        on: str = "card",
        on_jump: Callable[[], object] | None = None,
    ) -> None:
        """`before` is the packed widget the row stands above; `on_jump` is called when a place found is shown."""
        self._kit, self._text, self._before, self._on_jump = kit, text, before, on_jump
        self._parent, self._on = parent, on
        self._row: tk.Widget | None = None
        self._entry: Any = None  # the kit's entry
        self._count: Any = None  # the kit's label
        self._query = ""
        self._places: list[tuple[str, str]] = []
        self._current = -1
        self._seen = ("", "")
        self._searched_at = 0.0
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether the row can be seen."""
        return self._is_open

    def open(self) -> None:
        """Show the row with the selection, if there is a short one, in its field."""
        if self._row is None:
            self._row = self._build()
        if not self._is_open:
            self._is_open = True
            options: dict[str, Any] = {"fill": "x"}
            if self._before is not None:
                options["before"] = self._before
            self._row.pack(**options)
        chosen = self._text.get("sel.first", "sel.last") if self._text.tag_ranges("sel") else ""
        if chosen and len(chosen) < 80 and "\n" not in chosen:
            self._entry.delete(0, "end")
            self._entry.insert(0, chosen)
        self._entry.focus_set()
        self._entry.selection_range(0, "end")
        self.search()

    def close(self) -> bool:
        """Hide the row and its marks; False when it was not open."""
        if not self._is_open or self._row is None:
            return False
        self._is_open = False
        self._row.pack_forget()
        self._clear()
        self._text.focus_set()
        return True

    def tick(self, now: float) -> None:
        """Search again when the text or the query has changed."""
        if self._is_open and now - self._searched_at >= REFRESH_S:
            self._searched_at = now
            seen = (str(self._text.index("end")), str(self._text.index("end-2c")))
            if seen != self._seen or self._entry.get() != self._query:
                self.search()

    def search(self) -> None:
        """Mark every place. Case is ignored unless the query holds a capital letter."""
        self._clear()
        self._query = query = self._entry.get()
        self._seen = (str(self._text.index("end")), str(self._text.index("end-2c")))
        if query:
            self._places = find(self._text, query, MOST_MARKED)
            flat = [index for place in self._places for index in place]
            if flat:
                self._text.tag_add("found", flat[0], *flat[1:])
            self._current = min(max(self._current, -1), len(self._places) - 1)
        self._say()

    def next(self, step: int = 1) -> None:
        """Go to the next place, or with -1 to the one before."""
        if self._entry.get() != self._query:
            self.search()
        if not self._places:
            return
        self._current = (
            (self._current + step) % len(self._places) if self._current >= 0 or step > 0 else len(self._places) - 1
        )
        start, end = self._places[self._current]
        self._text.tag_remove("found_here", "1.0", "end")
        self._text.tag_add("found_here", start, end)
        if self._on_jump:
            self._on_jump()
        self._text.see(start)
        self._say()

    def _say(self) -> None:
        many = len(self._places) >= MOST_MARKED
        total = f"{len(self._places):,}{'+' * many}"
        place = f"{self._current + 1} of " if self._current >= 0 and self._places else ""
        self._count.configure(text="" if not self._query else f"{place}{total}" if self._places else "None")

    def _clear(self) -> None:
        self._places = []
        self._text.tag_remove("found", "1.0", "end")
        self._text.tag_remove("found_here", "1.0", "end")

    def _build(self) -> tk.Widget:
        kit = self._kit
        row = kit.frame(self._parent, self._on, (8, 6, 6, 2))
        self._entry = kit.entry(row, on=self._on, width=8)
        buttons = (
            ("x-lg", "Close (Esc)", self.close),
            ("chevron-down", "Next (Enter)", self.next),
            ("chevron-up", "Previous (Shift+Enter)", lambda: self.next(-1)),
        )
        for icon, words, command in buttons:
            kit.button(row, icon=icon, on=self._on, icon_size=11, padding=(5, 4), command=command, tooltip=words).pack(
                side="right"
            )
        self._count = kit.label(row, font="Small", color="text2", on=self._on, padding=(6, 0))
        self._count.pack(side="right")
        self._entry.pack(side="left", fill="x", expand=True)
        self._entry.bind("<KeyRelease>", self._typed)
        self._entry.bind("<Return>", lambda _event: self._then(self.next))
        self._entry.bind("<Shift-Return>", lambda _event: self._then(lambda: self.next(-1)))
        self._entry.bind("<Escape>", lambda _event: self._then(self.close))
        kit.paint(self._text, self._colour)
        return row

    def _typed(self, _event: tk.Event[Any]) -> None:
        if self._entry.get() != self._query:
            self._current = -1
            self.search()
            self._show_one()

    def _show_one(self) -> None:
        """What is counted is to be seen: when no place found is in view, the next one below comes into it."""
        text = self._text
        if not self._places or any(text.dlineinfo(start) for start, _ in self._places):
            return
        top = text.index("@0,0")
        start = next((start for start, _ in self._places if text.compare(start, ">=", top)), self._places[0][0])
        if self._on_jump:
            self._on_jump()
        text.see(start)

    def _then(self, act: Callable[[], object]) -> str:
        act()
        return "break"

    def _colour(self) -> None:
        kit = self._kit
        self._text.tag_configure("found", background=kit.mix("stop", self._on, 0.65))
        self._text.tag_configure("found_here", background=kit["primary_fill"], foreground=kit["on_primary"])
        self._text.tag_raise("found_here")
        self._text.tag_raise("sel")


def find(text: tk.Text, query: str, most: int) -> list[tuple[str, str]]:
    """Start and end of up to `most` places, in order; line breaks that are not the model's do not part a word."""
    parts = list(segments(text))
    whole = "".join(part for _, part in parts)
    if query == query.lower():
        lowered = whole.lower()
        # a letter may grow when it is made small (İ): places would be off, so capitals are then compared as they are
        whole = lowered if len(lowered) == len(whole) else whole
    places: list[tuple[str, str]] = []
    number = before = 0
    at = whole.find(query)
    while at >= 0 and len(places) < most:
        end = at + len(query)
        first, before, number = _index(parts, at, before, number)
        last, _, _ = _index(parts, end - 1, before, number)
        places.append((first, f"{last} + 1 c"))
        at = whole.find(query, end)
    return places


def _index(parts: list[tuple[str, str]], offset: int, before: int, number: int) -> tuple[str, int, int]:
    """Tk's index of a character, and how many characters stand before the part that holds it."""
    while offset >= before + len(parts[number][1]):
        before += len(parts[number][1])
        number += 1
    start = parts[number][0]
    return (f"{start} + {offset - before} c" if offset > before else start), before, number
