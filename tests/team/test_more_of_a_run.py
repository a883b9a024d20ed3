"""What a user has done beside the rounds: again, further, another answer, a question – live, and when all has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

import pytest

from felix.errors import ServerError
from felix.events import (
    HUB,
    SYNTHESIS,
    AgentId,
    RunFinished,
    SynthesisStarted,
    ThoughtAsked,
    ThoughtId,
)
from felix.llm.chat import ChatRequest, Text
from felix.settings import Settings
from felix.team.agent import wording_of
from felix.team.outcome import can_continue
from felix.team.run import Run
from felix.team.steering import Act
from tests.team.scripted import Line, Script, always, says, workflow
from tests.team.steered import Steered, once

ONE, TWO = AgentId("research-1"), AgentId("research-2")
FIRST, SECOND = ThoughtId("research-1#1"), ThoughtId("research-1#1.2")


def script(**answers: list[list[Line]]) -> Script:
    """By agent (`research_1`) its answers in order; all else is said in a word."""
    left: dict[str, Iterator[list[Line]]] = {name.replace("_", "-"): iter(lines) for name, lines in answers.items()}

    def say(request: ChatRequest) -> Iterable[Line]:
        return next(left.get(request.agent_id, iter(())), None) or says(f"{request.agent_id} speaks.\nConfidence: 0.5")

    return say


def retry(thought_id: ThoughtId, **changes: str) -> Act:
    return lambda run: run.retry(thought_id, **changes)


def go_on(thought_id: ThoughtId) -> Act:
    return lambda run: run.continue_writing(thought_id)


def ask(agent_id: AgentId, question: str) -> Act:
    return lambda run: run.ask_agent(agent_id, question)


FAILS: list[Line] = [ServerError("The server broke – restart it.", fault="server")]
CUT: list[Line] = says("The first ha", finish=None)


def test_a_failed_agent_that_is_tried_again_is_awaited_before_the_next_round_and_read_there() -> None:
    run = Steered(script(research_1=[FAILS]), workflow(), once("thought_complete", retry(FIRST), thought_id=FIRST))
    run.check()
    assert run.ends()[FIRST] == "failed" and run.ends()[SECOND] == "complete"
    assert run.state.thoughts[ThoughtId("research-2#2")].read == ("research-1#1.2", "research-2#1")
    assert run.state.status == "complete" and run.state.synthesis is not None
    assert run.state.synthesis.left_out == () and FIRST not in run.state.synthesis.sources
    asked = run.events("thought_asked")
    assert asked == [ThoughtAsked(agent_id=ONE, thought_id=SECOND, act="retry", of=FIRST, round=1, checkpoint=0.0)]


def test_a_retry_takes_a_place_of_the_queue() -> None:
    flow = workflow("{id: research, role: research, count: 3}", checkpoints="[0]")
    run = Steered(
        script(research_1=[FAILS]),
        flow,
        once("thought_complete", retry(FIRST), thought_id=FIRST),
        settings=always(max_parallel=1),
    )
    run.check()
    assert run.client.most_at_once == 1
    assert [r.agent_id for r in run.client.requests] == ["research-1", "research-2", "research-3", "research-1", "hub"]


def test_a_retry_sends_the_users_wording_and_another_model() -> None:
    changes = {"prompt": "Say it in one word.", "model": "big"}
    run = Steered(script(research_1=[FAILS]), workflow(), once("thought_complete", retry(FIRST, **changes)))
    run.check()
    again = next(r for r in run.client.requests if r.model == "big")
    assert [m.content for m in again.messages if m.role == "user"] == ["Say it in one word."]
    assert again.messages[0] == run.client.requests[0].messages[0], "who it is stays"
    assert run.state.thoughts[SECOND].wanted_model == "big"


def test_the_wording_offered_is_what_was_sent() -> None:
    run = Steered(script(), workflow())
    sent = {r.messages[-1].content for r in run.client.requests if r.agent_id != HUB}
    offered = {wording_of(run.state, thought, Settings()) for thought in run.state.thoughts}
    assert offered == sent


def test_a_retry_that_fails_too_leaves_what_there_was() -> None:
    run = Steered(
        script(research_1=[FAILS, FAILS]), workflow(checkpoints="[0]"), once("thought_complete", retry(FIRST))
    )
    run.check()
    assert [run.ends()[each] for each in (FIRST, SECOND)] == ["failed", "failed"]
    assert run.state.status == "complete"


def test_a_complete_thought_is_not_left_out_because_it_was_tried_again_in_vain() -> None:
    run = Steered(
        script(research_1=[says("Good.\nConfidence: 0.9"), FAILS]),
        workflow(checkpoints="[0]"),
        once("thought_complete", retry(FIRST), thought_id=FIRST),
    )
    run.check()
    assert run.state.synthesis is not None and run.state.synthesis.left_out == ()
    assert FIRST in run.state.synthesis.sources


def test_a_third_go_replaces_both_before_it() -> None:
    run = Steered(script(research_1=[CUT, FAILS]), workflow(checkpoints="[0]"))
    run.reopen(retry(FIRST)).reopen(retry(SECOND))
    run.check()
    assert {t.thought_id for t in run.state.standing()} == {"research-1#1.3", "research-2#1"}
    assert "Unfinished contributions\n" not in run.client.prompt(HUB, -1)


def test_a_retry_in_a_run_that_has_ended_makes_the_synthesis_again() -> None:
    run = Steered(script(research_1=[FAILS]), workflow(checkpoints="[0]")).reopen(retry(FIRST))
    run.check()
    assert [e.number for e in run.events("synthesis_started") if isinstance(e, SynthesisStarted)] == [1, 2]
    assert run.state.synthesis is not None and SECOND in run.state.synthesis.sources
    assert [r.agent_id for r in run.client.requests][-2:] == ["research-1", "hub"]
    assert run.state.status == "complete"


def test_several_retries_in_a_run_that_has_ended_make_one_synthesis() -> None:
    run = Steered(script(research_1=[FAILS], research_2=[FAILS]), workflow("{id: research, role: research, count: 3}"))
    run.reopen(retry(FIRST), retry(ThoughtId("research-2#1")))
    run.check()
    assert len(run.events("synthesis_started")) == 2


def test_a_failed_retry_in_a_run_that_has_ended_repeats_how_it_ended() -> None:
    run = Steered(script(research_1=[FAILS, FAILS]), workflow(checkpoints="[0]")).reopen(retry(FIRST))
    run.check()
    assert len(run.events("synthesis_started")) == 1 and run.state.status == "complete"


def test_a_retry_while_the_server_is_gone_says_so_on_the_thought_itself() -> None:
    gone = ServerError("Nothing listens there – start the server.", fault="unreachable")
    run = Steered(script(research_1=[FAILS]), workflow(checkpoints="[0]")).reopen(retry(FIRST), error=gone)
    run.check()
    assert run.state.thoughts[SECOND].error == str(gone) and run.state.status == "complete"


def test_stopping_a_retry_in_a_run_that_has_ended_repeats_how_it_ended() -> None:
    run = Steered(script(research_1=[FAILS, [Text("So far."), asyncio.Event()]]), workflow(checkpoints="[0]"))
    run.reopen(retry(FIRST), cancel_when=lambda record: record.event.type == "partial_thought")
    run.check()
    assert run.ends()[SECOND] == "stopped" and run.state.status == "complete"


@pytest.mark.parametrize("is_live", [True, False])
def test_a_cut_answer_is_gone_on_with_and_becomes_one_text(is_live: bool) -> None:
    answers = script(research_1=[CUT, says("lf.\nConfidence: 0.8")])
    hand = once("thought_complete", go_on(FIRST), thought_id=FIRST)
    run = Steered(answers, workflow(checkpoints="[0]"), hand if is_live else None)
    if not is_live:
        run.reopen(go_on(FIRST))
    run.check()
    whole = run.state.thoughts[SECOND]
    assert (str(whole.answer), whole.status, whole.confidence) == ("The first half.\n", "complete", 0.8)
    request = [r for r in run.client.requests if r.agent_id == ONE][1]
    assert [m.content for m in request.messages if m.role == "assistant"] == ["The first ha"]
    assert (
        "The first half." in run.client.prompt(HUB, -1)
        and "Unfinished" not in run.client.prompt(HUB, -1).split("# Contrib")[1]
    )


def test_what_is_gone_on_with_shows_its_old_text_from_its_first_moment() -> None:
    run = Steered(script(research_1=[CUT, [asyncio.Event()]]), workflow(checkpoints="[0]")).reopen(
        go_on(FIRST),
        cancel_when=lambda record: (
            getattr(record.event, "thought_id", "") == SECOND and record.event.type == "partial_thought"
        ),
    )
    run.check()
    stopped = run.state.thoughts[SECOND]
    assert (str(stopped.answer), stopped.status) == ("The first ha", "stopped")
    assert stopped.replaces == FIRST, "nothing is lost by it"


def test_a_cut_synthesis_is_gone_on_with_as_the_next_one() -> None:
    answers = script(hub=[says("The answer is fo", finish=None), says("rty-two.")])
    run = Steered(answers, workflow(checkpoints="[0]"))
    assert run.state.status == "failed"
    run.reopen(go_on(SYNTHESIS))
    run.check()
    assert run.state.synthesis is not None
    assert (str(run.state.synthesis.answer), run.state.synthesis.number) == ("The answer is forty-two.", 2)
    assert run.state.status == "complete" and len(run.state.earlier) == 1


def test_a_complete_answer_is_not_gone_on_with() -> None:
    run = Steered(script(), workflow(checkpoints="[0]"))
    asked = len(run.client.requests)
    run.reopen(go_on(FIRST), go_on(SYNTHESIS), go_on(ThoughtId("nobody#1")), retry(ThoughtId("nobody#1")))
    run.check()
    assert len(run.client.requests) == asked and run.state.status == "complete"


def test_another_synthesis_follows_the_users_instructions_with_another_model() -> None:
    run = Steered(script(), workflow(checkpoints="[0]"))
    run.reopen(lambda live: live.synthesise_again(instructions="In one sentence.", model="big"))
    run.check()
    assert run.client.requests[-1].model == "big" and "In one sentence." in run.client.prompt(HUB, 1)
    assert "In one sentence." not in run.client.prompt(HUB, 0)
    assert run.state.synthesis is not None and len(run.state.earlier) == 1
    assert (run.state.synthesis.number, run.state.synthesis.instructions) == (2, "In one sentence.")


def test_stopping_another_synthesis_keeps_the_one_before_it() -> None:
    run = Steered(script(hub=[says("Good."), [Text("Half"), asyncio.Event()]]), workflow(checkpoints="[0]"))
    run.reopen(Run.synthesise_again, hand=once("partial_synthesis", lambda live: live.stop_agent(HUB)))
    run.check()
    assert [str(each.answer) for each in run.state.earlier] == ["Good."]
    assert run.state.synthesis is not None and run.state.synthesis.status == "stopped"


@pytest.mark.parametrize("is_live", [True, False])
def test_a_question_is_answered_by_its_agent_alone_and_read_by_nobody(is_live: bool) -> None:
    hand = once("thought_complete", ask(ONE, "Why so?"), agent_id=ONE)
    run = Steered(script(research_2=[says("Only two knows.")]), workflow(), hand if is_live else None)
    if not is_live:
        run.reopen(ask(ONE, "Why so?"))
    run.check()
    answer = run.state.thoughts[ThoughtId("research-1#ask1")]
    assert (answer.act, answer.asked, answer.status) == ("ask", "Why so?", "complete")
    prompts = ["\n".join(m.content for m in r.messages) for r in run.client.requests]
    asked = [prompt for prompt in prompts if "Why so?" in prompt]
    assert len(asked) == 1 and "Only two knows." not in asked[0]
    assert "research-1 speaks." in asked[0] and "Why?" in asked[0] and "Confidence:" not in asked[0]
    assert len(run.events("synthesis_started")) == 1 and run.state.status == "complete"
    assert run.state.calls_ended == run.state.calls_planned == 5


def test_a_question_leaves_a_stopped_run_stopped() -> None:
    run = Steered(script(), workflow(), cancel_when=lambda record: getattr(record.event, "number", 0) == 2).reopen(
        ask(TWO, "And?"), ask(TWO, "And?")
    )
    run.check()
    ends = [r.event for r in run.records if isinstance(r.event, RunFinished)]
    assert [(end.status, end.reason) for end in ends] == [("stopped", "Stopped by you.")] * 2
    assert run.ends()["research-2#ask2"] == "complete"
    assert ends[1].duration_s > ends[0].duration_s


def test_notes_stand_in_the_next_prompts_of_those_they_are_for() -> None:
    def note(run: Run) -> None:
        run.add_note("Keep it cheap.")
        run.add_note("You are too brief.", ONE)

    run = Steered(script(), workflow(), once("thought_complete", note))
    first, second = (run.client.prompt("research-1", n) for n in (0, 1))
    assert "# Notes of the user" not in first
    assert "# Notes of the user\n\n- Keep it cheap.\n- You are too brief." in second
    assert "too brief" not in run.client.prompt("research-2", 1) and "Keep it cheap." in run.client.prompt(
        "research-2", 1
    )
    assert "Keep it cheap." in run.client.prompt(HUB) and "too brief" not in run.client.prompt(HUB)


def test_a_follow_up_has_the_earlier_answer_in_all_its_prompts_and_says_what_it_cut() -> None:
    run = Steered(script(), workflow(checkpoints="[0]"), earlier="Forty-two.")
    for who in (ONE, TWO, HUB):
        assert "# The earlier answer\n\nForty-two.\n\n# Task" in run.client.prompt(who)
    long = Steered(script(), workflow(checkpoints="[0]"), earlier="Forty-two. " * 4_000, context=4_096)
    thought = long.state.thoughts[FIRST]
    assert "the earlier answer" in thought.cut and len(long.client.prompt(ONE)) / 3 < 4_096


def planned_and_not_ended(run: Steered) -> int:
    """Requests that a run which was interrupted still needs."""
    ended = {(t.agent_id, t.round) for t in run.state.thoughts.values() if t.status not in (None, "interrupted")}
    turns = sum((turn.agent_id, each.number) not in ended for each in run.state.rounds for turn in each.turns)
    synthesis = run.state.synthesis
    return turns + (synthesis is None or synthesis.status == "interrupted")


@pytest.mark.slow
def test_wherever_a_run_was_interrupted_what_has_ended_is_never_asked_for_again() -> None:
    def run_to(cut: int) -> Steered:
        return Steered(script(), workflow(), settings=always(max_parallel=1)).crash_behind(cut)

    records = len(Steered(script(), workflow(), settings=always(max_parallel=1)).records)
    for cut in range(1, records):
        run = run_to(cut)
        run.check()
        left, asked = planned_and_not_ended(run), len(run.client.requests)
        run.reopen(is_continued=True)
        run.check()
        assert len(run.client.requests) - asked == left, f"behind record {cut}"
        assert run.state.status == "complete", f"behind record {cut}"
        assert run.state.synthesis is not None
        assert len(run.state.synthesis.sources) == 4 and not run.state.synthesis.left_out


def test_a_run_that_was_wrapped_up_when_it_was_interrupted_goes_on_to_its_synthesis() -> None:
    run = Steered(script(), workflow(), once("thought_complete", Run.wrap_up))
    cut = next(n for n, r in enumerate(run.records, 1) if r.event.type == "synthesis_started")
    run.crash_behind(cut - 1).reopen(is_continued=True)
    run.check()
    assert run.state.status == "complete" and run.state.round == 1


def test_what_the_user_wanted_of_a_synthesis_holds_when_it_was_interrupted() -> None:
    run = Steered(script(), workflow(checkpoints="[0]"))
    run.reopen(lambda live: live.synthesise_again(instructions="Short.", model="big"))
    cut = next(n for n, r in enumerate(run.records, 1) if getattr(r.event, "instructions", ""))
    run.crash_behind(cut).reopen(is_continued=True)
    run.check()
    assert run.client.requests[-1].model == "big" and "Short." in run.client.prompt(HUB, -1)


def test_an_interrupted_run_whose_server_is_gone_stays_interrupted_and_says_why() -> None:
    gone = ServerError("Nothing listens there – start the server.", fault="unreachable")
    run = Steered(script(), workflow()).crash_behind(9).reopen(is_continued=True, error=gone)
    run.check()
    assert (run.state.status, run.state.reason) == ("interrupted", str(gone))
    run.reopen(is_continued=True)
    assert run.state.status == "complete"


def stopped_in_round_one(**answers: list[list[Line]]) -> Steered:
    """The second agent was writing when its run was stopped; the first one has ended."""
    waits: list[Line] = [Text("Half a tho"), asyncio.Event()]
    return Steered(
        script(research_2=[waits], **answers),
        workflow(),
        cancel_when=lambda record: record.event.type == "partial_thought" and "Half" in str(record.event),
        settings=always(max_parallel=1),
    )


def test_a_retry_in_a_run_that_was_stopped_without_a_synthesis_leaves_it_stopped() -> None:
    run = stopped_in_round_one()
    assert run.state.status == "stopped" and run.state.synthesis is None
    run.reopen(retry(ThoughtId("research-2#1")))
    run.check()
    assert run.ends()["research-2#1.2"] == "complete"
    assert (run.state.status, run.state.synthesis) == ("stopped", None)
    run.reopen(Run.synthesise_again)
    run.check()
    assert run.state.status == "complete", "the user's own act makes it all the same"


@pytest.mark.parametrize("first", [says("Good.\nConfidence: 0.5"), CUT])
def test_a_stopped_run_is_continued_with_what_is_missing_alone(first: list[Line]) -> None:
    run = stopped_in_round_one(research_1=[first])
    asked = len(run.client.requests)
    run.reopen(is_continued=True)
    run.check()
    assert [r.agent_id for r in run.client.requests[asked:]] == ["research-2", "research-1", "research-2", HUB]
    assert run.state.status == "complete" and run.state.round == 2
    assert run.state.synthesis is not None and "research-2#1.2" in run.state.synthesis.sources


def test_failed_turns_of_an_earlier_round_are_taken_again_when_a_run_is_continued() -> None:
    run = Steered(script(research_1=[FAILS], hub=[FAILS]), workflow())
    assert run.state.status == "failed"
    asked = len(run.client.requests)
    run.reopen(is_continued=True)
    run.check()
    assert [r.agent_id for r in run.client.requests[asked:]] == ["research-1", HUB]
    assert run.state.status == "complete" and run.state.synthesis is not None and not run.state.synthesis.left_out


@pytest.mark.parametrize("ends", [FAILS, CUT])
def test_a_run_whose_synthesis_came_to_nothing_or_broke_off_is_continued_with_that_alone(ends: list[Line]) -> None:
    run = Steered(script(hub=[ends]), workflow())
    assert run.state.status == "failed" and can_continue(run.state)
    asked = len(run.client.requests)
    run.reopen(is_continued=True)
    run.check()
    assert [r.agent_id for r in run.client.requests[asked:]] == [HUB] and run.state.status == "complete"


def test_the_confidence_an_answer_to_the_user_ends_with_is_taken_off_and_counts_for_nothing() -> None:
    run = Steered(script(research_1=[says("Good."), says("Because.\nConfidence: 0.71")]), workflow(checkpoints="[0]"))
    run.reopen(ask(ONE, "Why so?"))
    answer = run.state.thoughts[ThoughtId("research-1#ask1")]
    assert (str(answer.answer).strip(), answer.confidence) == ("Because.", None)
