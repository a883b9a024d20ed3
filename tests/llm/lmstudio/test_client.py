"""The client against a server that speaks LM Studio's documented interfaces, and against an older LM Studio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from felix.llm.batching import complete_whole
from felix.llm.chat import Answer, ChatClient, ChatRequest, Message, Progress, Usage
from felix.llm.models import make_client
from tests.llm.asking import Heard, ask, question
from tests.servers.fakes import FakeLMStudio, Script
from tests.servers.fakes.script import Break, End, Load, Read, Refuse, Say, Think
from tests.servers.fakes.serving import Refusal, Request
from tests.servers.fault_server import FaultServer
from tests.servers.quirks import events

T = TypeVar("T")

DONE = End()
SYSTEM = Message("system", "Be brief.")
TALK = (Message("user", "Hello"), Message("assistant", "Yes?"), Message("user", "Why?"))


class OldLMStudio(FakeLMStudio):
    """Knows no chat interface of its own; `missing` is how it says so."""

    missing = Refusal(200, {"error": "Unexpected endpoint or method. (POST /api/v1/chat)"})

    def objection(self, request: Request) -> Refusal | None:
        return self.missing if request.path == "/api/v1/chat" else None


class OlderLMStudio(OldLMStudio):
    missing = Refusal(404, {"error": "Not Found"})


class PickyLMStudio(OldLMStudio):
    """Has the interface, but takes something of the request there that it takes elsewhere."""

    missing = Refusal(
        400, {"error": {"type": "invalid_request", "message": "Unrecognized key: store", "param": "store"}}
    )


def use(server: FakeLMStudio, what: Callable[[ChatClient], Awaitable[T]], *, context_length: int = 0) -> T:
    async def run() -> T:
        client = make_client(server.base_url, kind="lmstudio", context_length=context_length)
        try:
            return await what(client)
        finally:
            await client.aclose()

    return asyncio.run(run())


def answer(server: FakeLMStudio, *messages: Message, heard: Heard | None = None, **settings: Any) -> Answer:
    request = ChatRequest(messages or (Message("user", "Hello"),), server.loaded, **settings)
    return use(server, lambda client: ask(client, request, heard=heard))


def test_one_question_goes_to_the_interface_that_tells_percentages_and_is_not_kept_there() -> None:
    with FakeLMStudio() as server:
        got = answer(server, SYSTEM, Message("user", "Grüße \ud83d"), temperature=0.5, max_tokens=9)
        (request,) = server.native
    assert request.json == {
        "model": "qwen3-8b",
        "input": "Grüße \ufffd",
        "system_prompt": "Be brief.",
        "stream": True,
        "store": False,
        "temperature": 0.5,
        "max_output_tokens": 9,
    }
    assert (got.text, got.status, got.model) == ("Hello world", "complete", "qwen3-8b")
    assert got.tokens_per_s == 43.7


@pytest.mark.parametrize("messages", [TALK, (SYSTEM, *TALK), (SYSTEM, SYSTEM, TALK[0]), (TALK[0], TALK[1]), (SYSTEM,)])
def test_whatever_is_more_than_one_question_goes_the_common_way(messages: tuple[Message, ...]) -> None:
    with FakeLMStudio() as server:
        assert answer(server, *messages).status == "complete"
        assert (len(server.native), len(server.compatible)) == (0, 1)


def test_whoever_names_no_model_is_left_to_lm_studios_choice() -> None:
    with FakeLMStudio() as server:
        assert use(server, lambda client: ask(client, question(model=""))).status == "complete"
        assert not server.native


@pytest.mark.parametrize(("temperature", "native"), [(1.0, 1), (1.2, 0), (None, 1)])
def test_a_temperature_that_its_interface_does_not_take_goes_the_common_way(
    temperature: float | None, native: int
) -> None:
    with FakeLMStudio() as server:
        assert answer(server, temperature=temperature).status == "complete"
        assert len(server.native) == native
        assert server.answered[-1].json.get("temperature") == temperature


def test_loading_and_reading_are_told_in_percent_as_the_server_tells_them() -> None:
    heard = Heard()
    with FakeLMStudio(Script(Load(0.25), Load(1.0), Read(0.5), Read(1.0), Think("Hm"), Say("Yes"), DONE)) as server:
        got = answer(server, heard=heard)
    assert list(dict.fromkeys((p.phase, p.fraction) for p in heard.progress)) == [
        ("connecting", None),
        ("waiting", None),
        ("loading", None),
        ("loading", 0.25),
        ("loading", 1.0),
        ("reading", None),
        ("reading", 0.5),
        ("reading", 1.0),
    ]
    assert (got.reasoning, got.text) == ("Hm", "Yes")


def test_an_answer_as_long_as_the_limit_was_cut_by_it() -> None:
    with FakeLMStudio(Script(Say("Yes"), DONE, completion_tokens=7)) as server:
        got = [answer(server, max_tokens=limit) for limit in (7, 8, 0)]
    assert [each.status for each in got] == ["truncated", "complete", "complete"]
    assert got[0].finish_reason == "length"


def test_an_error_in_the_stream_keeps_the_text() -> None:
    with FakeLMStudio(Script(Say("Half"), Break("crashed"))) as server:
        got = answer(server)
    assert (got.text, got.status, got.fault) == ("Half", "failed", "server")
    assert "The model has crashed" in (got.error or "")
    assert not server.compatible


def test_once_something_came_nothing_is_asked_elsewhere(fault_server: FaultServer) -> None:
    """The model was unloaded while it wrote: that it is not known any more is how the answer ended."""
    start = {"type": "chat.start", "model_instance_id": "qwen3-8b"}
    half = {"type": "message.delta", "content": "Half"}
    lost = {"type": "error", "error": {"type": "model_not_found", "message": "Model not found: qwen3-8b"}}
    fault_server.replies["it"] = events(start, half, lost, done=False)

    async def run() -> Answer:
        client = make_client(fault_server.url("it"), kind="lmstudio")
        try:
            return await ask(client, question(model="qwen3-8b"))
        finally:
            await client.aclose()

    got = asyncio.run(run())
    assert (got.text, got.status, got.fault) == ("Half", "failed", "unknown_model")
    assert [post.path for post in fault_server.posts("it")] == ["/it/api/v1/chat"]


def test_another_model_than_asked_is_said() -> None:
    with FakeLMStudio(Script(Say("Yes"), DONE, model="gemma-3-27b")) as server:
        assert answer(server).notes == ("answered by another model than asked: gemma-3-27b",)


@pytest.mark.parametrize("kind", [OldLMStudio, OlderLMStudio, PickyLMStudio])
def test_an_older_lm_studio_is_asked_the_common_way_and_not_tried_again(kind: type[OldLMStudio]) -> None:
    heard = Heard()
    with kind() as server:
        got = use(server, lambda client: twice(client, heard))
        assert (len(server.native), len(server.compatible)) == (1, 2)
    assert [each.status for each in got] == ["complete", "complete"]
    assert [p.phase for p in heard.progress] == ["connecting", "waiting"] * 2


async def twice(client: ChatClient, heard: Heard) -> list[Answer]:
    return [await ask(client, question(model="qwen3-8b"), heard=heard) for _ in range(2)]


def test_one_request_that_its_interface_refused_costs_others_nothing() -> None:
    class WithoutSystem(FakeLMStudio):
        def objection(self, request: Request) -> Refusal | None:
            is_refused = request.path == "/api/v1/chat" and "system_prompt" in request.json
            return PickyLMStudio.missing if is_refused else None

    async def in_turn(client: ChatClient) -> list[int]:
        natives = []
        for messages in ((SYSTEM, TALK[0]), (TALK[0],), (SYSTEM, TALK[0])):
            assert (await ask(client, ChatRequest(messages, server.loaded))).status == "complete"
            natives.append(len(server.native))
        return natives

    with WithoutSystem() as server:
        assert use(server, in_turn) == [1, 2, 2]


def test_a_model_that_its_interface_does_not_know_is_asked_for_the_common_way() -> None:
    """The names of instances, which its list tells, may be names for the OpenAI dialect only."""

    class Knows(FakeLMStudio):
        def objection(self, request: Request) -> Refusal | None:
            missing = {"error": {"type": "model_not_found", "message": "Model not found: qwen3-8b:2"}}
            return Refusal(404, missing) if request.path == "/api/v1/chat" else None

    with Knows() as server:
        assert answer(server).status == "complete"
        assert len(server.compatible) == 1


@pytest.mark.parametrize(
    ("refusal", "fault"), [(Refuse("key"), "key"), (Refuse("context"), "context"), (Refuse("server"), "server")]
)
def test_other_refusals_are_told_and_not_asked_elsewhere(
    refusal: Refuse, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)
    with FakeLMStudio(Script(refusal)) as server:
        got = answer(server)
        assert (got.status, got.fault) == ("failed", fault)
        assert not server.compatible
    if fault == "key":
        assert "LM Studio API token is required" in (got.error or "")


@pytest.mark.parametrize("streaming", [True, False])
def test_a_model_is_loaded_with_the_context_that_is_wanted_before_it_is_asked(streaming: bool) -> None:
    heard = Heard()

    async def all_at_once(client: ChatClient) -> list[Answer]:
        request = question(model="gemma-3-27b")
        call = (lambda: ask(client, request, heard=heard)) if streaming else (lambda: complete_whole(client, request))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call()) for _ in range(3)]
        return [task.result() for task in tasks]

    class Smaller(FakeLMStudio):
        """Its model has a shorter context than was wanted."""

        def other(self, request: Request) -> Refusal:
            reply = super().other(request)
            for config in self.instances.values():
                config["context_length"] = min(config["context_length"], 16_000)
            return reply

    with Smaller() as server:
        got = use(server, all_at_once, context_length=16_384)
        loads = [request.json for request in server.requests if request.path == "/api/v1/models/load"]
    assert [each.status for each in got] == ["complete"] * 3
    assert loads == [{"model": "gemma-3-27b", "context_length": 16_384}]
    assert not streaming or Progress("loading", detail="gemma-3-27b") in heard.progress


def test_a_model_that_stands_already_is_not_loaded_anew_whatever_its_context() -> None:
    with FakeLMStudio() as server:
        got = use(server, lambda client: ask(client, question(model=server.loaded)), context_length=16_384)
        assert got.status == "complete"
        assert not [request for request in server.requests if request.path.endswith("/load")]


def test_an_answer_that_was_not_streamed_is_read_whole() -> None:
    class Whole(FakeLMStudio):
        def objection(self, request: Request) -> Refusal | None:
            output = [{"type": "reasoning", "content": "Hm"}, {"type": "message", "content": "Yes"}]
            stats = {"input_tokens": 4, "total_output_tokens": 2, "reasoning_output_tokens": 1}
            return Refusal(200, {"model_instance_id": "qwen3-8b", "output": output, "stats": stats})

    with Whole() as server:
        got = answer(server)
    assert (got.text, got.reasoning, got.status, got.usage) == ("Yes", "Hm", "complete", Usage(4, 2, 1))
