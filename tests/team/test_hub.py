from __future__ import annotations

import asyncio
import logging

import pytest

from felix.events import AgentId, Record, RoundStarted, RunFinished, RunId, RunReopened
from felix.team.hub import CentralPost, Moment
from felix.team.runner import planned_agents, planned_rounds
from tests.team.scripted import workflow
from tests.telling import run_started


def started_hub() -> CentralPost:
    hub = CentralPost(RunId("r"), clock=lambda: 5.0)
    flow = workflow()
    hub.emit(run_started(planned_agents(flow), planned_rounds(flow)))
    return hub


ROUND = RoundStarted(number=1, total=2, t=0.0, agents=(AgentId("research-1"),))


def test_a_plain_callback_is_called_at_once_with_every_record() -> None:
    hub, seen = started_hub(), list[Record]()
    hub.register_streaming_callback(seen.append)
    record = hub.emit(ROUND)
    assert seen == [record]
    hub.unregister_streaming_callback(seen.append)
    hub.emit(ROUND)
    assert seen == [record]


def test_times_only_grow_within_a_run_and_when_it_is_opened_again_whatever_is_done_to_the_clock() -> None:
    times = iter([10.0, 11.0, 7.0, 11.0, 12.0])
    hub = CentralPost(RunId("r"), clock=lambda: next(times))
    end = RunFinished(status="stopped", reason="", duration_s=1.0, usage=None)
    told = [hub.emit(event).at for event in (run_started([], []), ROUND, ROUND, ROUND, end)]
    assert told == sorted(set(told))
    assert told == pytest.approx([10.0, 11.0, 11.0, 11.0, 12.0], abs=1e-5)
    again = CentralPost(RunId("r"), clock=lambda: 8.0, state=hub.state)
    assert again.emit(RunReopened(reason="More.")).at > 12.0


def test_a_callback_that_raises_is_logged_and_harms_nobody(logged_errors: list[logging.LogRecord]) -> None:
    hub, seen = started_hub(), list[Record]()

    def broken(record: Record) -> None:
        raise ZeroDivisionError

    hub.register_streaming_callback(broken)
    hub.register_streaming_callback(seen.append)
    hub.emit(ROUND)
    assert len(seen) == 1 and len(logged_errors) == 1
    logged_errors.clear()


def test_an_async_callback_is_fed_in_order_and_awaited_without_slowing_the_hub() -> None:
    async def run() -> tuple[list[int], int]:
        hub, seen = started_hub(), list[int]()
        gate = asyncio.Event()

        async def slow(record: Record) -> None:
            await gate.wait()
            seen.append(record.seq)

        async with asyncio.TaskGroup() as tasks:
            hub.register_streaming_callback(slow, tasks)
            for _ in range(5):
                hub.emit(ROUND)
            seen_at_once = len(seen)
            gate.set()
            await hub.drain()
        return seen, seen_at_once

    assert asyncio.run(run()) == ([2, 3, 4, 5, 6], 0)


def test_an_async_callback_that_hangs_does_not_keep_the_run_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.team.hub.DRAIN_S", 0.05)

    async def run() -> bool:
        hub = started_hub()

        async def stuck(record: Record) -> None:
            await asyncio.Event().wait()

        async with asyncio.TaskGroup() as tasks:
            hub.register_streaming_callback(stuck, tasks)
            hub.emit(ROUND)
            await hub.drain()
        return True

    assert asyncio.run(run())


def test_one_that_was_unregistered_does_not_keep_it_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.team.hub.DRAIN_S", 0.05)

    async def run() -> float:
        hub = started_hub()

        async def stuck(record: Record) -> None:
            await asyncio.Event().wait()

        async with asyncio.TaskGroup() as tasks:
            hub.register_streaming_callback(stuck, tasks)
            hub.emit(ROUND)
            hub.unregister_streaming_callback(stuck)
            began = asyncio.get_running_loop().time()
            await hub.drain()
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(asyncio.wait_for(run(), 5)) < 1


def test_an_object_that_is_called_asynchronously_is_awaited_too() -> None:
    class Sink:
        def __init__(self) -> None:
            self.seen: list[int] = []

        async def __call__(self, record: Record) -> None:
            self.seen.append(record.seq)

    async def run() -> list[int]:
        hub, sink = started_hub(), Sink()
        async with asyncio.TaskGroup() as tasks:
            hub.register_streaming_callback(sink, tasks)
            hub.emit(ROUND)
            await hub.drain()
        return sink.seen

    assert asyncio.run(run()) == [2]


def test_an_async_callback_needs_a_group_to_live_in() -> None:
    async def callback(record: Record) -> None: ...

    with pytest.raises(ValueError, match="task group"):
        started_hub().register_streaming_callback(callback)


def test_partial_thoughts_are_numbered_and_folded() -> None:
    hub = started_hub()
    moment = Moment(AgentId("research-1"), "research-1#1", "research", 0.0, 0.0)  # type: ignore[arg-type]
    hub.receive_partial_thought(moment, "Hel", offset=0, tokens_so_far=1)
    hub.receive_partial_thought(moment, "lo", offset=3, tokens_so_far=2)
    thought = hub.state.agents[AgentId("research-1")].latest
    assert thought is not None and str(thought.answer) == "Hello" and hub.state.seq == 3
    assert hub.thoughts() == [], "a thought that is still written is shown, not used"
