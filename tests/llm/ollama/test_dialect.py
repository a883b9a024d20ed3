"""Ollama's lines without a network: any JSON in, deltas out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.errors import ServerError
from felix.llm.chat import Delta, Finish, Note, Reasoning, Text, ToolCallPart, Usage
from felix.llm.ollama.dialect import AnswerReader, read_usage
from felix.llm.sse import Event


def read(*lines: Any) -> list[Delta]:
    reader = AnswerReader()
    deltas = [delta for line in lines for delta in reader.read(Event(json.dumps(line).encode()))]
    return deltas + list(reader.end())


def said(message: Any, **more: Any) -> dict[str, Any]:
    return {"model": "qwen3", "created_at": "2026-11-20T17:15:24Z", "message": message, "done": False, **more}


def text(content: str) -> dict[str, Any]:
    return said({"role": "assistant", "content": content})


def called(*functions: dict[str, Any]) -> dict[str, Any]:
    calls = [{"function": function} for function in functions]
    return said({"role": "assistant", "content": "", "tool_calls": calls})


LAST = {**text(""), "done": True, "done_reason": "stop"}
COUNTERS = {"prompt_eval_count": 11, "eval_count": 20, "eval_duration": 50_000_000, "load_duration": 101_397_084}


def test_an_answer_becomes_thinking_text_finish_and_usage() -> None:
    deltas = read(
        said({"role": "assistant", "content": "", "thinking": "Hm"}), text("Hel"), text("lo"), {**LAST, **COUNTERS}
    )
    assert deltas == [
        Reasoning("Hm"),
        Text("Hel"),
        Text("lo"),
        Finish("stop", "qwen3"),
        Usage(11, 20, tokens_per_s=400.0),
    ]


def test_text_beside_other_things_loses_neither() -> None:
    """The quick way for plain pieces of text must not take a line that holds more."""
    call = {"function": {"name": "f", "arguments": {}}}
    beside = said({"role": "assistant", "content": "b", "thinking": "t", "tool_calls": [call]})
    assert read(beside) == [Reasoning("t"), Text("b"), ToolCallPart(0, "call_0", "f", "{}")]
    assert read({**text("b"), "done": True}) == [Text("b"), Finish("stop", "qwen3")]


@pytest.mark.parametrize("last", [{"done": True}, {"done_reason": "length"}, {"done": True, "done_reason": "length"}])
def test_the_end_is_told_by_either_sign(last: dict[str, Any]) -> None:
    reader = AnswerReader()
    deltas = [*reader.read(Event(json.dumps({"model": "m", **last}).encode()))]
    assert deltas == [Finish(last.get("done_reason", "stop"), "m")]
    assert reader.has_ended
    assert reader.is_done == ("done" in last)


def test_without_a_sign_there_is_no_finish() -> None:
    assert read(text("Hel")) == [Text("Hel")]


def test_a_tool_call_is_whole_and_its_arguments_become_json() -> None:
    assert read(called({"index": 0, "name": "get", "arguments": {"city": "NY"}})) == [
        ToolCallPart(0, "call_0", "get", '{"city": "NY"}')
    ]
    given = {"id": "call_x", "function": {"name": "get", "arguments": '{"a":1}'}}
    assert read(said({"tool_calls": [given]})) == [ToolCallPart(0, "call_x", "get", '{"a":1}')]


def test_calls_that_all_have_index_0_stay_apart() -> None:
    twice = {"index": 0, "name": "get", "arguments": {}}
    assert read(called(twice, twice), called(twice)) == [
        ToolCallPart(0, "call_0", "get", "{}"),
        ToolCallPart(1, "call_1", "get", "{}"),
        ToolCallPart(2, "call_2", "get", "{}"),
    ]


def test_an_error_in_the_middle_is_an_error_in_its_own_words() -> None:
    with pytest.raises(ServerError, match="an error was encountered while running the model") as caught:
        read(text("Hel"), {"error": "an error was encountered while running the model"})
    assert caught.value.fault == "server"


def test_what_was_not_counted_is_not_invented() -> None:
    assert read_usage({}) is None
    assert read_usage({"prompt_eval_count": 0, "eval_count": 0}) is None
    assert read_usage({"eval_count": 3}) == Usage(0, 3)
    assert read_usage({"prompt_eval_count": True, "eval_count": 3, "eval_duration": 0}) == Usage(0, 3)


def test_a_load_that_took_long_is_told() -> None:
    assert read({**LAST, "load_duration": 12_400_000_000})[0] == Note("loading the model took 12 s")
    assert read({**LAST, "load_duration": 90_000_000}) == [Finish("stop", "qwen3")]


def test_an_answer_that_was_not_streamed_is_read_alike() -> None:
    body = {**said({"role": "assistant", "content": "Hello", "thinking": "Hm"}), "done": True, "done_reason": "length"}
    reader = AnswerReader()
    assert reader.is_answer(body)
    assert [*reader.read_whole({**body, **COUNTERS})] == [
        Reasoning("Hm"),
        Text("Hello"),
        Finish("length", "qwen3"),
        Usage(11, 20, tokens_per_s=400.0),
    ]
    assert not reader.is_answer({"error": "model 'x' not found"})


def test_thinking_that_a_model_writes_into_its_answer_comes_apart() -> None:
    assert read(text("<thi"), text("nk>Hm</think>\nHello")) == [Reasoning("Hm"), Text("Hello")]


def test_half_characters_wait_for_their_other_half() -> None:
    reader = AnswerReader()
    lines = [b'{"message":{"role":"assistant","content":"\\ud83c"},"done":false}']
    lines += [b'{"message":{"role":"assistant","content":"\\udf0d"},"done":false}']
    assert [delta for line in lines for delta in reader.read(Event(line))] == [Text("🌍")]


def test_damaged_lines_are_counted_and_too_many_are_an_error() -> None:
    reader = AnswerReader()
    assert [*reader.read(Event(b'{"message":{"con'))] == []
    assert [*reader.end()] == [Note("1 damaged piece was skipped")]
    for _ in range(2):
        reader.read(Event(b"nonsense"))
    with pytest.raises(ServerError, match="damaged"):
        reader.read(Event(b"nonsense"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("message", "content", "thinking", "tool_calls", "function", "arguments"),
                    *("done", "done_reason", "eval_count", "load_duration", "model"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(st.lists(json_values, max_size=4))
def test_no_json_breaks_the_reader(lines: list[Any]) -> None:
    read(*lines)
    reader = AnswerReader()
    for line in lines:
        if reader.is_answer(line):
            assert all(isinstance(delta, Delta) for delta in AnswerReader().read_whole(line))
