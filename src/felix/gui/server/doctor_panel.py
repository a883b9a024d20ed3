"""The connection doctor over the page: every finding with its sign, a button for each sure repair, and two answers to
the same question, streamed and whole, side by side.
"""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from tkinter import ttk as plain

from felix.errors import FelixError
from felix.gui.kit import Kit
from felix.gui.overlay import Overlay, Room
from felix.llm.examination import TITLES, Comparison, Course, Finding, Repair, State

_SIGNS: dict[State, tuple[str, str]] = {
    "ok": ("check-circle-fill", "done"),
    "warning": ("exclamation-triangle-fill", "stop"),
    "fault": ("x-octagon-fill", "fail"),
    "skipped": ("dash-circle", "queue"),
}
_WORDS: dict[State, str] = {
    "ok": "in order",
    "warning": "works, not well",
    "fault": "a fault",
    "skipped": "not looked at",
}
_TICK_MS = 1_000
_SIDES = 150
"""Of the width: what stands around a sentence."""


@dataclass(frozen=True, slots=True)
class DoctorActs:
    """Callables, all called on Tk's thread. Each returns at once."""

    on_examine: Callable[[], object]
    """`findings` hears of it, or `trouble`."""
    on_compare: Callable[[], object]
    """`comparison` hears of it, or `trouble`."""
    on_repair: Callable[[Repair], object]
    on_undo: Callable[[], object]


