"""After a crash: which runs it ended and what is left of them, in a strip with what can be done about it."""

from __future__ import annotations

import tkinter as tk
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from felix.gui.kit import Kit
from felix.gui.runs.runs_words import name_of
from felix.ledger.reader import Reader, RunRow
from felix.ledger.words import ENDINGS

_MOST = 20
"""Runs that are looked at: more do not end at once."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What there is of a run that was interrupted."""

    row: RunRow
    whole: int
    """Thoughts that were complete, and with them the synthesis when it was."""
    ended: Sequence[tuple[str, int]]
    """What else had ended, and how: `("stopped", 1)`."""
    cut: int
    """Those that were being written and have some text."""
    characters: int
    """Of these."""

    @property
    def words(self) -> str:
        """`3 thoughts whole, 1 stopped, 1,240 characters of 2 more`."""
        counts = [("whole", self.whole), *self.ended]
        parts = [f"{count} {how}" for how, count in counts if count]
        if parts:
            count, _, how = parts[0].partition(" ")
            parts[0] = f"{count} thought{'' if count == '1' else 's'} {how}"
        if self.cut:
            text = f"{self.characters:,} character{'' if self.characters == 1 else 's'} of {self.cut}"
            parts.append(f"{text} more" if parts else f"{text} thought{'' if self.cut == 1 else 's'}")
        return ", ".join(parts) or "nothing had been written yet"


def recovered(reader: Reader) -> list[Recovered]:
    """What crashes have left that nobody has looked at yet; the newest first. On the worker."""
    return [_look_at(reader, row) for row in reader.interrupted()[:_MOST]]


def _look_at(reader: Reader, row: RunRow) -> Recovered:
    state = reader.state(row.run)
    speeches = [*state.thoughts.values(), *([state.synthesis] if state.synthesis else [])]
    cut = [len(each.answer) + len(each.thinking) for each in speeches if each.status in (None, "interrupted")]
    ended = Counter(ENDINGS[each.status] for each in speeches if each.status not in (None, "interrupted"))
    whole = ended.pop(ENDINGS["complete"], 0)
    return Recovered(row, whole, tuple(ended.items()), sum(1 for each in cut if each), sum(cut))


class RecoveryBanner:
    """`frame` is packed by the caller while `is_wanted`."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        *,
        on_view: Callable[[RunRow], object],
        on_continue: Callable[[RunRow], object],
        on_discard: Callable[[RunRow], object],
        on_seen: Callable[[Sequence[RunRow]], object],
        on_change: Callable[[], object],
    ) -> None:
        """`on_seen` hears of runs that need not be told of again; `on_change` that `is_wanted` may have changed."""
        self._kit, self._on_change, self._on_seen = kit, on_change, on_seen
        self._waiting: list[Recovered] = []
        self.frame = kit.frame(parent, "page")
        strip = kit.frame(self.frame, "tint:stop", padding=(14, 0, 6, 0))
        strip.pack(fill="x")
        kit.rule(self.frame).pack(fill="x")
        self.later_button = kit.button(
            strip, icon="x-lg", on="tint:stop", padding=(6, 5), tooltip="Leave as it is", command=self._leave_all
        )
        self.later_button.pack(side="right", pady=kit.px(5))

        def act(text: str, what: Callable[[RunRow], object], tip: str) -> None:
            button = kit.button(
                strip, text, kind="outline", on="tint:stop", font="Small", padding=(9, 3), tooltip=tip,
                command=lambda: self._do(what),
            )  # fmt: skip
            button.pack(side="right", padx=(0, kit.px(6)), pady=kit.px(5))
            self.buttons[text] = button

        self.buttons: dict[str, tk.Widget] = {}
        act("Discard", on_discard, "Delete it; that can be taken back")
        act("Continue", on_continue, "Ask again only for what had not ended")
        act("View", on_view, "Show it as it was")
        self._title = kit.label(strip, "", "SmallStrong", "ink:stop", "tint:stop", icon="lightning-charge")
        self._title.pack(side="left", padx=(0, kit.px(8)), pady=kit.px(8))
        self._words = kit.label(strip, "", "Small", on="tint:stop")
        self._words.pack(side="left", fill="x")
        strip.bind("<Configure>", lambda event: self._fit(event.width))

    @property
    def is_wanted(self) -> bool:
        return bool(self._waiting)

    def show(self, waiting: Sequence[Recovered]) -> None:
        """Tell of these, one after the other."""
        self._waiting = list(waiting)
        count = len(self._waiting)
        if count:
            first = self._waiting[0]
            self._kit.set_label(self._title, text=f"{count} run{' was' if count == 1 else 's were'} interrupted")
            self._words.configure(text=f"“{_short(name_of(first.row))}” – {first.words}")
        self._on_change()

    def _fit(self, width: int) -> None:
        """Let the words take a second line before anything of them is cut."""
        beside = sum(each.winfo_reqwidth() for each in (self._title, self.later_button, *self.buttons.values()))
        self._words.configure(wraplength=max(self._kit.px(160), width - beside - self._kit.px(70)))

    def _do(self, what: Callable[[RunRow], object]) -> None:
        row = self._waiting[0].row
        self.show(self._waiting[1:])
        self._on_seen([row])
        what(row)

    def _leave_all(self) -> None:
        rows = [each.row for each in self._waiting]
        self.show(())
        self._on_seen(rows)


def _short(name: str) -> str:
    return name if len(name) <= 48 else name[:47].rstrip() + "…"
