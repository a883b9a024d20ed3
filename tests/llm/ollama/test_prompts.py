"""Which prompts were cut, by what Ollama counted."""

from __future__ import annotations

import pytest

from felix.llm.chat import Message, Note
from felix.llm.ollama.prompts import cut_note, prompt_bytes


def test_the_length_is_that_of_the_text_as_it_is_sent() -> None:
    assert prompt_bytes((Message("system", "abc"), Message("user", "Grüße"))) == 3 + 7


@pytest.mark.parametrize(
    ("tokens", "counted"),
    [(8_707, 2_050), (4_200, 2_051), (12_008, 4_096), (8_707, 0), (8_707, 900)],
    ids=["half, kept 4", "half, kept 5", "all of it", "not counted", "whole messages dropped"],
)
def test_a_prompt_that_was_cut_to_its_context_is_told(tokens: int, counted: int) -> None:
    assert cut_note(tokens * 4, counted, 4_096) is not None


def test_the_note_says_what_happened_and_what_helps() -> None:
    assert cut_note(35_000, 2_050, 4_096) == Note(
        "Ollama cut the prompt to 2,050 tokens, its context holds 4,096 – raise the context length"
    )


@pytest.mark.parametrize(
    ("sent", "counted", "context"),
    [
        (16_000, 4_000, 4_096),  # nearly all of the context, and whole
        (8_500, 2_050, 4_096),  # as many tokens as half the context has, and whole
        (12_600, 2_050, 4_096),  # the same in a script of many bytes
        (8_000, 30, 4_096),  # the rest was remembered from the prompt before
        (8_000, 0, 4_096),
        (900, 2_050, 4_096),  # the template's own tokens
        (35_000, 2_050, 0),  # nobody told the context
    ],
)
def test_a_prompt_that_may_be_whole_is_left_alone(sent: int, counted: int, context: int) -> None:
    assert cut_note(sent, counted, context) is None
