"""From a mailbox to the views: once a frame, only to who can be seen, whatever a view does."""

from __future__ import annotations

import logging
import time
import tkinter as tk
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from felix.errors import FelixError
from felix.events import (
    HUB,
    AgentId,
    Event,
    PartialSynthesis,
    PartialThought,
    PlannedAgent,
    PlannedRound,
    PlannedTurn,
    Record,
    RoundStarted,
    RunFinished,
    RunId,
    RunStarted,
    SynthesisStarted,
    ThoughtId,
)
from felix.gui.bridge import Bridge
from felix.ledger.state import RunState
from felix.team.mailbox import Mailbox, Reply

RUN = RunId("run-1")
ALICE, BOB = AgentId("research-1"), AgentId("critic-1")
Wait = Callable[..., None]


def started() -> RunStarted:
    return RunStarted(
        task="Why?",
        workflow="Two",
        agents=tuple(
            PlannedAgent(agent_id=agent, code="X1", role="research", spawn=0.0, model="m") for agent in (ALICE, BOB)
        ),
        rounds=(
            PlannedRound(
                number=1, t=0.0, turns=tuple(PlannedTurn(agent_id=agent, checkpoint=0.0) for agent in (ALICE, BOB))
            ),
        ),
        server="http://127.0.0.1:1/v1",
        server_name="Test",
        model="m",
        context_length=None,
        streaming=True,
        batch_interval_s=0.1,
        max_parallel=4,
        consensus_threshold=None,
        helix_turns=2.0,
        demo=False,
    )


def partial(agent: AgentId, text: str, offset: int) -> PartialThought:
    return PartialThought(
        agent_id=agent,
        thought_id=ThoughtId(f"{agent}#1"),
        role="research",
        checkpoint=0.0,
        progress=0.0,
        channel="answer",
        partial=text,
        offset=offset,
        tokens_so_far=1,
    )


class Feed:
    """The worker's end of the mailbox."""

    def __init__(self) -> None:
        self.mailbox = Mailbox()
        self.seq = 0

    def put(self, *events: Event, run: RunId = RUN) -> None:
        for event in events:
            self.seq += 1
            self.mailbox.put(Record(self.seq, time.time(), run, event))


class Log:
    """A view that writes down its calls."""

    def __init__(self, *, moves: int = 0) -> None:
        self.calls: list[tuple[str, frozenset[AgentId]]] = []
        self.ticks = 0
        self.moves = moves

    def show(self, state: RunState) -> None:
        self.calls.append(("show", frozenset()))

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        self.calls.append(("update", frozenset(dirty)))

    def tick(self, now: float) -> bool:
        self.ticks += 1
        self.moves -= 1
        return self.moves > 0


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture
def bridge(window: tk.Toplevel, feed: Feed, faults: list[str]) -> Iterator[Bridge]:
    bridge = Bridge(window, on_bug=lambda: faults.append("told"))
    bridge.listen(feed.mailbox)
    bridge.start()
    bridge.follow(RUN)
    yield bridge
    bridge.close()


def test_a_view_is_called_once_for_all_that_came_in_a_frame(
    bridge: Bridge, feed: Feed, window: tk.Toplevel, wait_until: Wait
) -> None:
    view = Log()
    bridge.add(view, window)
    feed.put(started())
    wait_until(lambda: view.calls)
    view.calls.clear()
    for n in range(50):
        feed.put(partial(ALICE, "a", n), partial(BOB, "bc", 2 * n))
    wait_until(lambda: view.calls)
    assert view.calls == [("update", frozenset({ALICE, BOB}))]
    assert str(bridge.state.agents[BOB].thoughts[0].answer) == "bc" * 50


def test_the_synthesis_is_told_as_the_hub_and_the_run_as_nobody(
    bridge: Bridge, feed: Feed, window: tk.Toplevel, wait_until: Wait
) -> None:
    view = Log()
    bridge.add(view, window)
    feed.put(started())
    wait_until(lambda: view.calls)
    view.calls.clear()
    feed.put(RoundStarted(number=1, total=1, t=0.0, agents=(ALICE,)))
    wait_until(lambda: view.calls)
    assert view.calls == [("update", frozenset())]
    view.calls.clear()
    feed.put(
        SynthesisStarted(sources=(), left_out=(), early=False, mean_confidence=None, reason="now"),
        PartialSynthesis(channel="answer", partial="So", offset=0, tokens_so_far=1),
    )
    wait_until(lambda: view.calls)
    assert view.calls == [("update", frozenset({HUB}))]


def test_records_of_another_run_are_dropped(bridge: Bridge, feed: Feed, window: tk.Toplevel, wait_until: Wait) -> None:
    view = Log()
    bridge.add(view, window)
    feed.put(started(), partial(ALICE, "old", 0), run=RunId("run-0"))
    feed.put(started(), partial(ALICE, "new", 0))
    wait_until(lambda: bridge.state.thoughts)
    assert bridge.state.run == RUN
    assert str(bridge.state.agents[ALICE].thoughts[0].answer) == "new"


