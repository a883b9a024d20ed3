"""The same question streamed and whole."""

from __future__ import annotations

import asyncio
import time

from felix.llm.examination import Comparison, compare_streaming, comparison_request
from felix.llm.models import make_client
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.llamacpp import LlamaServer
from tests.servers.quirks import QUIRKS, STOP, event, text


def compared(base_url: str, model: str = "m") -> Comparison:
    async def run() -> Comparison:
        client = make_client(base_url, "", "llamacpp")
        try:
            return await compare_streaming(client, comparison_request(model), silence_timeout_s=20)
        finally:
            await client.aclose()

    return asyncio.run(run())


def answering(streamed: str, whole: str, pause_s: float = 0.0) -> object:
    def reply(client: Connection) -> None:
        if client.request.json.get("stream"):
            client.head()
            client.send(event(text(streamed[:2])))
            time.sleep(pause_s)
            client.send(event(text(streamed[2:])))
            client.send(event({**STOP, "usage": {"prompt_tokens": 9, "completion_tokens": 20}}))
            client.end()
        else:
            time.sleep(pause_s)
            client.reply_json(
                {
                    "choices": [{"message": {"role": "assistant", "content": whole}, "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": 9, "completion_tokens": 20},
                }
            )

    return reply


def test_the_same_answer_comes_sooner_when_it_is_streamed(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = answering("Hello world", "Hello world", 0.2)  # type: ignore[assignment]
    comparison = compared(fault_server.url("it"))
    assert comparison.is_same_text and "the text is the same" in comparison.sentence
    assert comparison.streamed.first_s is not None and comparison.whole.first_s is not None
    assert comparison.streamed.first_s < 0.2 <= comparison.whole.first_s == comparison.whole.total_s
    assert comparison.streamed.tokens == comparison.whole.tokens == 20
    assert comparison.whole.tokens_per_s is not None and comparison.whole.tokens_per_s <= 100


def test_texts_that_differ_are_told_with_where_and_why(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = answering("Hello world", "Hello there")  # type: ignore[assignment]
    comparison = compared(fault_server.url("it"))
    assert not comparison.is_same_text
    assert "differ after 6 characters" in comparison.sentence
    assert "models are not deterministic on every server" in comparison.sentence


def test_both_are_asked_coldly_shortly_and_once_after_one_thrown_away(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = answering("Hello", "Hello")  # type: ignore[assignment]
    compared(fault_server.url("it"), "the-model")
    asked = [(p.json["max_tokens"], p.json["temperature"], "stream" in p.json) for p in fault_server.posts("it")]
    assert asked == [(1, 0.0, True), (120, 0.0, True), (120, 0.0, False)]
    assert {p.json["model"] for p in fault_server.posts("it")} == {"the-model"}


def test_an_answer_that_fails_is_told_and_nothing_is_raised(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = QUIRKS["err401"]
    comparison = compared(fault_server.url("it"))
    assert not comparison.is_same_text
    assert comparison.sentence.startswith("The streamed answer failed: The server wants an API key")


def test_a_real_server_says_the_same_both_ways(llama_server: LlamaServer) -> None:
    comparison = compared(llama_server.base_url, llama_server.model)
    assert not comparison.streamed.error and not comparison.whole.error
    assert comparison.is_same_text == (comparison.streamed.text == comparison.whole.text != "")
    assert comparison.streamed.tokens and comparison.whole.tokens
