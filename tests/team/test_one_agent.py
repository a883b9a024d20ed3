"""One agent alone: its words are the answer, and the conversation so far is what it is told."""

from __future__ import annotations

import pytest

from felix.errors import WorkflowError
from felix.events import AgentId, Exchange, SynthesisComplete, ThoughtId
from felix.ledger.conversation import MOST_CHARACTERS, UNFINISHED, conversation
from felix.team.prompts import Brief, Room, agent_prompt, estimate_tokens, synthesis_prompt
from felix.team.run import Run
from felix.team.workflow import Workflow, parse
from tests.team.scripted import says
from tests.team.steered import Steered
from tests.team.test_runner import Watched

ALONE = "name: Alone\nagents: [{id: one, role: helper, prompt: Be brief.}]\ncheckpoints: [0]\nsynthesis: {skip: true}\n"
TALK = tuple(Exchange(task=f"question {n}", answer=f"answer {n}") for n in range(1, 4))


def alone() -> Workflow:
    return parse(ALONE, "alone.yaml")


def told(history: tuple[Exchange, ...], context: int | None = 16_384, task: str = "And now?") -> list[tuple[str, str]]:
    flow = alone()
    brief = Brief((AgentId("one-1"),), (), "", history)
    room = Room(context, 0)
    prompt = agent_prompt(task, flow, flow.members()[0], checkpoint=0.0, own=(), others=(), room=room, brief=brief)
    assert sum(estimate_tokens(each.content) for each in prompt.messages) <= room.prompt
    return [(each.role, each.content) for each in prompt.messages] + [("cut", prompt.cut)]


def test_what_one_agent_says_is_the_answer_byte_for_byte_and_nobody_else_is_asked() -> None:
    text = "A first line.\n\nConfidence: 0.90\n"  # nobody asked for one: it is text like any other
    run = Watched(lambda request: says(text), alone())
    (end,) = [each.event for each in run.records if isinstance(each.event, SynthesisComplete)]
    assert (end.content, end.status, run.state.status) == (text, "complete", "complete")
    assert len(run.client.requests) == 1
    assert run.state.usage is not None and run.state.usage.completion == 5  # counted once


def test_a_cut_answer_of_one_agent_ends_the_run_as_one() -> None:
    run = Watched(lambda request: says("Half", finish="length"), alone())
    assert run.state.synthesis is not None and run.state.synthesis.status == "truncated"
    assert run.state.status == "failed" and "Cut short" in run.state.reason


def test_an_agent_that_fails_alone_says_why() -> None:
    run = Watched(lambda request: says(""), alone())
    assert run.state.status == "failed" and run.state.synthesis is None and run.state.reason


def test_what_is_tried_again_becomes_the_answer() -> None:
    answers = iter(["Once.", "Twice."])
    run = Steered(lambda request: says(next(answers)), alone())
    run.reopen(lambda live: live.retry(ThoughtId("one-1#1")))
    assert str(run.state.synthesis.answer if run.state.synthesis else "") == "Twice."
    run.reopen(Run.synthesise_again)  # there is nothing else that it could be made of
    assert str(run.state.synthesis.answer if run.state.synthesis else "") == "Twice."


def test_a_team_needs_a_synthesis() -> None:
    for other in (
        ALONE.replace("role: helper", "role: helper, count: 2"),
        ALONE.replace("[0]", "[0, 0.5]"),
        f"{ALONE}rules: [{{when: agent_failed, spawn: helper}}]\n",
    ):
        with pytest.raises(WorkflowError, match=r"synthesis\.skip must be false"):
            parse(other, "alone.yaml")


def test_a_conversation_is_told_as_it_went() -> None:
    system, *spoken, _ = told(TALK)
    assert system[0] == "system" and "Be brief." in system[1]
    assert "Confidence" not in system[1] and "team" not in system[1]
    assert spoken == [
        *(pair for n in range(1, 4) for pair in (("user", f"question {n}"), ("assistant", f"answer {n}"))),
        ("user", "And now?"),
    ]


def test_what_does_not_fit_of_a_conversation_is_its_oldest_part_and_it_is_said() -> None:
    long = (Exchange(task="first", answer="word " * 2_000), *TALK)
    *spoken, cut = told(long, context=2_048)
    assert ("user", "question 1") in spoken and ("user", "first") not in spoken
    assert cut[1] == "Left out 1 earlier question with what was answered to fit a context of 2,048 tokens."
    *spoken, cut = told(long, context=2_048, task="word " * 2_000)
    assert len(spoken) == 2 and "the middle of the task" in cut[1] and "4 earlier questions" in cut[1]


def test_a_team_reads_the_whole_conversation_and_of_a_single_question_its_answer() -> None:
    for history, heading in ((TALK, "# The conversation so far"), (TALK[-1:], "# The earlier answer")):
        brief = Brief((AgentId("one-1"),), (), "answer 3", history)
        prompt = synthesis_prompt("Now?", alone(), complete=(), unfinished=(), room=Room(16_384, 0), brief=brief)
        assert heading in prompt.wording and "answer 3" in prompt.wording
        assert ("question 1" in prompt.wording) == (len(history) > 1)


def test_a_run_hands_on_what_was_said_before_it_and_in_it() -> None:
    run = Watched(lambda request: says("Because."), alone())
    assert conversation(run.state) == (Exchange(task="Why?", answer="Because."),)
    assert run.state.plan is not None
    old = Exchange(task="Old?", answer="x" * MOST_CHARACTERS)
    object.__setattr__(run.state.plan, "history", (old, *TALK))
    assert conversation(run.state) == (*TALK, Exchange(task="Why?", answer="Because."))


def test_of_an_agent_that_was_stopped_alone_what_it_had_written_is_handed_on() -> None:
    run = Watched(
        lambda request: says("One line.\nAnd more."),
        alone(),
        stop_when=lambda record: getattr(record.event, "partial", "") != "",
    )
    assert run.state.status == "stopped" and run.state.synthesis is None
    (last,) = conversation(run.state)
    text = last.answer.removesuffix(UNFINISHED).rstrip()
    assert text and last.answer.endswith(UNFINISHED) and "One line.\nAnd more.".startswith(text)


def test_a_question_without_an_answer_is_not_handed_on() -> None:
    assert conversation(Watched(lambda request: says(""), alone()).state) == ()
