"""Results cut to what a context holds, arguments read as strictly as JSON is meant; for any text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from felix.errors import ToolError
from felix.events import CallId, RunId
from felix.ledger.results import ResultFiles
from felix.llm.chat import Message, ToolCall, ToolSpec
from felix.team.prompts import estimate_tokens
from felix.team.tools.results import MOST_BYTES, cut, fitted, without_calls
from felix.team.tools.schema import canonical, check, parsed


@settings(max_examples=60, deadline=None)
@given(
    piece=st.text(min_size=1, max_size=30),
    times=st.integers(1, 4_000),
    context=st.integers(512, 200_000),
)
def test_no_result_takes_more_than_a_quarter_of_the_context_or_256_kb(piece: str, times: int, context: int) -> None:
    text = piece * times
    shown = cut(text, context)
    assert estimate_tokens(shown.text) <= context // 4
    assert len(shown.text.encode("utf-8", "replace")) <= MOST_BYTES and shown.characters == len(text)
    if not shown.is_cut:
        assert shown.text == text
    else:
        head = shown.text[: shown.text.rindex("\n\n[Cut here")]
        assert text.encode("utf-8", "replace").decode().startswith(head) and f"of {len(text):,}" in shown.text


def test_a_result_of_a_hundred_megabytes_costs_what_is_shown_of_it() -> None:
    shown = cut("word " * 20_000_000, 1_000_000)
    assert shown.is_cut and 100_000 < len(shown.text.encode()) <= MOST_BYTES


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b#1/2", "..", "", "C:\\x", "x" * 100])
def test_whatever_a_run_is_called_its_results_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "results"
    files = ResultFiles(folder)
    path = Path(files.keep(RunId(name), CallId(f"{name}#1/1"), "half \ud83d"))
    assert path.resolve().parent.parent == folder.resolve() and path.read_bytes() == b"half ?"
    files.remove(RunId(name))
    assert not path.exists() and folder.exists()


def test_a_disk_that_takes_nothing_is_no_fault_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert ResultFiles(tmp_path / "file").keep(RunId("r"), CallId("c"), "x") == ""
    assert ResultFiles(None).keep(RunId("r"), CallId("c"), "x") == ""


def test_the_oldest_results_are_left_out_first_and_only_as_many_as_it_takes() -> None:
    def turn(number: int) -> list[Message]:
        call = ToolCall(f"c{number}", "read", "{}")
        return [Message("assistant", "", calls=(call,)), Message("tool", "word " * 300, call_id=call.id, name="read")]

    messages = [Message("user", "Read."), *turn(1), *turn(2), *turn(3)]
    all_fit, none_out = fitted(messages, (), 100_000)
    assert all_fit == tuple(messages) and none_out == 0
    some, out = fitted(messages, (), 1_300)
    assert out == 1 and some[2].content.startswith("[This result was left out") and some[4:] == tuple(messages[4:])
    assert [m.call_id for m in some] == [m.call_id for m in messages]


def test_told_in_words_alone_no_turn_of_a_tool_is_left_and_nobody_speaks_twice_in_a_row() -> None:
    call = ToolCall("c", "read", '{"a": 1}')
    told = without_calls(
        [
            Message("system", "Be brief."),
            Message("user", "Read."),
            Message("assistant", "", calls=(call,)),
            Message("tool", "red", call_id="c", name="read"),
            Message("user", "Now answer."),
        ]
    )
    assert [message.role for message in told] == ["system", "user", "assistant", "user"]
    assert not any(message.calls for message in told) and "red" in told[-1].content and '{"a": 1}' in told[2].content


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.text(st.characters(codec="utf-8"))),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), json_values, max_size=4))
def test_every_object_is_read_as_it_was_written(arguments: dict[str, object]) -> None:
    assert parsed(json.dumps(arguments)) == parsed(json.dumps(arguments, ensure_ascii=False, indent=1)) == arguments
    assert canonical(dict(reversed(arguments.items()))) == canonical(arguments)


@settings(max_examples=80, deadline=None)
@given(st.one_of(st.text(max_size=40), st.text('{}[]",:0123456789.eE+-truefalsn \\u', max_size=40)))
def test_any_other_text_is_an_object_or_one_sentence(text: str) -> None:
    try:
        read: object = parsed(text)
    except ToolError as error:
        read = str(error)
    assert isinstance(read, dict) or (isinstance(read, str) and "\n" not in read and len(read) < 500)


@pytest.mark.parametrize(
    "text",
    [
        "[1e999]", '{"a": 1e999}', '{"a": -Infinity}', '{"a": NaN}', '{"a": 1, "a": 2}', '{"a": "\\ud83d"}', "{'a': 1}",
        '{"a": ' + "9" * 5_000 + "}", "[" * 200_000, '{"a":' * 200_000, "nul", "{} {}", '"{}"', "\ufeff{}",
    ],
)  # fmt: skip
def test_what_json_is_not_is_refused(text: str) -> None:
    with pytest.raises(ToolError):
        parsed(text)


@pytest.mark.parametrize("text", ["", "  ", "null", "{}"])
def test_nothing_is_no_arguments(text: str) -> None:
    assert parsed(text) == {}


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        ({"type": "object", "required": ["a"]}, {}),
        ({"properties": {"a": {"type": "integer"}}}, {"a": "1"}),
        ({"additionalProperties": False}, {"a": "x" * 100_000}),
        ({"type": "banana"}, {}),
        ({"$ref": "http://127.0.0.1:1/schema"}, {}),
        ({"$ref": "#/nowhere"}, {}),
        ({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, {}),
        ({"properties": {"a": {"pattern": "("}}}, {"a": "x"}),
    ],
)
def test_what_a_schema_does_not_allow_or_cannot_say_is_one_sentence(
    schema: dict[str, object], arguments: dict[str, object]
) -> None:
    with pytest.raises(ToolError) as refused:
        check(arguments, ToolSpec("t", "", schema))
    assert len(str(refused.value)) < 700 and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [({"$schema": 5}, {}), ({"$schema": ["x"]}, {}), ({"properties": {"n": {"multipleOf": 0.01}}}, {"n": 10**400})],
)
def test_a_schema_that_the_checker_stumbles_over_is_a_sentence(
    schema: dict[str, object], arguments: dict[str, object]
) -> None:
    with pytest.raises(ToolError, match=r"could not be checked|describes its arguments"):
        check(arguments, ToolSpec("odd", "", schema))


ENDLESS = "^(a|a)*$"


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a" * 40 + "b": {"pattern": ENDLESS}}},
        {"propertyNames": {"pattern": ENDLESS}},
        {"patternProperties": {ENDLESS: {}}},
        {"patternProperties": {ENDLESS: {}}, "additionalProperties": False},
        {"patternProperties": {ENDLESS: {}}, "unevaluatedProperties": False},
    ],
)
def test_an_expression_that_never_ends_is_not_begun(schema: dict[str, object]) -> None:
    with pytest.raises(ToolError, match="missing"):  # and all else is looked at
        check({"a" * 40 + "b": "a" * 40 + "b"}, ToolSpec("odd", "", {**schema, "required": ["missing"]}))


def test_a_schema_that_forks_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.team.tools.schema._LIMIT_S", 0.01)
    forks = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)}
    with pytest.raises(ToolError, match="too long to check"):
        check({}, ToolSpec("odd", "", {"$defs": {**forks, "d60": {}}, "$ref": "#/$defs/d0"}))
