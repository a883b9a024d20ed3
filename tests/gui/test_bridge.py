"""From a mailbox to the views: once a frame, only to who can be seen, whatever a view does."""

from __future__ import annotations

import logging
import time
import tkinter as tk
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from pytest_mock import MockerFixture

from felix.errors import FelixError
from felix.events import (
    HUB,
    AgentId,
    Event,
    PartialSynthesis,
    PartialThought,
    Record,
    RoundStarted,
    RunFinished,
    RunId,
    RunReopened,
    RunStarted,
    SynthesisStarted,
    ThoughtId,
)
from felix.gui.bridge import Bridge
from felix.ledger.state import RunState
from felix.team.mailbox import Mailbox, Reply
from tests.ledger.hubs import short_run
from tests.telling import planned_agent, planned_round, run_started

RUN = RunId("run-0815")
ALICE, BOB = AgentId("research-1"), AgentId("critic-1")
Wait = Callable[..., None]


def started() -> RunStarted:
    return run_started(map(planned_agent, (ALICE, BOB)), [planned_round(1, 0.0, (ALICE, BOB))], workflow="Two")


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


def test_a_view_hidden_before_it_had_drawn_all_goes_on_when_it_comes_back(
    bridge: Bridge, feed: Feed, window: tk.Toplevel, wait_until: Wait
) -> None:
    frame = tk.Frame(window, width=10, height=10)
    frame.pack()
    view, witness = Log(moves=1_000_000), Log()
    bridge.add(view, frame)
    bridge.add(witness, window)
    wait_until(lambda: view.ticks > 2)
    frame.pack_forget()
    window.update()
    known = witness.ticks
    bridge.wake()
    wait_until(lambda: witness.ticks > known)
    view.calls.clear()
    ticks = view.ticks
    frame.pack()
    wait_until(lambda: view.ticks > ticks)
    assert view.calls == [("show", frozenset())]


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


def test_the_present_of_a_run_goes_on_evenly_when_somebody_sets_the_clock(
    bridge: Bridge, feed: Feed, window: tk.Toplevel, wait_until: Wait, mocker: MockerFixture
) -> None:
    view = Log()
    bridge.add(view, window)
    feed.put(started())
    wait_until(lambda: view.calls)
    began, present = bridge.state.started_at, time.time
    for leap_s in (86_400.0, -3_600.0):
        mocker.patch("time.time", lambda leap_s=leap_s: present() + leap_s)
        ticks = view.ticks
        wait_until(lambda ticks=ticks: view.ticks > ticks)
        assert began <= bridge.state.now < began + 60
        assert 0 <= bridge.state.elapsed_s(bridge.state.now) < 60


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


# -- runs that have ended ----------------------------------------------------------------------------------------------


