"""When a call is made again, counted on the wire."""

from __future__ import annotations

import asyncio

import pytest

from felix.llm.batching import complete_streaming, complete_whole
from felix.llm.chat import Answer, Progress
from felix.llm.openai_client import OpenAIClient
from tests.llm.asking import Heard, ask_once, question
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import QUIRKS, event, text


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)


AGAIN = [
    "close_before_headers",
    "rst_before_headers",
    "cut_before_any_event",
    "html_502",
    "err429_after0",
    "err500_empty",
    "err503_busy",
]
NEVER = ["err400_obj", "err401", "err404_model", "err500_context", "err429_after300", "err_lmstudio_event", "html_200"]


def whole(base_url: str) -> Answer:
    async def run() -> Answer:
        client = OpenAIClient(base_url)
        answer = await complete_whole(client, question())
        await client.aclose()
        return answer

    return asyncio.run(run())


@pytest.mark.parametrize("quirk", AGAIN)
def test_what_may_pass_is_asked_three_times_and_each_time_is_said(fault_server: FaultServer, quirk: str) -> None:
    heard = Heard()
    answer = ask_once(fault_server.url(quirk), heard=heard)
    assert answer.status == "failed"
    assert len(fault_server.posts(quirk)) == 3
    details = [progress.detail for progress in heard.progress if progress.phase == "retrying"]
    assert [detail[:15] for detail in details] == ["retry 1 of 2 in", "retry 2 of 2 in"]


@pytest.mark.parametrize(
    "quirk", [*NEVER, "silence_mid", "rst_mid", "err_code_int", "no_finish_no_done", "empty_answer"]
)
def test_what_will_not_pass_or_has_begun_is_asked_once(fault_server: FaultServer, quirk: str) -> None:
    fault_server.gate.set()
    ask_once(fault_server.url(quirk), silence_timeout_s=0.8)
    assert len(fault_server.posts(quirk)) == 1


def test_a_second_try_that_works_is_a_whole_answer(fault_server: FaultServer) -> None:
    heard = Heard()
    answer = ask_once(fault_server.url("fails_once"), heard=heard)
    assert (answer.text, answer.status) == ("Hello world", "complete")
    assert [progress.phase for progress in heard.progress] == ["connecting", "retrying", "connecting", "waiting"]
    assert "HTTP 503" in heard.progress[1].detail


def test_an_error_in_the_stream_before_any_text_is_tried_again(fault_server: FaultServer) -> None:
    def overloaded(client: object) -> None:
        client.head()  # type: ignore[attr-defined]
        client.send(event({"error": {"code": 503, "message": "busy"}}))  # type: ignore[attr-defined]
        client.end()  # type: ignore[attr-defined]

    fault_server.replies["overloaded"] = overloaded
    ask_once(fault_server.url("overloaded"))
    assert len(fault_server.posts("overloaded")) == 3


@pytest.mark.parametrize(
    "piece", [{"content": "H"}, {"reasoning_content": "h"}, {"tool_calls": [{"index": 0, "id": "c"}]}]
)
def test_nothing_is_tried_again_once_something_came(fault_server: FaultServer, piece: dict[str, object]) -> None:
    def begins(client: object) -> None:
        client.head()  # type: ignore[attr-defined]
        client.send(event({**text(""), "choices": [{"delta": piece}]}))  # type: ignore[attr-defined]
        client.send(event({"error": {"code": 503, "message": "busy"}}))  # type: ignore[attr-defined]
        client.end()  # type: ignore[attr-defined]

    fault_server.replies["begins"] = begins
    assert ask_once(fault_server.url("begins")).status == "failed"
    assert len(fault_server.posts("begins")) == 1


def test_the_whole_answer_is_tried_again_too(fault_server: FaultServer) -> None:
    assert whole(fault_server.url("err503_busy")).status == "failed"
    assert len(fault_server.posts("err503_busy")) == 3


@pytest.mark.parametrize("streaming", [True, False])
def test_a_server_that_loads_its_model_is_waited_for(
    fault_server: FaultServer, streaming: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("felix.llm.exchange.LOADING_S", 0.01)

    def loads(client: Connection) -> None:
        has_loaded = len(fault_server.posts("loads")) > 5
        QUIRKS[("ok" if streaming else "json_200_not_stream") if has_loaded else "err503_loading"](client)

    fault_server.replies["loads"] = loads
    heard = Heard()
    if streaming:
        answer = ask_once(fault_server.url("loads"), heard=heard)
        assert [progress.phase for progress in heard.progress] == ["connecting", *["loading"] * 5, "waiting"]
    else:
        answer = whole(fault_server.url("loads"))
    assert (answer.text, answer.status, len(fault_server.posts("loads"))) == ("Hello world", "complete", 6)


def test_patience_with_a_load_ends_where_patience_with_silence_does(
    fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("felix.llm.exchange.LOADING_S", 0.02)
    answer = ask_once(fault_server.url("err503_loading"), silence_timeout_s=1)
    assert (answer.status, answer.fault) == ("failed", "silent")
    assert len(fault_server.posts("err503_loading")) > 1


def test_the_wait_for_a_load_can_be_cancelled(fault_server: FaultServer) -> None:
    async def run() -> None:
        client = OpenAIClient(fault_server.url("err503_loading"))
        is_loading = asyncio.Event()

        def told(progress: Progress) -> None:
            if progress.phase == "loading":
                is_loading.set()

        call = complete_streaming(client, question(), batch_interval=0, on_progress=told)
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            task = group.create_task(call)
            await is_loading.wait()
            task.cancel()
        await client.aclose()

    asyncio.run(run())
    assert len(fault_server.posts("err503_loading")) == 1
