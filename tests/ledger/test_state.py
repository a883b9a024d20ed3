"""The fold, and the texts it grows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from felix.events import (
    AgentId,
    AgentSpawned,
    AgentState,
    Channel,
    Event,
    PartialThought,
    Record,
    RunFinished,
    RunId,
    RunReopened,
    ThoughtAsked,
    ThoughtId,
)
from felix.ledger.speech import GrowingText, Thought
from felix.ledger.state import RunState
from felix.ledger.words import deed_of, thought_for


@given(st.lists(st.text(max_size=5), max_size=8), st.integers(0, 50))
def test_what_came_since_an_offset_is_the_tail_of_the_text(parts: list[str], offset: int) -> None:
    grown = GrowingText()
    for part in parts:
        grown.put(part, len(grown))
    assert grown.since(offset) == "".join(parts)[offset:]
    assert str(grown)[offset:] == grown.since(offset)


def test_reading_the_newest_part_does_not_join_the_old_ones() -> None:
    grown = GrowingText()
    for number in range(1_000):
        grown.put("0123456789", number * 10)
    assert grown.since(9_995) == "56789"
    assert len(grown._parts) == 1_000


def test_a_text_that_only_goes_on_keeps_its_edition() -> None:
    grown = GrowingText()
    grown.put("one ", 0)
    grown.put("two", 4)
    grown.put("one two three", 0)
    grown.settle("one two three four")
    assert (str(grown), grown.edition) == ("one two three four", 0)


def test_a_text_that_changes_where_it_stood_says_so() -> None:
    grown = GrowingText()
    grown.put("one two", 0)
    grown.put("2", 4)
    assert (str(grown), grown.edition) == ("one 2", 1)
    grown.settle("one")
    assert (str(grown), grown.edition) == ("one", 2)


def test_a_change_says_how_much_still_stands() -> None:
    grown = GrowingText()
    grown.put("one two", 0)
    grown.settle("one t")
    assert (grown.edition, grown.kept) == (1, 5)
    grown.put("one t", 0)
    assert (grown.edition, grown.kept) == (1, 5)
    grown.put("2", 4)
    assert (grown.edition, grown.kept) == (2, 4)


ALICE, FIRST = AgentId("alice"), ThoughtId("alice#1")


def partial(channel: Channel, text: str, offset: int) -> PartialThought:
    return PartialThought(
        agent_id=ALICE,
        thought_id=FIRST,
        role="research",
        checkpoint=0.3,
        progress=0.3,
        channel=channel,
        partial=text,
        offset=offset,
        tokens_so_far=1,
    )


def folded(*events: Event) -> RunState:
    """Each event a second after the one before; the first at 1."""
    state = RunState()
    for number, event in enumerate(events, start=1):
        state.apply(Record(number, float(number), RunId("r"), event))
    return state


def thought(*events: Event) -> Thought:
    return folded(*events).thoughts[FIRST]


def test_text_that_is_taken_back_was_thinking_from_its_first_moment() -> None:
    taken_back = [partial("answer", "Hm.", 0), partial("answer", "", 0), partial("thinking", "Hm.", 0)]
    seen = thought(*taken_back)
    assert (str(seen.answer), str(seen.thinking), seen.activity) == ("", "Hm.", "thinking")
    assert (seen.thinking_at, seen.answer_at) == (1.0, None)
    seen = thought(*taken_back, partial("answer", "So.", 0))
    assert (str(seen.answer), seen.activity, seen.answer_at, seen.answer.edition) == ("So.", "writing", 4.0, 1)


def test_neither_a_pace_nor_the_time_of_thinking_has_in_it_that_the_user_is_asked() -> None:
    thought = Thought(thought_id=FIRST, agent_id=ALICE, role="research", round=1, checkpoint=0.3, opened_at=100.0)
    thought.states = [(0, "waiting"), (1_000, "thinking"), (3_000, "asking"), (63_000, "thinking"), (65_000, "writing")]
    thought.tokens = 60
    assert (thought.spent_s("thinking", now=166.0), thought.pace(166.0)) == (4.0, 12.0)
    assert thought_for(thought) == "Thought for 4 s"


def test_an_agent_nobody_planned_is_shown_all_the_same() -> None:
    state = folded(partial("answer", "Hello", 0))
    assert (state.agents[ALICE].role, str(state.thoughts[FIRST].answer)) == ("research", "Hello")
    asked = AgentState(agent_id=ALICE, thought_id=FIRST, state="connecting", round=1, checkpoint=0.3)
    assert folded(asked).agents[ALICE].latest is not None
    assert folded(AgentSpawned(agent_id=ALICE, role="critic", depth=0.5)).agents[ALICE].depth == 0.5


def test_a_run_that_had_ended_goes_on_with_its_own_time_and_says_what_it_does() -> None:
    ended = RunFinished(status="complete", reason="", duration_s=43.0, usage=None)
    asked = ThoughtAsked(
        agent_id=ALICE, thought_id=ThoughtId("alice#ask1"), round=1, checkpoint=0.3, act="ask", of=None, text="Why?"
    )
    state = folded(ended, RunReopened(reason="You asked alice a question."), asked)
    assert (state.reopened_at, state.elapsed_s(5.0)) == (2.0, 46.0)
    assert deed_of(state) == "Asked alice"
    over = folded(ended, RunReopened(reason="You asked alice a question."), asked, ended)
    assert (over.elapsed_s(1_000.0), over.reopened_at, deed_of(over)) == (43.0, None, "")
