"""Guards that ask: what counts as repeating, and how a question is raised, answered and closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import pytest

from felix.clock import Pulse
from felix.events import HUB, AgentId, AgentState, QuestionClosed, QuestionRaised, Record, RunId, ThoughtId
from felix.llm.chat import ChatRequest, Finish, Text
from felix.team.guards import Guards, repeats
from felix.team.hub import CentralPost
from felix.team.steering import Act
from tests.team.scripted import Line, says, workflow
from tests.team.steered import Steered
from tests.telling import planned_agent, planned_round, run_started

PROSE = " ".join(f"Sentence {n} says something else than the one before it, as prose does." for n in range(60))


@pytest.mark.parametrize(
    "text",
    [
        "I am stuck. " * 40,
        "=" * 300,
        "a" * 200,
        PROSE + "And so on, and so on. " * 12,
        ("x" * 399 + "\n") * 8,
        "嗯。" * 120,
    ],
)
def test_a_text_that_ends_with_one_piece_over_and_over_repeats_itself(text: str) -> None:
    assert repeats(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        PROSE,
        "I am stuck. " * 7,
        "I am stuck. " * 40 + "Now I am not, and go on with something else altogether.",
        "| a | b |\n|" + "-" * 120 + "|" + "-" * 120 + "|",
        "|" + "------|" * 20,
        "def f():\n" + " " * 200,
        ("x" * 420 + "\n") * 8,
        "".join(f"{n}. item\n" for n in range(200)),
    ],
)
def test_prose_tables_indents_and_lists_do_not(text: str) -> None:
    assert not repeats(text)


def answering(doubt: str, *, stop: bool) -> Callable[[Record], Act | None]:
    def hand(record: Record) -> Act | None:
        event = record.event
        if isinstance(event, QuestionRaised) and event.doubt == doubt:
            return lambda run: run.answer(event.question_id, stop=stop)
        return None

    return hand


@pytest.fixture
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.team.guards.LOOK_EVERY_S", 0.001)


def stuck(request: ChatRequest) -> Iterable[Line]:
    """The first agent repeats itself without end."""
    if request.agent_id == "research-1":
        return [*(Text("I am stuck. ") for _ in range(60)), asyncio.Event()]
    return says("Two speaks.")


@pytest.mark.usefixtures("_often")
def test_an_agent_that_repeats_itself_is_stopped_when_the_user_says_so() -> None:
    run = Steered(stuck, workflow(checkpoints="[0]"), answering("repeats", stop=True))
    run.check()
    assert run.ends() == {"research-1#1": "stopped", "research-2#1": "complete"}
    raised = run.events("question_raised")
    assert [(q.doubt, q.agent_id) for q in raised] == [("repeats", "research-1")]  # type: ignore[attr-defined]
    assert run.state.status == "complete"


@pytest.mark.usefixtures("_often")
def test_whoever_is_let_go_on_is_not_asked_about_again() -> None:
    answered = asyncio.Event()

    def script(request: ChatRequest) -> Iterable[Line]:
        if request.agent_id == "research-1":
            return [*[Text("I am stuck. ")] * 40, answered, *[Text("I am stuck. ")] * 200, Finish("stop")]
        return says("Two speaks.")

    let_go_on = answering("repeats", stop=False)

    def hand(record: Record) -> Act | None:
        if isinstance(record.event, QuestionClosed):
            answered.set()
        return let_go_on(record)

    run = Steered(script, workflow(checkpoints="[0]"), hand)
    run.check()
    assert [q.answer for q in run.events("question_closed")] == ["go_on"]  # type: ignore[attr-defined]
    assert set(run.ends().values()) == {"complete"}


@pytest.mark.usefixtures("_often")
def test_silence_is_asked_about_at_a_third_of_its_limit_and_the_question_closes_when_words_come() -> None:
    spoke = asyncio.Event()

    def script(request: ChatRequest) -> Iterable[Line]:
        return [spoke, *says("At last.")] if request.agent_id == "research-1" else says("Two speaks.")

    def hand(record: Record) -> None:
        if isinstance(record.event, QuestionRaised):
            spoke.set()

    run = Steered(script, workflow(checkpoints="[0]"), hand, silence_timeout_s=3)
    run.check()
    assert [q.doubt for q in run.events("question_raised")] == ["silent"]  # type: ignore[attr-defined]
    assert [q.answer for q in run.events("question_closed")] == ["none"]  # type: ignore[attr-defined]
    assert run.state.status == "complete"


@pytest.mark.usefixtures("_often")
@pytest.mark.parametrize("stop", [True, False])
@pytest.mark.parametrize("limits", ["{tokens: 8}", "{minutes: 0.0000001}"])
def test_a_limit_of_the_run_asks_once_and_to_stop_means_to_wrap_up(limits: str, stop: bool) -> None:
    doubt = "tokens" if "tokens" in limits else "minutes"
    run = Steered(
        lambda request: says("Words."),
        workflow(checkpoints="[0, 0.3, 0.6]", more=f"limits: {limits}"),
        answering(doubt, stop=stop),
    )
    run.check()
    assert len(run.events("question_raised")) == 1
    if stop:
        # with the very first look nobody may have spoken yet
        assert run.state.is_wrapping_up and run.state.round < 3
    else:
        assert run.state.round == 3 and run.state.status == "complete"


def test_an_answer_to_no_question_changes_nothing() -> None:
    run = Steered(
        lambda request: says("Words."), workflow(), lambda record: lambda live: live.answer("none", stop=True)
    )
    run.check()
    assert run.state.status == "complete"


@pytest.mark.usefixtures("_often")
def test_the_synthesis_is_watched_too() -> None:
    def script(request: ChatRequest) -> Iterable[Line]:
        return [*[Text("So. ")] * 200, asyncio.Event()] if request.agent_id == HUB else says("Words.")

    run = Steered(script, workflow(checkpoints="[0]"), answering("repeats", stop=True))
    run.check()
    assert run.state.synthesis is not None and run.state.synthesis.status == "stopped"


def test_after_a_halt_silence_is_counted_anew_and_the_run_says_how_long_it_was() -> None:
    now, passed = [0.0], [0.0]
    hub = CentralPost(RunId("r"))
    seen: list[Record] = []
    hub.register_streaming_callback(seen.append)
    hub.emit(run_started([planned_agent("research-1")], [planned_round(1, 0.0, ("research-1",))]))
    limits = workflow().limits
    guards = Guards(
        hub, limits, silence_timeout_s=30, clock=lambda: now[0], pulse=Pulse(lambda: passed[0], lambda: now[0])
    )

    def pass_time(seconds: float, *, counted: float | None = None) -> list[str]:
        passed[0] += seconds
        now[0] += seconds if counted is None else counted
        guards.look()
        told, seen[:] = [r.event.type for r in seen], []
        return told

    hub.emit(
        AgentState(agent_id=AgentId("research-1"), thought_id=ThoughtId("research-1#1"), state="waiting", round=1,
                   checkpoint=0.0)
    )  # fmt: skip
    pass_time(0.25)
    assert pass_time(4.0) == []
    assert pass_time(2_520.0) == ["stood_still"]
    assert pass_time(4.9) == []
    assert pass_time(4.9) == []
    assert pass_time(600.0, counted=0.1) == ["stood_still"]
    assert [halt.was_asleep for _, halt in hub.state.halts] == [False, True]
    assert pass_time(4.9) == pass_time(4.9) == []
    assert pass_time(0.3) == ["question_raised"]
