"""Who speaks when: the same for a reader of the picker, the picture and the runner."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.team.schedule import depth_at, describe, moments, schedule
from felix.team.workflow import Workflow

hundredths = st.integers(0, 100).map(lambda n: n / 100)


def team(*agents: dict, **keys) -> Workflow:
    return Workflow.model_validate({"name": "Team", "agents": list(agents), **keys})


def spoken(workflow: Workflow) -> list[tuple[float, list[str]]]:
    return [(each.t, [f"{turn.agent_id} {turn.checkpoint}" for turn in each.turns]) for each in schedule(workflow)]


def test_agents_join_at_their_depth_and_meet_at_every_checkpoint() -> None:
    workflow = team({"id": "research", "role": "research"}, {"id": "critic", "role": "critic"})
    assert spoken(workflow) == [
        (0.0, ["research-1 0.0"]),
        (0.3, ["research-1 0.3"]),
        (0.5, ["research-1 0.5", "critic-1 0.5"]),
        (0.7, ["research-1 0.7", "critic-1 0.7"]),
        (0.9, ["research-1 0.9", "critic-1 0.9"]),
    ]


def test_an_agent_that_enters_between_checkpoints_speaks_first_at_the_next() -> None:
    assert spoken(team({"id": "a", "role": "analysis"}, checkpoints=[0, 0.5])) == [(0.5, ["a-1 0.5"])]


def test_a_slow_agent_speaks_later_and_not_at_what_it_cannot_reach() -> None:
    workflow = team({"id": "a", "role": "research", "speed": 0.5}, checkpoints=[0, 0.3, 0.5, 0.7])
    assert spoken(workflow) == [(0.0, ["a-1 0.0"]), (0.6, ["a-1 0.3"]), (1.0, ["a-1 0.5"])]


def test_a_fast_agent_speaks_before_the_others_arrive() -> None:
    workflow = team({"id": "a", "role": "research", "speed": 2}, {"id": "b", "role": "research"}, checkpoints=[0, 0.4])
    assert spoken(workflow) == [(0.0, ["a-1 0.0", "b-1 0.0"]), (0.2, ["a-1 0.4"]), (0.4, ["b-1 0.4"])]


def test_float_noise_does_not_split_a_moment() -> None:
    # in floats the first is 0.39999999999999997; a speed of a third needs rounding on top
    assert list(moments(0.2, 0.5, [0.3])) == [(0.4, 0.3)]
    assert list(moments(0.2, 0.333333, [0.3])) == [(0.500000, 0.3)]
    workflow = team(
        {"id": "a", "role": "research", "spawn": 0.1, "speed": 0.5},
        {"id": "b", "role": "research", "spawn": 0.2, "speed": 0.3333333},
        {"id": "c", "role": "critic"},
        checkpoints=[0.3, 0.5],
    )
    assert [turn.agent_id for turn in schedule(workflow)[0].turns] == ["a-1", "b-1", "c-1"]


def test_the_very_end_of_the_clock_is_reached_in_spite_of_float_noise() -> None:
    # in floats this moment is 1.0000000000000002
    assert list(moments(0.1, 0.6, [0.64])) == [(1.0, 0.64)]


def test_it_is_described_as_calls_in_rounds() -> None:
    workflow = team({"id": "r", "role": "research"}, {"id": "a", "role": "analysis"})
    assert describe(schedule(workflow)) == "9 calls in 5 rounds"
    assert describe(schedule(team({"id": "r", "role": "research"}, checkpoints=[0]))) == "1 call in 1 round"


def test_an_agent_is_nowhere_before_it_enters_and_stops_at_the_bottom() -> None:
    assert depth_at(0.1, spawn=0.2, speed=1) is None
    assert depth_at(0.2, spawn=0.2, speed=3) == 0.2
    assert depth_at(0.4, spawn=0.2, speed=2) == pytest.approx(0.6)
    assert depth_at(1.0, spawn=0.2, speed=3) == 1.0


@st.composite
def teams(draw) -> Workflow:
    checkpoints = sorted(draw(st.sets(hundredths, min_size=1, max_size=6)))
    agents = [
        {
            "id": f"{'abcdef'[index]}",
            "role": draw(st.sampled_from(["research", "analysis", "critic"])),
            "count": draw(st.integers(1, 3)),
            "spawn": draw(hundredths.filter(lambda depth: depth <= checkpoints[-1])),
            "speed": draw(st.sampled_from([1, 1.25, 2, 3.3, 10])),
        }
        for index in range(draw(st.integers(1, 5)))
    ]
    return team(*agents, checkpoints=checkpoints)


@given(teams())
def test_rounds_hold_for_every_team(workflow: Workflow) -> None:
    rounds = schedule(workflow)
    assert [each.number for each in rounds] == list(range(1, len(rounds) + 1))
    assert all(earlier.t < later.t for earlier, later in itertools.pairwise(rounds))
    order = [member.id for member in workflow.members()]
    taken: dict[str, list[float]] = {}
    for each in rounds:
        assert 0 <= each.t <= 1
        speakers = [turn.agent_id for turn in each.turns]
        assert speakers == sorted(set(speakers), key=order.index), "once in a round, in the order of the file"
        for turn in each.turns:
            taken.setdefault(turn.agent_id, []).append(turn.checkpoint)
    for member in workflow.members():
        spec = member.spec
        assert taken[member.id] == [each for each in workflow.checkpoints if each >= spec.spawn_depth]
        for each in rounds:
            for turn in each.turns:
                if turn.agent_id == member.id:
                    depth = depth_at(each.t, spawn=spec.spawn_depth, speed=spec.speed)
                    assert depth == pytest.approx(turn.checkpoint, abs=1e-4), (
                        "the picture shows the depth of the prompt"
                    )
