from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from felix.llm.body import is_whole_message
from felix.llm.sse import Event, EventReader


def read(*pieces: bytes, tolerant: bool = False) -> list[Event]:
    reader = EventReader(is_whole_message if tolerant else None)
    return [event for piece in pieces for event in reader.feed(piece)] + reader.finish()


def test_the_examples_of_the_standard_are_read_as_it_says() -> None:
    assert read(b"data: YHOO\ndata: +2\ndata: 10\n\n") == [Event(b"YHOO\n+2\n10")]
    first = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
    assert read(first) == [Event(b"first event", "", "1"), Event(b"second event"), Event(b" third event")]
    assert read(b"data\n\ndata\ndata\n\n") == [Event(b""), Event(b"\n")]
    assert read(b"data:test\n\ndata: test\n\n") == [Event(b"test"), Event(b"test")]


def test_an_event_without_data_is_none_and_its_name_is_forgotten() -> None:
    assert read(b"event: ping\n\ndata: x\n\n") == [Event(b"x")]


def test_the_name_belongs_to_one_event_and_the_id_stays() -> None:
    assert read(b"event: a\nid: 7\ndata: 1\n\ndata: 2\n\n") == [Event(b"1", "a", "7"), Event(b"2", "", "7")]


def test_an_id_with_a_nul_is_ignored_and_retry_takes_digits_only() -> None:
    reader = EventReader()
    assert reader.feed(b"id: 1\n\nid: a\0b\nretry: 3000\n\nretry: 3s\n\ndata: x\n\n") == [Event(b"x", "", "1")]
    assert reader.retry_ms == 3000


def test_only_the_very_first_byte_order_mark_is_dropped() -> None:
    assert read(b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n") == [Event(b"1")]


def test_line_ends_other_than_cr_and_lf_stay_in_the_data() -> None:
    data = "a\u2028b\u0085c\x0bd\x0ce\x1c".encode()
    assert read(b"data: " + data + b"\n\n") == [Event(data)]


def test_a_cr_ends_its_line_before_the_next_byte_comes() -> None:
    reader = EventReader()
    assert reader.feed(b"data: x\r\r") == [Event(b"x")]
    assert reader.feed(b"\ndata: y\r\n\r") == [Event(b"y")]
    assert reader.feed(b"\ndata: z\n\n") == [Event(b"z")]


def test_the_last_event_may_lack_its_blank_line() -> None:
    assert read(b"data: 1\n\ndata: 2\n") == [Event(b"1"), Event(b"2")]
    assert read(b"data: 1\n\nevent: end\ndata: 2") == [Event(b"1"), Event(b"2", "end")]


def test_events_separated_by_single_line_ends_are_told_apart_when_each_is_json() -> None:
    stream = b'data: {"a": 1}\ndata: {"b": 2}\ndata: [DONE]\n'
    assert [event.data for event in read(stream, tolerant=True)] == [b'{"a": 1}', b'{"b": 2}', b"[DONE]"]
    assert len(read(stream)) == 1


def test_json_over_several_data_lines_stays_one_event() -> None:
    value = {"choices": [{"delta": {"content": "x"}}], "n": {}}
    lines = json.dumps(value, indent=1).encode().split(b"\n")
    assert any(line.strip().startswith(b"{") for line in lines[1:])
    (event,) = read(b"".join(b"data: " + line + b"\n" for line in lines) + b"\n", tolerant=True)
    assert json.loads(event.data) == value


def test_bare_json_lines_are_events_when_that_is_allowed() -> None:
    assert [event.data for event in read(b'{"a": 1}\n{"b": 2}\n', tolerant=True)] == [b'{"a": 1}', b'{"b": 2}']
    assert read(b'{"a": 1}\n\n') == []


def test_a_long_line_in_many_pieces_costs_no_more_than_its_length() -> None:
    pieces = [b"x" * 1000] * 20_000  # joined anew for each piece this would copy 200 GB
    assert len(read(b"data: ", *pieces, b"\n\n")[0].data) == 20_000_000


# ---------------------------------------------------------------- any stream, cut anywhere

field_names = st.sampled_from([b"data", b"event", b"id", b"retry", b"", b"dat", b"data ", b"\xef\xbb\xbfdata"])
values = st.sampled_from(
    [b"", b" ", b"x", b" x", b"  x", b"a:b", b"12", b"\0", '{"a": "é\u2028"}'.encode(), b"{", b"}"]
)
lines = st.builds(
    lambda name, colon, value: name + (b":" + value if colon else b""), field_names, st.booleans(), values
)
ends = st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r\n"])
streams = st.builds(
    lambda bom, parts: bom + b"".join(line + end for line, end in parts),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.lists(st.tuples(lines, ends), max_size=12),
)


def by_the_letter(stream: bytes) -> list[Event]:
    """The standard's algorithm, line by line, as slow and plain as it is written there."""
    text = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events = []
    data, name, last_id = b"", "", ""
    for line in text.split(b"\n")[:-1]:
        if not line:
            if data:
                events.append(Event(data[:-1], name, last_id))
            data, name = b"", ""
            continue
        key, _, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if key == b"data":
            data += value + b"\n"
        elif key == b"event":
            name = value.decode()
        elif key == b"id" and b"\0" not in value:
            last_id = value.decode()
    return events


@given(streams)
def test_whole_streams_are_read_to_the_letter_of_the_standard(stream: bytes) -> None:
    assert EventReader().feed(stream) == by_the_letter(stream)


@given(streams)
def test_byte_by_byte_gives_the_same_events(stream: bytes) -> None:
    reader = EventReader()
    assert [event for at in range(len(stream)) for event in reader.feed(stream[at : at + 1])] == by_the_letter(stream)


@given(streams, st.lists(st.integers(0, 200), max_size=8))
def test_any_cuts_give_the_same_events(stream: bytes, cuts: list[int]) -> None:
    reader = EventReader()
    events = []
    at = 0
    for cut in [*sorted(cuts), len(stream)]:
        events += reader.feed(stream[at:cut])
        at = max(at, cut)
    assert events == by_the_letter(stream)
