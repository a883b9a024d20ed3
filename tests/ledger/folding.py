"""Every run of every test is told three times – as it happened, from its durable records alone, and from what a replay
makes of those – and all are one state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from weakref import WeakKeyDictionary

import pytest

from felix.events import PASSING, Event, Record, RunFinished, from_json, to_json
from felix.ledger.replay import expand
from felix.ledger.state import RunState
from felix.team.hub import CentralPost


def again(records: list[Record]) -> RunState:
    """The state of records that have been text in between, as they are in a ledger."""
    state = RunState(run=records[0].run if records else None)
    for record in records:
        state.apply(from_json(json.loads(json.dumps(to_json(record)))))
    return state


@pytest.fixture(autouse=True)
def folded_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the ledger would have told otherwise, one line for each run; a test that means it takes it out."""
    durable: WeakKeyDictionary[CentralPost, list[Record]] = WeakKeyDictionary()
    differences: list[str] = []
    emit, construct = CentralPost.emit, CentralPost.__init__

    def begin(hub: CentralPost, *values: object, **named: object) -> None:
        construct(hub, *values, **named)  # type: ignore[arg-type]
        ledger = named.get("ledger")
        # one that is opened again has a past; it is in the ledger
        durable[hub] = ledger.records(hub.run) if named.get("state") and ledger else []  # type: ignore[attr-defined]

    def tell(hub: CentralPost, event: Event) -> Record:
        record = emit(hub, event)
        if not isinstance(event, PASSING):
            durable[hub].append(record)
        if isinstance(event, RunFinished) and hub.state.plan is not None:
            told = again(durable[hub])
            if told != hub.state:
                differences.append(_difference(told, hub.state))
            elif (replayed := again(expand(durable[hub]))) != told:
                differences.append(f"replayed: {_difference(replayed, told)}")
        return record

    monkeypatch.setattr(CentralPost, "__init__", begin)
    monkeypatch.setattr(CentralPost, "emit", tell)
    yield differences
    assert not differences, "the ledger tells it otherwise: " + "\n".join(differences)


def _difference(told: RunState, live: RunState) -> str:
    """The first thing in which they differ."""
    for name in RunState.__dataclass_fields__:
        one, other = getattr(told, name), getattr(live, name)
        if name in {"seq", "now"} or one == other:
            continue
        if not isinstance(one, dict):
            return f"{live.run} {name}: {one} is not {other}"
        if list(one) != list(other):
            return f"{live.run} {name}: {list(one)} is not {list(other)}"
        return next(f"{live.run} {name}: {one[key]} is not {other[key]}" for key in one if one[key] != other[key])
    return f"{live.run}: equal fields, unequal states"
