"""A text that grows: what is on screen, what is copied, who moves the view, and what it costs."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from felix.gui.kit import Kit
from felix.gui.text.line_marks import LineMarks
from felix.gui.text.shown_text import SOFT, printable, segments, true_text
from felix.gui.text.stream_text import CARET, EARLIER, StreamText
from felix.gui.text.text_end import BREAK_AFTER, HARD_BREAK

Make = Callable[..., StreamText]


@pytest.fixture
def make(window: tk.Toplevel, kit: Kit) -> Make:
    def make(width: int = 276, height: int = 200, **options: object) -> StreamText:
        stream = StreamText(window, kit, **options)  # type: ignore[arg-type]
        stream.frame.place(x=0, y=0, width=width, height=height)
        window.update()
        return stream

    return make


def _plain(stream: StreamText) -> str:
    return "".join(text for _, text in segments(stream.text))


# -- what is on screen -------------------------------------------------------------------------------------------------


def test_what_was_appended_is_what_is_there(make: Make) -> None:
    stream = make()
    stream.append("one\ntwo ")
    stream.append("three\n\n")
    assert stream.text.get("1.0", "end-1c") == "one\ntwo three\n\n"


def test_a_nul_or_a_lone_surrogate_is_shown_and_cuts_nothing_off(make: Make) -> None:
    stream = make()
    stream.append("a\0b\x1bc\ud83dd\r\ne")
    assert _plain(stream) == "a␀b␛c�d\ne"


def test_text_with_emoji_is_broken_and_copied_whole(make: Make) -> None:
    stream = make()
    said = "".join(f"😀 number {n} 👩‍👩‍👧 and on " for n in range(60))
    for start in range(0, len(said), 7):
        stream.append(said[start : start + 7])
    assert stream.text.tag_ranges(SOFT)
    assert true_text(stream.text) == said


def test_emphasis_after_an_emoji_in_a_broken_line_costs_no_character(make: Make) -> None:
    stream, marks = make(), LineMarks()
    said = "word " * 30 + "😀 word " * 30 + "and **bold** and `code`."
    for start in range(0, len(said), 11):
        stream.append(said[start : start + 11], marks=marks)
    stream.close_line(marks)
    assert true_text(stream.text) == said


def test_an_item_of_a_list_hangs_under_its_words_while_it_grows(make: Make, window: tk.Toplevel) -> None:
    stream, marks = make(), LineMarks()
    stream.append("- ", marks=marks)
    lefts = set()
    for word in ["many", "words", "of", "one", "item", "and", "the", "screen", "breaks", "it"] * 9:
        stream.append(f"{word} ", marks=marks)
        window.update_idletasks()
        index = stream.text.index("tip display linestart")
        if stream.text.compare(index, "!=", "1.0") and (box := stream.text.dlineinfo(index)):
            lefts.add(box[0])
    assert stream.text.tag_ranges(SOFT)
    assert len(lefts) == 1


def test_a_long_line_is_broken_where_the_screen_breaks_it(make: Make, window: tk.Toplevel) -> None:
    stream = make()
    for _ in range(100):
        stream.append("some words of a paragraph ")
    window.update()
    for index in stream.text.tag_ranges(SOFT)[::2]:
        line = str(index).partition(".")[0]
        # each piece fills its lines on screen: the next word would not have fitted any more
        box = stream.text.bbox(f"{index} - 2 c")
        assert box is None or box[0] > stream.text.winfo_width() // 2, line
    longest = max(len(line) for line in stream.text.get("1.0", "end").split("\n"))
    assert longest < 2 * BREAK_AFTER


def test_a_line_that_has_ended_is_whole_again(make: Make) -> None:
    stream = make()
    said = "a paragraph of ordinary length " * 20
    for start in range(0, len(said), 9):
        stream.append(said[start : start + 9])
    assert stream.text.tag_ranges(SOFT)
    stream.close_line()
    assert not stream.text.tag_ranges(SOFT)
    assert stream.text.get("1.0", "end-1c") == said


def test_a_line_without_a_blank_is_broken_too(make: Make) -> None:
    stream = make()
    stream.append("x" * 10_000)
    lines = stream.text.get("1.0", "end").split("\n")
    assert max(map(len, lines)) <= HARD_BREAK
    assert true_text(stream.text) == "x" * 10_000


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.sampled_from("ab *`-#😀é\n"), max_size=60) | st.just("word " * 60), max_size=12))
def test_however_it_comes_it_is_copied_as_it_was_written(make: Make, parts: list[str]) -> None:
    stream = make()
    marks = LineMarks()
    for part in parts:
        stream.append(part, marks=marks)
    stream.close_line(marks)
    assert true_text(stream.text) == "".join(parts)
    stream.frame.destroy()


def test_markup_is_hidden_and_comes_back_when_copied(make: Make) -> None:
    said = "# Title\n- **bold** and `code`\n- two\n\nlast *word*"
    for size in (3, len(said)):
        stream = make()
        marks = LineMarks()
        for start in range(0, len(said), size):
            stream.append(said[start : start + size], marks=marks)
        stream.close_line(marks)
        assert _plain(stream) == "Title\n•\u2002bold and code\n•\u2002two\n\nlast word"
        assert true_text(stream.text) == said
        assert "b" in stream.text.tag_names("2.5")
        stream.frame.destroy()


def test_only_the_newest_of_an_endless_text_stays_on_screen(make: Make) -> None:
    stream = make(most_lines=1_000)
    for number in range(4_000):
        stream.append(f"line {number}\n")
    lines = stream.text.get("1.0", "end-1c").split("\n")
    assert lines[0] == EARLIER.rstrip("\n")
    assert 1_000 <= len(lines) <= 1_102
    assert lines[-2] == "line 3999"
    assert EARLIER.rstrip("\n") not in true_text(stream.text)


def test_the_caret_is_behind_the_text_and_no_part_of_it(make: Make) -> None:
    stream = make()
    stream.append("one ")
    stream.set_caret(shown=True)
    stream.append("two")
    assert stream.text.get("1.0", "end-1c") == f"one two{CARET}"
    assert true_text(stream.text) == "one two"
    stream.set_caret(shown=False)
    assert stream.text.get("1.0", "end-1c") == "one two"


def test_the_caret_blinks_unless_it_is_steady(make: Make) -> None:
    stream = make()
    stream.set_caret(shown=True)
    colours = set()
    for step in range(4):
        assert stream.tick(100.0 + step * 0.6)
        colours.add(stream.text.tag_cget("caret", "foreground"))
    assert len(colours) == 2
    stream.set_caret(shown=False)
    stream.set_caret(shown=True, steady=True)
    assert not stream.tick(200.0)


def test_the_caret_vanishes_on_the_ground_it_stands_on(make: Make) -> None:
    stream = make()
    stream.text.tag_configure("block", background="#123456")
    stream.append("text", "block")
    stream.set_ground("block")
    stream.set_caret(shown=True)
    stream.tick(100.0)
    assert stream.text.tag_cget("caret", "foreground") == "#123456"


# -- who moves the view ------------------------------------------------------------------------------------------------


def _filled(make: Make) -> StreamText:
    stream = make()
    for number in range(100):
        stream.append(f"line {number}\n")
    stream.text.update()
    return stream


def test_the_view_follows_while_the_reader_is_at_the_end(make: Make) -> None:
    stream = _filled(make)
    assert stream.is_at_end
    stream.append("more\nand more\n")
    stream.text.update()
    assert stream.is_at_end


@pytest.mark.parametrize("act", ["<Button-4>", "<Prior>", "<Up>", "<Home>"])
def test_a_reader_who_scrolls_up_stays_there(make: Make, act: str) -> None:
    stream = _filled(make)
    stream.text.focus_force()
    stream.text.update()
    for _ in range(3):
        stream.text.event_generate(act)
    stream.text.update()
    top = stream.text.index("@0,0")
    assert stream.is_latched
    for number in range(50):
        stream.append(f"new {number}\n")
    stream.set_caret(shown=True)
    stream.close_line()
    stream.text.update()
    assert stream.text.index("@0,0") == top


def test_the_end_key_and_the_way_back_down_follow_again(make: Make) -> None:
    stream = _filled(make)
    stream.text.focus_force()
    stream.text.event_generate("<Home>")
    assert stream.is_latched
    stream.text.event_generate("<End>")
    assert not stream.is_latched
    stream.text.event_generate("<Prior>")
    assert stream.is_latched
    stream.text.event_generate("<Next>")
    assert not stream.is_latched


def test_the_pill_counts_what_came_below_and_leads_there(make: Make) -> None:
    stream = _filled(make)
    stream.scroll("moveto", 0)
    for number in range(14):
        stream.append(f"new {number}\n")
    stream.tick(time.monotonic() + 1)
    stream.text.update()
    pill = next(child for child in stream.frame.winfo_children() if child.winfo_class() == "TLabel")
    assert pill.cget("text") == "14 new lines"
    assert pill.winfo_viewable()
    pill.event_generate("<Button-1>")
    stream.text.update()
    assert stream.is_at_end
    assert not stream.is_latched
    assert not pill.winfo_viewable()


def test_a_resize_keeps_the_end_in_view_or_the_reader_in_place(make: Make) -> None:
    stream = _filled(make)
    stream.frame.place(height=120)
    stream.text.update()
    assert stream.is_at_end
    stream.scroll("moveto", 0)
    stream.frame.place(height=260, width=400)
    stream.text.update()
    assert stream.text.index("@0,0") == "1.0"


# -- selecting and copying ---------------------------------------------------------------------------------------------


def test_a_selection_survives_what_comes_and_is_copied_without_our_breaks(make: Make) -> None:
    stream = make()
    said = "words without an end "
    for _ in range(40):
        stream.append(said)
    stream.text.tag_add("sel", "1.0", "1.0 + 500 c")
    for _ in range(40):
        stream.append(said)
    assert stream.selected() == (said * 40)[: len(stream.selected())]
    assert len(stream.selected()) > 490
    stream.text.focus_force()
    stream.text.event_generate("<<Copy>>")
    assert stream.text.clipboard_get() == stream.selected()


def test_shift_and_arrows_select_and_do_not_scroll(make: Make) -> None:
    stream = _filled(make)
    stream.text.focus_force()
    stream.text.update()
    stream.text.mark_set("insert", "95.0")
    stream.text.event_generate("<Shift-Down>")
    stream.text.update()
    assert stream.selected() == "line 94\n"


def test_copy_without_a_selection_asks_for_everything(make: Make) -> None:
    asked: list[bool] = []
    stream = make(on_copy_all=lambda: asked.append(True))
    stream.append("some text")
    stream.text.focus_force()
    stream.text.event_generate("<<Copy>>")
    assert asked == [True]


def test_a_text_that_grows_cannot_be_typed_into(make: Make) -> None:
    stream = make()
    stream.append("as it was")
    stream.text.focus_force()
    stream.text.update()
    for key in ("x", "Delete", "BackSpace", "Return", "space"):
        stream.text.event_generate(f"<Key-{key}>")
    stream.text.event_generate("<<Paste>>")
    stream.text.event_generate("<<Cut>>")
    assert stream.text.get("1.0", "end-1c") == "as it was"


# -- what it costs -----------------------------------------------------------------------------------------------------


def _p99_ms(stream: StreamText, parts: list[str]) -> float:
    """Of the processor's time for one append and its drawing: other programs on this machine do not count."""
    took = []
    for part in parts:
        began = time.process_time()
        stream.append(part)
        stream.text.update_idletasks()
        took.append(time.process_time() - began)
    return sorted(took)[int(len(took) * 0.99)] * 1000