class Seen(Log):
    """Remembers the state of each call too."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[RunState] = []

    def show(self, state: RunState) -> None:
        super().show(state)
        self.states.append(state)

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        super().update(state, dirty)
        self.states.append(state)


def test_a_run_goes_on_behind_a_past_one_that_is_looked_at(
    bridge: Bridge, feed: Feed, window: tk.Toplevel, wait_until: Wait
) -> None:
    shown, control = Seen(), Seen()
    bridge.add(shown, window)
    bridge.add(control, window, is_of_live=True)
    feed.put(started(), partial(ALICE, "one ", 0))
    wait_until(lambda: shown.calls)
    past = short_run()
    bridge.open(past.durable)
    wait_until(lambda: shown.states[-1].run == past.hub.run)
    assert bridge.state == past.hub.state
    assert (bridge.run, bridge.live_run) == (past.hub.run, RUN)
    feed.put(partial(ALICE, "two", 4))
    wait_until(lambda: len(bridge.live.thoughts[ThoughtId(f"{ALICE}#1")].answer) == 7)
    assert shown.states[-1].run == past.hub.run
    assert {state.run for state in control.states} == {RUN}
    assert bridge.knows(RUN)
    bridge.follow(RUN)
    wait_until(lambda: shown.states[-1].run == RUN)
    assert str(bridge.state.agents[ALICE].thoughts[0].answer) == "one two"


def test_the_live_run_opened_from_its_records_is_shown_as_it_stands(
    bridge: Bridge, feed: Feed, wait_until: Wait
) -> None:
    feed.put(started(), partial(ALICE, "so far", 0))
    wait_until(lambda: bridge.state.thoughts)
    bridge.open([Record(1, time.time(), RUN, started())])
    assert str(bridge.state.agents[ALICE].thoughts[0].answer) == "so far"


def test_a_played_run_goes_through_the_views_and_ends_as_it_ended(
    bridge: Bridge, window: tk.Toplevel, wait_until: Wait
) -> None:
    view = Seen()
    bridge.add(view, window)
    past = short_run()
    bridge.open(past.durable)
    wait_until(lambda: view.calls)
    player = bridge.player
    assert player is not None
    assert player.is_at_end and not bridge.is_replaying and bridge.state.now == bridge.state.ended_at
    player.set_speed(4.0)
    player.play()
    wait_until(lambda: bridge.is_replaying and bridge.state.thoughts)
    assert bridge.state.is_running
    assert bridge.state.now == pytest.approx(player.now, abs=0.2)
    wait_until(lambda: not player.is_playing)
    assert player.is_at_end and not bridge.is_replaying
    assert bridge.state == past.hub.state
    updates = [dirty for call, dirty in view.calls if call == "update"]
    assert {agent for dirty in updates for agent in dirty} >= {"research-1", "research-2", HUB}
    wait_until(lambda: view.states[-1].status == "complete")


def test_a_seek_shows_the_last_of_many_places_once(bridge: Bridge, window: tk.Toplevel, wait_until: Wait) -> None:
    view = Seen()
    bridge.add(view, window)
    past = short_run()
    bridge.open(past.durable)
    wait_until(lambda: view.calls)
    view.calls.clear()
    player = bridge.player
    assert player is not None
    for place in (0.2, 1.4, 0.7):
        player.seek(place)
    assert player.position_s == 0.7
    wait_until(lambda: view.calls)
    assert view.calls == [("show", frozenset())]
    assert bridge.state.now == pytest.approx(past.durable[0].at + 0.7)
    assert bridge.state.is_running


def test_a_replay_that_stands_still_costs_nothing(
    bridge: Bridge, window: tk.Toplevel, app: tk.Tk, wait_until: Wait
) -> None:
    view = Seen()
    bridge.add(view, window)
    bridge.open(short_run().durable)
    wait_until(lambda: view.calls)
    assert bridge.player is not None
    bridge.player.seek(0.7)
    wait_until(lambda: bridge.is_replaying)
    wait_until(lambda: not bridge.is_busy)
    before, end = view.ticks, time.monotonic() + 0.5
    while time.monotonic() < end:
        app.update()
    assert view.ticks <= before + 1
    assert not bridge.is_busy


def test_a_past_run_that_goes_on_is_no_longer_played_and_can_be_steered(
    bridge: Bridge, feed: Feed, window: tk.Toplevel, wait_until: Wait
) -> None:
    view = Seen()
    bridge.add(view, window)
    past = short_run()
    bridge.open(past.durable)
    assert bridge.player is not None
    bridge.player.seek(0.5)
    wait_until(lambda: bridge.is_replaying)
    past.hub.emit(RunReopened(reason="You asked for more."))
    feed.mailbox.put(past.records[-1])
    wait_until(lambda: bridge.player is None)
    wait_until(lambda: view.states[-1] is bridge.state)
    assert bridge.state == past.hub.state
    assert bridge.live_run == past.hub.run


def test_a_run_in_which_nobody_spoke_is_not_played(bridge: Bridge) -> None:
    bridge.open(
        [
            Record(1, 1.0, RunId("old"), started()),
            Record(2, 2.0, RunId("old"), RunFinished(status="failed", reason="No.", duration_s=1.0, usage=None)),
        ]
    )
    assert bridge.state.status == "failed"
    assert bridge.player is None
    bridge.leave()
    assert (bridge.run, bridge.state.plan, bridge.player) == (None, None, None)
