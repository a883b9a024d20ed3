"""Tables while they come: cells stand below each other, and a copy has what the model wrote."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

import pytest

from felix.gui.kit import Kit
from felix.gui.text.line_marks import LineMarks, cells
from felix.gui.text.shown_text import true_text
from felix.gui.text.stream_text import StreamText

TABLE = (
    "Before.\n\n| Option | Cost | Effort |\n|:--|--:|:-:|\n| Matrix **now** | 1,200 € | high 😀 |\n"
    "| A much longer name | 70 € | none |\n\nAfter | it.\n"
)


@pytest.fixture
def stream(window: tk.Toplevel, kit: Kit) -> StreamText:
    stream = StreamText(window, kit)
    stream.frame.place(x=0, y=0, width=500, height=300)
    window.update()
    return stream


def lefts(stream: StreamText, word_of: Callable[[int], str]) -> set[int]:
    """Where the words of a column begin, in pixels."""
    found = set()
    for row in range(3):
        index = stream.text.search(word_of(row), "1.0")
        box = stream.text.bbox(index)
        assert box is not None
        found.add(box[0])
    return found


@pytest.mark.parametrize("size", [1, 3, 17, 1_000])
def test_cells_stand_below_each_other_and_are_copied_as_they_were_written(stream: StreamText, size: int) -> None:
    marks = LineMarks()
    for start in range(0, len(TABLE), size):
        stream.append(TABLE[start : start + size], marks=marks)
    stream.close_line(marks)
    stream.text.update()
    assert len(lefts(stream, lambda row: ("Option", "Matrix", "A much")[row])) == 1
    assert len(lefts(stream, lambda row: ("Cost", "1,200", "70 €")[row])) == 1
    assert len(lefts(stream, lambda row: ("Effort", "high", "none")[row])) == 1
    assert min(lefts(stream, lambda row: ("Cost", "1,200", "70 €")[row])) > 100
    assert "b" in stream.text.tag_names(stream.text.search("Option", "1.0"))
    assert true_text(stream.text) == TABLE


def test_two_tables_have_stops_of_their_own_and_leave_nothing_behind(stream: StreamText) -> None:
    marks = LineMarks()
    stream.append("| a | b |\n| c | d |\n\n| a longer one | zz |\n", marks=marks)
    stream.text.update()
    boxes = [stream.text.bbox(stream.text.search(word, "1.0")) for word in ("b", "d", "zz")]
    assert boxes[0] and boxes[1] and boxes[2]
    assert boxes[0][0] == boxes[1][0] < boxes[2][0]
    stream.clear()
    assert not [tag for tag in stream.text.tag_names() if tag.startswith(("table:", "bar:", "stop:"))]


def test_a_table_that_is_too_wide_keeps_its_bars(stream: StreamText) -> None:
    said = f"| {'many words ' * 4}| {'more of them ' * 4}|\n"
    stream.append(said, marks=LineMarks())
    stream.text.update()
    bar = stream.text.search(" | more", "1.0")
    assert bar and (stream.text.bbox(bar) or (0, 0, 0))[2] > 0
    stream.frame.place(width=1_200)
    stream.text.update()
    assert not stream.text.search(" | more", "1.0"), "it is hidden"
    assert true_text(stream.text) == said


def test_larger_type_moves_the_stops(stream: StreamText, kit: Kit) -> None:
    stream.append("| some words | b |\n", marks=LineMarks())

    def left() -> int:
        stream.text.update()
        return (stream.text.bbox(stream.text.search("b", "1.0")) or (0,))[0]

    before = left()
    try:
        kit.scale_fonts(150)
        assert left() > before * 1.2
    finally:
        kit.scale_fonts(100)


def test_what_is_no_table_stays_as_it_is() -> None:
    for line in ("a | b", "|x|", "| one", "||", "if a || b:"):
        assert not [span for span in LineMarks().spans(line) if span.tag == "table_row"], line
    assert cells(r"| a \| b | `c` | |") == [r"a \| b", "c", ""]
    assert cells("|---|:-:|") == []
