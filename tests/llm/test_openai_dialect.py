"""The dialect without a network: any JSON in, deltas out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.errors import ServerError
from felix.llm.chat import Delta, Finish, Note, Progress, Reasoning, Text, ToolCallPart, Usage
from felix.llm.openai_dialect import AnswerReader, read_usage
from felix.llm.sse import Event


def read(*chunks: Any) -> list[Delta]:
    reader = AnswerReader()
    deltas = [delta for chunk in chunks for delta in reader.read(Event(json.dumps(chunk).encode()))]
    return deltas + list(reader.end())


def chunk(delta: Any, finish: Any = None, **more: Any) -> dict[str, Any]:
    return {"id": "1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def test_an_answer_becomes_text_usage_and_finish() -> None:
    deltas = read(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}),
        chunk({}, "stop"),
        {
            "id": "1",
            "choices": [],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "completion_tokens_details": None},
        },
    )
    assert deltas == [Text("Hel"), Text("lo"), Finish("stop", "m"), Usage(3, 2)]


def test_text_beside_other_things_loses_neither() -> None:
    """The quick way for plain pieces of text must not take a piece that holds more."""
    plain = chunk({"content": "a"})
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    progress = {"processed": 1, "total": 2}
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
    assert read(plain, {**plain, "usage": usage}) == [Text("a"), Text("a"), Usage(1, 1)]
    assert read(plain, {**plain, "prompt_progress": progress}) == [Text("a"), Text("a"), Progress("reading", 0.5)]
    assert read(plain, chunk({"content": "b"}, "stop")) == [Text("a"), Text("b"), Finish("stop", "m")]
    assert read(plain, chunk({"content": "b", "reasoning_content": "r"})) == [Text("a"), Reasoning("r"), Text("b")]
    assert read(plain, chunk({"content": "b", "tool_calls": [call]}))[1:] == [
        Text("b"),
        ToolCallPart(0, "c", "f", "{}"),
    ]
    assert read(plain, {**chunk({"content": "b"}), "id": "2"})[2:] == [
        Note("the server joined two answers in one stream")
    ]


@pytest.mark.parametrize("error", [{"error": {"message": "boom"}}, {"x_groq": {"error": "boom"}}])
def test_an_error_beside_text_is_an_error(error: dict[str, Any]) -> None:
    plain = chunk({"content": "a"})
    with pytest.raises(ServerError, match="boom"):
        read(plain, plain, {**plain, **error})


def test_counts_that_are_no_counts_are_none() -> None:
    assert read_usage({"prompt_tokens": "7", "completion_tokens": None}) is None
    assert read_usage({"prompt_tokens": -1, "completion_tokens": 3.0}) == Usage(0, 3)
    assert read_usage(
        {"prompt_tokens": 1, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}}
    ) == Usage(1, 9, 4)
    assert read_usage([1]) is None


def test_groqs_count_comes_twice_and_is_counted_once_with_the_speed_it_tells() -> None:
    usage = {"prompt_tokens": 30, "prompt_time": 0.01, "completion_tokens": 19, "completion_time": 0.02}
    deltas = read(
        {**chunk({"content": "a"}), "x_groq": {"id": "req_1"}},
        {**chunk({}, "stop"), "x_groq": {"id": "req_1", "usage": usage}},
        {"id": "1", "choices": [], "usage": {"prompt_tokens": 30, "completion_tokens": 19}},
    )
    counted = Usage(30, 19, tokens_per_s=950.0, prompt_tokens_per_s=3000.0)
    assert deltas == [Text("a"), Finish("stop", "m"), counted, counted]


def test_groq_breaking_off_is_an_error_though_choices_stand_beside_it() -> None:
    with pytest.raises(ServerError, match="over capacity"):
        read({**chunk({"content": "b"}), "x_groq": {"error": "over capacity"}})


LLAMA_TIMINGS = {
    "cache_n": 200,
    "prompt_n": 37,
    "prompt_per_second": 740.0,
    "predicted_n": 12,
    "predicted_per_second": 41.5,
}


@pytest.mark.parametrize("apart", [True, False])
def test_llama_cpps_timings_are_the_speed(apart: bool) -> None:
    thought = {"completion_tokens_details": {"reasoning_tokens": 4}}
    usage = {"usage": {"prompt_tokens": 237, "completion_tokens": 12, **thought}}
    timings = {"timings": LLAMA_TIMINGS}
    last = [{"choices": [], **usage}, {"choices": [], **timings}] if apart else [{"choices": [], **usage, **timings}]
    assert read(*last)[-1] == Usage(237, 12, 4, tokens_per_s=41.5, prompt_tokens_per_s=740.0)


def test_timings_alone_are_the_count() -> None:
    assert read({"choices": [], "timings": LLAMA_TIMINGS})[-1] == Usage(
        237, 12, tokens_per_s=41.5, prompt_tokens_per_s=740.0
    )


def test_what_was_over_in_an_instant_has_no_speed() -> None:
    instant = {"prompt_n": 1, "prompt_per_second": 8.0, "predicted_n": 1, "predicted_per_second": 9_000.0}
    assert read({"choices": [], "timings": instant})[-1] == Usage(1, 1)
    assert read({"choices": [], "timings": "soon"}) == []


@pytest.mark.parametrize("index", [[], {}, None, "0", 1.5])
def test_any_index_of_a_tool_call_is_taken(index: object) -> None:
    call = {"index": index, "id": "c", "function": {"name": "f", "arguments": "{}"}}
    assert read(chunk({"tool_calls": [call]})) == [ToolCallPart(0, "c", "f", "{}")]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["stop", "<think>"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "reasoning",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "index",
                    "id",
                    "usage",
                    "finish_reason",
                    "error",
                    "text",
                    "thinking",
                    "x_groq",
                    "prompt_progress",
                    "total",
                    "code",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.lists(json_values, max_size=4), st.sampled_from(["", "error", "ping"]))
def test_no_json_does_harm(values: list[Any], name: str) -> None:
    reader = AnswerReader()
    try:
        for value in values:
            wrapped = value if isinstance(value, dict) else {"choices": [value]}
            for data in (value, wrapped, {"choices": [{"delta": value}]}):
                for delta in reader.read(Event(json.dumps(data).encode(), name)):
                    assert not isinstance(delta, Text | Reasoning) or isinstance(delta.text, str)
        list(reader.end())
    except ServerError:
        pass  # the one exception a caller expects


@given(st.binary(max_size=40), st.sampled_from(["", "error"]))
def test_no_bytes_do_harm(data: bytes, name: str) -> None:
    try:
        deltas = list(AnswerReader().read(Event(data, name)))
    except ServerError:  # the one exception a caller expects
        deltas = []
    assert not any(isinstance(delta, Text | Reasoning) for delta in deltas), "so few bytes are no answer"
