"""Merged chunks are the same body, however it was cut on its way."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import h11
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.llm.merging import ChunkMerger, merge_chunks
from tests.servers.fakes import End, FakeOpenAI, Say, Script

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def body(response: bytes) -> tuple[bytes, int, bool]:
    """The body as the HTTP library reads it, its pieces, and whether it came to its end."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("Host", "here")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(response)
    data, pieces = b"", 0
    while (event := connection.next_event()) is not h11.NEED_DATA:
        if isinstance(event, h11.Data):
            data += event.data
            pieces += 1
        if isinstance(event, h11.EndOfMessage):
            return data, pieces, True
    return data, pieces, False


def merged(response: bytes, cuts: list[int]) -> bytes:
    """What the library is given of a response that comes cut at these places."""
    merger = ChunkMerger()
    places = sorted({0, len(response), *(cut % (len(response) + 1) for cut in cuts)})
    return b"".join(merger.feed(response[a:b]) for a, b in pairwise(places))


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=12),
    st.lists(st.integers(0, 10_000), max_size=20),
    st.sampled_from([b"", INTERIM]),
)
def test_the_body_is_the_same_wherever_it_is_cut(pieces: list[bytes], cuts: list[int], before: bytes) -> None:
    response = before + HEAD + b"".join(chunk(piece) for piece in pieces) + LAST
    data, _, is_whole = body(merged(response, cuts))
    assert (data, is_whole) == (b"".join(pieces), True)


def test_what_came_together_is_one_chunk() -> None:
    response = HEAD + b"".join(chunk(b"data: %d\n\n" % number) for number in range(100)) + LAST
    assert body(response)[1] == 100
    assert body(merged(response, []))[1] == 1


def test_nothing_that_has_come_is_held_back() -> None:
    merger = ChunkMerger()
    assert merger.feed(HEAD) == HEAD
    assert merger.feed(chunk(b"Hello")) == chunk(b"Hello")
    assert merger.feed(b"6\r\n wo") == chunk(b" wo")
    assert merger.feed(b"rld\r") == chunk(b"rld")
    assert merger.feed(b"\n5") == b""
    assert merger.feed(b"\r\nagain\r\n" + LAST) == chunk(b"again") + LAST


@pytest.mark.parametrize(
    "rest",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n5\r\nHello\r\n6\r\n worl",
        HEAD + b"5;name=value\r\nHello\r\n" + LAST,
        HEAD + b"zz\r\nno chunk\r\n",
        HEAD + b"0\r\nTrailer: yes\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
def test_what_is_something_else_is_handed_on_as_it_is(rest: bytes) -> None:
    assert merged(rest, []) == rest


def test_a_body_that_breaks_off_stays_broken() -> None:
    response = HEAD + chunk(b"Hello") + b"6\r\n wo"
    assert body(merged(response, [len(HEAD) + 5])) == (b"Hello wo", 2, False)


def test_each_response_of_a_connection_is_merged() -> None:
    """On a real connection: two answers, each of a thousand chunks, in far fewer pieces."""

    async def run() -> list[tuple[int, int]]:
        got = []
        with FakeOpenAI(Script(*(Say("la ") for _ in range(1_000)), End())) as server:
            async with httpx2.AsyncClient(trust_env=False) as client:
                merge_chunks(client)
                for _ in range(2):
                    question = {"model": "m", "messages": [{"role": "user", "content": "?"}], "stream": True}
                    async with client.stream("POST", f"{server.base_url}/chat/completions", json=question) as response:
                        pieces = [piece async for piece in response.aiter_bytes()]
                    got.append((b"".join(pieces).count(b"la "), len(pieces)))
            assert server.connected == 1
        return got

    for texts, pieces in asyncio.run(run()):
        assert texts == 1_000
        assert pieces < 300
