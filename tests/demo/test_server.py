"""The demo server speaks the real protocol over real HTTP, on loopback only, and stops when its client has left."""

import asyncio
import contextlib
import http.client
import json
import math
import random
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from felix.demo import DemoServer, serve_forever
from felix.demo.pacing import delays_s, first_token_s
from felix.errors import FelixError

ASKED = [
    {"role": "system", "content": "You are research-1, a research agent of a team of 4."},
    {
        "role": "user",
        "content": "# Task\n\nShould the library stay open on Sundays?\n\n# Your turn\n\nDepth 0.00 (top).",
    },
]


@contextlib.contextmanager
def running(speed: float = math.inf) -> Iterator[str]:
    """A server on a loop of its own thread; gives its base URL."""
    ready = threading.Event()
    found: list = []

    async def serve() -> None:
        async with DemoServer(speed=speed) as server:
            ended = asyncio.Event()
            found[:] = [server.base_url, asyncio.get_running_loop(), ended]
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield found[0]
    finally:
        found[1].call_soon_threadsafe(found[2].set)
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as base_url:
        yield base_url


def post(url: str, **body) -> http.client.HTTPResponse:
    content = json.dumps({"model": "demo", "messages": ASKED, **body}).encode()
    return urllib.request.urlopen(urllib.request.Request(f"{url}/chat/completions", content), timeout=20)


def events(response) -> list[dict]:
    lines = response.read().decode().split("\n\n")
    assert lines[-1] == ""
    assert lines[-2] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]


def text(chunks: list[dict], key: str = "content") -> str:
    return "".join(choice["delta"].get(key) or "" for chunk in chunks for choice in chunk["choices"])


def refusal(url: str, content: bytes) -> tuple[int, dict]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(f"{url}/chat/completions", content), timeout=20)
    with caught.value as error:
        return error.code, json.loads(error.read())["error"]


def test_it_lists_one_model_and_its_context_as_llama_cpp_does(url: str) -> None:
    with urllib.request.urlopen(f"{url}/models") as response:
        (model,) = json.loads(response.read())["data"]
    assert model["id"] == "demo"
    assert model["meta"]["n_ctx"] == 8192
    with urllib.request.urlopen(url.removesuffix("/v1") + "/props") as response:
        props = json.loads(response.read())
    assert props["default_generation_settings"]["n_ctx"] == 8192
    assert props["total_slots"] == 4


def test_a_stream_has_role_thinking_answer_reason_usage_and_end(url: str) -> None:
    with post(url, stream=True, stream_options={"include_usage": True}) as response:
        assert response.headers["content-type"] == "text/event-stream"
        chunks = events(response)
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert {chunk["model"] for chunk in chunks} == {"demo"}
    thinking, answer = text(chunks, "reasoning_content"), text(chunks)
    assert "research-1" in thinking
    assert "Should the library stay open on Sundays?" in answer
    assert "demo model" in answer
    assert answer.rsplit("\n", 1)[1].startswith("Confidence: 0.7")
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 2) + ["stop"]
    assert chunks[-1]["choices"] == []
    usage = chunks[-1]["usage"]
    assert usage["completion_tokens"] == len(chunks) - 3
    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_usage_comes_only_when_it_is_asked_for(url: str) -> None:
    with post(url, stream=True) as response:
        assert all("usage" not in chunk for chunk in events(response))


def test_without_streaming_the_same_text_comes_whole(url: str) -> None:
    with post(url, stream=True) as response:
        chunks = events(response)
    with post(url) as response:
        assert response.headers["content-type"].startswith("application/json")
        answer = json.loads(response.read())
    (choice,) = answer["choices"]
    assert answer["object"] == "chat.completion"
    assert choice["message"]["content"] == text(chunks)
    assert choice["message"]["reasoning_content"] == text(chunks, "reasoning_content")
    assert choice["finish_reason"] == "stop"
    assert answer["usage"]["completion_tokens"] == len(chunks) - 2


@pytest.mark.parametrize("key", ["max_tokens", "max_completion_tokens"])
def test_an_answer_is_cut_at_its_limit_thinking_included(url: str, key: str) -> None:
    with post(url, **{key: 150}) as response:
        answer = json.loads(response.read())
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 150
    with post(url, **{key: 5}) as response:
        assert json.loads(response.read())["choices"][0]["message"]["content"] == ""


@pytest.mark.parametrize("limit", [0, -1, None])
def test_no_limit_is_no_cut(url: str, limit: int | None) -> None:
    with post(url, max_tokens=limit) as response:
        assert json.loads(response.read())["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("trimmed", [False, True])
def test_a_cut_answer_is_continued_where_it_stopped(url: str, trimmed: bool) -> None:
    with post(url) as response:
        whole = json.loads(response.read())["choices"][0]["message"]["content"]
    for limit in (130, 200, 260):
        with post(url, max_tokens=limit) as response:
            part = json.loads(response.read())["choices"][0]["message"]["content"]
        kept = part.rstrip() if trimmed else part
        more = [*ASKED, {"role": "assistant", "content": kept}, {"role": "user", "content": "Go on where it stops."}]
        with post(url, messages=more) as response:
            message = json.loads(response.read())["choices"][0]["message"]
        assert kept + message["content"] == whole
        assert "reasoning_content" not in message


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"messages": []}', b'{"messages": ["hi"]}', b"\xff", b"[" * 200_000]
)
def test_a_body_that_is_no_request_is_refused_with_a_sentence(url: str, content: bytes) -> None:
    code, error = refusal(url, content)
    assert code == 400
    assert error["message"].startswith("The body must be")