def test_ten_thousand_tokens_without_a_line_break_never_block(make: Make) -> None:
    assert _p99_ms(make(), ["several words at once "] * 2_000) < 20


def test_a_line_of_a_megabyte_never_blocks(make: Make) -> None:
    stream = make()
    assert _p99_ms(stream, ["x" * 64_000] * 16) < 50
    assert _p99_ms(stream, ["and on "] * 300) < 20


def test_a_text_of_twenty_thousand_lines_costs_what_a_short_one_does(make: Make) -> None:
    stream = make()
    stream.append("a line of the text\n" * 20_000)
    assert _p99_ms(stream, ["a few words and a line\n"] * 300) < 20


def test_printable_leaves_ordinary_text_alone() -> None:
    said = "äöü\t€ 😀\nline"
    assert printable(said) == said


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("ab *`-#1.x \n"), max_size=60), st.integers(1, 9))
def test_formatting_while_it_comes_ends_as_formatting_the_whole(make: Make, said: str, size: int) -> None:
    seen = []
    for step in (size, max(1, len(said))):
        stream, marks = make(), LineMarks()
        for start in range(0, len(said), step):
            stream.append(said[start : start + step], marks=marks)
        stream.close_line(marks)
        letters = []
        for number in range(len(said)):
            tags = set(stream.text.tag_names(f"1.0 + {number} c"))
            letters.append((stream.text.get(f"1.0 + {number} c"), tags))
        seen.append([(letter, tags) for letter, tags in letters if letter != "\n"])
        stream.frame.destroy()
    assert seen[0] == seen[1]


def test_emphasis_is_shown_as_soon_as_it_is_closed(make: Make) -> None:
    stream, marks = make(), LineMarks()
    for piece in ("1", ". ", "**The pre", "sent way*", "*", " is the measure"):
        stream.append(piece, marks=marks)
    assert _plain(stream) == "1. The present way is the measure"
    assert "b" in stream.text.tag_names("1.6")
    assert "li" in stream.text.tag_names("end-2c")
