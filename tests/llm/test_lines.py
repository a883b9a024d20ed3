from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.llm.lines import LineReader


def lines(*pieces: bytes) -> list[bytes]:
    reader = LineReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return [event.data for event in events + reader.finish()]


def test_a_line_is_handed_on_when_its_end_comes() -> None:
    reader = LineReader()
    assert reader.feed(b'{"a":') == []
    assert [event.data for event in reader.feed(b'1}\n{"b"')] == [b'{"a":1}']
    assert [event.data for event in reader.feed(b":2}\n")] == [b'{"b":2}']
    assert reader.finish() == []


@pytest.mark.parametrize("end", ["\u2028", "\u0085", "\x0b", "\x0c", "\x1c"])
def test_only_lf_ends_a_line(end: str) -> None:
    line = json.dumps({"a": f"one{end}two"}, ensure_ascii=False).encode()
    assert lines(line + b"\n" + line) == [line, line]


def test_blank_lines_a_mark_at_the_start_and_a_missing_end_are_no_trouble() -> None:
    assert lines(b"\xef\xbb\xbf{}\n\n", b"\r\n", b"\n", b"{}") == [b"{}", b"{}"]


@given(st.lists(st.binary(max_size=6).filter(lambda b: b"\n" not in b and b.strip()), max_size=6), st.data())
def test_it_does_not_matter_where_the_pieces_are_cut(whole: list[bytes], data: st.DataObject) -> None:
    body = b"\n".join(whole)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert lines(*pieces) == [line.removeprefix(b"\xef\xbb\xbf") if n == 0 else line for n, line in enumerate(whole)]
