"""What becomes of one line's Markdown, whole and while it comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.gui.text.line_marks import LineMarks
from felix.gui.text.shown_text import MARKUP


def _shown(line: str, marks: LineMarks | None = None) -> tuple[str, set[tuple[str, str]]]:
    """The line as it is seen, and each visible tag with the characters that carry it."""
    spans = (marks or LineMarks()).spans(line)
    hidden = {n for s in spans if s.tag == MARKUP for n in range(s.start, s.end)}
    tagged = {(s.tag, "".join(line[n] for n in range(s.start, s.end) if n not in hidden)) for s in spans}
    seen = "".join(char for n, char in enumerate(line) if n not in hidden)
    return seen, {each for each in tagged if each[0] != MARKUP}


@pytest.mark.parametrize(
    ("line", "seen", "tags"),
    [
        ("plain words", "plain words", set()),
        ("# Title", "Title", {("h2", "Title")}),
        ("### **Title** two", "Title two", {("h3", "Title two")}),
        ("**bold** and `a*b*c`", "bold and a*b*c", {("b", "bold"), ("code", "a*b*c")}),
        ("an *idea* here", "an idea here", {("i", "idea")}),
        ("- item", "- item", {("li", "- item"), ("bullet-", "- ")}),
        ("2. item", "2. item", {("li", "2. item")}),
        ("> **a** quote", "a quote", {("quoted", "a quote"), ("b", "a")}),
        ("2 * 3 * 4 and snake_case __init__", "2 * 3 * 4 and snake_case __init__", set()),
        ("a lone ** and a lone `", "a lone ** and a lone `", set()),
        ("#hashtag -dash", "#hashtag -dash", set()),
    ],
)
def test_a_line_is_formatted_and_its_markup_hidden(line: str, seen: str, tags: set[tuple[str, str]]) -> None:
    assert _shown(line) == (seen, tags)


def test_in_a_code_block_nothing_is_markup() -> None:
    marks = LineMarks()
    assert _shown("```python", marks)[1] == {("code_edge", "```python")}
    assert _shown("# x = **y**", marks) == ("# x = **y**", {("code_line", "# x = **y**")})
    assert _shown("```", marks)[1] == {("code_edge", "```")}
    assert _shown("# Title", marks) == ("Title", {("h2", "Title")})


@given(st.text(st.sampled_from("ab *`-#1.>x "), max_size=40))
def test_what_is_certain_of_a_part_holds_for_the_whole(line: str) -> None:
    whole = LineMarks().spans(line)
    for end in range(len(line)):
        part = line[:end]
        opening = LineMarks().opening(part)
        if opening is not None and opening.mark is not None:
            assert opening.mark in whole
        for span in LineMarks().closed(part):
            assert span in whole
