"""The events of the Messages API without a network: any JSON in, deltas out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.errors import ServerError
from felix.llm.anthropic.dialect import AnswerReader
from felix.llm.chat import Delta, Finish, Note, Reasoning, Text, ToolCallPart, Usage
from felix.llm.sse import Event


def events(*messages: Any) -> list[Event]:
    return [Event(json.dumps(message).encode()) for message in messages]


def read(*messages: Any) -> list[Delta]:
    reader = AnswerReader()
    return [*(delta for event in events(*messages) for delta in reader.read(event)), *reader.end()]


def started(**usage: int) -> dict[str, Any]:
    message = {
        "id": "msg_1",
        "role": "assistant",
        "content": [],
        "model": "claude",
        "usage": {"output_tokens": 1, **usage},
    }
    return {"type": "message_start", "message": message}


def block(index: int, **content: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": content}


def delta(index: int, **content: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": content}


def text(words: str, index: int = 0) -> dict[str, Any]:
    return delta(index, type="text_delta", text=words)


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def ended(reason: str | None, **usage: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


STOP = {"type": "message_stop"}


def test_an_answer_becomes_thinking_text_usage_and_finish() -> None:
    assert read(
        started(input_tokens=25, cache_read_input_tokens=100, cache_creation_input_tokens=5),
        block(0, type="thinking", thinking="", signature=""),
        {"type": "ping"},
        delta(0, type="thinking_delta", thinking="Hm"),
        delta(0, type="signature_delta", signature="EqQBCg"),
        stop(0),
        block(1, type="text", text=""),
        text("Hel", 1),
        text("lo", 1),
        stop(1),
        ended("end_turn", output_tokens=15, output_tokens_details={"thinking_tokens": 6}),
        STOP,
    ) == [Reasoning("Hm"), Text("Hel"), Text("lo"), Usage(130, 15, 6), Finish("stop", "claude")]


def test_the_input_of_a_tool_comes_in_pieces() -> None:
    assert read(
        block(0, type="tool_use", id="toolu_1", name="get", input={}),
        delta(0, type="input_json_delta", partial_json=""),
        delta(0, type="input_json_delta", partial_json='{"a":'),
        delta(0, type="input_json_delta", partial_json=" 1}"),
        stop(0),
    ) == [
        ToolCallPart(0, "toolu_1", "get", ""),
        ToolCallPart(0, "toolu_1", "", '{"a":'),
        ToolCallPart(0, "toolu_1", "", " 1}"),
    ]


@pytest.mark.parametrize(("given", "arguments"), [({}, "{}"), (None, "{}"), ({"a": 1}, '{"a": 1}')])
def test_the_input_of_a_tool_may_come_at_once_or_not_at_all(given: object, arguments: str) -> None:
    assert read(block(3, type="tool_use", id="", name="get", input=given), stop(3), stop(3)) == [
        ToolCallPart(0, "call_0", "get", ""),
        ToolCallPart(0, "call_0", "", arguments),
    ]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refusal"),
        ("pause_turn", "length"),
        ("something_new", "something_new"),
        (None, "stop"),
    ],
)
def test_the_reason_for_the_end_is_told_in_common_words(reason: str | None, finish: str) -> None:
    assert read(ended(reason), STOP)[-1] == Finish(finish, "")


def test_without_message_stop_the_answer_is_not_whole() -> None:
    assert read(started(input_tokens=3), text("Hello"), ended("end_turn", output_tokens=2)) == [
        Text("Hello"),
        Usage(3, 2),
    ]


def test_a_refusal_is_told_with_its_explanation() -> None:
    refused = {"stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "It could\ndo harm."}}
    assert read({"type": "message_delta", "delta": refused}, STOP) == [
        Note("refused: It could do harm."),
        Finish("refusal", ""),
    ]


def test_counts_replace_each_other_and_one_token_is_no_count() -> None:
    assert read(started(input_tokens=3), text("Hello")) == [Text("Hello")]
    assert read(
        started(input_tokens=3), ended(None, output_tokens=4), ended(None, input_tokens=5, output_tokens=9)
    ) == [
        Usage(3, 4),
        Usage(5, 9),
    ]
    assert read(ended("end_turn", output_tokens=0)) == []


def test_events_are_known_by_their_own_type_or_else_by_their_name() -> None:
    reader = AnswerReader()
    named = Event(b'{"index":0,"delta":{"type":"text_delta","text":"Hi"}}', "content_block_delta")
    assert [*reader.read(named)] == [Text("Hi")]


def test_what_is_not_known_is_passed_over() -> None:
    assert (
        read(
            {"type": "something_new", "text": "no"},
            block(0, type="server_tool_use", id="s", name="search", input={"q": 1}),
            delta(0, type="input_json_delta", partial_json="{}"),
            delta(0, type="citations_delta", citation={"text": "no"}),
            delta(0, type="something_new", text="no"),
            block(1, type="redacted_thinking", data="no"),
            7,
            None,
            [],
        )
        == []
    )


@pytest.mark.parametrize(
    ("kind", "fault", "retryable"),
    [
        ("overloaded_error", "overloaded", True),
        ("rate_limit_error", "rate_limit", True),
        ("api_error", "server", True),
        ("authentication_error", "key", False),
        ("invalid_request_error", "rejected", False),
    ],
)
def test_an_error_in_the_stream_is_what_its_type_says(kind: str, fault: str, *, retryable: bool) -> None:
    with pytest.raises(ServerError, match="Sorry") as caught:
        read(text("Hel"), {"type": "error", "error": {"type": kind, "message": "Sorry"}})
    assert (caught.value.fault, caught.value.retryable) == (fault, retryable)


def test_an_error_that_is_no_json_is_an_error() -> None:
    with pytest.raises(ServerError, match="upstream gone"):
        AnswerReader().read(Event(b"upstream gone", "error"))


def test_an_answer_that_was_not_streamed_is_read_alike() -> None:
    body = {
        "type": "message",
        "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "x"},
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "toolu_1", "name": "get", "input": {"a": 1}},
        ],
        "stop_reason": "max_tokens",
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }
    assert AnswerReader().is_answer(body)
    assert [*AnswerReader().read_whole(body)] == [
        Reasoning("Hm"),
        Text("Hello"),
        ToolCallPart(0, "toolu_1", "get", ""),
        ToolCallPart(0, "toolu_1", "", '{"a": 1}'),
        Usage(3, 4),
        Finish("length", "claude"),
    ]
    assert not AnswerReader().is_answer({"type": "error", "error": {}})


def test_two_answers_in_one_stream_are_told() -> None:
    assert read(started(), started())[-1] == Note("the server joined two answers in one stream")


def test_half_characters_wait_for_their_other_half_and_no_longer() -> None:
    assert read(text("\ud83c"), text("\udf0d"), text("\ud83c"), STOP) == [
        Text("🌍"),
        Text("\ufffd"),
        Finish("stop", ""),
    ]


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.sampled_from(["text", "tool_use"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("type", "text", "id", "name", "input", "thinking", "partial_json", "stop_reason"),
                    *("model", "usage", "output_tokens", "input_tokens", "content"),
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
kinds = st.sampled_from(
    [
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop"),
    ]
)
fields = st.dictionaries(
    st.sampled_from(["message", "delta", "content_block", "index", "usage"]), json_values, max_size=3
)


@given(st.lists(st.tuples(kinds, fields), max_size=3))
def test_no_json_breaks_the_reader(messages: list[tuple[str, dict[str, Any]]]) -> None:
    read(*({**message, "type": kind} for kind, message in messages))
    for _, message in messages:
        whole = AnswerReader().read_whole({**message, "content": [*message.values()]})
        assert all(isinstance(delta, Delta) for delta in whole)
