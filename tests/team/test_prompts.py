"""Prompts that fit: what is left out, in which order, and that it is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.events import AgentId, ThoughtId
from felix.ledger.speech import GrowingText, Thought
from felix.team.prompts import Prompt, Room, _middle_cut, agent_prompt, estimate_tokens, synthesis_prompt
from tests.team.scripted import workflow


def thought(number: int, text: str, *, round_number: int = 1) -> Thought:
    return Thought(
        thought_id=ThoughtId(f"research-{number}#{round_number}"),
        agent_id=AgentId(f"research-{number}"),
        role="research",
        round=round_number,
        checkpoint=0.0,
        status="complete",
        answer=GrowingText(text),
    )


def synthesis(task: str, thoughts: list[Thought], context: int) -> Prompt:
    flow = workflow(f"{{id: research, role: research, count: {min(len(thoughts), 16)}}}")
    return synthesis_prompt(task, flow, complete=thoughts, unfinished=[], room=Room(context, 0))


def agent(task: str, thoughts: list[Thought], context: int) -> Prompt:
    flow = workflow()
    member = flow.members()[0]
    return agent_prompt(task, flow, member, checkpoint=0.0, own=[], others=thoughts, room=Room(context, 0))


def tokens(prompt: Prompt) -> int:
    return sum(estimate_tokens(message.content) for message in prompt.messages)


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("Ordinary English prose, as people write it in letters. " * 10, 120),
        ("1234567890" * 10, 100),  # a token for each digit, as Qwen and Llama 2 have it
        ("漢字仮名交じり文" * 10, 100),
        ("😀🚀" * 10, 40),
        ("", 0),
    ],
)
def test_an_estimate_is_rather_too_high(text: str, least: int) -> None:
    assert estimate_tokens(text) >= least


@given(st.text(min_size=200), st.integers(40, 400))
def test_a_shortened_text_has_at_most_the_tokens_it_was_given(text: str, most: int) -> None:
    assert estimate_tokens(_middle_cut(text, most)) <= most


@pytest.mark.parametrize("word", ["word ", "0123456789 ", "漢字", "😀"])
@pytest.mark.parametrize("context", [2_048, 4_096, 32_768])
def test_every_prompt_fits_beside_its_answer_and_says_what_was_cut(word: str, context: int) -> None:
    task, thoughts = word * 40_000, [thought(n, word * 3_000) for n in range(1, 9)]
    for prompt in (agent(task, thoughts, context), synthesis(task, thoughts, context)):
        assert tokens(prompt) <= context - context // 4
        assert "the middle of the task" in prompt.cut and f"{context:,} tokens" in prompt.cut


def test_a_task_that_fills_the_context_leaves_room_for_what_the_team_wrote() -> None:
    thoughts = [thought(n, "word " * 300) for n in (1, 2)]
    assert len(synthesis("task " * 100_000, thoughts, 8_192).read) == 2
    assert agent("task " * 100_000, thoughts, 8_192).read


def test_a_task_that_fits_is_whole_while_nothing_else_needs_the_room() -> None:
    assert agent("task " * 3_000, [], 8_192).cut == ""
    assert agent("task " * 3_000, [thought(1, "Short.")], 8_192).cut == ""


def test_of_too_many_for_the_context_as_many_as_fit_are_heard() -> None:
    prompt = synthesis("Why?", [thought(n, "word " * 400) for n in range(1, 33)], 4_096)
    assert 8 <= len(prompt.read) < 32
    assert f"{32 - len(prompt.read)} thoughts" in prompt.cut
    assert tokens(prompt) <= 4_096 - 1_024


def test_the_newest_thought_of_each_comes_before_anybodys_older_one() -> None:
    thoughts = [thought(n, "word " * 800, round_number=r) for r in (1, 2) for n in (1, 2, 3)]
    read = synthesis("Why?", thoughts, 8_192).read
    assert {"research-1#2", "research-2#2", "research-3#2"} <= set(read)
