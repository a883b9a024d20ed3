"""Runs through the hub, with a client that says what the test tells it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

import pytest

from felix.errors import ServerError
from felix.events import (
    AgentId,
    AgentState,
    QuestionClosed,
    QuestionRaised,
    Record,
    RoundStarted,
    RunFinished,
    RunId,
    ThoughtComplete,
    ThoughtId,
)
from felix.ledger.state import RunState
from felix.ledger.words import lacking
from felix.llm.chat import ChatRequest, Finish, Reasoning, Text
from felix.settings import Settings
from felix.team.connections import Connections
from felix.team.hub import CentralPost
from felix.team.mailbox import Mailbox
from felix.team.runner import run_workflow
from felix.team.workflow import Workflow
from tests.team.scripted import Line, Script, ScriptedClient, always, connection, says, workflow

REFUSED = "Connection refused: nothing listens there – start the server."


class Watched:
    """A run that has been carried out: its records, its state and what was asked."""

    def __init__(
        self,
        script: Script,
        flow: Workflow,
        *,
        settings: Callable[[], Settings] | None = None,
        context: int | None = 16_384,
        contexts: Mapping[str, int | None] | None = None,
        stop_when: Callable[[Record], bool] | None = None,
    ) -> None:
        self.client = ScriptedClient(script)
        self.mailbox = Mailbox()
        self.hub = CentralPost(RunId("r"), mailboxes=lambda: [self.mailbox])
        self._connection = connection(self.client, context=context, contexts=contexts)
        asyncio.run(self._run(flow, settings or always(), stop_when))
        self.records = [item for item in self.mailbox.take() if isinstance(item, Record)]
        self.state = self.hub.state

    async def _run(
        self,
        flow: Workflow,
        settings: Callable[[], Settings],
        stop_when: Callable[[Record], bool] | None,
    ) -> None:
        async with asyncio.TaskGroup() as tasks:
            run = tasks.create_task(
                run_workflow("Why?", flow, Connections.to(self._connection, settings), self.hub, settings)
            )
            if stop_when:

                def watch(record: Record) -> None:
                    if stop_when(record):
                        run.cancel()

                self.hub.register_streaming_callback(watch)

    def ends(self) -> dict[str, str]:
        return {r.event.thought_id: r.event.status for r in self.records if isinstance(r.event, ThoughtComplete)}


def reply(answers: dict[str, list[Line]]) -> Script:
    def script(request: ChatRequest) -> Iterable[Line]:
        return answers.get(request.agent_id, says(f"{request.agent_id} speaks.\nConfidence: 0.5"))

    return script


def test_a_run_tells_its_rounds_its_thoughts_and_its_synthesis_in_order() -> None:
    run = Watched(reply({"hub": says("The answer [research-1].")}), workflow())
    assert run.state.status == "complete"
    assert run.ends() == dict.fromkeys(["research-1#1", "research-2#1", "research-1#2", "research-2#2"], "complete")
    assert [r.event.number for r in run.records if isinstance(r.event, RoundStarted)] == [1, 2]
    assert run.state.synthesis is not None
    assert str(run.state.synthesis.answer) == "The answer [research-1]."
    assert [r.seq for r in run.records] == list(range(1, len(run.records) + 1))


def test_a_reader_of_the_mailbox_folds_the_same_state_as_the_hub() -> None:
    run = Watched(reply({}), workflow())
    folded = RunState(run=RunId("r"))
    for record in run.records:
        folded.apply(record)
    assert folded == run.hub.state


def test_the_partial_thoughts_joined_are_the_thought_without_its_confidence_line() -> None:
    run = Watched(reply({"research-1": says("One.\nTwo.\nConfidence: 0.72")}), workflow(checkpoints="[0]"))
    thought = run.state.thoughts[ThoughtId("research-1#1")]
    assert (str(thought.answer), thought.confidence) == ("One.\nTwo.\n", 0.72)
    streamed = RunState(run=RunId("r"))
    for record in run.records:
        if not isinstance(record.event, ThoughtComplete | RunFinished):
            streamed.apply(record)
    assert str(streamed.thoughts[ThoughtId("research-1#1")].answer) == "One.\nTwo.\n"


def test_agents_of_a_round_speak_at_the_same_time_and_no_more_than_allowed() -> None:
    flow = workflow("{id: research, role: research, count: 5}", checkpoints="[0]")
    assert Watched(reply({}), flow).client.most_at_once == 4
    run = Watched(reply({}), flow, settings=always(max_parallel=2))
    assert run.client.most_at_once == 2
    queued = [r.event for r in run.records if isinstance(r.event, AgentState) and r.event.state == "queued"]
    assert [(e.agent_id, e.position) for e in queued[:3]] == [("research-3", 1), ("research-4", 2), ("research-5", 3)]
    assert ("research-5", 1) in [(e.agent_id, e.position) for e in queued]


def test_an_agent_reads_what_the_others_completed_before_and_says_so() -> None:
    run = Watched(reply({"research-2": says("Two knows.\nConfidence: 0.4")}), workflow())
    prompt = run.client.prompt("research-1", 1)
    assert "[research-2]" in prompt and "Two knows." in prompt and "Why?" in prompt
    assert "Confidence: 0.4" not in prompt
    thought = run.state.thoughts[ThoughtId("research-1#2")]
    assert set(thought.read) == {"research-1#1", "research-2#1"}


def test_thinking_reaches_no_other_agent_and_not_the_synthesis() -> None:
    secret = [Reasoning("a secret thought"), *says("Said.")]
    run = Watched(reply({"research-1": secret}), workflow())
    assert str(run.state.thoughts[ThoughtId("research-1#1")].thinking) == "a secret thought"
    assert all("secret" not in m.content for request in run.client.requests for m in request.messages)


def test_one_failing_agent_fails_alone_and_felix_says_so_beside_the_synthesis() -> None:
    failing: list[Line] = [ServerError("The server broke – restart it.", fault="server")]
    run = Watched(reply({"research-2": failing}), workflow())
    assert run.state.status == "complete"
    assert run.ends()["research-2#1"] == "failed" and run.ends()["research-1#2"] == "complete"
    assert run.state.synthesis is not None
    (missing,) = run.state.synthesis.left_out
    assert (missing.agent_id, missing.status) == ("research-2", "failed") and not missing.is_heard
    assert lacking(missing) == "Without research-2 (failed): The server broke – restart it."
    assert "research-2]" not in run.client.prompt("hub").split("# Contributions")[1]


def test_unfinished_thoughts_stand_after_the_complete_ones_under_their_own_heading() -> None:
    run = Watched(reply({"research-1": says("half a", finish=None)}), workflow(checkpoints="[0]"))
    assert run.ends()["research-1#1"] == "unconfirmed"
    complete, unfinished = run.client.prompt("hub").split("# Unfinished contributions")
    assert "[research-2] research" in complete and "half a" in unfinished and "half a" not in complete


def test_without_any_text_the_run_fails_with_the_commonest_cause_and_asks_for_no_synthesis() -> None:
    def script(request: ChatRequest) -> Iterable[Line]:
        return [ServerError("Rare." if request.agent_id == "research-1" else REFUSED, fault="unreachable")]

    run = Watched(script, workflow("{id: research, role: research, count: 3}"))
    assert (run.state.status, run.state.reason) == ("failed", REFUSED)
    assert "hub" not in [request.agent_id for request in run.client.requests]
    assert run.state.round == 1, "nobody can work: the next rounds would only fail again"


def test_only_thinking_is_no_answer() -> None:
    run = Watched(reply({"research-1": [Reasoning("hm"), Finish("stop")]}), workflow(checkpoints="[0]"))
    assert run.ends()["research-1#1"] == "failed"


def test_only_a_confidence_is_no_answer() -> None:
    run = Watched(reply({"research-1": says("Confidence: 0.9")}), workflow(checkpoints="[0]"))
    thought = run.state.thoughts[ThoughtId("research-1#1")]
    assert thought.status == "failed" and str(thought.answer) == ""


def test_a_truncated_thought_is_continued_and_its_parts_joined() -> None:
    parts = iter([says("The first ha", finish="length"), says("lf.\nConfidence: 0.6", usage=(20, 7))])

    def script(request: ChatRequest) -> Iterable[Line]:
        return next(parts) if request.agent_id == "research-1" else says("Other.")

    run = Watched(script, workflow(checkpoints="[0]"))
    thought = run.state.thoughts[ThoughtId("research-1#1")]
    assert (thought.status, str(thought.answer), thought.confidence) == ("complete", "The first half.\n", 0.6)
    assert thought.usage is not None and (thought.usage.prompt, thought.usage.completion) == (30, 12)
    again = [r for r in run.client.requests if r.agent_id == "research-1"][1]
    assert [(m.role, m.content) for m in again.messages if m.role == "assistant"] == [("assistant", "The first ha")]


def test_a_thought_that_stays_truncated_says_what_to_raise() -> None:
    cut = says("and on and on", finish="length")
    run = Watched(
        reply({"research-1": cut}),
        workflow("{id: research, role: research, count: 2, max_tokens: 9}", checkpoints="[0]"),
    )
    thought = run.state.thoughts[ThoughtId("research-1#1")]
    assert thought.status == "truncated" and "max_tokens" in (thought.error or "")
    assert str(thought.answer) == "and on and on" * 2
    assert run.state.synthesis is not None
    assert [entry.status for entry in run.state.synthesis.left_out] == ["truncated"]


def test_high_confidence_ends_the_rounds_early_and_says_so() -> None:
    flow = workflow(
        "{id: research, role: research, count: 3}", checkpoints="[0, 0.3, 0.9]", more="consensus_threshold: 0.8"
    )
    sure = says("Sure.\nConfidence: 0.9")
    run = Watched(reply({f"research-{n}": sure for n in (1, 2, 3)}), flow)
    assert run.state.round == 1 and run.state.status == "complete"
    assert run.state.synthesis is not None
    assert run.state.synthesis.early and run.state.synthesis.mean_confidence == pytest.approx(0.9)


@pytest.mark.parametrize("sure", [0.7, 0.83, 0.95, 0.99])
def test_agents_that_all_state_the_threshold_have_reached_it(sure: float) -> None:
    agents = "{id: research, role: research, count: 3}"
    flow = workflow(agents, checkpoints="[0, 0.5]", more=f"consensus_threshold: {sure}")
    run = Watched(lambda request: says(f"Sure.\nConfidence: {sure}"), flow)
    assert run.state.round == 1, "0.7 + 0.7 + 0.7 is a little less than 2.1"


def test_an_agent_with_a_model_of_its_own_is_given_what_fits_that_one() -> None:
    agents = "{id: research, role: research}, {id: critic, role: critic, spawn: 0, model: small}"
    long = says("word " * 3_000)
    run = Watched(lambda request: long, workflow(agents), context=32_768, contexts={"small": 2_048})
    cuts = {t.agent_id: t.cut for t in run.state.thoughts.values() if t.round == 2}
    assert cuts["research-1"] == "" and "2,048 tokens" in cuts["critic-1"]


def test_two_sure_agents_are_no_consensus() -> None:
    flow = workflow(checkpoints="[0, 0.5]", more="consensus_threshold: 0.1")
    assert Watched(reply({}), flow).state.round == 2


def test_an_agent_whose_turn_never_came_is_named_beside_the_synthesis() -> None:
    agents = "{id: research, role: research, count: 3}, {id: critic, role: critic, spawn: 0.5}"
    sure = says("Sure.\nConfidence: 0.95")
    run = Watched(reply({f"research-{n}": sure for n in (1, 2, 3)}), workflow(agents, more="consensus_threshold: 0.9"))
    assert run.state.synthesis is not None
    assert [(e.agent_id, e.status) for e in run.state.synthesis.left_out] == [("critic-1", "unheard")]


def test_a_token_limit_asks_and_without_an_answer_the_run_goes_on() -> None:
    run = Watched(reply({}), workflow(checkpoints="[0, 0.3, 0.6]", more="limits: {tokens: 8}"))
    assert run.state.round == 3 and run.state.status == "complete"
    questions = [r.event for r in run.records if isinstance(r.event, QuestionRaised | QuestionClosed)]
    assert isinstance(questions[0], QuestionRaised) and "8 tokens" in questions[0].text
    assert questions[1:] == [QuestionClosed(question_id=questions[0].question_id, answer="none")]


def test_stop_ends_what_is_written_and_what_waits_and_keeps_the_text() -> None:
    def script(request: ChatRequest) -> Iterable[Line]:
        return [Text("so far"), asyncio.Event(), Finish("stop")]

    run = Watched(
        script,
        workflow("{id: research, role: research, count: 3}"),
        settings=always(max_parallel=2),
        stop_when=run_has_two_texts,
    )
    assert run.state.status == "stopped"
    assert run.ends() == dict.fromkeys(["research-1#1", "research-2#1", "research-3#1"], "stopped")
    assert str(run.state.thoughts[ThoughtId("research-2#1")].answer) == "so far"
    assert sum(isinstance(r.event, RunFinished) for r in run.records) == 1
    assert run.client.speaking == 0, "every stream was closed"


def run_has_two_texts(record: Record) -> bool:
    event = record.event
    return getattr(event, "partial", "") == "so far" and getattr(event, "agent_id", "") == AgentId("research-2")


def test_stop_during_the_synthesis_keeps_the_thoughts_and_what_was_written() -> None:
    half: list[Line] = [Text("Half an answer"), asyncio.Event()]
    run = Watched(
        reply({"hub": half}),
        workflow(checkpoints="[0]"),
        stop_when=lambda record: record.event.type == "partial_synthesis",
    )
    assert run.state.status == "stopped" and run.state.synthesis is not None
    assert (run.state.synthesis.status, str(run.state.synthesis.answer)) == ("stopped", "Half an answer")
    assert set(run.ends().values()) == {"complete"}


def test_a_synthesis_that_fails_ends_the_run_so_and_all_thoughts_stay() -> None:
    run = Watched(reply({"hub": [ServerError(REFUSED, fault="unreachable")]}), workflow(checkpoints="[0]"))
    assert (run.state.status, run.state.reason) == ("failed", REFUSED)
    assert set(run.ends().values()) == {"complete"}


def test_a_truncated_synthesis_is_not_a_complete_run() -> None:
    run = Watched(reply({"hub": says("Long", finish="length")}), workflow(checkpoints="[0]"))
    assert run.state.status == "failed" and "length limit" in run.state.reason


def test_streaming_switched_off_in_the_middle_of_a_run_is_in_force_from_the_next_call() -> None:
    now = {"streaming": True}

    def settings() -> Settings:
        return Settings(enable_streaming=now["streaming"], streaming_batch_interval=0.0)

    def script(request: ChatRequest) -> Iterable[Line]:
        if "earlier thoughts" in request.messages[1].content:
            now["streaming"] = False
        return says("Words.")

    run = Watched(script, workflow("{id: research, role: research}", checkpoints="[0, 0.3, 0.6]"), settings=settings)
    assert run.client.streamed == [True, True, False, False]
    shown = [r.event.thought_id for r in run.records if r.event.type == "partial_thought"]  # type: ignore[union-attr]
    assert set(shown) == {"research-1#1", "research-1#2"}
    assert str(run.state.thoughts[ThoughtId("research-1#3")].answer) == "Words."


def test_an_agents_own_switch_wins_over_the_settings() -> None:
    flow = workflow("{id: research, role: research, enable_streaming: false}", checkpoints="[0]")
    assert Watched(reply({}), flow).client.streamed == [False, True]


def test_a_bug_ends_the_run_as_crashed_and_is_logged_once(logged_errors: list[logging.LogRecord]) -> None:
    run = Watched(reply({"research-1": [Text("x"), ZeroDivisionError("bug")]}), workflow(checkpoints="[0]"))
    assert run.state.status == "crashed"
    assert run.ends()["research-1#1"] == "failed"
    assert [record.getMessage() for record in logged_errors] == ["run r crashed"]
    logged_errors.clear()


def test_more_agents_than_the_context_holds_are_shortened_and_it_is_said() -> None:
    long = says("word " * 2_000 + "\nConfidence: 0.5")
    flow = workflow("{id: research, role: research, count: 4}", checkpoints="[0, 0.5]")
    run = Watched(reply({f"research-{n}": long for n in range(1, 5)}), flow, context=4_096)
    thought = run.state.thoughts[ThoughtId("research-1#2")]
    assert "4,096 tokens" in thought.cut
    assert len(run.client.prompt("research-1", 1)) / 3 < 4_096
    hub = run.client.prompt("hub")
    assert all(f"[research-{n}]" in hub.split("# Contributions")[1] for n in range(1, 5)), "everybody is heard"


def test_who_did_not_fit_into_the_hubs_prompt_is_named_beside_the_synthesis() -> None:
    flow = workflow("{id: research, role: research, count: 16}", checkpoints="[0]")
    run = Watched(lambda request: says("word " * 400), flow, context=2_048)
    assert run.state.synthesis is not None
    heard = {source.partition("#")[0] for source in run.state.synthesis.sources}
    unheard = {entry.agent_id for entry in run.state.synthesis.left_out}
    assert heard and heard | unheard == set(run.state.agents) and not heard & unheard
    assert "2,048" in run.state.synthesis.left_out[0].reason
