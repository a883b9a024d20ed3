"""Two runs side by side, over the page: their syntheses with what differs marked, and their figures and settings.

The texts are formatted as in a card. What only the left run has is struck through, what only the right one has is
underlined, each on its own ground: the mark can be told without the colour.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk as plain

from felix.engine import Engine
from felix.errors import FelixError, LedgerError
from felix.events import RunId
from felix.gui.bridge import Bridge
from felix.gui.kit import Kit, Option, ScrolledFrame, Segmented
from felix.gui.overlay import Overlay, Room
from felix.gui.overlays import Overlays
from felix.gui.text.line_marks import LineMarks
from felix.gui.text.shown_text import EXCESS, printable
from felix.gui.text.stream_text import StreamText
from felix.ledger.comparison import Comparison, Fact, compare
from felix.ledger.reader import Reader, RunRow

LEFT, RIGHT = "only_left", "only_right"
"""Tags of what only the one side has."""
VIEWS = (Option("answers", "Syntheses", "file-text"), Option("facts", "Figures", "list-columns"))
SAME_PLACE = 0.004
"""Of a text's way: below this, two sides that scroll together stand at the same place."""
LONGEST = 56
"""Characters of a run's name above its text."""


class Compare:
    """Reads two runs and opens the panel on them. Tk's thread."""

    def __init__(
        self, root: tk.Misc, kit: Kit, engine: Engine, bridge: Bridge, overlays: Overlays, say: Callable[[str], object]
    ) -> None:
        """`say` tells what went wrong."""
        self._root, self._kit, self._engine, self._bridge = root, kit, engine, bridge
        self._overlays, self._say = overlays, say
        self._asked = 0
        self.panel: ComparePanel | None = None
        """The one that was opened last."""

    def with_shown(self, row: RunRow) -> None:
        """The run on screen at the left, one of the list at the right."""
        shown = self._bridge.state.run
        if shown is None or shown == row.run:
            self._say("Open one run, then choose this at another: they are compared with each other.")
        else:
            self.open(shown, row.run)

    def open(self, left: RunId, right: RunId) -> None:
        """Compare two runs of the ledger; the panel opens when both have been read."""
        self._asked = self._engine.ask_ledger(partial(_compared, left=left, right=right))
        self._bridge.expect(self._asked, partial(self._read, self._asked))

    def _read(self, number: int, value: object, error: FelixError | None) -> None:
        if number != self._asked:
            return
        if error is not None:
            self._say(str(error))
        elif isinstance(value, Comparison):
            self._overlays.show(partial(self._make, value))

    def _make(self, comparison: Comparison, room: Callable[[], Room], on_close: Callable[[], None]) -> Overlay:
        self.panel = ComparePanel(self._root, self._kit, comparison, room=room, on_close=on_close)
        return self.panel.overlay


