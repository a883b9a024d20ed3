from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from felix.events import (
    AgentId,
    LeftOut,
    Record,
    RunFinished,
    RunId,
    SynthesisStarted,
    ThoughtId,
    Tokens,
    from_json,
    to_json,
)

STARTED = SynthesisStarted(
    sources=(ThoughtId("research-1#1"),),
    left_out=(LeftOut(agent_id=AgentId("critic-1"), status="unheard", reason="No turn."),),
    early=True,
    mean_confidence=0.81,
    reason="Sure.",
)
FINISHED = RunFinished(status="complete", reason="", duration_s=1.5, usage=Tokens(prompt=3, completion=4))


@pytest.mark.parametrize("event", [STARTED, FINISHED], ids=lambda event: event.type)
def test_a_record_survives_json(event: SynthesisStarted | RunFinished) -> None:
    record = Record(7, 1795218345.25, RunId("r"), event)
    assert from_json(json.loads(json.dumps(to_json(record)))) == record


def test_the_json_is_flat_and_begins_with_who_when_and_what() -> None:
    flat = to_json(Record(7, 2.5, RunId("r"), FINISHED))
    assert list(flat)[:4] == ["seq", "at", "run", "type"]
    assert flat["type"] == "run_finished" and flat["usage"] == {"prompt": 3, "completion": 4, "reasoning": None}


def test_fields_of_a_later_version_are_passed_over() -> None:
    flat = {**to_json(Record(1, 0.0, RunId("r"), FINISHED)), "mood": "good"}
    assert from_json(flat).event == FINISHED


@pytest.mark.parametrize("change", [{"type": "unknown"}, {"status": "great"}, {"seq": None}])
def test_what_is_no_record_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        from_json({**to_json(Record(1, 0.0, RunId("r"), FINISHED)), **change})
