"""A tool call that asks the user: what exactly it would do, why it asks, and its answers. The run waits for one.

It never takes the keyboard by itself, and what has just come in the place of an answered call takes no press for a
moment: nobody lets something begin that they have not seen.
"""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable, Sequence
from functools import partial

from felix.events import CallId, Leave
from felix.gui.kit import Kit
from felix.gui.text.shown_text import printable, put, repaired
from felix.gui.text.text_end import pieces
from felix.gui.wall.call_words import LONGEST_NAME, UNNAMED, one_line
from felix.ledger.speech import Call

ON = "tint:stop"
MOST_SHOWN = 20_000
"""Characters of the arguments; who allows more than can be read is told so."""
MOST_LINES, FEWEST_LINES = 6, 2
SETTLE_S = 0.5
"""After another call has come into view."""
NO_ARGUMENTS = "(no arguments)"

_ANSWERS: tuple[tuple[Leave, str, str], ...] = (
    ("once", "Once", "Let this one call begin (O)"),
    ("run", "This run", "Let the tool be used in this run (T)"),
    ("always", "Always", "Let the tool be used from now on, in every run; the settings keep it (A)"),
    ("no", "No", "Do not let it; the agent goes on without (N)"),
)
"""The first letter of each is underlined, and does the same while the keyboard is in the block."""


