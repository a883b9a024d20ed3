"""What one dialect has and the others have not, as its documentation says it."""

from __future__ import annotations

import asyncio

import pytest

from felix.llm.chat import Message
from felix.llm.loading import load_model, unload_model
from felix.llm.models import list_models, make_client
from tests.llm.asking import ask
from tests.llm.conformance.kinds import Kind, Talk, kinds_that, opened, talk
from tests.servers.fakes import (
    Break,
    Cut,
    End,
    FakeAnthropic,
    FakeGroq,
    FakeLlamaCpp,
    FakeLMStudio,
    FakeOllama,
    FakeOpenAI,
    FakeServer,
    FakeVLLM,
    Raw,
    Refuse,
    Say,
    Script,
    Think,
)

GOOD = Script(Say("Hello"), End())


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)


def only(name: str) -> pytest.MarkDecorator:
    return kinds_that(lambda kind: kind.name == name)


def last(got: Talk) -> dict[str, object]:
    return got.server.answered[-1].json  # type: ignore[no-any-return]


# OpenAI


@only("openai")
def test_a_model_that_refuses_a_parameter_is_asked_again_without_it_and_it_is_said(kind: Kind) -> None:
    got = talk(kind, GOOD, request=kind.request(max_tokens=9, temperature=0.2))
    assert got.answer.status == "complete"
    assert len(got.server.answered) == 2
    assert (last(got)["max_completion_tokens"], "temperature" in last(got)) == (9, False)
    assert any("temperature" in note for note in got.answer.notes)


# Groq


@only("groq")
def test_groq_is_asked_for_thinking_in_a_field_of_its_own(kind: Kind) -> None:
    got = talk(kind, (Think("Hm"), Say("Hello"), End()))
    assert last(got)["reasoning_format"] == "parsed"
    assert (got.answer.text, got.answer.reasoning) == ("Hello", "Hm")


@only("groq")
def test_groqs_two_counts_are_one(kind: Kind) -> None:
    got = talk(kind, Script(Say("Hello"), End(), prompt_tokens=23, completion_tokens=19))
    usage = got.answer.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (23, 19)


@only("groq")
def test_an_error_in_groqs_own_field_is_an_error(kind: Kind) -> None:
    got = talk(kind, (Say("Hello"), Break("crashed")))
    assert got.answer.status == "failed"
    assert "over capacity" in (got.answer.error or "")


# llama.cpp


@only("llamacpp")
def test_llamacpp_is_asked_to_tell_how_far_it_has_read(kind: Kind) -> None:
    assert last(talk(kind, GOOD))["return_progress"] is True


# LM Studio


@only("lmstudio")
def test_lm_studio_keeps_no_copy_of_the_conversation(kind: Kind) -> None:
    body = last(talk(kind, GOOD, request=kind.request(max_tokens=9, temperature=0.5)))
    assert body["store"] is False
    assert body["system_prompt"] == kind.messages[0].content
    assert (body["max_output_tokens"], body["temperature"]) == (9, 0.5)


@only("lmstudio")
def test_an_error_that_is_followed_by_the_regular_end_is_still_an_error(kind: Kind) -> None:
    got = talk(kind, (Say("Hello"), Break("crashed")))
    assert (got.answer.text, got.answer.status) == ("Hello", "failed")
    assert "The model has crashed" in (got.answer.error or "")


@only("lmstudio")
def test_an_answer_shorter_than_its_limit_is_not_truncated(kind: Kind) -> None:
    got = talk(kind, Script(Say("Hello"), End(), completion_tokens=6), request=kind.request(max_tokens=7))
    assert got.answer.status == "complete"


@only("lmstudio")
@pytest.mark.parametrize("temperature", [1.0, 1.5])
def test_a_temperature_of_any_height_gets_an_answer(kind: Kind, temperature: float) -> None:
    got = talk(kind, GOOD, request=kind.request(temperature=temperature))
    assert got.answer.status == "complete"


def test_a_model_of_lm_studio_is_loaded_with_the_context_that_is_wished_and_unloaded() -> None:
    async def run() -> None:
        with FakeLMStudio() as server:
            await load_model(server.base_url, "", "lmstudio", server.idle, context_length=16_384)
            report = await list_models(server.base_url, kind="lmstudio")
            model = report.model(server.idle)
            assert model is not None
            assert (model.loaded, model.context_length, model.slots) == (True, 16_384, 4)
            await unload_model(server.base_url, "", "lmstudio", server.idle)
            assert list(server.instances) == [server.loaded]

    asyncio.run(run())


# Ollama


