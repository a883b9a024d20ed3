"""What stands between the engine and those who watch: pieces joined rightly, past and present joined exactly."""

from __future__ import annotations

import asyncio

from felix.events import (
    AgentId,
    AgentState,
    Channel,
    Event,
    PartialSynthesis,
    PartialThought,
    Record,
    RoundStarted,
    RunId,
    StoodStill,
    ThoughtId,
)
from felix.ledger.state import RunState
from felix.team.progress import in_progress
from felix.web.feeds import Feeds
from felix.web.frames import frame, merged
from tests.servers.fault_server import FaultServer
from tests.test_engine import follow, is_event
from tests.web.served import Served, begin, kept

RUN = RunId("run")


def piece(text: str, offset: int, agent: str = "research-1", channel: Channel = "answer") -> PartialThought:
    return PartialThought(
        agent_id=AgentId(agent),
        thought_id=ThoughtId(f"{agent}#1"),
        role="research",
        checkpoint=0.0,
        progress=0.0,
        channel=channel,
        partial=text,
        offset=offset,
        tokens_so_far=offset + 1,
    )


def joined(*events: Event) -> list[tuple[str, int, str] | str]:
    """What `merged` makes of events, in short."""
    records = [Record(seq, 1.0, RUN, each) for seq, each in enumerate(events, start=1)]
    short: list[tuple[str, int, str] | str] = []
    for record in merged(records):
        event = record.event
        if isinstance(event, PartialThought):
            short.append((event.agent_id, event.offset, event.partial))
        elif isinstance(event, PartialSynthesis):
            short.append(("hub", event.offset, event.partial))
        else:
            short.append(event.type)
    return short


def test_pieces_of_one_text_that_came_at_once_are_one() -> None:
    assert joined(piece("a", 0), piece("x", 0, "critic-1"), piece("b", 1), piece("y", 1, "critic-1")) == [
        ("research-1", 0, "ab"),
        ("critic-1", 0, "xy"),
    ]


def test_thinking_and_answer_stay_apart() -> None:
    assert joined(piece("a", 0, channel="thinking"), piece("b", 1)) == [("research-1", 0, "a"), ("research-1", 1, "b")]


def test_text_that_is_taken_back_stands_by_itself() -> None:
    assert joined(piece("abc", 0), piece("", 1), piece("x", 1), piece("y", 9)) == [
        ("research-1", 0, "abc"),
        ("research-1", 1, ""),
        ("research-1", 1, "x"),
        ("research-1", 9, "y"),
    ]


def test_nothing_passes_an_event_that_is_no_piece() -> None:
    started = RoundStarted(number=1, total=1, t=0.0, agents=())
    assert joined(piece("a", 0), started, piece("b", 1)) == [
        ("research-1", 0, "a"),
        "round_started",
        ("research-1", 1, "b"),
    ]


def test_an_event_is_one_line_of_ascii_whatever_a_model_wrote() -> None:
    data = frame(Record(1, 1.0, RUN, piece("line\nline\r\n\u2028\x85\ud83d 😀 id: 7", 0))).data
    assert data.isascii() and data.count(b"\n") == 3 and b"\r" not in data
    assert data.startswith(b"event: partial_thought\ndata: {") and data.endswith(b"}\n\n")


def test_who_comes_later_is_told_when_a_text_began() -> None:
    state = RunState(run=RUN)
    reading = AgentState(
        agent_id=AgentId("research-1"), thought_id=ThoughtId("research-1#1"), state="reading", round=1, checkpoint=0.0
    )
    for at, each in (
        (1.0, reading),
        (5.0, piece("a", 0, channel="thinking")),
        (7.0, piece("b", 0)),
        (8.0, piece("c", 1)),
    ):
        state.apply(Record(0, at, RUN, each))
    state.apply(Record(1, 8.5, RUN, StoodStill(seconds=0.5, was_asleep=True)))
    told = list(in_progress(state))
    assert [(at, each.type) for at, each in told] == [
        (5.0, "partial_thought"), (7.0, "partial_thought"), (7.0, "agent_state"),
    ]  # fmt: skip
    again = RunState(run=RUN)
    again.apply(Record(1, 8.5, RUN, StoodStill(seconds=0.5, was_asleep=True)))
    for at, each in told:
        again.apply(Record(1, at, RUN, each))
    ((there, here),) = zip(again.thoughts.values(), state.thoughts.values(), strict=True)
    assert (there.trace, there.halts, there.thinking_at) == (here.trace, here.halts, here.thinking_at)


def test_the_past_and_what_follows_are_joined_without_a_gap_or_a_double(own: Served, held: FaultServer) -> None:
    """Everything comes between the question for the past and the look at the answer: to both mailboxes."""
    run = begin(own, held)

    async def both() -> list[int]:
        feeds = Feeds(own.engine)
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(feeds.feed(run))
            await asyncio.sleep(0)
            await asyncio.to_thread(finish, own, held)
            tasks.create_task(feeds.work())  # which looks into the mailboxes only now
            feed = await asked
            feeds.close()
        assert feed is not None and feed.is_over
        return [each.seq for each in feed.behind(0)]

    assert asyncio.run(both()) == kept(own, run)


def finish(own: Served, held: FaultServer) -> None:
    mailbox = own.engine.subscribe()
    held.gate.set()
    follow(mailbox, is_event("run_finished"))
    own.engine.unsubscribe(mailbox)
