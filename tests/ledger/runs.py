"""Runs that have been, for whatever is made of their records: carried out by real agents with a scripted model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from felix.events import (
    PASSING,
    CallId,
    Record,
    RunFinished,
    RunId,
    SynthesisComplete,
    ThoughtComplete,
    ToolAnswered,
    ToolCalled,
    ToolReturned,
    Trace,
    from_json,
    to_json,
)
from felix.ledger.file import Ledger
from felix.ledger.state import RunState
from felix.llm.chat import ChatRequest, Finish, Reasoning, Text, Usage
from tests.team.scripted import Line, says, workflow
from tests.team.test_runner import Watched


def thinks_and_says(request: ChatRequest) -> list[Line]:
    """Everybody thinks before they answer; the second researcher is cut short."""
    who = request.agent_id
    if who == "hub":
        return [
            Reasoning("What do they want? "),
            *says("## Do it\n\nBecause of [research-1].\n\n| a | b |\n|---|---|\n"),
        ]
    end: list[Line] = [Usage(10, 5), Finish("length" if who == "research-2" else "stop")]
    words = [Text(f"**{who}** says 😀 "), Text("one thing,\n"), Text("and another.\nConfidence: 0.7\n")]
    return [Reasoning(f"Secretly, {who} "), Reasoning("is not sure. "), *words, *end]


def records(
    script: Callable[[ChatRequest], list[Line]] = thinks_and_says,
    *,
    run: str = "20261121-101010-1",
    seconds: float = 60,
) -> list[Record]:
    """The durable records of a run of two researchers in two rounds, in which `seconds` passed."""
    told = Watched(script, workflow("{id: research, role: research, count: 2, max_tokens: 100}")).records
    kept = [replace(record, run=RunId(run)) for record in told if not isinstance(record.event, PASSING)]
    return stretched(kept, seconds)


def stretched(told: Sequence[Record], seconds: float) -> list[Record]:
    """The same run, as if it had taken so long."""
    began = told[0].at
    factor = seconds / max(1e-3, told[-1].at - began)

    def later(at: float) -> float:
        return began + (at - began) * factor

    def slower(trace: Trace, ended: float) -> Trace:
        """What came within a millisecond comes one after another, thinking before answer, until the end."""
        step = round((ended - trace.began_at) * 1000 * factor / (len(trace.thinking) + len(trace.answer) + 2))
        chunks = [
            (step * (place + 1), count) for place, count in enumerate((*trace.thinking[1::2], *trace.answer[1::2]))
        ]
        thinking = len(trace.thinking) // 2
        return replace(
            trace,
            began_at=later(trace.began_at),
            states=((0, "connecting"), (step // 2, "waiting"), (step, "thinking"), (step * (thinking + 1), "writing")),
            thinking=tuple(value for chunk in chunks[:thinking] for value in chunk),
            answer=tuple(value for chunk in chunks[thinking:] for value in chunk),
        )

    result = []
    for record in told:
        event = record.event
        if isinstance(event, ThoughtComplete | SynthesisComplete) and event.trace is not None:
            event = replace(event, trace=slower(event.trace, record.at))
        elif isinstance(event, RunFinished):
            event = replace(event, duration_s=seconds)
        result.append(replace(record, at=later(record.at), event=event))
    return result


def with_call(told: Sequence[Record], position: int) -> list[Record]:
    """The run in which its first thought to end used a tool after so many characters, and was given part of it."""
    at = next(n for n, record in enumerate(told) if isinstance(record.event, ThoughtComplete))
    end = told[at].event
    assert isinstance(end, ThoughtComplete) and end.trace is not None
    before, began = told[at - 1], end.trace.began_at
    whose = {"agent_id": end.agent_id, "thought_id": end.thought_id, "call_id": CallId("1"), "name": "read_file"}
    called = ToolCalled(
        **whose, arguments='{"path": "a.txt"}', round=1, checkpoint=0.0, position=position,
        began_at=began + 1, asks="It asks.",
    )  # fmt: skip
    result = "line\n" * 5_000
    returned = ToolReturned(
        **whose, status="ok", content=result, duration_s=2, characters=500_000, file="/home/me/results/run/1.txt"
    )
    last = end.trace.states[-1][0]
    states = (*end.trace.states, (last + 1000, "calling"), (last + 2000, "asking"), (last + 3000, "running"))
    done = replace(told[at], event=replace(end, trace=replace(end.trace, states=states)))
    events = (called, ToolAnswered(**whose, answer="once"), returned)
    made = [replace(before, seq=before.seq, at=began + 2 + n, event=event) for n, event in enumerate(events)]
    return [replace(each, seq=n) for n, each in enumerate([*told[:at], *made, done, *told[at + 1 :]], start=1)]


def folded(told: Sequence[Record]) -> RunState:
    state = RunState()
    for record in told:
        state.apply(record)
    return state


def with_texts(told: Sequence[Record], text: str, *, agent: str = "") -> list[Record]:
    """The run as if everything free to be any text were `text`; and `research-1` were called `agent`."""
    free = {"task", "workflow", "server_name", "model", "content", "thinking", "error", "reason", "cut", "definition"}

    def changed(value: object) -> object:
        match value:
            case dict():
                return {
                    key: text if key in free and isinstance(each, str | None) else changed(each)
                    for key, each in value.items()
                }
            case list():
                return [changed(each) for each in value]
            case str() if agent:
                return value.replace("research-1", agent)
            case _:
                return value

    result = []
    for record in told:
        flat = changed(to_json(record))
        assert isinstance(flat, dict)
        if flat["type"] == "run_started":
            flat["follows"] = None
        result.append(from_json(flat))
    return result


def kept(path: Path, *runs: Sequence[Record]) -> Path:
    """A ledger file that holds these runs."""
    ledger = Ledger.open(path)
    assert ledger.health.is_kept
    for told in runs:
        for record in told:
            ledger.append(record)
    ledger.commit()
    ledger.close()
    return path


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]