def test_a_hidden_view_gets_nothing_and_is_drawn_when_it_comes_back(
    bridge: Bridge, feed: Feed, window: tk.Toplevel, wait_until: Wait
) -> None:
    frame = tk.Frame(window, width=10, height=10)
    view, witness = Log(), Log()
    bridge.add(view, frame)
    bridge.add(witness, window)
    feed.put(started(), partial(ALICE, "unseen", 0))
    wait_until(lambda: witness.calls)
    assert view.calls == []
    assert view.ticks == 0
    frame.pack()
    wait_until(lambda: view.calls)
    assert view.calls == [("show", frozenset())]
    feed.put(partial(ALICE, "!", 6))
    wait_until(lambda: len(view.calls) > 1)
    assert view.calls[1:] == [("update", frozenset({ALICE}))]


def test_a_view_that_fails_is_logged_once_and_blinds_nobody(
    bridge: Bridge,
    feed: Feed,
    window: tk.Toplevel,
    faults: list[str],
    logged_errors: list[logging.LogRecord],
    wait_until: Wait,
) -> None:
    class Broken(Log):
        def update(self, state: RunState, dirty: set[AgentId]) -> None:
            super().update(state, dirty)
            raise LookupError("no such card")

    broken, view = Broken(), Log()
    bridge.add(broken, window)
    bridge.add(view, window)
    feed.put(started())
    wait_until(lambda: view.calls)
    for n in range(3):
        before = len(view.calls)
        feed.put(partial(ALICE, "x", n))
        wait_until(lambda before=before: len(view.calls) > before)
    assert [call for call, _ in broken.calls].count("update") == 3
    assert faults == ["told"]
    assert [record.exc_info[1].args for record in logged_errors if record.exc_info and record.exc_info[1]] == [
        ("no such card",)
    ]
    logged_errors.clear()


def test_a_moving_view_is_ticked_frame_by_frame_and_a_still_one_left_alone(
    bridge: Bridge, feed: Feed, window: tk.Toplevel, wait_until: Wait
) -> None:
    moving, still = Log(moves=20), Log()
    bridge.add(moving, window)
    bridge.add(still, window)
    bridge.follow(RUN)
    wait_until(lambda: moving.moves == 0)
    assert moving.ticks == 20
    assert still.ticks == 1


def test_a_run_in_which_nothing_moves_ticks_ten_times_a_second(
    bridge: Bridge, feed: Feed, window: tk.Toplevel, app: tk.Tk, wait_until: Wait
) -> None:
    still = Log()
    bridge.add(still, window)
    feed.put(started())
    wait_until(lambda: still.ticks)
    before, end = still.ticks, time.monotonic() + 1.0
    while time.monotonic() < end:
        app.update()
    assert 5 <= still.ticks - before <= 10
    frames = still.ticks
    feed.put(partial(ALICE, "now", 0))
    wait_until(lambda: still.ticks > frames)
    assert still.calls[-1] == ("update", frozenset({ALICE}))


def test_what_is_known_of_a_run_is_shown_until_the_engine_tells(
    bridge: Bridge, feed: Feed, window: tk.Toplevel, wait_until: Wait
) -> None:
    view = Log()
    bridge.add(view, window)
    bridge.follow(RUN, started())
    wait_until(lambda: view.calls)
    assert list(bridge.state.agents) == [ALICE, BOB]
    feed.put(replace(started(), model="the one that is loaded"))
    wait_until(lambda: bridge.state.plan and bridge.state.plan.model == "the one that is loaded")


def test_an_answer_reaches_who_asked(bridge: Bridge, feed: Feed, wait_until: Wait) -> None:
    heard: list[tuple[object, FelixError | None]] = []
    trouble = FelixError("No.")
    bridge.expect(7, lambda value, error: heard.append((value, error)))
    bridge.expect(8, lambda value, error: heard.append((value, error)))
    feed.mailbox.put(Reply(8, error=trouble))
    feed.mailbox.put(Reply(7, "yes"))
    feed.mailbox.put(Reply(9, "nobody asked"))
    wait_until(lambda: len(heard) == 2)
    assert heard == [(None, trouble), ("yes", None)]


def test_a_flood_leaves_time_for_the_user(bridge: Bridge, feed: Feed, window: tk.Toplevel, wait_until: Wait) -> None:
    feed.put(started())
    wait_until(lambda: bridge.state.plan)
    for n in range(30_000):
        feed.put(RoundStarted(number=n, total=30_000, t=0.5, agents=()))
    frames: list[float] = []
    fold = bridge._fold

    def timed(deadline: float) -> None:
        began = time.thread_time()
        fold(deadline)
        frames.append(time.thread_time() - began)

    bridge._fold = timed  # type: ignore[method-assign]
    wait_until(lambda: bridge.state.round == 29_999)
    assert len(frames) > 3
    assert sorted(frames)[len(frames) // 2] < 0.02


def test_after_closing_nothing_is_called_and_no_timer_is_left(
    bridge: Bridge, feed: Feed, window: tk.Toplevel, app: tk.Tk, wait_until: Wait
) -> None:
    view = Log()
    bridge.add(view, window)
    feed.put(started())
    wait_until(lambda: view.calls)
    timers = set(app.tk.splitlist(app.tk.call("after", "info")))
    bridge.close()
    assert len(timers - set(app.tk.splitlist(app.tk.call("after", "info")))) == 1
    view.calls.clear()
    feed.put(RunFinished(status="complete", reason="", duration_s=1.0, usage=None))
    end = time.monotonic() + 0.1
    while time.monotonic() < end:
        app.update()
    assert view.calls == []
