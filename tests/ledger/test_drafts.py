"""Of what is being written, as much goes down as a recovery needs, and it comes back as it was on the screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from felix.events import AgentState, NoteAdded, PartialThought, Record, RunId, ThoughtComplete
from felix.ledger.drafts import Drafts, whose
from felix.ledger.file import Ledger
from felix.ledger.reader import Reader
from felix.team.hub import Moment
from tests.ledger.told import AGENT, Told

RUN = RunId("r")
THOUGHT = "research-1#1"


def state(seq: int, activity: str, **more: object) -> Record:
    event = AgentState(agent_id=AGENT, thought_id=THOUGHT, state=activity, round=1, checkpoint=0.0, **more)  # type: ignore[arg-type]
    return Record(seq, float(seq), RUN, event)


def partial(seq: int, text: str, offset: int, channel: str = "answer", thought: str = THOUGHT) -> Record:
    event = PartialThought(
        agent_id=AGENT, thought_id=thought, role="research", checkpoint=0.0, progress=0.0,  # type: ignore[arg-type]
        channel=channel, partial=text, offset=offset, tokens_so_far=seq,  # type: ignore[arg-type]
    )  # fmt: skip
    return Record(seq, float(seq), RUN, event)


def told(drafts: Drafts) -> list[tuple[int, str]]:
    found = []
    for record in drafts.waiting():
        event = record.event
        found.append((record.seq, event.partial if isinstance(event, PartialThought) else event.state))  # type: ignore[union-attr]
    return found


def test_pieces_that_follow_one_another_are_one_and_channels_stay_apart() -> None:
    drafts = Drafts()
    for record in (
        partial(1, "Hm", 0, "thinking"),
        partial(2, "It ", 0),
        partial(3, "m", 2, "thinking"),
        partial(4, "is", 3),
    ):
        drafts.add(record)
    assert told(drafts) == [(1, "Hmm"), (2, "It is")]
    assert [r.event.tokens_so_far for r in drafts.waiting() if isinstance(r.event, PartialThought)] == [3, 4]


def test_text_that_is_taken_back_begins_a_piece_of_its_own() -> None:
    drafts = Drafts()
    for record in (partial(1, "<thi", 0), partial(2, "", 0), partial(3, "Yes", 0)):
        drafts.add(record)
    assert told(drafts) == [(1, "<thi"), (2, "Yes")]


def test_of_states_only_those_that_change_something_go_down() -> None:
    drafts = Drafts()
    for record in (
        state(1, "queued", position=2), state(2, "queued", position=1), state(3, "connecting", read=("a#1",)),
        state(4, "reading", fraction=0.1), state(5, "reading", fraction=0.9), state(6, "waiting"),
    ):  # fmt: skip
        drafts.add(record)
    assert told(drafts) == [(1, "queued"), (3, "connecting"), (4, "reading"), (6, "waiting")]


def test_what_was_saved_does_not_go_down_again_and_what_ended_not_at_all() -> None:
    drafts = Drafts()
    drafts.add(partial(1, "One", 0))
    drafts.saved()
    assert not drafts
    drafts.add(partial(2, " two", 3))
    drafts.add(partial(3, "Other", 0, thought="research-2#1"))
    assert told(drafts) == [(2, " two"), (3, "Other")]
    drafts.forget(RUN, THOUGHT)  # type: ignore[arg-type]
    assert told(drafts) == [(3, "Other")]
    drafts.forget(RUN)
    assert not drafts


def test_what_lasts_is_no_draft() -> None:
    with pytest.raises(TypeError, match="note_added"):
        whose(NoteAdded(text="?", agent_id=None))


def test_text_that_turned_out_to_be_thinking_is_recovered_as_such(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    run = Told(ledger).start().write("I think", " so")
    moment = Moment(AGENT, THOUGHT, "research", 0.0, 0.0)  # type: ignore[arg-type]
    ledger.save_drafts()
    run.hub.receive_partial_thought(moment, "", offset=0, tokens_so_far=3)
    run.hub.receive_partial_thought(moment, "I think so", offset=0, channel="thinking", tokens_so_far=3)
    run.hub.receive_partial_thought(moment, "Yes", offset=0, tokens_so_far=4)
    shown = run.hub.state.thoughts[THOUGHT]  # type: ignore[index]
    ledger.commit()
    ledger.save_drafts()
    ledger._lock.free()  # type: ignore[union-attr]
    ledger._db.close()  # as if it had crashed
    Ledger.open(path).close()
    with Reader(path) as reader:
        end = next(r.event for r in reader.records(run.run) if isinstance(r.event, ThoughtComplete))
    assert (end.content, end.thinking) == (str(shown.answer), str(shown.thinking)) == ("Yes", "I think so")
    assert end.status == "interrupted" and end.model == "m"
