"""Tool calls as others see them: replays, readers who come back, exports, the plain terminal."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from felix.cli.plain import PlainFace
from felix.events import PartialToolCall, Record, RunId, ThoughtComplete, ToolCalled
from felix.ledger.export import as_json, html, markdown
from felix.ledger.replay import Replay, expand
from felix.ledger.state import RunState
from felix.team.hub import CentralPost
from felix.team.tools.telling import Telling
from tests.team.scripted import says, workflow
from tests.team.steered import Steered
from tests.team.tools.tooled import Scripted, calls, in_turn, toolbox

FLOW = workflow("{id: research, role: research}", checkpoints="[0]", more="tools: [read]\nsynthesis: {skip: true}")
TEXT = "\x1b[31m<b>line</b> ```\n" * 3_000


def reading(tmp_path: Path) -> Steered:
    tool = Scripted("read", lambda arguments: TEXT)
    script = in_turn(calls(("read", '{"path": "a.txt"}'), text="Let me look.", step=3), says("It is red."))
    run = Steered(script, FLOW, tools=toolbox(tool), results=tmp_path / "results")
    run.check()
    return run


def test_a_replay_shows_the_call_while_it_is_written(tmp_path: Path) -> None:
    run = reading(tmp_path)
    durable = [record for record in run.records if record.event.type != "partial_tool_call"]
    told = [r.event for r in expand(durable) if isinstance(r.event, PartialToolCall)]
    assert told[0].partial == "" and told[0].name == "read"
    assert "".join(event.partial for event in told) == '{"path": "a.txt"}' and len(told) > 5
    assert {event.position for event in told} == {len("Let me look.")}
    replay = Replay(run.records)
    called = next(r for r in run.records if isinstance(r.event, ToolCalled))
    replay.seek(called.at - called.event.began_at)
    for position in [0.0, replay.duration_s / 2, replay.duration_s / 3, replay.duration_s]:
        replay.seek(position)
    assert replay.state == run.state


def test_any_place_of_a_replay_is_what_was_there() -> None:
    """Told with times of its own, which a scripted run does not have."""
    clock = iter(range(1_000, 2_000))
    hub = CentralPost(RunId("r"), clock=lambda: float(next(clock)))
    records: list[Record] = []
    hub.register_streaming_callback(records.append)
    for record in reading_records():
        event = record.event
        if isinstance(event, ToolCalled):
            (written,) = hub.state.thoughts[event.thought_id].calls
            event = replace(event, began_at=written.opened_at, trace=tuple(written.chunks))
        if isinstance(event, ThoughtComplete):
            hub.finalize_streaming_thought(event)
        else:
            hub.emit(event)
    durable = [record for record in records if not record.event.type.startswith(("partial", "agent_state"))]
    replay = Replay(durable)
    told = expand(durable)
    for step in range(20):
        position = replay.duration_s * step / 19
        state = RunState()
        for record in told:
            if replay.clock.position(record.at) <= position + 1e-4:
                state.apply(record)
        assert replay.seek(position) == state


def reading_records() -> list[Record]:
    tool = Scripted("read", lambda arguments: "red")
    script = in_turn(calls(("read", '{"path": "a.txt"}'), text="Let me look.", step=3), says("It is\nred."))
    return Steered(script, FLOW, tools=toolbox(tool)).records


def test_who_comes_back_is_told_of_the_call_that_is_being_written_and_of_what_is_open() -> None:
    source = reading_records()
    for cut in range(2, len(source)):
        hub = CentralPost(RunId("r"))
        before = RunState(run=RunId("r"))
        seen: list[Record] = []
        hub.register_streaming_callback(seen.append)
        for record in source[:cut]:
            hub.emit(record.event)
        durable = [r for r in seen if not r.event.type.startswith(("partial", "agent_state"))]
        for record in (*durable, *hub.in_progress()):
            before.apply(record)
        thought, known = (next(iter(state.thoughts.values()), None) for state in (before, hub.state))
        if known is None or thought is None:
            continue
        assert [(c.call_id, c.name, str(c.arguments), c.status) for c in thought.calls] == [
            (c.call_id, c.name, str(c.arguments), c.status) for c in known.calls
        ]
        assert str(thought.answer) == str(known.answer)
        if known.has_open_call:
            assert thought.activity == known.activity == "running"


def test_a_result_that_was_cut_is_whole_on_the_disk_and_every_export_says_so(tmp_path: Path) -> None:
    run = reading(tmp_path)
    (call,) = next(iter(run.state.thoughts.values())).calls
    assert Path(call.file).read_text(encoding="utf-8") == TEXT and call.characters == len(TEXT)
    assert Path(call.file).parent == tmp_path / "results" / "r"
    result = run.client.requests[1].messages[-1].content
    assert TEXT.startswith(result[:2_000]) and len(result) < len(TEXT) and f"of {len(TEXT):,} characters" in result
    text = markdown(run.state)
    assert "*Tool: read – done" in text and '```json\n{"path": "a.txt"}' in text and "characters)" in text
    page = html(run.records)
    assert '<details class="call">' in page and "<b>line</b>" not in page and "\x1b" not in page
    assert all(str(tmp_path) not in made for made in (text, page, as_json(run.records))), "no folders of the user's"
    kept = json.loads(as_json(run.records))["events"]
    assert [e["type"] for e in kept if e["type"].startswith("tool")] == ["tool_call", "tool_result"]
    lines: list[str] = []
    face = PlainFace(lambda text: None, lines.append)
    for record in run.records:
        face.apply(record)
    said = "\n".join(lines)
    assert 'read {"path": "a.txt"}' in said and "all of it is in" in said


def test_a_call_that_nobody_streamed_has_a_beginning_all_the_same() -> None:
    async def tell() -> RunState:
        hub = CentralPost(RunId("r"))
        telling = Telling(hub, "a-1", "a-1#1", round_number=1, checkpoint=0.0)  # type: ignore[arg-type]
        telling.called(1, "read", "{}", position=0)
        return hub.state

    (call,) = asyncio.run(tell()).thoughts["a-1#1"].calls  # type: ignore[index]
    assert call.opened_at and call.called_at and call.opened_at <= call.called_at
