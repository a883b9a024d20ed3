from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.llm.chat import Reasoning, Text, TextWasReasoning
from felix.llm.thinking import ThinkingSplitter


def split(*pieces: str, apart: bool = False) -> tuple[str, str]:
    """Thinking and answer as they stand at the end."""
    splitter = ThinkingSplitter()
    if apart:
        splitter.thinking_came_apart()
    thinking, answer = "", ""
    for piece in [piece for text in pieces for piece in splitter.feed(text)] + splitter.flush():
        match piece:
            case Text(text):
                answer += text
            case Reasoning(text):
                thinking += text
            case TextWasReasoning():
                thinking, answer = thinking + answer, ""
    return thinking, answer


WHOLE = [
    ("<think>plan</think>\n\nHello", "plan", "Hello"),
    ("\n <think>\nplan\n</think>Hello", "plan\n", "Hello"),
    ("<thinking>plan</thinking>Hello", "plan", "Hello"),
    ("<thought>plan</thought>Hello", "plan", "Hello"),
    ("<reasoning>plan</reasoning>Hello", "plan", "Hello"),
    ("<seed:think>plan</seed:think>Hello", "plan", "Hello"),
    ("[THINK]plan[/THINK]Hello", "plan", "Hello"),
    ("<|channel>thought\nplan<channel|>Hello", "plan", "Hello"),
    ("◁think▷plan◁/think▷Hello", "plan", "Hello"),
    ("<think>a < b and </thin then</think>Hello", "a < b and </thin then", "Hello"),
    ("<think>unclosed", "unclosed", ""),
    ("<think></think>Hello", "", "Hello"),
    ("<think>a</think>b</think>\nc", "a", "b</think>\nc"),
    (
        "<|channel|>analysis<|message|>plan<|end|><|start|>assistant<|channel|>final<|message|>Hello<|return|>",
        "plan",
        "Hello",
    ),
    ("<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>", "{}", ""),
    ("<|channel|>analysis<|message|>a < b <|b|> c<|end|>Hello <|", "a < b <|b|> c", "Hello <|"),
    ("Hello <think>no</think> there", "", "Hello <think>no</think> there"),
    ("<thin air", "", "<thin air"),
    ("<", "", "<"),
    ("  indented", "", "  indented"),
    ("plan\n</think>\n\nHello", "plan\n", "Hello"),
    ("plan.</think>\nHello", "plan.", "Hello"),
    ("plan</think>", "plan", ""),
    ("plan</think>\nHello\n</think>\nx", "plan", "Hello\n</think>\nx"),
    ("Close it with `</think>`\nthen go on", "", "Close it with `</think>`\nthen go on"),
    ("```\n<think>\n</think>\n```\nThat is how.", "", "```\n<think>\n</think>\n```\nThat is how."),
    ("A </think> in the line", "", "A </think> in the line"),
]


@pytest.mark.parametrize(("text", "thinking", "answer"), WHOLE)
def test_thinking_and_answer_are_told_apart(text: str, thinking: str, answer: str) -> None:
    assert split(text) == (thinking, answer)


@pytest.mark.parametrize(("text", "thinking", "answer"), WHOLE)
def test_character_by_character_gives_the_same(text: str, thinking: str, answer: str) -> None:
    assert split(*text) == (thinking, answer)


def test_plain_text_is_never_held_back() -> None:
    splitter = ThinkingSplitter()
    for piece in ("Hello", " world,", " 1 ", "> 0"):
        assert splitter.feed(piece) == [Text(piece)]


def test_what_may_become_a_tag_waits_and_no_longer() -> None:
    splitter = ThinkingSplitter()
    assert splitter.feed("<thi") == []
    assert splitter.feed("s") == [Text("<this")]


def test_a_server_that_sends_thinking_apart_means_its_tags() -> None:
    assert split("one</think>\ntwo", apart=True) == ("", "one</think>\ntwo")


fragments = st.sampled_from(
    ["<think>", "</think>", "\n", "a", "<", "</", "think>", "`", "```", "[THINK]", "[/THINK]", " ", "◁"]
)


@given(st.lists(fragments, max_size=14), st.lists(st.integers(0, 80), max_size=6))
def test_cuts_change_nothing_and_no_text_is_lost(parts: list[str], cuts: list[int]) -> None:
    text = "".join(parts)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(places)]
    assert split(*pieces) == split(text)
    kept = "".join(split(text))
    assert [kept.count(letter) for letter in "a`"] == [text.count(letter) for letter in "a`"]
