"""Acts that race the end of what they are about: whatever the order, everything ends once and the story holds."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

import pytest

from felix.events import HUB, AgentId, AgentState, Record, ThoughtComplete, ThoughtId
from felix.llm.chat import ChatRequest
from felix.team.run import Run
from felix.team.steering import Act
from tests.team.scripted import Line, always, says, workflow
from tests.team.steered import Steered


def words(request: ChatRequest) -> Iterable[Line]:
    return says(f"{request.agent_id} says\nthis\nand that.\nConfidence: 0.5")


ACTS: tuple[Act, ...] = (
    lambda run: run.stop_agent(AgentId("research-1")),
    lambda run: run.stop_agent(AgentId("research-3")),
    lambda run: run.stop_agent(HUB),
    Run.wrap_up,
    Run.pause,
    Run.go_on,
    lambda run: run.add_note("A word."),
    lambda run: run.retry(ThoughtId("research-2#1")),
    lambda run: run.continue_writing(ThoughtId("research-1#1")),
    lambda run: run.ask_agent(AgentId("research-2"), "Why?"),
    Run.synthesise_again,
)
ENDS = {"complete", "stopped", "failed"}
"""How these runs may end: nobody crashes, and the program goes on."""
FLOW = workflow("{id: research, role: research, count: 3}")


def assert_each_ended_once(run: Steered) -> None:
    """Every thought that was asked for; one may also end before it is, when its agent has been stopped."""
    events = [record.event for record in run.records]
    begun = {event.thought_id for event in events if isinstance(event, AgentState) and event.agent_id != HUB}
    ends = Counter(event.thought_id for event in events if isinstance(event, ThoughtComplete))
    assert {thought: ends[thought] for thought in begun | set(ends)} == dict.fromkeys(begun | set(ends), 1)


@pytest.mark.slow
def test_stop_at_every_record_of_a_run_ends_everything_once() -> None:
    length = len(Steered(words, FLOW, settings=always(max_parallel=2)).records)
    for moment in range(1, length):
        run = Steered(
            words, FLOW, settings=always(max_parallel=2), cancel_when=lambda record, at=moment: record.seq == at
        )
        run.check()
        assert run.state.status in {"stopped", "complete"}


@pytest.mark.slow
@pytest.mark.parametrize("act", ACTS[:4])
def test_an_act_at_every_record_of_a_run_ends_everything_once(act: Act) -> None:
    length = len(Steered(words, FLOW, settings=always(max_parallel=2)).records)
    for moment in range(1, length, 2):
        run = Steered(
            words,
            FLOW,
            lambda record, at=moment: act if record.seq == at else None,
            settings=always(max_parallel=2),
        )
        run.check()
        assert run.state.status in ENDS
        assert_each_ended_once(run)


@pytest.mark.parametrize("seeds", [range(40), pytest.param(range(40, 150), marks=pytest.mark.slow)])
def test_any_acts_in_any_order_leave_a_run_that_holds_together(seeds: range) -> None:
    for seed in seeds:
        chance = random.Random(seed)

        def hand(record: Record, chance: random.Random = chance) -> Act | None:
            if record.event.type == "pause_changed" and getattr(record.event, "state", "") == "paused":
                return Run.go_on  # nobody else would
            # Fewer with time, or the acts would keep the run going by themselves.
            return chance.choice(ACTS) if chance.random() < 8 / (record.seq + 16) else None

        cancel = chance.randrange(10, 120) if seed % 2 else 0
        run = Steered(
            words,
            FLOW,
            hand,
            settings=always(max_parallel=chance.choice([1, 2, 4])),
            cancel_when=lambda record, at=cancel: record.seq == at,
        )
        run.check()
        assert run.state.status in ENDS
        assert_each_ended_once(run)
