from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.llm.chat import Text, ToolCallPart, ToolSpec
from felix.llm.tool_text import ToolText

TOOLS = (
    ToolSpec("add", "Adds.", {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}),
    ToolSpec("say", "Says.", {"type": "object", "properties": {"text": {"type": "string"}}}),
)
HERMES = '<tool_call>\n{"name": "add", "arguments": {"a": 1, "b": 2}}\n</tool_call>'
CODER = "<function=say>\n<parameter=text>\n12\n</parameter>\n</function>"


def read(*pieces: str) -> tuple[str, list[tuple[str, object]]]:
    """The text that is left, and the calls."""
    reader = ToolText(TOOLS)
    found = [part for piece in pieces for part in reader.feed(piece)] + list(reader.end())
    text = "".join(part.text for part in found if isinstance(part, Text))
    calls = [(part.name, json.loads(part.arguments)) for part in found if isinstance(part, ToolCallPart)]
    return text, calls


@pytest.mark.parametrize(
    ("written", "call"),
    [
        (HERMES, ("add", {"a": 1, "b": 2})),
        (HERMES.replace("\n", ""), ("add", {"a": 1, "b": 2})),
        (HERMES.removesuffix("</tool_call>"), ("add", {"a": 1, "b": 2})),
        (HERMES.replace('"arguments"', '"parameters"'), ("add", {"a": 1, "b": 2})),
        (CODER, ("say", {"text": "12"})),
        (f"<tool_call>\n{CODER}\n</tool_call>", ("say", {"text": "12"})),
        ("<function=add><parameter=a>1</parameter><parameter=b>2</parameter></function>", ("add", {"a": 1, "b": 2})),
        ("<function=add>\n<parameter=a>\nmany\n</parameter>\n", ("add", {"a": "many"})),
    ],
)
def test_the_common_forms_are_calls(written: str, call: tuple[str, object]) -> None:
    assert read(f"First.\n{written}") == ("First.\n", [call])


@pytest.mark.parametrize(
    "text",
    [
        f"```\n{HERMES}\n```\n",
        f"~~~xml\n{CODER}\n~~~",
        f"Write `{HERMES}` for it.",
        HERMES.replace("add", "subtract"),
        CODER.replace("say", "shout"),
        '<tool_call>{"name": "add", "arguments": {"a": NaN}}</tool_call>',
        "<tool_call>" + '{"a":' * 5_000 + "</tool_call>",
        '<tool_call>{"name": ["add"], "arguments": {}}</tool_call>',
        "<tool_call>[1, 2]</tool_call>",
        "<tool_call> is what I would write, and </tool_call> after it.",
        "1 < 2, <tool",
        "<function=",
    ],
)
def test_anything_else_stays_text(text: str) -> None:
    assert read(text) == (text, [])


def test_two_calls_and_the_text_around_them() -> None:
    assert read(f"One {HERMES}\ntwo {CODER} three") == (
        "One \ntwo  three",
        [("add", {"a": 1, "b": 2}), ("say", {"text": "12"})],
    )


def test_text_is_handed_on_as_soon_as_it_can_be_no_call() -> None:
    reader = ToolText(TOOLS)
    assert [*reader.feed("Look <to")] == [Text("Look ")]
    assert [*reader.feed("day>")] == [Text("<today>")]


PARTS = st.lists(
    st.sampled_from(
        [HERMES, CODER, "<tool_call>", "</tool_call>", "<function=add>", "```\n", "\n```", "`", "\n", "a", "<", "{}"]
    ),
    max_size=8,
)


@given(PARTS, st.lists(st.integers(1, 40), max_size=30))
def test_how_the_text_was_cut_up_changes_nothing(parts: list[str], lengths: list[int]) -> None:
    text = "".join(parts)
    pieces, rest = [], text
    for length in lengths:
        pieces.append(rest[:length])
        rest = rest[length:]
    assert read(*pieces, rest) == read(text)


@given(PARTS)
def test_without_a_call_every_character_is_kept(parts: list[str]) -> None:
    text = "".join(parts)
    left, calls = read(text)
    assert calls or left == text
