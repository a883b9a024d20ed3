"""What a run asks its user: one question at a time, answered with a key."""

from __future__ import annotations

import pytest

from felix.cli.asking import Asking
from felix.events import (
    AgentId,
    CallId,
    Event,
    Leave,
    QuestionClosed,
    QuestionRaised,
    Record,
    RunId,
    ThoughtId,
    ToolAnswered,
    ToolCalled,
)
from felix.ledger.state import RunState

ONE = AgentId("one-1")
THOUGHT = ThoughtId("one-1#1")


class Asked:
    """A state that is told events, and what its user has answered."""

    def __init__(self) -> None:
        self.state = RunState()
        self.now = 0.0
        self.leaves: list[tuple[CallId, Leave]] = []
        self.decisions: list[tuple[str, bool]] = []
        self.asking = Asking(
            lambda call, leave: self.leaves.append((call, leave)),
            lambda question, stop: self.decisions.append((question, stop)),
            clock=lambda: self.now,
        )

    def tell(self, event: Event) -> None:
        self.state.apply(Record(self.state.seq + 1, 1.0, RunId("r"), event))

    def call(self, number: int, *, asks_always: bool = False) -> None:
        self.tell(
            ToolCalled(
                agent_id=ONE,
                thought_id=THOUGHT,
                call_id=CallId(f"one-1#1/{number}"),
                name="post",
                arguments='{"to": "you"}',
                round=1,
                checkpoint=0.0,
                position=0,
                began_at=0.0,
                asks="It can send.",
                asks_always=asks_always,
            )
        )

    def hear(self, pressed: str = "", *, after_s: float = 1.0) -> tuple[str, ...]:
        self.now += after_s
        return self.asking.hear(self.state, pressed)


@pytest.mark.parametrize(("key", "leave"), [("y", "once"), ("R", "run"), ("a", "always"), ("n", "no")])
def test_a_key_answers_the_call_that_waits(key: str, leave: Leave) -> None:
    asked = Asked()
    asked.call(1)
    lines = asked.hear()
    assert "It can send." in lines[0] and lines[1] == 'post({"to": "you"})' and lines[-1].startswith("y once")
    assert asked.hear(key) == ()
    assert asked.leaves == [(CallId("one-1#1/1"), leave)]


def test_always_is_no_answer_to_what_every_run_asks() -> None:
    asked = Asked()
    asked.call(1, asks_always=True)
    assert asked.hear()[-1] == "y once · r this run · n no"
    asked.hear("a")
    asked.hear("r")
    assert asked.leaves == [(CallId("one-1#1/1"), "run")]


def test_a_key_that_was_pressed_before_the_question_could_be_read_is_no_answer() -> None:
    asked = Asked()
    asked.call(1)
    asked.hear("y")
    asked.hear("y", after_s=0.1)
    assert asked.leaves == []
    asked.hear("x", after_s=1.0)
    assert asked.leaves == [], "nor is any other key"


def test_the_next_question_has_its_own_time_to_be_read() -> None:
    asked = Asked()
    asked.call(1)
    asked.call(2)
    asked.hear()
    assert asked.hear("yy") != (), "the second stands there now"
    assert [call for call, _ in asked.leaves] == ["one-1#1/1"]
    asked.hear("n")
    assert asked.leaves[1:] == [(CallId("one-1#1/2"), "no")]


def test_a_call_that_the_run_lets_by_itself_is_asked_about_no_more() -> None:
    asked = Asked()
    asked.call(1)
    asked.hear()
    asked.tell(ToolAnswered(agent_id=ONE, thought_id=THOUGHT, call_id=CallId("one-1#1/1"), name="post", answer="run"))
    assert asked.hear("n") == () and asked.leaves == []


def test_a_guard_is_answered_too_and_gone_when_it_has_ended_by_itself() -> None:
    asked = Asked()
    asked.tell(QuestionRaised(question_id="q", doubt="silent", agent_id=ONE, text="Stop it?"))
    assert asked.hear()[0] == "Stop it?"
    asked.hear("s")
    asked.tell(QuestionRaised(question_id="p", doubt="silent", agent_id=ONE, text="And this?"))
    asked.hear()
    asked.hear("g")
    assert asked.decisions == [("q", True), ("p", False)]
    asked.tell(QuestionRaised(question_id="o", doubt="silent", agent_id=ONE, text="And that?"))
    asked.tell(QuestionClosed(question_id="o", answer="none"))
    assert asked.hear() == ()
