"""The dialect without a network: named events in, deltas out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.errors import ServerError
from felix.llm.chat import Delta, Finish, Note, Progress, Reasoning, Text, Usage
from felix.llm.lmstudio.dialect import ChatReader
from felix.llm.sse import Event


def read(*said: dict[str, Any], limit: int = 0) -> list[Delta]:
    reader = ChatReader(limit)
    deltas = [delta for each in said for delta in reader.read(Event(json.dumps(each).encode(), each.get("type", "")))]
    return deltas + list(reader.end())


def end(*output: dict[str, Any], **stats: Any) -> dict[str, Any]:
    return {"type": "chat.end", "result": {"model_instance_id": "m", "output": list(output), "stats": stats}}


def piece(text: str, kind: str = "message") -> dict[str, Any]:
    return {"type": f"{kind}.delta", "content": text}


def test_text_that_came_as_events_is_not_repeated_from_the_result() -> None:
    deltas = read(piece("Yes"), end({"type": "message", "content": "Yes"}, input_tokens=3, total_output_tokens=1))
    assert deltas == [Text("Yes"), Usage(3, 1), Finish("stop", "m")]


def test_text_that_only_stands_in_the_result_is_not_lost() -> None:
    output = ({"type": "reasoning", "content": "Hm"}, {"type": "message", "content": "Yes"})
    assert read(piece("Hm", "reasoning"), end(*output)) == [
        Reasoning("Hm"),
        Text("Yes"),
        Finish("stop", "m"),
    ]


def test_thinking_inside_the_text_is_taken_out_of_it() -> None:
    deltas = read(piece("<th"), piece("ink>Hm</thi"), piece("nk>Yes"), end())
    assert [delta for delta in deltas if not isinstance(delta, Finish)] == [Reasoning("Hm"), Text("Yes")]


def test_an_event_may_name_itself_in_its_field_alone() -> None:
    reader = ChatReader()
    assert [*reader.read(Event(b'{"content":"Yes"}', "message.delta"))] == [Text("Yes")]


def test_what_is_unknown_or_damaged_is_passed_over() -> None:
    assert read({"type": "tool_call.start", "tool": "x"}, {"type": "news", "content": "x"}, end()) == [
        Finish("stop", "m")
    ]
    reader = ChatReader()
    assert [*reader.read(Event(b'{"type": "message.de'))] == []
    assert [*reader.end()] == [Note("1 damaged piece was skipped")]


@pytest.mark.parametrize(
    "error",
    [
        {"type": "error", "error": {"type": "unknown", "message": "boom"}},
        {"error": {"message": "boom"}},
        {"error": "boom"},
    ],
)
def test_an_error_of_any_shape_is_one(error: dict[str, Any]) -> None:
    with pytest.raises(ServerError, match="boom"):
        read(error)


def test_a_fraction_is_one_or_is_none() -> None:
    told = [read({"type": "model_load.progress", "progress": value}) for value in (0.5, 7, -1, "half", None, True)]
    assert told == [[Progress("loading", each)] for each in (0.5, 1.0, 0.0, None, None, None)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KINDS = (
    "chat.start",
    "model_load.progress",
    "prompt_processing.progress",
    "message.delta",
    "reasoning.delta",
    "chat.end",
)
FIELDS = ("content", "progress", "result", "model_instance_id", "output", "stats")


@given(
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(FIELDS), json_values | st.dictionaries(st.sampled_from(FIELDS), json_values)),
)
def test_any_content_of_an_event_is_taken(kind: str, fields: dict[str, Any]) -> None:
    reader = ChatReader(3)
    [*reader.read(Event(json.dumps({"type": kind, **fields}).encode(), kind))]
    [*reader.end()]
    assert reader.is_done == (kind == "chat.end")
