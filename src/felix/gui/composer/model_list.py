"""The rows of the model panel on one canvas, of which only those in view are drawn: a service has hundreds of models.

The keyboard stays in the search field above it; `step`, `choose` and `act` are what its keys call.
"""

from __future__ import annotations

import tkinter as tk
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from PIL import ImageTk

from felix.gui.composer.model_choices import Choice, Heading, Row
from felix.gui.kit import Kit, drawing
from felix.gui.pointer_tip import PointerTip

INSET, MARK_X, TEXT_X, RIGHT, BAR = 6, 20, 36, 12, 10
HEAD_GAP = 8
"""Above a heading that is not the first row."""

Words = Callable[[str, str], str]
"""What is said of a model at an address; empty: nothing."""


class ModelList:
    """`frame` is placed by the caller. It draws what `show` was given."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        *,
        busy: Words,
        fault: Words,
        on_choose: Callable[[Choice], object],
        on_act: Callable[[Choice], object],
        on_current: Callable[[Choice | None], object],
    ) -> None:
        """`busy` says what goes on with a model, `fault` why it could not be loaded; `on_act` loads or unloads one."""
        self._kit, self._busy, self._fault = kit, busy, fault
        self._on_choose, self._on_act, self._on_current = on_choose, on_act, on_current
        self.frame = kit.frame(parent, "card")
        self.canvas = canvas = kit.canvas(self.frame, "card", width=1, height=1)
        self._bar = kit.scrollbar(self.frame, self._scroll_by_bar, "card")
        canvas.pack(side="left", fill="both", expand=True)
        self.rows: Sequence[Row] = ()
        self._tops: list[int] = [0]
        """Where each row begins, and at the end the height of all."""
        self._row_height = 1
        """Of a model, in the type in force."""
        self._top = 0
        self._cursor = -1
        self._hovered = -1
        self._acts: dict[int, tuple[int, int]] = {}
        """Index to left edge and first pixel row, of the words in view that load or unload."""
        self._photos: dict[tuple[str, int], ImageTk.PhotoImage] = {}
        self._tip = PointerTip(canvas, kit)
        for sequence, handler in (
            ("<Configure>", lambda _event: self._resized()),
            ("<Motion>", self._point),
            ("<Leave>", lambda _event: self._leave()),
            ("<Button-1>", self._press),
            ("<MouseWheel>", lambda event: self._wheel(-event.delta)),
            ("<Button-4>", lambda _event: self._wheel(-120)),
            ("<Button-5>", lambda _event: self._wheel(120)),
        ):
            canvas.bind(sequence, handler)
        kit.on_theme_change(self._repaint, owner=canvas)
        kit.on_font_change(self._measure, owner=canvas)

    # -- what it shows -------------------------------------------------------------------------------------------------

    def show(self, rows: Sequence[Row], *, from_top: bool = False) -> None:
        """Draw these. The keyboard stays at its model; when that is gone, or `from_top`, at the best one."""
        here = None if from_top else self.current
        self.rows = rows
        self._hovered = -1
        kept = (n for n, row in enumerate(rows) if isinstance(row, Choice) and here and _key(row) == _key(here))
        self._cursor = next(kept, self._best())
        if from_top:
            self._top = 0
        self._measure()
        if from_top:
            self._see(self._cursor)
        self._on_current(self.current)

    def refresh(self) -> None:
        """What goes on with models has changed."""
        self._draw()

    @property
    def current(self) -> Choice | None:
        """The model that the keyboard is at."""
        row = self.rows[self._cursor] if 0 <= self._cursor < len(self.rows) else None
        return row if isinstance(row, Choice) else None

    @property
    def height(self) -> int:
        """Of all rows, in pixels."""
        return self._tops[-1]

    def step(self, by: int) -> str:
        """Move the keyboard by so many models, as far as there are any."""
        choices = [n for n, row in enumerate(self.rows) if isinstance(row, Choice)]
        if choices:
            here = choices.index(self._cursor) if self._cursor in choices else -1
            self._set_cursor(choices[max(0, min(len(choices) - 1, here + by))])
        return "break"

    @property
    def page(self) -> int:
        """Models that stand in view at once."""
        return max(1, self.canvas.winfo_height() // max(1, self._row_height) - 1)

    def choose(self) -> str:
        """Take the model that the keyboard is at."""
        if (choice := self.current) is not None:
            self._on_choose(choice)
        return "break"

    def act(self) -> str:
        """Load or unload the model that the keyboard is at."""
        choice = self.current
        if choice is not None and self._action(choice):
            self._on_act(choice)
        return "break"

    def _best(self) -> int:
        """The model that is chosen, else the first."""
        choices = [(index, row) for index, row in enumerate(self.rows) if isinstance(row, Choice)]
        return next((index for index, row in choices if row.is_chosen), choices[0][0] if choices else -1)

    def _set_cursor(self, index: int) -> None:
        self._cursor = index
        self._see(index)
        self._on_current(self.current)

    # -- places --------------------------------------------------------------------------------------------------------

    def _line(self, font: str) -> int:
        return int(self._kit.font(font).metrics("linespace"))

    def _height_of(self, index: int) -> int:
        row, px = self.rows[index], self._kit.px
        if isinstance(row, Choice):
            return self._row_height
        lines = self._line("Strong") + (self._line("Small") if row.sentence else 0)
        return lines + px(12) + (px(HEAD_GAP) if index else 0)

    def _measure(self) -> None:
        self._photos.clear()
        self._row_height = self._line("Base") + self._line("Small") + self._kit.px(10)
        self._tops = [0, *accumulate(self._height_of(index) for index in range(len(self.rows)))]
        is_needed = self.height > self.canvas.winfo_height() > 1
        if is_needed != bool(self._bar.winfo_manager()):
            self._bar.place(relx=1, rely=0, relheight=1, anchor="ne") if is_needed else self._bar.place_forget()
        self._scroll_to(self._top)

    def _resized(self) -> None:
        self._measure()
        self._see(self._cursor)

    @property
    def _edge(self) -> int:
        return self.canvas.winfo_width() - self._kit.px(BAR if self._bar.winfo_manager() else INSET)

    def _index_at(self, y: int) -> int:
        """The model at a height of the canvas; -1: none."""
        index = bisect_right(self._tops, y + self._top) - 1
        return index if 0 <= index < len(self.rows) and isinstance(self.rows[index], Choice) else -1

    def _see(self, index: int) -> None:
        """Scroll no further than needed to have a model in view, with its heading when it is the first under one."""
        if index < 0 or self.canvas.winfo_height() <= 1:
            return
        before = self.rows[index - 1] if index else None
        top = self._tops[index - 1 if isinstance(before, Heading) else index]
        self._scroll_to(max(min(self._top, top), self._tops[index + 1] - self.canvas.winfo_height()))

    def _scroll_to(self, top: int) -> None:
        room = self.canvas.winfo_height()
        self._top = max(0, min(top, self.height - room))
        height = max(1, self.height)
        self._bar.set(self._top / height, min(1.0, (self._top + room) / height))
        self._draw()

    def _scroll_by_bar(self, kind: str, amount: str, unit: str = "") -> None:
        if kind == "moveto":
            self._scroll_to(round(float(amount) * self.height))
        else:
            self._scroll_to(self._top + int(amount) * (self.canvas.winfo_height() if unit == "pages" else 40))

    def _wheel(self, delta: int) -> str:
        if self.canvas.tk.call("tk", "windowingsystem") == "aqua":
            delta *= 120  # macOS counts notches
        self._tip.hide()
        self._scroll_to(self._top + round(delta / 120 * 1.5 * self._row_height))
        return "break"

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _repaint(self) -> None:
        self._photos.clear()
        self._draw()

    def _draw(self) -> None:
        """Everything in view, anew."""
        canvas = self.canvas
        canvas.delete("all")
        self._acts.clear()
        if canvas.winfo_width() <= 1:
            return
        bottom = self._top + canvas.winfo_height()
        for index in range(max(0, bisect_right(self._tops, self._top) - 1), len(self.rows)):
            if self._tops[index] > bottom:
                break
            row, y = self.rows[index], self._tops[index] - self._top
            if isinstance(row, Heading):
                self._draw_heading(index, row, y)
            else:
                self._draw_choice(index, row, y)

    def _text(self, x: int, y: int, words: str, font: str, color: str, anchor: str = "w") -> int:
        """Draw words in the middle of a line at `y`; their width."""
        kit = self._kit
        self.canvas.create_text(x, y, text=words, anchor=anchor, font=font, fill=kit[color])  # type: ignore[call-overload]
        return int(kit.font(font).measure(words))

    def _draw_heading(self, index: int, row: Heading, y: int) -> None:
        kit, px = self._kit, self._kit.px
        if index:
            y += px(HEAD_GAP)
            self.canvas.create_line(px(INSET), y, self._edge, y, fill=kit["line"])
        first = y + px(6) + self._line("Strong") // 2
        right = self._edge - px(RIGHT)
        left = px(MARK_X) - px(8)
        width = self._text(right, first, row.state.words, "Small", f"ink:{row.state.state}", "e")
        icon = kit.icon(row.state.icon, 9, f"state:{row.state.state}")
        self.canvas.create_image(right - width - px(9), first, image=icon)
        room = right - width - px(24) - left
        name = self._kit.fitted(row.name, "Strong", room)
        x = left + self._text(left, first, name, "Strong", "text") + px(8)
        self._text(x, first, self._kit.fitted(row.place, "Small", right - width - px(24) - x), "Small", "text2")
        if row.sentence:
            second = y + px(6) + self._line("Strong") + self._line("Small") // 2
            self._text(left, second, self._kit.fitted(row.sentence, "Small", right - left), "Small", "text2")

    def _draw_choice(self, index: int, row: Choice, y: int) -> None:
        kit, px, canvas = self._kit, self._kit.px, self.canvas
        is_current = index == self._cursor
        if is_current or index == self._hovered:
            fill = kit.mix("card", "text", 0.09 if is_current else 0.05)
            canvas.create_image(px(INSET), y, anchor="nw", image=self._ground(fill))
        first = y + px(5) + self._line("Base") // 2
        second = y + px(5) + self._line("Base") + self._line("Small") // 2
        right = self._edge - px(RIGHT)
        if row.is_chosen:
            canvas.create_image(px(MARK_X), first, image=kit.icon("check-lg", 12, "primary"))
        busy = self._busy(row.base_url, row.model) if row.model else ""
        taken = 0
        if busy:
            taken = self._text(right, first, busy, "Small", "ink:prep", "e") + px(12)
        elif row.state:
            taken = self._text(right, first, row.state, "Small", "ink:done", "e") + px(12)
        marks = [icon for icon, is_shown in (("lightbulb", row.thinks), ("tools", row.has_tools)) if is_shown]
        room = right - taken - px(TEXT_X) - len(marks) * px(18)
        name = self._kit.fitted(row.name, "Strong" if row.is_chosen else "Base", room)
        x = px(TEXT_X) + self._text(px(TEXT_X), first, name, "Strong" if row.is_chosen else "Base", "text")
        for icon in marks:
            x += px(16)
            canvas.create_image(x, first, image=kit.icon(icon, 11))
        action = "" if busy else self._action(row)
        taken = 0
        if action and (is_current or index == self._hovered):
            taken = self._text(right, second, action, "SmallStrong", "primary", "e")
            self._acts[index] = (right - taken - px(6), second - self._line("Small"))
            taken += px(12)
        fault = self._fault(row.base_url, row.model)
        words = self._kit.fitted(fault or row.facts, "Small", right - taken - px(TEXT_X))
        self._text(px(TEXT_X), second, words, "Small", "ink:fail" if fault else "text2")

    @staticmethod
    def _action(row: Choice) -> str:
        return "Load" if row.can_load else "Unload" if row.can_unload else ""

    def _ground(self, fill: str) -> ImageTk.PhotoImage:
        kit, key = self._kit, (fill, self._edge)
        if key not in self._photos:
            size = (max(1, self._edge - kit.px(INSET)), self._row_height - 1)
            self._photos[key] = kit.photo(drawing.rounded(size, kit.px(6), fill, kit["card"]))
        return self._photos[key]

    # -- the pointer ---------------------------------------------------------------------------------------------------

    def _point(self, event: tk.Event[tk.Misc]) -> None:
        index = self._index_at(event.y)
        if index != self._hovered:
            self._hovered = index
            self.canvas.configure(cursor="hand2" if index >= 0 else "")
            self._draw()
            row = self.rows[index] if index >= 0 else None
            self._on_current(row if isinstance(row, Choice) else self.current)
        self._tip.show(self._words_at(event), event.x_root, event.y_root)

    def _words_at(self, event: tk.Event[tk.Misc]) -> str:
        index = bisect_right(self._tops, event.y + self._top) - 1
        row = self.rows[index] if 0 <= index < len(self.rows) else None
        if isinstance(row, Heading):
            return row.sentence
        if row is None:
            return ""
        if self._is_on_act(index, event.x, event.y):
            return f"{self._action(row)} it now (Shift+Enter)"
        can = [
            words
            for words, is_shown in (("thinks before it answers", row.thinks), ("can call tools", row.has_tools))
            if is_shown
        ]
        return "\n".join(part for part in (row.model, row.facts, ", ".join(can)) if part)

    def _leave(self) -> None:
        self._tip.hide()
        if self._hovered >= 0:
            self._hovered = -1
            self._draw()
            self._on_current(self.current)

    def _is_on_act(self, index: int, x: int, y: int) -> bool:
        return index in self._acts and x >= self._acts[index][0] and y >= self._acts[index][1]

    def _press(self, event: tk.Event[tk.Misc]) -> None:
        self._tip.hide()
        index = self._index_at(event.y)
        if index >= 0:
            is_act = self._is_on_act(index, event.x, event.y)
            self._cursor = index
            self.act() if is_act else self.choose()


def _key(row: Choice) -> tuple[str, str]:
    return row.base_url, row.model
