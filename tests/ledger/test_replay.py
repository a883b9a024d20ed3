"""A run told again: from its durable records alone, in its own time, to any moment and back."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from felix.clock import SteadyClock
from felix.events import (
    PASSING,
    AgentAdded,
    AgentId,
    PartialThought,
    PauseChanged,
    Record,
    RunFinished,
    RunReopened,
    Status,
    StoodStill,
    SynthesisComplete,
    ThoughtAsked,
    ThoughtComplete,
    ThoughtId,
)
from felix.ledger.replay import Replay, expand
from felix.ledger.run_clock import Gap, RunClock, clock_of
from felix.ledger.state import RunState
from tests.ledger.hubs import FIRST, SECOND, START, TEAM, THIRD, Run, rounds, short_run
from tests.telling import planned_agent


def folded(records: list[Record]) -> RunState:
    state = RunState()
    for record in records:
        state.apply(record)
    return state


def until(records: list[Record], clock: RunClock, position_s: float) -> RunState:
    return folded([record for record in records if clock.position(record.at) <= position_s + 1e-4])


def test_what_is_told_again_is_what_was_told_word_by_word_and_at_its_time() -> None:
    run = short_run()
    told = expand(run.durable)
    assert [(round(r.at, 3), r.event) for r in told if isinstance(r.event, PartialThought)] == [
        (round(r.at, 3), replace(r.event, tokens_so_far=again.event.tokens_so_far))
        for r, again in zip(
            (r for r in run.records if isinstance(r.event, PartialThought)),
            (r for r in told if isinstance(r.event, PartialThought)),
            strict=True,
        )
        if isinstance(r.event, PartialThought) and isinstance(again.event, PartialThought)
    ]
    assert [type(r.event) for r in told] == [type(r.event) for r in run.records]
    assert [r.seq for r in told] == list(range(1, len(told) + 1))


def test_who_was_in_line_is_told_where() -> None:
    run = Run((*TEAM, AgentId("research-4")))
    fourth = ThoughtId("research-4#1")
    for thought in (FIRST, SECOND):
        run.do(thought, "connecting")
    run.do(THIRD, "queued", position=1)
    run.wait(0.01)
    run.do(fourth, "queued", position=2)
    run.wait(1.0)
    run.end(FIRST)
    run.do(THIRD, "connecting")
    run.do(fourth, "queued", position=1)
    run.wait(1.0)
    for thought in (SECOND, THIRD):
        run.end(thought)
    run.do(fourth, "connecting")
    run.wait(1.0)
    run.end(fourth)
    run.finish()
    replay = Replay(run.durable)
    assert [replay.seek(0.5).thoughts[each].position for each in (THIRD, fourth)] == [1, 2]
    assert replay.seek(1.5).thoughts[fourth].position == 1
    assert replay.seek(2.5).thoughts[fourth].position is None


def test_text_that_turned_out_to_be_thinking_is_thinking_from_the_moment_it_came() -> None:
    run = Run()
    run.do(FIRST, "connecting")
    run.wait(1.0)
    run.say(FIRST, "Hm. ")
    run.wait(1.0)
    run.say(FIRST, "Well. ")
    run.wait(1.0)
    run.say(FIRST, "", back_to=0)
    run.say(FIRST, "Hm. Well. ", thinking=True)
    run.wait(1.0)
    run.say(FIRST, "Yes.")
    run.end(FIRST)
    run.finish()
    replay = Replay(run.durable)
    seen = [
        (str(thought.thinking), str(thought.answer))
        for at in (1.5, 2.5, 3.5, 4.1)
        for thought in [replay.seek(at).thoughts[FIRST]]
    ]
    assert seen == [("Hm. ", ""), ("Hm. Well. ", ""), ("Hm. Well. ", ""), ("Hm. Well. ", "Yes.")]
    assert replay.seek(replay.duration_s) == run.hub.state


def test_an_answer_that_came_as_a_whole_is_told_as_a_whole() -> None:
    run = Run()
    run.do(FIRST, "connecting")
    run.wait(2.0)
    run.hub.finalize_streaming_thought(
        replace(
            next(r.event for r in short_run().durable if isinstance(r.event, ThoughtComplete)),
            content="At once.",
            thinking="Hm.",
        )
    )
    run.finish()
    replay = Replay(run.durable)
    assert not replay.seek(1.9).thoughts[FIRST].answer
    assert str(replay.seek(2.02).thoughts[FIRST].answer) == "At once."
    assert replay.seek(replay.duration_s) == folded(run.durable)


def test_the_time_during_which_a_run_was_closed_is_no_time_of_the_run() -> None:
    run = short_run()
    first_s = run.now - START
    run.wait(3_600.0)
    run.hub.emit(RunReopened(reason="You asked for another synthesis."))
    run.synthesise(2)
    run.wait(2.0)
    run.write("Again.")
    run.conclude()
    run.finish()
    replay = Replay(run.durable)
    assert replay.duration_s == pytest.approx(first_s + 2.0, abs=0.01)
    assert [mark.kind for mark in replay.marks] == ["round", "failure", "synthesis", "gap", "synthesis"]
    state = replay.seek(first_s + 1.0)
    assert state.synthesis is not None
    assert (state.synthesis.number, state.status, state.now) == (2, None, pytest.approx(run.now - 1.0, abs=0.01))
    assert replay.seek(replay.duration_s) == run.hub.state


def test_the_time_during_which_the_program_was_dead_is_no_time_of_the_run() -> None:
    run = Run()
    run.do(FIRST, "connecting")
    run.wait(3.0)
    run.say(FIRST, "Half of")
    run.wait(86_400.0)
    run.end(FIRST, "interrupted")
    run.hub.emit(RunFinished(status="interrupted", reason="Felix ended.", duration_s=3.0, usage=None))
    run.wait(100.0)
    run.hub.emit(RunReopened(reason="Continued."))
    run.do(SECOND, "connecting")
    run.wait(1.0)
    run.end(SECOND)
    run.finish()
    replay = Replay(run.durable)
    assert replay.duration_s == pytest.approx(4.01, abs=0.01)
    assert replay.seek(2.0).thoughts[FIRST].is_live
    assert replay.seek(replay.duration_s) == run.hub.state


def test_nobody_watches_a_pause_or_a_computer_that_sleeps() -> None:
    run = Run()
    run.do(FIRST, "connecting")
    run.wait(2.0)
    run.say(FIRST, "One.")
    run.wait(2_520.0)
    run.hub.emit(StoodStill(seconds=2_520.0, was_asleep=True))
    run.wait(1.0)
    run.end(FIRST)
    run.hub.emit(PauseChanged(state="paused"))
    run.wait(600.0)
    asked = ThoughtId("research-1#1.1")
    run.hub.emit(
        ThoughtAsked(agent_id=TEAM[0], thought_id=asked, act="ask", of=None, round=1, checkpoint=0.3, text="Sure?")
    )
    run.do(asked, "connecting")
    run.wait(4.0)
    run.end(asked)
    run.wait(300.0)
    run.hub.emit(PauseChanged(state="off"))
    run.do(SECOND, "connecting")
    run.wait(1.0)
    run.end(SECOND)
    spent_s = run.hub.state.elapsed_s(run.now)
    run.hub.emit(RunFinished(status="complete", reason="", duration_s=spent_s, usage=None))
    assert spent_s == pytest.approx(8.01, abs=0.01)
    replay = Replay(run.durable)
    assert replay.duration_s == pytest.approx(spent_s, abs=0.01)
    assert [(mark.words, round(mark.position_s)) for mark in replay.marks if mark.kind == "gap"] == [
        ("The computer slept for 42 min", 2), ("Paused for 10 min", 3), ("Paused for 5 min", 7),
    ]  # fmt: skip
    assert run.hub.state.thoughts[FIRST].lasted(run.durable[0].at, run.now) < 1_000
    assert replay.seek(2.5).thoughts[FIRST].lasted(START, replay.now) == pytest.approx(2.5, abs=0.02)
    assert replay.seek(5.0).thoughts[asked].is_live
    assert replay.seek(7.5).thoughts[SECOND].is_live
    assert replay.seek(replay.duration_s) == run.hub.state


def test_a_run_that_is_stopped_while_it_is_paused_ends_where_the_pause_began() -> None:
    run = Run()
    run.wait(1.0)
    run.hub.emit(PauseChanged(state="paused"))
    run.wait(600.0)
    assert clock_of(run.durable, goes_on=True).position(run.now) == pytest.approx(1.01)
    assert run.hub.state.elapsed_s(run.now) == pytest.approx(1.01)
    run.finish()
    assert Replay(run.durable).duration_s == pytest.approx(1.01, abs=0.001)
    assert [gap.words for gap in clock_of(run.durable, goes_on=True).gaps] == ["Paused for 10 min"]


def test_gaps_that_lie_in_one_another_are_one_and_called_what_the_longest_is() -> None:
    run = Run()
    run.hub.emit(PauseChanged(state="paused"))
    run.wait(60.0)
    run.wait(3_600.0)
    run.hub.emit(StoodStill(seconds=3_600.0, was_asleep=False))
    run.wait(60.0)
    run.hub.emit(PauseChanged(state="off"))
    run.wait(1.0)
    run.finish()
    assert [gap.words for gap in clock_of(run.durable).gaps] == ["Paused for 1 h 2 min"]
    assert Replay(run.durable).duration_s == pytest.approx(1.01, abs=0.01)


def test_a_clock_that_is_set_in_the_middle_of_a_run_moves_nothing_in_it() -> None:
    """Forward a day and back an hour: the wall's clock is read once, when the run begins."""
    wall, passed = [START], [100.0]
    clock = SteadyClock(wall=lambda: wall[0], passing=lambda: passed[0])
    run = Run(clock=clock)
    for leap_s in (86_400.0, -90_000.0):
        passed[0] += 2.0
        run.do(FIRST if leap_s > 0 else SECOND, "connecting")
        wall[0] += leap_s
        passed[0] += 2.0
        run.say(FIRST if leap_s > 0 else SECOND, "Hm.")
        run.end(FIRST if leap_s > 0 else SECOND)
    run.hub.emit(RunFinished(status="complete", reason="", duration_s=8.0, usage=None))
    assert [record.seq for record in run.records] == list(range(1, len(run.records) + 1))
    state = run.hub.state
    assert state.elapsed_s(clock()) == 8.0
    first, second = state.thoughts[FIRST], state.thoughts[SECOND]
    assert [(t.ended_at or 0.0) - t.opened_at for t in (first, second)] == pytest.approx([2.0, 2.0], abs=0.01)
    assert first.answer_chunks[0] == pytest.approx(2_000, abs=5)
    assert state.started_at == START
    replay = Replay(run.durable)
    assert replay.duration_s == pytest.approx(8.0, abs=0.01)
    assert replay.seek(replay.duration_s) == state


