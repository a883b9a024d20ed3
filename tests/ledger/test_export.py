"""Runs to take away: the document, the events, the graph, and all of them in a folder."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from felix.events import AgentId, NoteAdded, Record, RunStarted, ThoughtAsked, ThoughtComplete, ThoughtId
from felix.ledger.export import as_json, file_stem, html, markdown, mermaid, records_of, rendered
from felix.llm.chat import ChatRequest, Text
from tests.ledger.runs import folded, records, with_call, with_texts
from tests.team.scripted import Line, says

REFUSED = "The server stopped answering."


def one_fails(request: ChatRequest) -> list[Line]:
    if request.agent_id == "research-2":
        return [Text("Half a"), *says(" thought", finish=None)]
    return says("```py\nx = 1\n" if request.agent_id == "research-1" else "The answer.")


def again(told: list[Record]) -> list[Record]:
    """The run with a better go at the first thought, after a note, in the records' own order."""
    first = next(r for r in told if isinstance(r.event, ThoughtComplete))
    assert isinstance(first.event, ThoughtComplete)
    new = ThoughtId(f"{first.event.thought_id}.2")
    asked = ThoughtAsked(
        agent_id=first.event.agent_id, thought_id=new, act="retry", of=first.event.thought_id, round=1, checkpoint=0.0
    )
    end = replace(first.event, thought_id=new, content="Better now.", trace=None)
    note = NoteAdded(text="Mind the\ncost.", agent_id=None)
    last = told[-1]
    more = [
        replace(last, seq=last.seq + n, at=last.at + n, event=event)
        for n, event in enumerate((note, asked, end), start=1)
    ]
    return [*told, *more]


def test_the_document_has_task_synthesis_and_thoughts_in_this_order() -> None:
    text = markdown(folded(records()))
    parts = ("# Task\n\nWhy?", "| Time | 1:00 |", "## Do it", "## research-1", "**research-1** says 😀 one thing,")
    assert [text.index(part) for part in parts] == sorted(text.index(part) for part in parts)


def test_thinking_is_in_an_export_only_when_asked_for() -> None:
    told = records()
    for kind in ("md", "json", "html"):
        without, including = rendered(told, kind), rendered(told, kind, include_thinking=True)  # type: ignore[arg-type]
        assert "Secretly" not in without and "What do they want" not in without
        assert "Secretly" in including and "What do they want" in including


def test_what_is_not_complete_is_headed_so_and_who_is_missing_is_named() -> None:
    text = markdown(folded(records(one_fails)))
    assert "## Left out or unfinished\n\n- Only in part research-2 (unconfirmed): " in text
    section = text[text.index("## research-2") :]
    assert "### Unfinished: round 1, depth 0.00, unconfirmed\n\nHalf a thought" in section


def test_a_run_without_a_synthesis_says_so() -> None:
    began = [record for record in records() if isinstance(record.event, RunStarted)]
    assert "# Synthesis\n\n*There is none.*" in markdown(folded(began))


@pytest.mark.parametrize(
    ("answer", "has_title"),
    [
        ("# What to do\n\nThis.", True),
        ("What to do\n==========\n\nThis.", True),
        ("Do this.", False),
        ("## First\n\nThis.", False),
        ("#1 is this.", False),
    ],
)
def test_an_answer_gets_a_title_unless_it_has_one(answer: str, has_title: bool) -> None:
    text = markdown(folded(records(lambda request: says(answer if request.agent_id == "hub" else "Words."))))
    assert answer in text and ("# Synthesis\n\n" in text) is not has_title


def test_a_fence_that_was_left_open_ends_with_its_thought() -> None:
    text = markdown(folded(records(one_fails)))
    assert "```py\nx = 1\n```\n" in text


def test_a_thought_that_a_better_go_replaced_is_not_told_and_notes_are() -> None:
    told = records()
    first = next(r.event for r in told if isinstance(r.event, ThoughtComplete))
    text = markdown(folded(again(told)))
    assert "Better now." in text and "tried again" in text
    assert text.count(first.content) == 1, "the first go is out, the thought of the next round stays"
    assert "# Your notes\n\n- To all agents: Mind the cost." in text


def test_a_tool_call_stands_where_it_was_made_and_says_what_the_model_was_given() -> None:
    told = with_call(records(), 20)
    text, page = markdown(folded(told)), html(told)
    for made, first in ((text, "**research-1** says\n"), (page, "<strong>research-1</strong> says</p>")):
        given = "25,000 of 500,000 characters; results/run/1.txt beside the ledger has all of them"
        places = [made.index(part) for part in (first, "read_file – done, 2 s", given)]
        places.append(made.index("one thing,", places[0]))
        assert places == sorted(places)
        assert "/home/me" not in made
    assert "(the first 99 characters)" in text
    states = re.findall(r'<rect class="([a-z ]+)"', page.split('title="research-1"')[1])
    assert states[:7] == ["queue", "queue", "think", "write", "write hollow", "stop", "prep hollow"]


def test_a_document_commands_no_terminal() -> None:
    text = markdown(folded(with_texts(records(), "\x1b]0;gone\x07 \x9b31m \x00 \udcff tab\there")))
    assert not {char for char in text if ord(char) < 32} - {"\n", "\t"}
    assert "\x9b" not in text and "␛]0;gone␇" in text
    text.encode("utf-8")


def test_the_events_come_back_as_they_were() -> None:
    told = again(records())
    text = as_json(told, include_thinking=True)
    assert text.isascii() and records_of(text) == told
    whole = json.loads(text)
    assert (whole["format"], whole["version"], whole["run"]) == ("felix-run", 1, told[0].run)


def test_events_without_their_thinking_make_the_same_run() -> None:
    told = records()
    state, back = folded(told), folded(records_of(as_json(told)))
    assert markdown(back) == markdown(state)
    assert [len(t.thinking_chunks) for t in back.thoughts.values()] == [
        len(t.thinking_chunks) for t in state.thoughts.values()
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "felix-run", "version": 2}', "[" * 100_000, "null"])
def test_what_is_no_exported_run_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="no run that Felix exported"):
        records_of(text)


def test_the_graph_has_an_arrow_for_all_that_was_read() -> None:
    state = folded(again(records()))
    lines = mermaid(state).splitlines()
    assert lines[0] == "flowchart TD"
    assert state.synthesis is not None
    read = sum(len(thought.read) for thought in state.thoughts.values()) + len(state.synthesis.sources)
    assert sum(" --> " in line for line in lines) == read > 4
    assert sum("-. retry .->" in line for line in lines) == 1
    assert any(line.endswith(" unfinished") for line in lines)


def test_no_name_gets_out_of_its_box_in_the_graph() -> None:
    hostile = AgentId('x"]\nclick t1 "javascript:alert(1)"\n%%{init}%% <b>')
    plain, text = mermaid(folded(records())), mermaid(folded(with_texts(records(), "x", agent=hostile)))
    assert len(text.splitlines()) == len(plain.splitlines())
    assert all(line.count('"') in (0, 2) for line in text.splitlines())
    assert "<b>" not in text and "%%" not in text


@pytest.mark.parametrize(
    ("task", "stem"),
    [
        ("Should our clinic move? Now or later, and how?", "should-our-clinic-move-now-or"),
        ("../../etc/passwd", "etc-passwd"),
        ("con", "run-con"),
        ("😀", "run"),
        ("\udcff\x00", "run"),
        ("ä" * 300, "ä" * 40),
    ],
)
def test_a_file_is_named_after_the_task(task: str, stem: str) -> None:
    assert file_stem(task) == stem
