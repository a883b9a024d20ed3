"""What a user does to a run while it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from felix.events import HUB, AgentId, NoteAdded, PauseChanged, RoundStarted, ThoughtId
from felix.ledger.words import lacking
from felix.llm.chat import ChatRequest, Text
from felix.team.run import Run
from felix.team.steering import Act
from tests.team.scripted import Line, always, says, workflow
from tests.team.steered import Steered, once, together

ONE, TWO = AgentId("research-1"), AgentId("research-2")


def endless(*agents: str) -> object:
    """These write a line and then nothing more; the others speak as usual."""

    def script(request: ChatRequest) -> Iterable[Line]:
        if request.agent_id in agents:
            return [Text("So far.\n"), asyncio.Event()]
        return says(f"{request.agent_id} speaks.\nConfidence: 0.5")

    return script


def stop(agent_id: AgentId) -> Act:
    return lambda run: run.stop_agent(agent_id)


def test_stopping_one_agent_keeps_its_text_and_lets_the_others_go_on() -> None:
    calls = iter([[Text("So far.\n"), asyncio.Event()], says("Again.")])

    def script(request: ChatRequest) -> Iterable[Line]:
        return next(calls) if request.agent_id == ONE else says("Two speaks.")

    run = Steered(script, workflow(), once("partial_thought", stop(ONE), agent_id=ONE))
    run.check()
    assert run.ends() == {
        "research-1#1": "stopped",
        "research-2#1": "complete",
        "research-1#2": "complete",
        "research-2#2": "complete",
    }
    assert str(run.state.thoughts[ThoughtId("research-1#1")].answer) == "So far.\n"
    assert run.state.status == "complete"


def test_stopping_an_agent_frees_its_place_in_the_queue() -> None:
    flow = workflow("{id: research, role: research, count: 3}", checkpoints="[0]")
    run = Steered(
        endless("research-1"), flow, once("partial_thought", stop(ONE), agent_id=ONE), settings=always(max_parallel=1)
    )
    run.check()
    assert list(run.ends().values()) == ["stopped", "complete", "complete"]


def test_an_agent_that_waits_in_the_queue_can_be_stopped_and_the_next_moves_up() -> None:
    flow = workflow("{id: research, role: research, count: 4}", checkpoints="[0]")
    queued = once("agent_state", stop(AgentId("research-3")), agent_id="research-3", state="queued")
    run = Steered(
        endless("research-1"),
        flow,
        together(queued, once("thought_complete", stop(ONE), agent_id="research-3")),
        settings=always(max_parallel=1),
    )
    run.check()
    assert [r.agent_id for r in run.client.requests] == ["research-1", "research-2", "research-4", "hub"]
    places = [e.position for e in run.events("agent_state") if e.agent_id == "research-4" and e.state == "queued"]
    assert places == [3, 2, 1]


def test_stopping_the_hub_ends_the_synthesis_and_with_it_the_run() -> None:
    run = Steered(endless(HUB), workflow(), once("partial_synthesis", stop(HUB)))
    run.check()
    assert run.state.status == "stopped" and run.state.synthesis is not None
    assert (run.state.synthesis.status, str(run.state.synthesis.answer)) == ("stopped", "So far.\n")


def test_wrapping_up_ends_what_is_written_and_goes_to_the_synthesis_at_once() -> None:
    run = Steered(endless("research-1"), workflow(), once("thought_complete", Run.wrap_up))
    run.check()
    assert run.ends() == {"research-1#1": "stopped", "research-2#1": "complete"}
    complete, unfinished = run.client.prompt(HUB).split("# Unfinished contributions")
    assert "research-2 speaks." in complete and "So far." in unfinished
    assert run.state.status == "complete" and run.state.synthesis is not None
    (missing,) = run.state.synthesis.left_out
    assert (missing.agent_id, missing.status, missing.is_heard) == ("research-1", "stopped", True)
    assert lacking(missing) == "Only in part research-1 (stopped): Stopped by you."


def test_wrapping_up_before_anybody_spoke_is_a_stop_that_says_why() -> None:
    run = Steered(endless(), workflow(), before=[Run.wrap_up])
    run.check()
    assert run.state.status == "stopped" and "before anybody" in run.state.reason
    assert run.client.requests == []


def test_a_pause_begins_after_the_round_and_ends_when_the_user_says_so() -> None:
    run = Steered(
        endless(),
        workflow(),
        together(once("round_started", Run.pause), once("pause_changed", Run.go_on, state="paused")),
    )
    run.check()
    story = [e for r in run.records if isinstance(e := r.event, RoundStarted | PauseChanged)]
    assert [getattr(e, "state", None) or e.number for e in story] == [1, "asked", "paused", "off", 2]  # type: ignore[union-attr]
    assert run.state.status == "complete"


@pytest.mark.parametrize("at", ["asked", "paused"])
def test_wrapping_up_works_while_the_run_is_paused(at: str) -> None:
    run = Steered(
        endless(), workflow(), together(once("round_started", Run.pause), once("pause_changed", Run.wrap_up, state=at))
    )
    run.check()
    assert run.state.status == "complete" and run.state.pause == "off" and run.state.round == 1


def test_stop_works_while_the_run_is_paused() -> None:
    run = Steered(
        endless(),
        workflow(),
        once("round_started", Run.pause),
        cancel_when=lambda record: record.event == PauseChanged(state="paused"),
    )
    run.check()
    assert run.state.status == "stopped" and run.state.round == 1 and run.state.pause == "off"


def test_what_is_done_before_the_run_is_planned_is_done_when_it_is() -> None:
    run = Steered(endless(), workflow(), once("pause_changed", Run.go_on, state="paused"), before=[Run.pause])
    run.check()
    assert [r.event.type for r in run.records][:3] == ["run_started", "pause_changed", "pause_changed"]
    assert run.state.status == "complete"


def test_a_note_is_told_once_and_one_to_nobody_is_let_fall() -> None:
    run = Steered(
        endless(),
        workflow(),
        together(
            once("round_started", lambda run: run.add_note("  Keep it cheap.  ")),
            once("round_started", lambda run: run.add_note("Lost.", AgentId("nobody"))),
            once("round_started", lambda run: run.add_note("   ")),
        ),
    )
    run.check()
    assert run.events("note_added") == [NoteAdded(text="Keep it cheap.", agent_id=None)]