def test_nothing_is_told_before_what_it_belongs_to_though_the_clock_was_set_back() -> None:
    run = Run()
    run.do(FIRST, "connecting")
    run.wait(2.0)
    run.say(FIRST, "one ")
    run.now -= 3_600.0
    run.say(FIRST, "two")
    run.end(FIRST)
    run.synthesise()
    run.write("So.")
    run.conclude()
    run.finish()
    told = expand(run.durable)
    assert folded(told) == run.hub.state == folded(run.durable)
    kinds = [type(record.event).__name__ for record in told]
    assert kinds.index("ThoughtComplete") > max(n for n, kind in enumerate(kinds) if kind == "PartialThought")
    assert kinds.index("SynthesisStarted") < kinds.index("PartialSynthesis") < kinds.index("SynthesisComplete")


def test_a_run_that_nobody_has_ended_is_told_as_far_as_it_is_known() -> None:
    run = short_run()
    known = [record for record in run.durable if not isinstance(record.event, RunFinished | SynthesisComplete)]
    assert folded(expand(known)) == folded(known)
    assert Replay([]).duration_s == 0.0
    assert Replay([]).seek(1.0) == RunState()
    assert expand([]) == []


def test_a_place_between_pieces_of_time_is_the_same_place() -> None:
    run = short_run()
    replay, other = Replay(run.durable), Replay(run.durable)
    told: list[Record] = []
    while replay.position_s < replay.duration_s:
        told += replay.advance(0.07)
        if round(replay.position_s / 0.07) % 7 == 0:
            assert other.seek(replay.position_s) == replay.state
    assert told == expand(run.durable)
    assert replay.state == run.hub.state
    assert replay.advance(1.0) == []