def test_a_prompt_longer_than_the_context_is_refused_as_llama_cpp_does(url: str) -> None:
    code, error = refusal(url, json.dumps({"messages": [{"role": "user", "content": "word " * 8_000}]}).encode())
    assert code == 400
    assert error["type"] == "exceed_context_size_error"
    assert error["n_ctx"] == 8192
    assert error["n_prompt_tokens"] > 8192


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/embeddings", "/v1/models/x", "/chat/completions"])
def test_any_other_path_is_not_found(url: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url.removesuffix("/v1") + path)
    with caught.value as error:
        assert error.code == 404


def address(url: str) -> tuple[str, int]:
    host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
    return host, int(port)


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"A" * 100_000,
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_the_server_lives_on(url: str, raw: bytes) -> None:
    with socket.create_connection(address(url), timeout=10) as client:
        client.sendall(raw)
        assert client.recv(12).startswith(b"HTTP/1.1 4")
    with urllib.request.urlopen(f"{url}/models") as response:
        assert response.status == 200


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 – a state of the server, which tells nobody when it changes
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_client_that_leaves_before_the_first_token_ends_its_answer(is_streamed: bool) -> None:
    async def leave() -> float:
        async with DemoServer(speed=0.001) as server:  # some ten minutes to the first token
            reader, writer = await asyncio.open_connection(*address(server.base_url))
            body = json.dumps({"messages": ASKED, "stream": is_streamed}).encode()
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            if is_streamed:
                await reader.readuntil(b"\r\n\r\n")
            await until(lambda: server.answering == 1)
            writer.close()
            began = time.perf_counter()
            await until(lambda: server.answering == 0)
            return time.perf_counter() - began

    assert asyncio.run(leave()) < 0.5


def test_a_client_that_leaves_in_the_middle_ends_its_answer() -> None:
    async def leave() -> float:
        async with DemoServer(speed=2) as server:
            reader, writer = await asyncio.open_connection(*address(server.base_url))
            body = json.dumps({"messages": ASKED, "stream": True}).encode()
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await reader.readuntil(b"reasoning_content")
            writer.close()
            began = time.perf_counter()
            await until(lambda: server.answering == 0)
            return time.perf_counter() - began

    assert asyncio.run(leave()) < 0.5


def test_closing_the_server_drops_what_is_under_way() -> None:
    async def close() -> bytes:
        server = DemoServer(speed=0.01)
        url = await server.start()
        reader, writer = await asyncio.open_connection(*address(url))
        body = json.dumps({"messages": ASKED, "stream": True}).encode()
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await reader.readuntil(b"\r\n\r\n")
        async with asyncio.timeout(5):
            await server.close()
            await server.close()
            rest = await reader.read()
        writer.close()
        return rest

    assert b"[DONE]" not in asyncio.run(close())


def test_the_pace_is_that_of_a_home_machine() -> None:
    for seed in range(20):
        chance = random.Random(seed)
        assert 0.25 <= first_token_s(400, chance) <= 0.8
        delays = [delay for delay, _ in zip(delays_s(chance), range(2_000), strict=False)]
        assert 38 < len(delays) / sum(delays) < 73
        assert max(delays) > 4 * min(delays), "uneven"


def test_a_stream_takes_the_time_its_pace_says() -> None:
    with running(speed=20) as url:
        began = time.perf_counter()
        with post(url, stream=True, max_tokens=200) as response:
            first = response.read(1)
            started = time.perf_counter() - began
            response.read()
        taken = time.perf_counter() - began
    assert first == b"d"
    assert 0.25 / 20 < started < 0.5
    assert 200 / 73 / 20 < taken < 200 / 38 / 20 + 1


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::"])
def test_it_never_binds_anything_but_loopback(host: str) -> None:
    with pytest.raises(ValueError, match="this machine only"):
        asyncio.run(DemoServer().start(host))


def test_a_taken_port_is_said_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(FelixError, match="cannot be used"):
        asyncio.run(DemoServer().start(port=taken.getsockname()[1]))


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_there_is_not_ends_the_command_with_a_sentence(port: int, capsys) -> None:
    assert serve_forever(port) == 1
    assert capsys.readouterr().err == f"There is no port {port}; choose one from 1 to 65535.\n"


def test_serving_for_ever_announces_where_and_ends_with_ctrl_c() -> None:
    announced: list[str] = []

    def announce(url: str) -> None:
        announced.append(url)
        raise KeyboardInterrupt

    assert serve_forever(announce=announce) == 0
    assert announced[0].startswith("http://127.0.0.1:")
