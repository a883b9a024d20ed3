"""What is typed and what is shown in a conversation, without a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.cli.chat.margin import Margin
from felix.cli.chat.questions import Questions
from felix.cli.chat.typing import Typing


def asked(text: str) -> list[str]:
    lines: Iterator[str] = iter(text.splitlines())

    def read(_prompt: str) -> str:
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    questions = Questions(read)
    return [each for each in iter(questions.next, None) if each is not None]


@pytest.mark.parametrize(
    ("piped", "questions"),
    [
        ("One?\nTwo?\n", ["One?", "Two?"]),
        ("One \\\nand more?\nTwo?", ["One \nand more?", "Two?"]),
        ('"""\nA text.\n\nIts end."""\nTwo?', ["A text.\n \nIts end.", "Two?"]),
        ('"""All in a line"""', ["All in a line"]),
        ('"""Without an end\nas it is', ["Without an end\nas it is"]),
        ("Goes on \\", ["Goes on "]),
        ("", []),
    ],
)
def test_a_question_is_a_line_unless_it_says_that_it_goes_on(piped: str, questions: list[str]) -> None:
    assert asked(piped) == questions


def test_what_was_typed_while_an_answer_came_is_asked_first() -> None:
    questions = Questions(lambda prompt: "later")
    questions.add("now")
    assert (questions.next(), questions.next()) == ("now", "later")


def test_a_line_is_typed_with_corrections_and_arrows_mean_nothing() -> None:
    typing = Typing()
    assert typing.take("/sto") == [] and typing.line == "/sto"
    assert typing.take("x\x7fp\x1b[A\x1b[1;5C\n") == ["/stop"] and typing.line == ""
    assert typing.take("wrong\x15right\rnext\n \nrest") == ["right", "next"]
    assert typing.line == "rest"


@given(st.lists(st.text(alphabet="ab \n中`\t", max_size=12), max_size=12), st.integers(8, 30))
def test_lines_are_broken_at_words_and_none_is_empty_that_was_not(pieces: list[str], width: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        margin = Margin()
        shown = "".join(map(margin.feed, pieces)) + margin.end()
    text = "".join(pieces)
    assert "".join(shown.split()) == "".join(text.split())
    empty, before = (sum(not line.strip() for line in each.split("\n")) for each in (shown, text))
    assert empty <= before
    assert [word for line in shown.split("\n") for word in line.split()] == text.split()


def test_code_keeps_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    code = "```\nx = long enough to be broken\n```\n"
    margin = Margin()
    assert margin.feed(code) + margin.end() == code
    assert margin.feed("is broken at words\n") == "is broken \nat words\n"