def test_ahead_the_state_goes_on_and_back_it_is_another() -> None:
    replay = Replay(short_run().durable)
    state = replay.seek(1.0)
    assert replay.seek(2.0) is state
    assert replay.seek(1.0) is not state


@pytest.mark.slow
def test_any_place_in_ten_thousand_chunks_is_reached_at_once() -> None:
    run = Run()
    for thought in (FIRST, SECOND, THIRD):
        run.do(thought, "connecting")
    for step in range(10_000):
        run.wait(0.01)
        run.say((FIRST, SECOND, THIRD)[step % 3], f"word {step} ")
    for thought in (FIRST, SECOND, THIRD):
        run.end(thought)
    run.finish()
    replay = Replay(run.durable)
    replay.seek(1.0)
    spent = []
    for share in (0.99, 0.5, 1.0, 0.7, 0.2):
        began = time.thread_time()
        replay.seek(replay.duration_s * share)
        spent.append(time.thread_time() - began)
    assert sorted(spent)[len(spent) // 2] < 0.1


# -- any run at all ----------------------------------------------------------------------------------------------------

Act = tuple[str, int, int, float]
acts = st.lists(
    st.tuples(
        st.sampled_from(
            ("queued", "connecting", "reading", "say", "say", "think", "think", "back", "end", "again", "added", "hub",
             "write", "conclude", "close")
        ),
        st.integers(0, 2),
        st.integers(0, 8),
        st.sampled_from((0.0, 0.0004, 0.02, 0.1, 3.0)),
    ),
    max_size=60,
)  # fmt: skip


def carry_out(run: Run, script: list[Act]) -> None:
    """Whatever the script asks for and a hub could be told just then."""
    added = 0
    for number, (act, who, size, seconds) in enumerate(script):
        run.wait(seconds)
        state = run.hub.state
        if state.status is not None:
            run.hub.emit(RunReopened(reason="More of it."))
        agent = state.agents[list(state.agents)[who % len(state.agents)]]
        thought = agent.latest.thought_id if agent.latest else ThoughtId(f"{agent.agent_id}#1")
        is_over = agent.latest is not None and not agent.latest.is_live
        synthesis = state.synthesis
        match act:
            case "queued" | "connecting" | "reading" if not is_over:
                run.do(thought, act)  # type: ignore[arg-type]
            case "say" | "think" if not is_over:
                run.say(thought, "abcdefgh"[:size], thinking=act == "think")
            case "back" if agent.latest and not is_over:
                run.say(thought, "Hm", thinking=True, back_to=min(size, len(agent.latest.answer)))
            case "end" if not is_over:
                statuses: tuple[Status, ...] = ("complete", "failed", "stopped", "truncated")
                run.end(thought, statuses[size % 4], cut=min(size, len(agent.latest.answer)) if agent.latest else 0)
            case "again" if is_over:
                run.hub.emit(
                    ThoughtAsked(
                        agent_id=agent.agent_id, thought_id=ThoughtId(f"{agent.agent_id}#1.{number}"), act="retry",
                        of=thought, round=1, checkpoint=0.3, text="Try harder.", model="other",
                    )
                )  # fmt: skip
            case "added" if added < 2:
                added += 1
                new = AgentId(f"critic-{added}")
                run.hub.emit(
                    AgentAdded(agent=planned_agent(new), rounds=rounds((*state.agents, new)), reason="They differ.")
                )
            case "hub" if synthesis is None or not synthesis.is_live:
                run.synthesise(1 if synthesis is None else synthesis.number + 1)
            case "write" if synthesis is not None and synthesis.is_live:
                run.write("abcdefgh"[:size])
            case "conclude" if synthesis is not None and synthesis.is_live:
                run.conclude()
            case "close" if size > 6 and not any(t.is_live for t in state.thoughts.values()):
                run.finish()
            case _:
                pass
    for thought_id in [t.thought_id for t in run.hub.state.thoughts.values() if t.is_live]:
        run.end(thought_id, "stopped")
    if run.hub.state.synthesis and run.hub.state.synthesis.is_live:
        run.conclude("stopped")
    if run.hub.state.status is None:
        run.finish()


@settings(max_examples=150, deadline=None)
@given(acts, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_every_run_told_again_ends_as_it_did_and_is_anywhere_what_it_was_there(
    script: list[Act], one: float, other: float
) -> None:
    run = Run()
    carry_out(run, script)
    told = expand(run.durable)
    assert folded(told) == folded(run.durable)
    assert all(before.at <= after.at for before, after in pairwise(told))
    assert len([r for r in told if not isinstance(r.event, PASSING)]) == len(run.durable)
    replay = Replay(run.durable)
    assert replay.seek(replay.duration_s) == folded(run.durable)
    for share in (one, other):
        position = share * replay.duration_s
        assert replay.seek(position) == until(told, replay.clock, position)


@given(
    st.lists(st.tuples(st.floats(0.01, 50), st.floats(0.01, 1e6)), max_size=4),
    st.floats(0, 1_000),
)
def test_a_clock_reads_the_same_both_ways(gaps: list[tuple[float, float]], position: float) -> None:
    at, closed = START, list[Gap]()
    for open_s, closed_s in gaps:
        closed.append(Gap(at + open_s, at + open_s + closed_s, "closed"))
        at = closed[-1].end
    clock = RunClock(START, tuple(closed))
    assert clock.position(clock.at(position)) == pytest.approx(position, abs=1e-3)
    assert all(clock.position(start) == pytest.approx(clock.position(end), abs=1e-3) for start, end, _ in closed)


def test_a_clock_of_nothing_begins_at_nothing() -> None:
    assert clock_of([]) == RunClock(0.0)
