"""What a run has cost: by the user's prices or not at all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from felix.endpoints import Endpoint
from felix.events import Event, Record, RunFinished, RunId, SynthesisStarted, ThoughtId, Tokens
from felix.ledger.state import RunState
from felix.team.cost import Cost, cost_of
from tests.telling import planned_agent, planned_round, run_started, synthesis_complete, thought_complete

OWN = "http://127.0.0.1:1234/v1"
PRICED = Endpoint(name="Groq", base_url="https://api.groq.com/openai/v1", prompt_price=2.0, completion_price=10.0)
OPEN = Endpoint(name="OpenAI", base_url="https://api.openai.com/v1", kind="openai")
HALF = Endpoint(name="Half", base_url="http://10.0.0.2/v1", prompt_price=1.0)
MILLION = Tokens(prompt=1_000_000, completion=100_000)


def ran(*answers: tuple[str, Tokens | None], server: str = OWN, **plan: object) -> RunState:
    """A run whose thoughts came from these endpoints; the last is its synthesis."""
    state = RunState(run=RunId("r"))
    *thoughts, last = answers
    events: list[Event] = [
        run_started([planned_agent("a-1")], [planned_round(1, 0, ["a-1"])], server=server, **plan),
        *(
            thought_complete(ThoughtId(f"a-1#{n}"), content="Words.", usage=usage, endpoint=endpoint)
            for n, (endpoint, usage) in enumerate(thoughts, 1)
        ),
        SynthesisStarted(sources=(), left_out=(), early=False, mean_confidence=None, reason=""),
        synthesis_complete(content="Words.", usage=last[1], endpoint=last[0]),
        RunFinished(status="complete", reason="", duration_s=1.0, usage=None),
    ]
    for number, event in enumerate(events, 1):
        state.apply(Record(number, float(number), RunId("r"), event))
    return state


@pytest.mark.parametrize(
    ("endpoints", "cost", "words"),
    [
        ((PRICED,), Cost(6.0), "Cost by your prices: 6.00."),
        ((PRICED.model_copy(update={"prompt_price": 0.0, "completion_price": 0.00001}),), Cost(0.000002), "0.0001"),
        ((Endpoint(name="Groq", base_url=OWN),), None, ""),
        ((Endpoint(name="Groq", base_url=OWN, kind="groq"),), Cost(None, ("Groq",)), "Cost unknown – enter prices"),
    ],
)
def test_the_answers_of_an_endpoint_cost_what_its_user_entered(
    endpoints: Sequence[Endpoint], cost: Cost | None, words: str
) -> None:
    told = cost_of(ran(("groq", MILLION), ("Groq", MILLION)), endpoints)
    assert told == cost
    assert words in (told.sentence if told else "")


def test_a_run_on_machines_of_ones_own_costs_nothing_that_is_told() -> None:
    assert cost_of(ran(("", MILLION), ("", MILLION)), (PRICED,)) is None
    assert cost_of(ran(("", MILLION), server="http://gpu.local:8000/v1"), ()) is None
    assert cost_of(ran(("", MILLION), server=PRICED.base_url, demo=True), (PRICED,)) is None


def test_a_server_without_an_entry_that_is_out_on_the_internet_has_an_unknown_price() -> None:
    state = ran(("", MILLION), server="https://models.example.com/v1", server_name="vLLM")
    assert cost_of(state, ()) == Cost(None, ("vLLM",))


def test_what_is_missing_is_said_and_never_made_up() -> None:
    mixed = cost_of(ran(("Groq", MILLION), ("OpenAI", MILLION), ("Half", MILLION)), (PRICED, OPEN, HALF))
    assert mixed == Cost(3.0, ("OpenAI", "Half")) and mixed.words == "cost 3.00+"
    assert mixed.sentence == (
        "Cost by your prices: 3.00 – for the rest, enter prices for OpenAI and Half in Settings, under More."
    )
    state = ran(("Groq", MILLION), ("Groq", None))
    assert state.synthesis is not None
    assert cost_of(state, (PRICED,)) == Cost(3.0), "nothing was written there"
    state.synthesis.tokens = 12
    uncounted = cost_of(state, (PRICED,))
    assert uncounted == Cost(3.0, uncounted=1)
    assert uncounted.sentence == "Cost by your prices: 3.00, without 1 answer whose tokens nobody counted."
