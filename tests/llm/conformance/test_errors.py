"""How servers refuse, fail and fall silent, in every dialect: one fault, one sentence with the next step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from felix.errors import ServerFault
from tests.llm.conformance.kinds import Kind, converse, every_kind, kinds_that, talk
from tests.servers.fakes import Break, Cut, End, Endless, Hush, Keep, Refuse, Say, Script, Think
from tests.servers.fakes.script import Fault

GOOD = Script(Say("Hello"), Say(" world"), End())
FAULTS: dict[Fault, ServerFault] = {
    "context": "context",
    "key": "key",
    "model": "unknown_model",
    "rate": "rate_limit",
    "server": "server",
    "busy": "overloaded",
}


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)


@every_kind
@pytest.mark.parametrize("fault", ["context", "key", "model"])
def test_what_asking_again_cannot_help_is_asked_once_and_told(kind: Kind, fault: Fault) -> None:
    got = talk(kind, (Refuse(fault),), api_key="sk-secret-1")
    assert (got.answer.status, got.answer.fault) == ("failed", FAULTS[fault])
    assert " – " in (got.answer.error or "")
    assert "sk-secret" not in (got.answer.error or "")
    assert "Error code" not in (got.answer.error or "")
    # LM Studio has two interfaces, and one may know a name that the other does not: neither is asked twice.
    paths = [request.path for request in got.server.answered]
    assert len(paths) == len(set(paths)) <= (2 if kind.name == "lmstudio" and fault == "model" else 1)


@pytest.mark.parametrize("fault", ["server", "busy"])
@every_kind
def test_what_may_pass_is_asked_again_and_each_time_is_said(kind: Kind, fault: Fault) -> None:
    if fault not in kind.refusals:
        pytest.skip("not documented for this server")
    got = talk(kind, (Refuse(fault),))
    assert (got.answer.status, got.answer.fault) == ("failed", FAULTS[fault])
    assert len(got.server.answered) == 3
    assert [progress.detail[:13] for progress in got.heard.progress if progress.phase == "retrying"] == [
        "retry 1 of 2 ",
        "retry 2 of 2 ",
    ]


@every_kind
def test_a_second_try_that_works_is_a_whole_answer(kind: Kind) -> None:
    got = talk(kind, (Refuse("server"),), GOOD)
    assert (got.answer.text, got.answer.status) == ("Hello world", "complete")
    assert len(got.server.answered) == 2


@kinds_that(lambda kind: "rate" in kind.refusals)
def test_a_wait_longer_than_a_minute_is_told_instead_of_waited(kind: Kind) -> None:
    got = talk(kind, (Refuse("rate", retry_after="300"),))
    assert (got.answer.status, got.answer.fault) == ("failed", "rate_limit")
    assert "300 s" in (got.answer.error or "")
    assert len(got.server.answered) == 1


@kinds_that(lambda kind: "rate" in kind.refusals)
def test_a_short_wait_is_waited_and_shown(kind: Kind) -> None:
    got = talk(kind, (Refuse("rate", retry_after="0.1"),), GOOD)
    assert got.answer.status == "complete"
    (retry,) = [progress for progress in got.heard.progress if progress.phase == "retrying"]
    assert "0.1 s" in retry.detail
    assert got.answer.duration_s >= 0.1


@every_kind
def test_an_error_in_the_stream_keeps_the_text_and_is_told(kind: Kind) -> None:
    got = talk(kind, (Think("Hm"), Say("Hello"), Break("crashed")))
    assert (got.answer.text, got.answer.reasoning, got.answer.status) == ("Hello", "Hm", "failed")
    assert " – " in (got.answer.error or "")
    assert len(got.server.answered) == 1


@every_kind
def test_a_full_context_in_the_stream_is_told_as_such(kind: Kind) -> None:
    got = talk(kind, (Break("context"),))
    assert (got.answer.status, got.answer.fault) == ("failed", "context")
    assert len(got.server.answered) == 1


@kinds_that(lambda kind: kind.has_busy_streams)
def test_a_busy_server_in_the_stream_is_asked_again_before_anything_came(kind: Kind) -> None:
    got = talk(kind, (Break("busy"),), GOOD)
    assert (got.answer.text, got.answer.status) == ("Hello world", "complete")
    assert len(got.server.answered) == 2


@kinds_that(lambda kind: kind.has_busy_streams)
def test_a_busy_server_is_not_asked_again_once_something_came(kind: Kind) -> None:
    got = talk(kind, (Think("Hm"), Break("busy")), GOOD)
    assert (got.answer.status, got.answer.fault) == ("failed", "overloaded")
    assert len(got.server.answered) == 1


@every_kind
def test_a_connection_that_ends_before_anything_came_is_tried_again(kind: Kind) -> None:
    got = talk(kind, Script(Cut("reset"), late_head=True), GOOD)
    assert (got.answer.text, got.answer.status) == ("Hello world", "complete")
    assert len(got.server.answered) == 2


@every_kind
def test_silence_ends_the_call_in_every_phase_and_says_so(kind: Kind) -> None:
    scripts = {
        "before the head": (Script(Hush(), late_head=True), ""),
        "before the first token": (Script(Hush()), ""),
        "while it thinks": (Script(Think("Hm"), Hush()), ""),
        "while it writes": (Script(Say("Hello"), Keep(), Hush()), "Hello"),
    }

    async def all_at_once(limit_s: float) -> None:
        talks = [converse(kind, script, silence_timeout_s=limit_s) for script, _ in scripts.values()]
        for got, (when, (_, text)) in zip(await asyncio.gather(*talks), scripts.items(), strict=True):
            assert (got.answer.status, got.answer.fault, got.answer.text) == ("failed", "silent", text), when
            assert (got.answer.error or "").startswith(f"The server was silent for {limit_s:g} s – "), when
            assert len(got.server.answered) == 1, when

    _patiently(lambda limit_s: asyncio.run(all_at_once(limit_s)))


@kinds_that(lambda kind: kind.has_signs_of_life)
def test_signs_of_life_without_content_are_silence(kind: Kind) -> None:
    def listen(limit_s: float) -> None:
        got = talk(kind, Script(Say("Hello"), *[Keep()] * 50, Hush()), silence_timeout_s=limit_s)
        assert (got.answer.text, got.answer.status, got.answer.fault) == ("Hello", "failed", "silent")

    _patiently(listen)


def _patiently(what: Callable[[float], None]) -> None:
    """With a short limit, and where the machine stalled for as long as that, with a long one."""
    try:
        what(0.2)
    except AssertionError:
        what(5.0)


@every_kind
def test_an_answer_that_goes_on_is_never_cut_by_the_clock(kind: Kind) -> None:
    async def listen() -> None:
        with kind.server(Script(Endless("la "))) as server:
            client = kind.open(server)
            stream = client.stream(kind.request())
            loop = asyncio.get_running_loop()
            began = loop.time()
            async for _ in stream:
                if loop.time() > began + 0.15:
                    break
            await stream.aclose()  # type: ignore[attr-defined]
            assert await asyncio.to_thread(server.answered[0].gone.wait, 5)
            await client.aclose()

    asyncio.run(listen())