@only("ollama")
def test_ollama_is_given_the_context_that_is_wished(kind: Kind) -> None:
    async def run() -> dict[str, object]:
        with FakeOllama(GOOD) as server:
            client = make_client(server.base_url, "", "ollama", context_length=16_384)
            assert (await ask(client, kind.request(max_tokens=9))).status == "complete"
            await client.aclose()
            return server.answered[-1].json["options"]  # type: ignore[no-any-return]

    options = asyncio.run(run())
    assert (options["num_ctx"], options["num_predict"]) == (16_384, 9)


@only("ollama")
def test_a_prompt_that_ollama_cut_is_said(kind: Kind) -> None:
    long = kind.request(messages=(Message("user", "Every word of this counts. " * 1_500),))

    async def notes(context_length: int, prompt_tokens: int) -> tuple[str, ...]:
        script = Script(Say("Hello"), End(), prompt_tokens=prompt_tokens)
        with FakeOllama(script, context_length=context_length) as server:
            async with opened(kind, server) as client:
                return (await ask(client, long)).notes

    (note,) = asyncio.run(notes(4_096, 4_090))
    assert "4,090" in note
    assert asyncio.run(notes(16_384, 9_000)) == ()


@only("ollama")
def test_counters_that_ollama_leaves_out_are_zero(kind: Kind) -> None:
    got = talk(kind, Script(Say("Hello"), End(), prompt_tokens=0, completion_tokens=2))
    assert got.answer.usage is not None
    assert got.answer.usage.completion_tokens == 2


def test_a_model_of_ollama_is_loaded_and_unloaded() -> None:
    async def run() -> None:
        with FakeOllama() as server:
            await load_model(server.base_url, "", "ollama", server.idle, context_length=16_384)
            assert server.running[server.idle] == 16_384
            await unload_model(server.base_url, "", "ollama", server.idle)
            assert list(server.running) == [server.loaded]

    asyncio.run(run())


# Anthropic


@only("anthropic")
def test_anthropic_gets_its_version_and_the_system_prompt_apart(kind: Kind) -> None:
    got = talk(kind, GOOD, api_key="sk-mine")
    assert got.server.answered[-1].headers["anthropic-version"] == "2026-10-21"
    assert got.server.answered[-1].headers["authorization"] == "Bearer sk-mine"
    assert last(got)["system"] == kind.messages[0].content
    assert isinstance(last(got)["max_tokens"], int)


@only("anthropic")
def test_a_temperature_that_the_api_does_not_take_is_left_out_and_said(kind: Kind) -> None:
    got = talk(kind, GOOD, request=kind.request(temperature=0.2))
    assert got.answer.status == "complete"
    assert "temperature" not in last(got)
    assert any("temperature" in note for note in got.answer.notes)


@only("anthropic")
def test_a_stop_reason_without_the_last_event_is_not_enough(kind: Kind) -> None:
    stopping = b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{}}\n\n'
    got = talk(kind, (Say("Hello"), Raw(stopping), Cut("orderly")))
    assert (got.answer.text, got.answer.status) == ("Hello", "unconfirmed")


@only("anthropic")
def test_events_of_a_kind_that_nobody_knows_yet_are_passed_over(kind: Kind) -> None:
    new = b'event: content_block_hint\ndata: {"type":"content_block_hint","index":0,"hint":{"a":[1]}}\n\n'
    got = talk(kind, (Say("Hel"), Raw(new), Say("lo"), End()))
    assert (got.answer.text, got.answer.status, got.answer.notes) == ("Hello", "complete", ())


@only("anthropic")
def test_a_spending_limit_is_not_asked_again(kind: Kind) -> None:
    got = talk(kind, (Refuse("rate"),))
    assert (got.answer.status, got.answer.fault) == ("failed", "rate_limit")
    assert len(got.server.answered) == 1


# lists


@pytest.mark.parametrize(
    ("server", "kind"),
    [
        (FakeGroq, "groq"),
        (FakeLMStudio, "lmstudio"),
        (FakeLlamaCpp, "llamacpp"),
        (FakeOllama, "ollama"),
        (FakeOpenAI, "openai"),
        (FakeVLLM, "vllm"),
    ],
)
def test_a_server_is_known_by_what_it_lists(server: type[FakeServer], kind: str) -> None:
    async def run() -> str:
        with server() as running:
            report = await list_models(running.base_url, "sk-mine")
            assert report.models
            return report.kind

    assert asyncio.run(run()) == kind


def test_the_models_of_anthropic_are_listed_with_its_version() -> None:
    async def run() -> None:
        with FakeAnthropic() as server:
            report = await list_models(server.base_url, "sk-mine", kind="anthropic")
            assert [model.id for model in report.models] == ["claude-haiku-5-5"]
            assert server.requests[-1].headers["anthropic-version"] == "2026-10-21"

    asyncio.run(run())
