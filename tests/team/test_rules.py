"""A team that grows: who comes, when, why, and what they say."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from felix.errors import ServerError, WorkflowError
from felix.events import AgentAdded, AgentId, ThoughtId
from felix.llm.chat import ChatRequest
from tests.team.scripted import Line, says, workflow
from tests.team.steered import Steered


def sure(**confidence: float) -> object:
    def script(request: ChatRequest) -> Iterable[Line]:
        return says(f"Words.\nConfidence: {confidence.get(request.agent_id.replace('-', '_'), 0.8)}")

    return script


def added(run: Steered) -> list[tuple[AgentId, str]]:
    return [(e.agent.agent_id, e.reason) for e in run.events("agent_added") if isinstance(e, AgentAdded)]


def rules(*lines: str) -> str:
    return "rules: [" + ", ".join(f"{{{line}}}" for line in lines) + "]"


def test_a_critic_comes_when_the_agents_are_unsure_and_speaks_in_the_rounds_that_follow() -> None:
    flow = workflow(checkpoints="[0, 0.5, 0.9]", more=rules("when: confidence_below, value: 0.5, spawn: critic"))
    run = Steered(sure(research_1=0.4, research_2=0.42), flow)  # type: ignore[arg-type]
    run.check()
    assert added(run) == [("critic-1", "Added critic-1: the agents' confidence of 0.41 is below 0.50.")]
    critic = run.state.agents[AgentId("critic-1")]
    assert [(t.round, t.checkpoint, t.status) for t in critic.thoughts] == [(2, 0.5, "complete"), (3, 0.9, "complete")]
    assert critic.code == "C1" and critic.has_spawned and critic.reason
    assert "critic-1" in run.client.prompt("research-1", 1), "the others are told of it"
    assert len(run.state.rounds) == 3 and run.state.calls_ended == run.state.calls_planned


def test_who_comes_after_the_last_round_speaks_once_more_before_the_synthesis() -> None:
    flow = workflow(checkpoints="[0]", more=rules("when: confidence_spread_above, spawn: research"))
    run = Steered(sure(research_1=0.9, research_2=0.1), flow)  # type: ignore[arg-type]
    run.check()
    assert added(run) == [("research-3", "Added research-3: the agents' confidences lie 0.80 apart, more than 0.30.")]
    thought = run.state.thoughts[ThoughtId("research-3#2")]
    assert (thought.status, thought.checkpoint, len(thought.read)) == ("complete", 0.0, 2)
    assert run.state.synthesis is not None and thought.thought_id in run.state.synthesis.sources


def test_an_agent_comes_for_one_that_failed_and_no_more_than_the_rule_allows() -> None:
    def script(request: ChatRequest) -> Iterable[Line]:
        if request.agent_id == "research-1":
            return [ServerError("Broken.", fault="server")]
        return says("Words.")

    flow = workflow(checkpoints="[0, 0.3, 0.6, 0.9]", more=rules("when: agent_failed, spawn: research, max: 2"))
    run = Steered(script, flow)
    run.check()
    assert added(run) == [
        ("research-3", "Added research-3: research-1 failed."),
        ("research-4", "Added research-4: research-1 failed."),
    ]
    assert run.state.agents[AgentId("research-4")].code == "R4"


def test_agents_that_are_sure_and_agree_stay_among_themselves() -> None:
    every = rules(
        "when: confidence_below, spawn: critic",
        "when: confidence_spread_above, spawn: critic",
        "when: agent_failed, spawn: critic",
    )
    run = Steered(sure(), workflow(more=every))  # type: ignore[arg-type]
    assert added(run) == []


@pytest.mark.parametrize("cut_at", ["agent_added", "round_started"])
def test_a_run_that_was_interrupted_behind_a_rule_adds_nobody_twice(cut_at: str) -> None:
    flow = workflow(more=rules("when: confidence_below, value: 0.5, spawn: critic, max: 3"))
    run = Steered(sure(research_1=0.1, research_2=0.1, critic_1=0.9), flow)  # type: ignore[arg-type]
    first = next(n for n, r in enumerate(run.records, 1) if r.event.type == "agent_added")
    cut = first if cut_at == "agent_added" else first + 1
    once_through = added(run)[:1]
    run.crash_behind(cut).reopen(is_continued=True)
    run.check()
    assert added(run)[:1] == once_through and len(added(run)) == len({each for each, _ in added(run)})
    assert [t.round for t in run.state.agents[AgentId("critic-1")].thoughts] == [2]


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("when: sometimes, spawn: critic", r"rules\.0\.when must be one of confidence_below, confidence_spread_above"),
        ("when: agent_failed, spawn: nobody", r"rules\.0\.spawn must be one of analysis, critic, research"),
        ("when: agent_failed, value: 0.3, spawn: critic", r"rules\.0\.value must be left out: agent_failed needs none"),
        ("when: confidence_below, value: 50, spawn: critic", r"rules\.0\.value must be a number from 0 to 1"),
        ("when: agent_failed", r"rules\.0\.spawn is missing"),
        ("when: agent_failed, spawn: critic, most: 2", r"rules\.0\.most is not a key Felix knows"),
    ],
)
def test_a_faulty_rule_is_told_with_its_place(rule: str, fault: str) -> None:
    with pytest.raises(WorkflowError, match=fault):
        workflow(more=rules(rule))