class DoctorPanel:
    """Opened by its constructor; it examines at once."""

    def __init__(
        self,
        root: tk.Misc,
        kit: Kit,
        name: str,
        acts: DoctorActs,
        *,
        room: Callable[[], Room],
        on_close: Callable[[], None],
    ) -> None:
        self._kit, self._acts = kit, acts
        self._since, self._doing, self._after = 0.0, "", ""
        self._said = ""
        """The verdict of the latest examination."""
        self._shown: list[Finding] = []
        self.overlay = Overlay(
            root, kit, f"Connection doctor – {name}", width=860, height=640, room=room, on_close=on_close
        )
        body = self.overlay.body
        foot = kit.frame(body, "card", padding=(14, 6, 10, 4))
        foot.pack(side="bottom", fill="x")
        kit.rule(body).pack(side="bottom", fill="x")
        self._page = kit.scrolled_frame(body, "card")
        self._page.frame.pack(fill="both", expand=True)
        column = kit.frame(self._page.body, "card", padding=(14, 10, 14, 10))
        column.pack(fill="x")
        self.verdict = kit.label(column, font="Strong", on="card", padding=(0, 0, 0, 8))
        self.verdict.pack(anchor="w")
        self._findings = kit.frame(column, "card")
        self._findings.pack(fill="x")
        self._comparison = kit.frame(column, "card")
        self._comparison.pack(fill="x")
        self._sentences: list[plain.Label] = []
        self.repairs: list[plain.Button] = []
        """One for each sure repair."""
        self.again_button = kit.button(
            foot, "Examine again", "arrow-clockwise", "outline", "card", padding=(10, 5), command=acts.on_examine
        )
        self.compare_button = kit.button(
            foot, "Compare streamed and whole", "arrow-left-right", "outline", "card", padding=(10, 5),
            command=acts.on_compare, tooltip="Ask the model the same question twice: streamed, and all at once",
        )  # fmt: skip
        self.undo_button = kit.button(
            foot, "Undo the repair", "arrow-counterclockwise", on="card", padding=(10, 5), command=acts.on_undo
        )
        self.again_button.pack(side="left")
        self.compare_button.pack(side="left", padx=(kit.px(6), 0))
        self._page.canvas.bind("<Configure>", lambda event: self._wrap(event.width), add="+")
        self._page.canvas.bind("<Destroy>", lambda _event: self._stop_ticking(), add="+")

    @property
    def is_open(self) -> bool:
        return self.overlay.is_open

    def wait(self, doing: str) -> None:
        """Say what goes on, and for how long."""
        for button in (self.again_button, self.compare_button, self.undo_button, *self.repairs):
            button.state(["disabled"])
        self._look(doing)

    def examine(self) -> None:
        """An examination begins: nothing is known yet."""
        self._clear()
        self.wait(_looking(0))

    def finding(self, finding: Finding) -> None:
        """One more was found."""
        self._add(finding)
        for button in self.repairs:  # until all is known
            button.state(["disabled"])
        self._look(_looking(len(self._shown)))
        self._wrap(self._page.canvas.winfo_width())

    def findings(self, findings: Sequence[Finding], *, can_undo: bool) -> None:
        """Everything that was found, and a button for each repair."""
        self._said = _verdict(findings)
        if self._shown != list(findings):
            self._clear()
            for finding in findings:
                self._add(finding)
        self._rest(self._said)
        if can_undo:
            self.undo_button.pack(side="right")
        else:
            self.undo_button.pack_forget()
        self._wrap(self._page.canvas.winfo_width())

    def comparison(self, comparison: Comparison) -> None:
        """How the two answers went."""
        self._rest(self._said)
        kit, parent = self._kit, self._comparison
        _empty(parent)
        kit.rule(parent).pack(fill="x", pady=(kit.px(10), kit.px(8)))
        who = f", with {comparison.model}" if comparison.model else ""
        kit.label(parent, f"The same question streamed and whole{who}", "Strong", on="card", padding=(0, 0, 0, 6)).pack(
            anchor="w"
        )
        table = kit.frame(parent, "card")
        table.pack(anchor="w")
        for column, words in enumerate(("", "First word", "Total", "Tokens", "Tok/s")):
            kit.label(table, words, "SmallStrong", "text2", "card").grid(
                row=0, column=column, sticky="w" if column == 0 else "e", padx=(0 if column == 0 else kit.px(28), 0)
            )
        for row, (name, course) in enumerate((("Streamed", comparison.streamed), ("Whole", comparison.whole)), start=1):
            for column, words in enumerate((name, *_figures(course))):
                kit.label(table, words, on="card").grid(
                    row=row, column=column, sticky="w" if column == 0 else "e", pady=(kit.px(4), 0),
                    padx=(0 if column == 0 else kit.px(28), 0),
                )  # fmt: skip
        for course in (comparison.streamed, comparison.whole):
            if course.error:
                self._say(parent, course.error, "ink:fail")
        self._say(parent, comparison.sentence, "text")
        self._wrap(self._page.canvas.winfo_width())
        self._page.canvas.after_idle(self._to_end)

    def trouble(self, error: FelixError) -> None:
        """What kept the doctor from looking."""
        self._rest(str(error))

    @property
    def words(self) -> list[str]:
        """Every sentence that is shown."""
        return [str(label.cget("text")) for label in self._sentences]

    def _clear(self) -> None:
        _empty(self._findings)
        _empty(self._comparison)
        self._sentences, self.repairs, self._shown = [], [], []

    def _add(self, finding: Finding) -> None:
        self._shown.append(finding)
        kit = self._kit
        row = kit.frame(self._findings, "card")
        row.pack(fill="x", pady=(0, kit.px(8)))
        row.columnconfigure(1, weight=1)
        icon, state = _SIGNS[finding.state]
        sign = kit.label(row, on="card", icon=icon, icon_size=14, icon_color=f"state:{state}")
        sign.grid(row=0, column=0, sticky="n", padx=(0, kit.px(10)), pady=(1, 0))
        kit.tooltip(sign, _WORDS[finding.state])
        words = kit.frame(row, "card")
        words.grid(row=0, column=1, sticky="ew")
        kit.label(words, TITLES[finding.check], "Strong", on="card").pack(anchor="w")
        colour = "text2" if finding.state == "skipped" else "text"
        self._say(words, finding.sentence, colour)
        if finding.advice:
            self._say(words, finding.advice, "text2", "Small")
        if finding.repair:
            button = kit.button(
                row, finding.repair.what, "wrench-adjustable", "outline", "card", padding=(10, 5), icon_size=11,
                command=partial(self._acts.on_repair, finding.repair),
            )  # fmt: skip
            button.grid(row=0, column=2, sticky="e", padx=(kit.px(12), 0))
            self.repairs.append(button)

    def _say(self, parent: tk.Misc, sentence: str, colour: str, font: str = "Base") -> None:
        label = self._kit.label(parent, sentence, font, colour, "card", justify="left")
        label.pack(anchor="w", pady=(self._kit.px(2), 0))
        self._sentences.append(label)

    def _look(self, doing: str) -> None:
        self._doing, self._since = doing, time.monotonic()
        self._stop_ticking()
        self._tick()

    def _rest(self, verdict: str) -> None:
        self._doing = ""
        self._stop_ticking()
        self.verdict.configure(text=verdict)
        for button in (self.again_button, self.compare_button, self.undo_button, *self.repairs):
            button.state(["!disabled"])

    def _tick(self) -> None:
        seconds = time.monotonic() - self._since
        self.verdict.configure(text=f"{self._doing}, {seconds:.0f} s" if seconds >= 1 else self._doing)
        self._after = self._page.canvas.after(_TICK_MS, self._tick)

    def _stop_ticking(self) -> None:
        if self._after:
            self._page.canvas.after_cancel(self._after)
            self._after = ""

    def _wrap(self, width: int) -> None:
        sides = self._kit.px(_SIDES)
        beside = max((button.winfo_reqwidth() for button in self.repairs), default=0)
        for label in self._sentences:
            label.configure(wraplength=max(sides, width - sides // 2 - beside))

    def _to_end(self) -> None:
        canvas = self._page.canvas
        if canvas.winfo_exists():
            canvas.update_idletasks()  # what is new has no place yet
            canvas.yview_moveto(1)


def _looking(done: int) -> str:
    """What is looked at after so many findings."""
    left = list(TITLES.values())[done:]
    return f"Examining – {left[0]}" if left else "Examining"


def _verdict(findings: Sequence[Finding]) -> str:
    faults = sum(finding.state == "fault" for finding in findings)
    warnings = sum(finding.state == "warning" for finding in findings)
    if faults:
        return f"{faults} fault{'' if faults == 1 else 's'} found"
    if warnings:
        return f"It works; {warnings} thing{'' if warnings == 1 else 's'} could be better"
    return "Everything is in order"


def _figures(course: Course) -> tuple[str, str, str, str]:
    """First word, total, tokens and pace; what is not known is a dash."""
    first = "–" if course.first_s is None else _seconds(course.first_s)
    pace = "–" if course.tokens_per_s is None else f"{course.tokens_per_s:,.1f}"
    return first, _seconds(course.total_s), f"{course.tokens:,}" if course.tokens else "–", pace


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _empty(frame: plain.Frame) -> None:
    for child in frame.winfo_children():
        child.destroy()
    frame.configure(height=1)  # an empty frame keeps the height it had
