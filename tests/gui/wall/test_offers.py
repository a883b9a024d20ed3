"""What may be asked of an agent and of the hub, at every moment of a run."""

from __future__ import annotations

import pytest

from felix.events import AgentId, RunReopened, Status
from felix.gui.wall.offers import offers_for, offers_for_synthesis, turn_of
from tests.gui.recorded import ScriptedRun
from tests.gui.scene import Scene

ME = AgentId("research-1")


def offered(scene: Scene) -> set[str]:
    return set(offers_for(scene.state.agents[ME], scene.state))


def test_an_agent_that_speaks_can_be_stopped_and_nothing_else() -> None:
    scene = Scene()
    assert offered(scene) == set()
    scene.say(ME, "So far")
    assert offered(scene) == {"stop"}


@pytest.mark.parametrize("status", ["failed", "stopped", "truncated", "interrupted", "unconfirmed", "refused"])
def test_a_cut_answer_can_be_tried_again_and_gone_on_with(status: Status) -> None:
    scene = Scene()
    scene.say(ME, "So far")
    scene.end(ME, status)
    assert offered(scene) == {"retry", "continue", "ask"}


def test_what_came_to_nothing_can_only_be_tried_again() -> None:
    scene = Scene()
    scene.act(ME, "waiting")
    scene.end(ME, "failed")
    assert offered(scene) == {"retry"}


def test_a_complete_answer_needs_no_going_on() -> None:
    scene = Scene()
    scene.say(ME, "All of it.")
    scene.end(ME)
    assert offered(scene) == {"retry", "ask"}


def test_a_card_speaks_of_the_agents_turn_whatever_it_was_asked_since() -> None:
    scene = Scene()
    scene.say(ME, "So far")
    scene.end(ME, "stopped")
    scene.ask(ME, "ask", 1, text="Why?")
    agent = scene.state.agents[ME]
    assert turn_of(agent) is agent.latest  # while it answers
    assert offered(scene) == {"stop"}
    scene.end(ME, content="Because.", at=45)
    turn = turn_of(agent)
    assert turn is not None and turn.status == "stopped"
    assert offered(scene) == {"retry", "continue", "ask"}


def test_a_synthesis_can_be_stopped_while_it_is_written_and_made_again_afterwards() -> None:
    run = ScriptedRun()
    run.speak("research-1", 1)
    run.end("research-1", 1)
    assert offers_for_synthesis(run.state) == set()
    run.synthesise()
    run.write("An answer")
    assert offers_for_synthesis(run.state) == {"stop"}
    run.conclude()
    assert offers_for_synthesis(run.state) == {"again"}


def test_a_synthesis_that_was_cut_can_be_gone_on_with() -> None:
    run = ScriptedRun()
    run.speak("research-1", 1)
    run.end("research-1", 1)
    run.synthesise()
    run.write("An answ")
    run.conclude(status="truncated")
    assert offers_for_synthesis(run.state) == {"again", "continue"}


def test_once_the_hub_has_begun_the_agents_are_left_alone() -> None:
    run = ScriptedRun()
    run.speak("research-1", 1)
    run.end("research-1", 1, status="stopped")
    agent = run.state.agents[ME]
    assert "retry" in offers_for(agent, run.state)
    run.synthesise()
    assert offers_for(agent, run.state) == set()


def test_while_one_agent_is_tried_again_after_the_end_the_others_can_be_too() -> None:
    run = ScriptedRun()
    run.speak("research-1", 1)
    run.end("research-1", 1, status="failed")
    run.synthesise()
    run.write("An answer.")
    run.conclude()
    run.say(RunReopened(reason="You had research-2 try again."))
    assert run.state.is_running and "retry" in offers_for(run.state.agents[ME], run.state)
