from __future__ import annotations

from dataclasses import replace

import pytest

from felix.cli.plain import PlainFace
from felix.events import (
    Again,
    AgentId,
    AgentState,
    CallId,
    PartialThought,
    Record,
    RunId,
    ThoughtComplete,
    ThoughtId,
    ToolCalled,
)
from felix.llm.chat import ChatRequest, Finish, Note, Text, TextWasReasoning
from tests.team.scripted import Line, says, workflow
from tests.team.test_runner import Watched


def script(request: ChatRequest) -> list[Line]:
    return says(f"First line of {request.agent_id}.\nSecond line of {request.agent_id}.\nConfidence: 0.6")


def shown(records: list[Record]) -> tuple[str, list[str]]:
    written: list[str] = []
    notes: list[str] = []
    face = PlainFace(written.append, notes.append)
    for record in records:
        face.apply(record)
    return "".join(written), notes


def test_agents_that_speak_at_once_are_shown_one_after_another_and_whole() -> None:
    text, notes = shown(Watched(script, workflow("{id: research, role: research, count: 3}")).records)
    for agent in ("research-1", "research-2", "research-3", "hub"):
        block = f"First line of {agent}.\nSecond line of {agent}.\n"
        assert text.count(block) == (1 if agent == "hub" else 2)
    assert text.index("── synthesis ──") > text.rindex("Second line of research-3")
    assert any("research-1 complete" in note and "confidence 0.60" in note for note in notes)


def test_the_answer_of_a_lone_agent_is_written_once() -> None:
    team = workflow("{id: research, role: research}", checkpoints="[0]", more="synthesis: {skip: true}")
    text, notes = shown(Watched(script, team).records)
    assert text.count("First line of research-1.") == 1 and "synthesis" not in text
    assert not any("synthesis" in note for note in notes)


def test_no_line_beside_stands_in_the_middle_of_another_agents_line() -> None:
    team = workflow("{id: research, role: research, count: 2}", checkpoints="[0]")
    records = Watched(lambda _: says("One line without an end."), team).records
    seen: list[str] = []
    face = PlainFace(seen.append, lambda line: seen.append(f"[{line}]\n"))
    call = ToolCalled(
        agent_id=AgentId("research-2"), thought_id=ThoughtId("research-2#1"), call_id=CallId("c"), name="calculator",
        arguments="{}", round=1, checkpoint=0.0, position=0, began_at=0.0,
    )  # fmt: skip
    for record in records:
        face.apply(record)
        if isinstance(record.event, PartialThought) and record.event.agent_id == "research-1":
            face.apply(replace(record, event=call))
    shown = "".join(seen)
    assert "[research-2: calculator {}]" in shown
    assert all(line.startswith("[") == line.endswith("]") for line in shown.splitlines()), shown


def test_one_of_a_kind_is_said_in_the_singular() -> None:
    _, notes = shown(Watched(script, workflow("{id: research, role: research}", checkpoints="[0]")).records)
    assert notes[0] == "Test: 1 agent, 1 call in 1 round"


def test_a_thought_appears_while_it_is_written() -> None:
    records = Watched(script, workflow(checkpoints="[0]")).records
    end = next(i for i, record in enumerate(records) if isinstance(record.event, ThoughtComplete))
    assert "First line of research-1.\n" in shown(records[:end])[0]


def test_all_text_is_shown_without_streaming_too() -> None:
    from tests.team.scripted import always

    text, _ = shown(Watched(script, workflow(checkpoints="[0]"), settings=always(enable_streaming=False)).records)
    assert "First line of research-1." in text and "First line of hub." in text


def test_text_that_turns_out_to_be_thinking_is_said_to_be_and_the_answer_follows_whole() -> None:
    def thinks(request: ChatRequest) -> list[Line]:
        hidden: list[Line] = [Text("A long, long thought first.\n"), TextWasReasoning(), Text("So."), Finish("stop")]
        return hidden if request.agent_id == "research-1" else says("Short.")

    text, notes = shown(Watched(thinks, workflow("{id: research, role: research}", checkpoints="[0]")).records)
    assert "So.\n" in text.split("A long, long thought first.\n")[1]
    assert "research-1: the text above was thinking, the answer follows" in notes


def test_what_felix_noticed_of_an_answer_stands_beside_it() -> None:
    noted: list[Line] = [Note("2 damaged pieces were skipped"), *says("Words.")]
    _, notes = shown(Watched(lambda _: noted, workflow(checkpoints="[0]")).records)
    assert "research-1: 2 damaged pieces were skipped" in notes
    assert "synthesis: 2 damaged pieces were skipped" in notes


def test_a_cut_of_the_hubs_prompt_is_said_once() -> None:
    long = says("word " * 4_000)
    _, notes = shown(Watched(lambda _: long, workflow(checkpoints="[0]"), context=4_096).records)
    (said,) = [note for note in notes if "Left out parts of 2 thoughts" in note]
    assert said.startswith("synthesis: ")


def test_a_wait_that_is_counted_down_is_told_once() -> None:
    notes: list[str] = []
    face = PlainFace(lambda text: None, notes.append)
    records = Watched(script, workflow()).records
    for record in records:
        face.apply(record)
    before = len(notes)
    for number, left in ((1, 2), (1, 1), (2, 1)):
        again = Again(number=number, in_s=left)
        waits = AgentState(
            agent_id=AgentId("research-1"), thought_id=ThoughtId("research-1#9"), state="retrying", round=1,
            checkpoint=0.0, detail=f"retry {number} of 2 in {left} s: busy", again=again,
        )  # fmt: skip
        face.apply(replace(records[-1], event=waits))
    assert notes[before:] == ["research-1: retry 1 of 2 in 2 s: busy", "research-1: retry 2 of 2 in 1 s: busy"]


def test_the_end_of_a_run_that_failed_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    run = Watched(lambda request: says("half", finish=None), workflow(checkpoints="[0]"))
    _, notes = shown(run.records)
    assert any(note.startswith("failed: ") for note in notes)
    assert RunId("r") == run.records[0].run
