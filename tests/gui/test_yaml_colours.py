"""The colouring of YAML: the parts of a line, and blocks of text across lines."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from felix.gui.workflow_editor.yaml_colours import block_lines, spans


def parts(line: str) -> list[tuple[str, str]]:
    return [(kind, line[start:end]) for kind, start, end in spans(line, in_block=False)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("name: Research team", [("key", "name"), ("mark", ":")]),
        ("  - id: research", [("key", "id"), ("mark", ":")]),
        ("    count: 2  # two", [("key", "count"), ("mark", ":"), ("number", "2"), ("comment", "# two")]),
        ("    speed: -.5e3", [("key", "speed"), ("mark", ":"), ("number", "-.5e3")]),
        ("    enable_streaming: false", [("key", "enable_streaming"), ("mark", ":"), ("word", "false")]),
        ("# name: x", [("comment", "# name: x")]),
        ('name: "a # b"', [("key", "name"), ("mark", ":"), ("text", '"a # b"')]),
        ("name: it's 2 # so", [("key", "name"), ("mark", ":"), ("comment", "# so")]),
        ("prompt: |", [("key", "prompt"), ("mark", ":"), ("mark", "|")]),
        ("checkpoints: [0, .45]", [
            ("key", "checkpoints"), ("mark", ":"), ("mark", "["), ("number", "0"), ("mark", ","), ("number", ".45"),
            ("mark", "]"),
        ]),
        ("    model: v1.2-3b", [("key", "model"), ("mark", ":")]),
        ("base: http://x:1/v1", [("key", "base"), ("mark", ":")]),
        ("", []),
        (" : [{'", [("mark", "["), ("mark", "{"), ("text", "'")]),
    ],
)  # fmt: skip
def test_a_line_is_told_apart(line: str, expected: list[tuple[str, str]]) -> None:
    assert parts(line) == expected


def test_a_block_ends_where_the_indentation_does() -> None:
    lines = [
        "a: |",
        "  key: no key",
        "",
        "    # no comment",
        "b: >- # folded",
        " x",
        "c: a|b",
        "  - d",
        "  - |",
        "    text",
    ]
    assert block_lines(lines) == [False, True, True, True, False, True, False, False, False, True]


def test_a_line_in_a_block_is_text_whatever_it_holds() -> None:
    assert list(spans("   key: 1 # x", in_block=True)) == [("text", 3, 13)]


def test_the_workflows_that_come_with_felix_have_their_keys_and_no_key_in_a_prompt() -> None:
    for path in (Path(__file__).parents[2] / "assets" / "workflows").glob("*.yaml"):
        lines = path.read_text(encoding="utf-8").splitlines()
        keys = {
            line[start:end]
            for line, inside in zip(lines, block_lines(lines), strict=True)
            for kind, start, end in spans(line, in_block=inside)
            if kind == "key"
        }
        assert {"name", "description", "agents", "id", "role", "prompt"} <= keys
        assert all(" " not in key for key in keys)


def test_no_line_takes_long() -> None:
    began = time.process_time()
    for line in ("a" * 100_000, "- " * 50_000, "'" * 100_000, "[" * 100_000, "a: " + "1" * 100_000, " " * 100_000):
        list(spans(line, in_block=False))
    assert time.process_time() - began < 3, "quadratic would be minutes"
