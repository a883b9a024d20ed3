from __future__ import annotations

import threading

import pytest

from felix.events import (
    AgentId,
    PartialThought,
    Record,
    RoundStarted,
    RunId,
    ThoughtId,
)
from felix.team.mailbox import Mailbox, Reply

RUN = RunId("r")


def partial(seq: int, agent: str, text: str, offset: int) -> Record:
    event = PartialThought(
        agent_id=AgentId(agent),
        thought_id=ThoughtId(f"{agent}#1"),
        role="research",
        checkpoint=0.0,
        progress=0.0,
        channel="answer",
        partial=text,
        offset=offset,
        tokens_so_far=seq,
    )
    return Record(seq, float(seq), RUN, event)


def durable(seq: int) -> Record:
    return Record(seq, float(seq), RUN, RoundStarted(number=1, total=1, t=0.0, agents=()))


def texts(mailbox: Mailbox) -> list[str]:
    return [
        item.event.partial if isinstance(item.event, PartialThought) else "|"
        for item in mailbox.take()
        if isinstance(item, Record)
    ]


def test_everything_comes_out_once_and_in_order() -> None:
    mailbox = Mailbox()
    mailbox.put(partial(1, "a", "one", 0))
    mailbox.put(Reply(7, "answer"))
    mailbox.put(durable(2))
    taken = mailbox.take()
    assert [type(item) for item in taken] == [Record, Reply, Record]
    assert mailbox.take() == []


def test_a_reader_that_falls_behind_gets_merged_text_with_nothing_lost() -> None:
    mailbox = Mailbox(merge_above=0)
    for number in range(100):
        mailbox.put(partial(2 * number + 1, "a", f"{number},", len("".join(f"{n}," for n in range(number)))))
        mailbox.put(partial(2 * number + 2, "b", "x", number))
    taken = [item for item in mailbox.take() if isinstance(item, Record)]
    assert [item.event.partial for item in taken if isinstance(item.event, PartialThought)] == [
        "".join(f"{n}," for n in range(100)),
        "x" * 100,
    ]
    first = taken[0].event
    assert isinstance(first, PartialThought)
    assert (first.offset, first.tokens_so_far, taken[0].at) == (0, 199, 1.0)


def test_text_never_joins_a_record_in_front_of_an_end() -> None:
    mailbox = Mailbox(merge_above=0)
    mailbox.put(partial(1, "a", "before", 0))
    mailbox.put(durable(2))
    mailbox.put(partial(3, "a", "after", 6))
    assert texts(mailbox) == ["before", "|", "after"]


def test_text_that_is_taken_back_stands_alone() -> None:
    mailbox = Mailbox(merge_above=0)
    mailbox.put(partial(1, "a", "wrong", 5))
    mailbox.put(partial(2, "a", "right", 0))
    assert texts(mailbox) == ["wrong", "right"]


def test_a_reader_that_keeps_up_gets_every_record_as_it_was() -> None:
    mailbox = Mailbox()
    sent = [partial(n, "a", "word ", 5 * n) for n in range(50)]
    for record in sent:
        mailbox.put(record)
    assert mailbox.take() == sent


@pytest.mark.slow
def test_a_fast_writer_and_a_slow_reader_lose_nothing_between_two_threads() -> None:
    mailbox = Mailbox(merge_above=2_000)
    words = [f"{n} " for n in range(20_000)]
    got: list[str] = []
    is_done = threading.Event()

    def read() -> None:
        while True:
            last_look = is_done.is_set()
            got.extend(texts(mailbox))
            if last_look:
                return

    reader = threading.Thread(target=read)
    reader.start()
    offset = 0
    for number, word in enumerate(words):
        mailbox.put(partial(number + 1, "a", word, offset))
        offset += len(word)
    is_done.set()
    reader.join()
    assert "".join(got) == "".join(words)
    assert len(got) < len(words), "nothing was merged: the test has not tried what it is for"
