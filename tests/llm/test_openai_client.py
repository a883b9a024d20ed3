"""What the client puts on the wire, and how it lets go of it."""

from __future__ import annotations

import asyncio
import socket
import threading

import psutil
import pytest

from felix.errors import ServerError
from felix.llm.batching import complete_streaming, complete_whole
from felix.llm.chat import Answer, ChatRequest, Message, Usage
from felix.llm.openai_client import OpenAIClient
from tests.llm.asking import Heard, ask, ask_once, question
from tests.servers.fault_server import FaultServer


def test_the_request_holds_what_was_asked_and_no_more(fault_server: FaultServer) -> None:
    request = ChatRequest(
        (Message("system", "Be brief."), Message("user", "Grüße \ud83d 😀")), "m", temperature=0.2, max_tokens=9
    )
    ask_once(fault_server.url("ok"), request)
    assert fault_server.posts("ok")[0].json == {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Grüße \ufffd 😀"}],
        "model": "m",
        "temperature": 0.2,
        "max_tokens": 9,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_without_streaming_no_request_says_stream(fault_server: FaultServer) -> None:
    async def run() -> Answer:
        client = OpenAIClient(fault_server.url("json_200_not_stream"))
        answer = await complete_whole(client, question())
        await client.aclose()
        return answer

    answer = asyncio.run(run())
    assert (answer.text, answer.status, answer.usage) == ("Hello world", "complete", Usage(24, 2))
    assert answer.duration_s > 0
    (post,) = fault_server.posts("json_200_not_stream")
    assert b"stream" not in post.body


def test_a_server_that_cannot_stream_is_asked_for_the_whole(fault_server: FaultServer) -> None:
    heard = Heard()
    assert ask_once(fault_server.url("cannot_stream"), heard=heard).status == "complete"
    assert heard.text() == "Hello world"
    assert ["stream" in post.json for post in fault_server.posts("cannot_stream")] == [True, False]


def test_nothing_of_the_environment_reaches_the_server(
    fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID", "WEBHOOK_SECRET"):
        monkeypatch.setenv(f"OPENAI_{name}", "leaked")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/leaked")
    monkeypatch.setenv(
        "OPENAI_CUSTOM_HEADERS", "X-Leaked: leaked\nAuthorization: Bearer leaked\nHost: leaked\nAccept: leaked"
    )
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask_once(fault_server.url("ok")).status == "complete"
    assert ask_once(fault_server.url("ok"), api_key="sk-mine").status == "complete"
    without, with_key = fault_server.posts("ok")
    for post in (without, with_key):
        assert b"leaked" not in post.raw_head + post.body
        assert {name for name in post.headers if name.startswith(("openai-", "x-"))} == {"x-stainless-raw-response"}
    assert "authorization" not in without.headers
    assert with_key.headers["authorization"] == "Bearer sk-mine"


def test_a_redirect_is_told_and_the_prompt_does_not_go_along(fault_server: FaultServer) -> None:
    answer = ask_once(fault_server.url("redirect_307"))
    assert answer.fault == "redirected"
    assert f"127.0.0.1:{fault_server.port}" in (answer.error or "")
    assert fault_server.posts("ok") == []


@pytest.mark.parametrize("key", ["sk-a b", "sk-a\n", "schlüssel"])
def test_a_key_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ServerError) as caught:
        OpenAIClient("http://127.0.0.1:1/v1", key)
    assert caught.value.fault == "key"
    assert "sk-" not in str(caught.value)


def test_a_key_the_server_quotes_is_taken_out(fault_server: FaultServer) -> None:
    body = {"error": {"message": "Incorrect API key provided: sk-secret-1."}}
    fault_server.replies["quotes"] = lambda client: client.reply_json(body, "401 Unauthorized")
    answer = ask_once(fault_server.url("quotes"), api_key="sk-secret-1")
    assert answer.fault == "key"
    assert "sk-secret" not in (answer.error or "")


def test_a_refused_usage_request_is_dropped_and_not_tried_again(fault_server: FaultServer) -> None:
    async def run() -> None:
        client = OpenAIClient(fault_server.url("refuses_stream_options"))
        for _ in range(2):
            assert (await ask(client)).status == "complete"
        await client.aclose()

    asyncio.run(run())
    asked = ["stream_options" in post.json for post in fault_server.posts("refuses_stream_options")]
    assert asked == [True, False, False]


def test_refused_parameters_are_renamed_or_left_out(fault_server: FaultServer) -> None:
    answer = ask_once(fault_server.url("refuses_max_tokens"), question(max_tokens=7, temperature=0.2))
    assert answer.status == "complete"
    last = fault_server.posts("refuses_max_tokens")[-1].json
    assert last["max_completion_tokens"] == 7
    assert not {"max_tokens", "temperature"} & set(last)


def test_openai_itself_is_asked_with_its_own_name_for_the_limit() -> None:
    client = OpenAIClient("https://api.openai.com/v1", "sk-x")
    assert client._body(question(max_tokens=7), streaming=True)["max_completion_tokens"] == 7


def test_the_answer_does_not_wait_for_a_count_that_never_comes(
    fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("felix.llm.body.AFTER_FINISH_S", 0.05)
    answer = ask_once(fault_server.url("open_after_finish"))
    assert (answer.status, answer.usage) == ("complete", None)
    assert answer.duration_s < 2
    assert fault_server.posts("open_after_finish")[0].gone.wait(5)


def test_the_end_mark_ends_the_answer_though_the_connection_stays_open(fault_server: FaultServer) -> None:
    answer = ask_once(fault_server.url("open_after_done"))
    assert (answer.status, answer.usage) == ("complete", Usage(24, 2))
    assert answer.duration_s < 2


def test_a_connection_lost_after_the_finish_signal_loses_nothing(fault_server: FaultServer) -> None:
    fault_server.gate.set()
    assert ask_once(fault_server.url("rst_after_finish")).status == "complete"


@pytest.mark.parametrize("quirk", ["silence_before_headers", "silence_after_headers", "silence_mid", "endless"])
@pytest.mark.parametrize("streaming", [True, False])
def test_stop_reaches_the_server_in_every_phase(fault_server: FaultServer, quirk: str, streaming: bool) -> None:
    writes = streaming and quirk in ("silence_mid", "endless")

    async def run() -> None:
        client = OpenAIClient(fault_server.url(quirk))
        came = asyncio.Event()
        call = (
            complete_streaming(client, question(), batch_interval=0, callback=lambda _: came.set())
            if streaming
            else complete_whole(client, question())
        )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(call)
            await asyncio.to_thread(fault_server.wait_for, quirk)
            if writes:
                await came.wait()
            task.cancel()
        # The client is still open: it is the cancelling that closed the connection.
        assert await asyncio.to_thread(fault_server.posts(quirk)[0].gone.wait, 5)
        await client.aclose()

    asyncio.run(run())
    assert len(fault_server.posts(quirk)) == 1


@pytest.mark.parametrize(
    "quirk", ["silence_before_headers", "silence_after_headers", "silence_mid", "silence_with_comments"]
)
def test_silence_ends_the_call_and_comments_are_silence(fault_server: FaultServer, quirk: str) -> None:
    answer = ask_once(fault_server.url(quirk), silence_timeout_s=0.15)
    assert (answer.status, answer.fault) == ("failed", "silent")
    assert answer.text == ("Hello" if quirk in ("silence_mid", "silence_with_comments") else "")
    assert fault_server.posts(quirk)[0].gone.wait(5)
    assert len(fault_server.posts(quirk)) == 1


def test_connections_are_used_again(fault_server: FaultServer) -> None:
    async def run() -> None:
        client = OpenAIClient(fault_server.url("ok"))
        for _ in range(3):
            assert (await ask(client)).status == "complete"
        await client.aclose()

    asyncio.run(run())
    assert len(fault_server.connections) == 1


def test_calls_of_every_kind_leave_nothing_open(fault_server: FaultServer) -> None:
    async def some(rounds: int) -> None:
        for _ in range(rounds):
            for quirk in ("ok", "no_finish_no_done", "err_string", "html_200", "fin_mid_chunked", "silence_mid"):
                client = OpenAIClient(fault_server.url(quirk))
                await ask(client, silence_timeout_s=0.02)
                await client.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(some(1))
    files, threads = psutil.Process().num_fds(), threading.active_count()
    asyncio.run(some(10))
    # The server's side ends a moment later than ours.
    fault_server.wait_until_idle()
    assert psutil.Process().num_fds() <= files
    assert threading.active_count() <= threads


def test_nothing_listening_there_is_said(fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answer = ask_once(f"http://127.0.0.1:{port}/v1")
    assert answer.fault == "unreachable"
    assert f"nothing listens at http://127.0.0.1:{port}/v1" in (answer.error or "")


def test_an_unknown_host_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)
    answer = ask_once("http://nowhere.invalid/v1")
    assert answer.fault == "unreachable"
    assert "No such host" in (answer.error or "")


def test_plain_http_at_a_tls_address_is_said(fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)
    answer = ask_once(f"https://127.0.0.1:{fault_server.port}/v1")
    assert answer.fault == "unreachable"
    assert "http://" in (answer.error or "")
