"""How endpoints did, from the ends of answers in a real ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from felix.endpoints import Endpoint, unnamed
from felix.events import Activity, Event, Record, RunFinished, RunId, ThoughtId, Tokens, Trace
from felix.ledger import figures as figures_of
from felix.ledger.figures import EndpointFigures, figures, of_endpoint
from felix.ledger.file import Ledger
from felix.ledger.reader import Reader
from tests.ledger.told import AGENT, Told
from tests.telling import planned_agent, planned_round, run_started, thought_complete

HERE = "http://127.0.0.1:1/v1"
BOX = Endpoint(name="Box", base_url="http://box:1/v1", prompt_price=2.0, completion_price=10.0)
DESK = Endpoint(name="Desk", base_url=HERE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(path)
    yield ledger
    ledger.close()


def trace(*chunks_ms: int, thinking: Sequence[int] = (), states: Sequence[tuple[int, Activity]] = ()) -> Trace:
    return Trace(
        began_at=1.0,
        states=tuple(states),
        thinking=tuple(value for ms in thinking for value in (ms, 3)),
        answer=tuple(value for ms in chunks_ms for value in (ms, 3)),
        tokens=1,
    )


class Run:
    """A run against `HERE`, whose answers are told by hand."""

    def __init__(self, ledger: Ledger, name: str = "r", *, demo: bool = False) -> None:
        self._ledger, self._run, self._seq = ledger, RunId(name), 0
        self._tell(run_started([planned_agent(AGENT)], [planned_round(1, 0.0, [AGENT])], server=HERE, demo=demo))

    def answers(self, **fields: object) -> Run:
        thought = ThoughtId(f"{AGENT}#{self._seq}")
        return self._tell(thought_complete(thought, round=self._seq, **fields))

    def over(self) -> None:
        self._tell(RunFinished(status="complete", reason="", duration_s=1.0, usage=None))
        self._ledger.commit()

    def _tell(self, event: Event) -> Run:
        self._seq += 1
        self._ledger.append(Record(self._seq, float(self._seq), self._run, event))
        return self


def counted(path: Path, *endpoints: Endpoint) -> tuple[EndpointFigures, ...]:
    with Reader(path) as reader:
        return figures(reader, endpoints)


def test_answers_are_counted_by_endpoint_and_those_without_one_by_the_address_of_their_run(
    ledger: Ledger, path: Path
) -> None:
    Run(ledger).answers(endpoint="Box").answers(endpoint="box").answers(endpoint="Gone").answers().over()
    assert [(each.name, each.base_url, each.calls) for each in counted(path, BOX, DESK)] == [
        ("Box", BOX.base_url, 2),
        ("Desk", HERE, 1),
        ("Gone", "", 1),
    ]
    unknown = counted(path)
    assert [(each.name, each.base_url) for each in unknown] == [("", HERE), ("Box", ""), ("Gone", ""), ("box", "")]
    here = of_endpoint(unknown, unnamed(HERE))
    assert here is not None and here.calls == 1
    assert of_endpoint(unknown, DESK) is None


def test_times_are_medians_and_the_slowest_of_twenty(ledger: Ledger, path: Path) -> None:
    run = Run(ledger)
    for number in range(1, 21):
        run.answers(ttft_s=number / 100, tokens_per_s=float(number))
    run.answers(ttft_s=None, tokens_per_s=None).over()
    (one,) = counted(path)
    assert (one.calls, one.ttft_s, one.ttft_p95_s, one.tokens_per_s) == (21, 0.1, 0.19, 10.0)
    assert not one.is_slow


def test_an_answer_that_waited_for_a_load_says_nothing_of_a_loaded_model(ledger: Ledger, path: Path) -> None:
    run = Run(ledger).answers(ttft_s=90.0, trace=trace(states=[(0, "connecting"), (5, "loading")]))
    run.answers(ttft_s=0.6, trace=trace(states=[(0, "connecting"), (5, "waiting")])).over()
    (one,) = counted(path)
    assert (one.ttft_s, one.ttft_p95_s) == (0.6, 0.6)
    assert one.is_slow, "a loaded model that takes more than half a second"


def test_gaps_are_those_of_the_server(ledger: Ledger, path: Path) -> None:
    Run(ledger).answers(gaps_ms=(20.5, 21.0, 300.0)).answers(gaps_ms=(20.5,)).answers().over()
    (one,) = counted(path)
    assert (one.gap_p50_ms, one.gap_p99_ms) == (20.5, 300.0)
    Run(ledger, "other").answers(endpoint="Box").over()
    box = of_endpoint(counted(path, BOX), BOX)
    assert box is not None and box.gap_p50_ms is None


def test_an_endpoint_keeps_its_figures_under_another_name_and_counts_what_others_answered_for_it(
    ledger: Ledger, path: Path
) -> None:
    run = Run(ledger).answers(endpoint="Crate", server=BOX.base_url)
    run.answers(endpoint="Desk", failed_at=("box", "Gone")).answers(endpoint="Desk", failed_at=("Box",)).over()
    told = {each.name: (each.calls, each.errors) for each in counted(path, BOX, DESK)}
    assert told == {"Box": (3, (("failed", 2),)), "Desk": (2, ()), "Gone": (1, (("failed", 1),))}


def test_errors_are_told_by_how_the_answer_ended_and_stop_and_length_are_none(ledger: Ledger, path: Path) -> None:
    run = Run(ledger)
    for status in ("failed", "unconfirmed", "failed", "truncated", "stopped", "interrupted", "refused", "complete"):
        run.answers(status=status, error=f"It was {status}.")
    run.over()
    (one,) = counted(path)
    assert one.errors == (("failed", 2), ("refused", 1), ("unconfirmed", 1)) and one.failed == 4
    assert one.latest_error == "It was refused."


def test_tokens_are_those_that_servers_counted_and_cost_comes_from_prices_alone(ledger: Ledger, path: Path) -> None:
    run = Run(ledger).answers(endpoint="Box", usage=Tokens(prompt=1_000, completion=200))
    run.answers(endpoint="Box", usage=Tokens(prompt=500_000, completion=100_000)).answers(endpoint="Box").over()
    (one,) = counted(path, BOX)
    assert (one.prompt_tokens, one.completion_tokens, one.uncounted) == (501_000, 100_200, 1)
    assert one.cost(BOX) == pytest.approx(2.004)
    assert one.cost(BOX.model_copy(update={"completion_price": None})) is None
    assert one.cost(None) is None
    assert one.cost(BOX.model_copy(update={"prompt_price": 0.0, "completion_price": 0.0})) == 0


def test_the_demo_model_and_deleted_runs_do_not_count(ledger: Ledger, path: Path) -> None:
    Run(ledger, "demo", demo=True).answers().over()
    Run(ledger, "gone").answers().over()
    ledger.delete(RunId("gone"))
    ledger.commit()
    assert counted(path) == ()


def test_only_the_latest_answers_count(ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures_of, "MOST_ANSWERS", 3)
    run = Run(ledger)
    for number in range(5):
        run.answers(ttft_s=float(number), status="failed" if number == 0 else "complete", error="Long ago.")
    run.over()
    (one,) = counted(path)
    assert (one.calls, one.ttft_s, one.errors) == (3, 3.0, ())


def test_a_whole_run_with_its_synthesis_is_counted(ledger: Ledger, path: Path) -> None:
    Told(ledger).whole()
    ledger.commit()
    (one,) = counted(path)
    assert (one.calls, one.prompt_tokens, one.completion_tokens) == (2, 2, 4)