class ComparePanel:
    """Drawn once, when it is opened. It takes the whole width below the task: two texts need it."""

    def __init__(
        self,
        root: tk.Misc,
        kit: Kit,
        comparison: Comparison,
        *,
        room: Callable[[], Room],
        on_close: Callable[[], None],
    ) -> None:
        self._kit, self._comparison = kit, comparison
        self._at = -1
        self._share, self._is_stepping = 0.0, False
        self.overlay = Overlay(
            root, kit, "Compare", width=1_400, height=900, room=lambda: _wide(root, room()), on_close=on_close
        )
        head = self.overlay.head
        self.views: Segmented = kit.segmented(head, VIEWS, "answers", self._turn, on="card")
        self.views.frame.pack(side="right", padx=(0, kit.px(8)))
        self.down = kit.button(
            head, icon="arrow-down", on="card", tooltip="Next difference (N)", command=lambda: self.step(1)
        )
        self.down.pack(side="right", padx=(0, kit.px(12)))
        self.up = kit.button(
            head, icon="arrow-up", on="card", tooltip="Difference before (P)", command=lambda: self.step(-1)
        )
        self.up.pack(side="right")
        self.count = kit.label(head, self._counted(), "Small", "text2", "card", padding=(12, 2, 8, 0))
        self.count.pack(side="left")
        self._answers = kit.frame(self.overlay.body, "card")
        self.texts = self._make_texts()
        self.facts = self._make_facts()
        self._turn("answers")
        self._bind(root)

    def step(self, by: int) -> None:
        """Bring the next difference, or the one before, to the upper part of both texts."""
        if not self._comparison.differences:
            return
        self._at = (self._at + by) % self._comparison.differences
        self._is_stepping = True  # a difference is brought to the same height on both sides
        for stream in self.texts:
            text = stream.text
            text.see(f"difference-{self._at}")
            line = text.dlineinfo(f"difference-{self._at}")
            if line:
                text.yview_scroll(line[1] - self._kit.px(40), "pixels")
            text.update_idletasks()
        self._is_stepping = False
        self.count.configure(text=self._counted())

    def _turn(self, view: str) -> None:
        is_text = view == "answers"
        for frame, is_shown in ((self._answers, is_text), (self.facts.frame, not is_text)):
            if is_shown:
                frame.pack(fill="both", expand=True)
            else:
                frame.pack_forget()
        for button in (self.up, self.down):
            button.state(["!disabled" if is_text and self._comparison.differences else "disabled"])

    def _counted(self) -> str:
        count = self._comparison.differences
        if not count:
            return "The syntheses are the same"
        if self._at >= 0:
            return f"Difference {self._at + 1} of {count}"
        return f"{count} difference{'s' * (count != 1)}"

    # -- the texts -----------------------------------------------------------------------------------------------------

    def _make_texts(self) -> tuple[StreamText, StreamText]:
        kit, frame = self._kit, self._answers
        made: list[StreamText] = []
        for column, (name, tag, words) in enumerate(
            zip(self._comparison.names, (LEFT, RIGHT), ("only here", "only here"), strict=True)
        ):
            frame.columnconfigure(2 * column, weight=1, uniform="side")
            title = kit.frame(frame, "card", padding=(14, 8, 8, 4))
            title.grid(row=0, column=2 * column, sticky="ew")
            kit.label(title, _short(name), "Strong", on="card").pack(anchor="w")
            about = printable(self._comparison.about[column])
            kit.label(title, about, "Small", "text2", on="card").pack(side="left")
            stream = StreamText(frame, kit, font="Read", padx=14, pady=4)
            self._paint(stream.text, tag)
            sample = kit.text(title, "card", "Small", padx=6, pady=0, height=1, width=len(words), takefocus=False)
            self._paint(sample, tag)
            sample.insert("1.0", words, tag)
            sample.pack(side="right")
            stream.frame.grid(row=1, column=2 * column, sticky="nsew")
            made.append(stream)
        kit.rule(frame, vertical=True).grid(row=0, column=1, rowspan=2, sticky="ns")
        frame.rowconfigure(1, weight=1)
        left, right = made
        self._fill(left, right)
        for mine, other in ((left, right), (right, left)):
            mine.text.configure(yscrollcommand=partial(self._scrolled, mine, other, str(mine.text["yscrollcommand"])))
        return left, right

    def _scrolled(self, mine: StreamText, other: StreamText, show_bar: str, first: str, last: str) -> None:
        """One side was scrolled: the other goes as far of its own way, so that both begin and end together."""
        mine.text.tk.call(show_bar, first, last)
        way, view = 1.0 - (float(last) - float(first)), other.text.yview()
        share = float(first) / way if way > 0 else 0.0
        if self._is_stepping or way <= 0 or abs(share - self._share) < SAME_PLACE:
            return  # nothing to follow, or this side itself has just followed
        self._share = share
        other.text.yview_moveto(share * (1.0 - (view[1] - view[0])))

    def _fill(self, left: StreamText, right: StreamText) -> None:
        number = 0
        of_left, of_right = LineMarks(), LineMarks()
        for stretch in self._comparison.stretches:
            if stretch.differs:
                for stream in (left, right):
                    stream.text.mark_set(f"difference-{number}", "end-1c")
                    stream.text.mark_gravity(f"difference-{number}", "left")
                number += 1
            left.append(stretch.left, *([LEFT] if stretch.differs else []), marks=of_left)
            right.append(stretch.right, *([RIGHT] if stretch.differs else []), marks=of_right)
        left.close_line(of_left)
        right.close_line(of_right)
        for stream, has_text in (
            (left, any(each.left for each in self._comparison.stretches)),
            (right, any(each.right for each in self._comparison.stretches)),
        ):
            if not has_text:
                stream.append("There is no synthesis.", "dim")
            stream.scroll("moveto", 0)

    def _paint(self, text: tk.Text, tag: str) -> None:
        kit, tone = self._kit, "fail" if tag == LEFT else "done"

        def paint() -> None:
            text.tag_configure(
                tag,
                background=kit[f"tint:{tone}"],
                foreground=kit[f"ink:{tone}"],
                overstrike=tag == LEFT,
                underline=tag == RIGHT,
                elide=False,  # marks of Markdown may be all that differs
            )
            text.tag_raise(tag)
            text.tag_configure(EXCESS, elide=True)
            text.tag_raise(EXCESS)
            text.tag_raise("sel")

        kit.paint(text, paint)

    # -- the figures ---------------------------------------------------------------------------------------------------

    def _make_facts(self) -> ScrolledFrame:
        kit = self._kit
        scrolled = kit.scrolled_frame(self.overlay.body, "card")
        body = scrolled.body
        for column, weight in enumerate((0, 0, 1, 1)):
            body.columnconfigure(column, weight=weight, uniform="value" if weight else "")
        for column, name in enumerate(self._comparison.names):
            title = kit.label(body, _short(name), "Strong", on="card", padding=(12, 10, 12, 6), justify="left")
            title.grid(row=0, column=2 + column, sticky="ew")
            title.bind("<Configure>", _wrap)
        for row, fact in enumerate(self._comparison.facts, start=1):
            self._make_fact(body, 2 * row, fact)
        return scrolled

    def _make_fact(self, body: plain.Frame, row: int, fact: Fact) -> None:
        kit = self._kit
        kit.rule(body).grid(row=row, column=0, columnspan=4, sticky="ew")
        kit.label(body, fact.name, "Small", "text2", "card", padding=(16, 6, 12, 6)).grid(
            row=row + 1, column=0, sticky="nw"
        )
        sign = kit.label(body, "≠" if fact.differs else "", "SmallStrong", "ink:write", "card", padding=(0, 6))
        sign.grid(row=row + 1, column=1, sticky="n")
        for column, value in enumerate((fact.left, fact.right), start=2):
            label = kit.label(
                body,
                printable(value),
                "SmallStrong" if fact.differs else "Small",
                on="card",
                padding=(12, 6),
                justify="left",
            )
            label.grid(row=row + 1, column=column, sticky="new")
            label.bind("<Configure>", _wrap)

    def _bind(self, root: tk.Misc) -> None:
        for stream in self.texts:
            for key, by in (("n", 1), ("p", -1)):
                stream.text.bind(f"<Key-{key}>", lambda _event, by=by: self.step(by))  # type: ignore[misc]
        self.texts[0].text.focus_set()


def _compared(reader: Reader, left: RunId, right: RunId) -> Comparison:
    """On the ledger's thread: reading and comparing take longer than a frame."""
    rows = reader.row(left), reader.row(right)
    for run, row in zip((left, right), rows, strict=True):
        if row is None:
            raise LedgerError(f"The run {run} is not in the ledger any more – choose another one.")
    names = tuple(row.name if row else "" for row in rows)
    return compare(reader.state(left), reader.state(right), (names[0], names[1]))


def _wide(root: tk.Misc, room: Room) -> Room:
    """As low as the room that is left for panels, as wide as the window."""
    _left, top, _width, height = room
    return 0, top, root.winfo_width(), height


def _wrap(event: tk.Event[tk.Misc]) -> None:
    assert isinstance(event.widget, plain.Label)
    event.widget.configure(wraplength=max(80, event.width - 24))


def _short(name: str) -> str:
    name = printable(" ".join(name.split()))
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