class ApprovalBlock:
    """`frame` is placed by the caller while `is_open`. Tk's thread only."""

    def __init__(self, parent: tk.Misc, kit: Kit, *, on_answer: Callable[[CallId, Leave], object]) -> None:
        self._kit, self._on_answer = kit, on_answer
        self._calls: Sequence[Call] = ()
        self._at = 0
        self._shown: tuple[Call, str, bool] | None = None
        self._answered: list[Call] = []
        """Of those that wait, what the run has yet to hear; the next run has calls of the same ids."""
        self._shown_at = 0.0
        self._is_tight = False
        self.frame = kit.frame(parent, ON)
        kit.frame(self.frame, "state:stop", width=kit.px(3)).pack(side="left", fill="y")
        self._inner = inner = kit.frame(self.frame, ON, (9, 5, 6, 6))
        inner.pack(side="left", fill="both", expand=True)
        head = kit.frame(inner, ON)
        head.pack(fill="x")
        self.next = kit.button(
            head, "1 of 2", "chevron-right", on=ON, font="Small", padding=(5, 0, 5, 1), icon_size=9, color="text",
            command=self._step, tooltip="The next call that waits for your word",
        )  # fmt: skip
        self._name = kit.label(
            head, font="SmallStrong", color="ink:stop", on=ON, icon="question-circle-fill", icon_size=12
        )
        self._name.pack(side="left")
        self._why = kit.label(inner, font="Small", on=ON)
        self._why.pack(anchor="w")
        kit.tooltip(self._name, lambda: str(self._why.cget("text")) if self._is_tight else "")
        self._box = kit.frame(inner, "card")
        self.arguments = kit.text(self._box, "card", "Mono", padx=6, pady=2, wrap="char", takefocus=True)
        self._bar = kit.scrollbar(self._box, self.arguments.yview, "card")
        self.arguments.configure(yscrollcommand=self._bar.set)
        self.arguments.pack(side="left", fill="x", expand=True)
        self._row = kit.frame(inner, ON)
        self._row.pack(side="bottom", fill="x")  # before the arguments, which give way where there is little room
        self._box.pack(fill="x", pady=(kit.px(3), kit.px(4)))
        self.buttons = {
            leave: kit.button(
                self._row, word, None, "outline" if leave in ("once", "no") else "ghost", ON, "Small",
                padding=(6, 2, 6, 3), color="text", command=partial(self.answer, leave), tooltip=tip, underline=0,
            )
            for leave, word, tip in _ANSWERS
        }  # fmt: skip
        self._grid = 0, 0
        """Columns and buttons."""
        for part in (self.arguments, self.next, *self.buttons.values()):
            for leave, word, _ in _ANSWERS:
                for key in (word[0].lower(), word[0]):
                    part.bind(f"<Key-{key}>", partial(self._pressed, leave))
        inner.bind("<Configure>", lambda event: self._fit(event.width))
        self.arguments.bind("<Configure>", lambda _event: self._size(), add="+")

    @property
    def is_open(self) -> bool:
        return bool(self._calls)

    @property
    def call(self) -> Call | None:
        """The one that is shown."""
        return self._calls[self._at] if self._calls else None

    def show(self, calls: Sequence[Call], *, is_tight: bool = False) -> bool:
        """Ask about these, one after the other. True when the block has come or gone, so that the caller places it.

        Where it is tight, why it asks is told by pointing at the name.
        """
        before, was_open = self.call, self.is_open
        self._calls = calls
        self._answered = [each for each in self._answered if _is_in(each, calls)]
        kept = next((at for at, each in enumerate(calls) if before is not None and each is before), 0)
        self._at = kept
        self._is_tight = is_tight
        self._draw()
        return self.is_open != was_open

    def turn_to(self, call_id: CallId) -> None:
        """Show this one of those that wait, and take the keyboard."""
        at = next((at for at, each in enumerate(self._calls) if each.call_id == call_id), None)
        if at is not None:
            self._at = at
            self._draw()
            self.buttons["once"].focus_set()

    def answer(self, leave: Leave) -> None:
        """The user's word to the call that is shown."""
        call = self.call
        if call is None or leave not in self._offered or _is_in(call, self._answered):
            return
        if time.monotonic() - self._shown_at < SETTLE_S:
            return
        self._answered.append(call)
        self._able()
        self._on_answer(call.call_id, leave)

    @property
    def _offered(self) -> tuple[Leave, ...]:
        """Without "always" where the next run would ask all the same."""
        asks_always = self.call is not None and self.call.asks_always
        return tuple(leave for leave in self.buttons if not (asks_always and leave == "always"))

    def _draw(self) -> None:
        call, kit = self.call, self._kit
        if call is None:
            self._shown = None
            return
        count = f"{self._at + 1} of {len(self._calls)}" if len(self._calls) > 1 else ""
        before, self._shown = self._shown, (call, count, self._is_tight)
        if before and before[0] is call and before[1:] == self._shown[1:]:
            return
        if before is None or before[0] is not call:
            self._shown_at = time.monotonic()
            self._write(str(call.arguments))
        self._why.configure(text=printable(call.asks))
        left, above, right, below = map(kit.px, (7, 1, 4, 2) if self._is_tight else (9, 5, 6, 6))
        self._inner.configure(padding=(left, above, right, below))
        if self._is_tight:
            self._why.pack_forget()
        elif not self._why.winfo_manager():
            self._why.pack(anchor="w", before=self._box)
        if count:
            kit.set_button(self.next, text=count)
            self.next.pack(side="right")
        else:
            self.next.pack_forget()
        self._able()
        if (width := self._inner.winfo_width()) > 1:  # else it has yet to be placed, and is fitted then
            self._fit(width)
        else:
            self._size()

    def _write(self, arguments: str) -> None:
        text = self.arguments
        text.delete("1.0", "end")
        shown = repaired(arguments or NO_ARGUMENTS)
        put(text, "end", *pieces(shown[:MOST_SHOWN], ("code_line",)), is_code=True)
        if len(shown) > MOST_SHOWN:
            put(
                text,
                "end",
                f"\n{len(shown) - MOST_SHOWN:,} more characters: copy them from the card's menu",
                ("quiet",),
            )
        text.yview_moveto(0)

    def _able(self) -> None:
        call = self.call
        is_answered = call is not None and _is_in(call, self._answered)  # the run's own word takes it away
        for button in self.buttons.values():
            button.state(["disabled" if is_answered else "!disabled"])

    def _size(self) -> None:
        """Give the arguments the lines they take, or say that there are more than can be seen."""
        if (call := self.call) is None:
            return
        most = FEWEST_LINES if self._is_tight else MOST_LINES
        lines = int(self.arguments.tk.call(str(self.arguments), "count", "-displaylines", "1.0", "end") or 1)
        name = printable(one_line(call.name, LONGEST_NAME)) or UNNAMED
        more = f"  ·  {lines:,} lines, scroll to see all" if lines > most else ""
        if str(self._name.cget("text")) != f"{name}{more}":
            self._kit.set_label(self._name, text=f"{name}{more}")
        self.arguments.configure(height=max(1, min(most, lines)))
        if lines > most:
            self._bar.pack(side="right", fill="y", before=self.arguments)
        else:
            self._bar.pack_forget()  # it would need more room than one line has

    def _fit(self, width: int) -> None:
        """Wrap what explains, and put the buttons in one row, or in two of two."""
        px = self._kit.px
        self._why.configure(wraplength=max(80, width - px(18)))
        beside = self.next.winfo_reqwidth() if self.next.winfo_manager() else 0
        self._name.configure(wraplength=max(80, width - px(36) - beside), justify="left")
        buttons, gap = [self.buttons[leave] for leave in self._offered], px(4)
        whole = sum(button.winfo_reqwidth() + gap for button in buttons)
        columns = len(buttons) if whole <= width - px(16) else 2
        if (columns, len(buttons)) != self._grid:
            self._grid = columns, len(buttons)
            for each in self._row.grid_slaves():
                each.grid_forget()
            for number, button in enumerate(buttons):
                row, column = divmod(number, columns)
                button.grid(row=row, column=column, sticky="ew", padx=(0, gap), pady=(gap if row else 0, 0))
        self._size()

    def _step(self) -> None:
        self._at = (self._at + 1) % max(1, len(self._calls))
        self._draw()

    def _pressed(self, leave: Leave, _event: tk.Event[tk.Misc]) -> str:
        self.answer(leave)
        return "break"


def _is_in(call: Call, calls: Sequence[Call]) -> bool:
    return any(each is call for each in calls)
