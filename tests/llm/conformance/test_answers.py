"""What an answer is, in every dialect."""

from __future__ import annotations

import asyncio
import json
from itertools import groupby

import pytest

from felix.llm.batching import complete_whole
from felix.llm.chat import Finish, Progress, Text, ToolCallPart, Usage
from tests.llm.asking import ask
from tests.llm.conformance.kinds import Kind, deltas, every_kind, kinds_that, opened, talk, use
from tests.servers.fakes import Call, Cut, End, Keep, Load, Read, Say, Script, Think

HELLO = (Say("Hello"), Say(" world"))
ODD = "Grüße \u2028\x85 🌍 мир\n“"
HALVES = (Say("\ud83d"), Say("\ude00!"))
"""One emoji in two pieces, as servers send it that cut a text between two tokens."""


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every HTTP chunk reaches the dialect by itself, however many travelled together."""
    monkeypatch.setattr("felix.llm.transport.merge_chunks", lambda client: None)


def counted(usage: Usage | None) -> tuple[int, int] | None:
    return usage and (usage.prompt_tokens, usage.completion_tokens)


@every_kind
def test_text_comes_in_pieces_and_ends_with_the_servers_word(kind: Kind) -> None:
    got = talk(kind, (*HELLO, End()))
    assert (got.answer.text, got.answer.status, got.answer.error) == ("Hello world", "complete", None)
    assert got.answer.finish_reason == kind.finish["stop"]
    assert [chunk.content for chunk in got.heard.chunks] == ["Hello", " world"]
    assert (got.answer.model, got.answer.notes) == (kind.model, ())
    (asked,) = got.server.answered
    assert asked.path == kind.path


@every_kind
def test_nothing_but_the_phase_is_told_before_the_first_token(kind: Kind) -> None:
    told = talk(kind, (*HELLO, End())).heard.progress
    assert told == [Progress("connecting"), Progress("waiting")]


@every_kind
def test_thinking_comes_apart_from_the_answer(kind: Kind) -> None:
    got = talk(kind, (Think("Let me"), Think(" see."), *HELLO, End()))
    assert (got.answer.text, got.answer.reasoning, got.answer.status) == ("Hello world", "Let me see.", "complete")
    assert got.heard.text("thinking") == "Let me see."
    assert got.heard.chunks[0].channel == "thinking"


@every_kind
def test_tokens_are_as_the_server_counted_them(kind: Kind) -> None:
    got = talk(kind, Script(Think("Hm"), *HELLO, End(), prompt_tokens=131, completion_tokens=17))
    assert counted(got.answer.usage) == (131, 17)


@every_kind
def test_an_answer_that_met_its_limit_is_truncated(kind: Kind) -> None:
    got = talk(kind, Script(*HELLO, End("length"), completion_tokens=7), request=kind.request(max_tokens=7))
    assert (got.answer.text, got.answer.status) == ("Hello world", "truncated")
    assert got.answer.finish_reason == kind.finish["length"]
    assert 7 in got.server.answered[-1].json.values() or 7 in got.server.answered[-1].json["options"].values()


@kinds_that(lambda kind: "refused" in kind.finish)
def test_a_refusal_is_no_complete_answer(kind: Kind) -> None:
    got = talk(kind, (Say("I will not."), End("refused")))
    assert (got.answer.text, got.answer.status) == ("I will not.", "refused")


@kinds_that(lambda kind: kind.has_tools)
@pytest.mark.parametrize("pieces", [('{"tz":"UTC"}',), ('{"t', 'z":', '"UTC"', "}"), ("{}",)], ids=repr)
def test_a_tool_call_is_put_together(kind: Kind, pieces: tuple[str, ...]) -> None:
    got = talk(kind, (Say("Look:"), Call("get_time", pieces), End("tools")))
    (call,) = got.answer.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("get_time", json.loads("".join(pieces)))
    assert call.id
    assert (got.answer.text, got.answer.status) == ("Look:", "complete")


@kinds_that(lambda kind: kind.has_tools)
def test_two_tool_calls_stay_two(kind: Kind) -> None:
    got = talk(kind, (Call("a", ('{"x":1}',)), Call("b", ('{"y":', "2}")), End("tools")))
    assert [(call.name, json.loads(call.arguments)) for call in got.answer.tool_calls] == [
        ("a", {"x": 1}),
        ("b", {"y": 2}),
    ]
    assert len({call.id for call in got.answer.tool_calls}) == 2
    assert got.answer.status == "complete"


@kinds_that(lambda kind: kind.has_fragments and kind.has_tools)
def test_a_tool_calls_arguments_are_told_as_they_are_written(kind: Kind) -> None:
    came = deltas(kind, Script(Call("a", ("{", '"x":', "1}")), End("tools")))
    pieces = [delta.arguments for delta in came if isinstance(delta, ToolCallPart) and delta.arguments]
    assert pieces == ["{", '"x":', "1}"]


@every_kind
@pytest.mark.parametrize("how", ["orderly", "middle", "reset"])
def test_an_answer_without_its_finish_signal_is_never_complete(kind: Kind, how: str) -> None:
    got = talk(kind, (*HELLO, Cut(how)))  # type: ignore[arg-type]
    assert (got.answer.text, got.answer.status, got.answer.fault) == ("Hello world", "unconfirmed", "cut")
    assert got.answer.error
    assert len(got.server.answered) == 1


@every_kind
def test_the_finish_signal_comes_once_and_after_the_text(kind: Kind) -> None:
    came = deltas(kind, Script(*HELLO, End()))
    kinds = [type(delta) for delta in came if isinstance(delta, Text | Finish)]
    assert kinds == [Text, Text, Finish]


@every_kind
def test_another_model_than_asked_is_said(kind: Kind) -> None:
    got = talk(kind, Script(*HELLO, End(), model="tiny-stories"))
    assert (got.answer.model, got.answer.status) == ("tiny-stories", "complete")
    assert got.answer.notes == ("answered by another model than asked: tiny-stories",)


@every_kind
def test_the_answer_in_one_piece_is_the_same(kind: Kind) -> None:
    calls = (Call("a", ('{"x":', "1}")),) if kind.has_tools else ()
    script = Script(Think("Hm"), *HELLO, *calls, End(), prompt_tokens=131, completion_tokens=17)
    answer = use(kind, script, lambda client: complete_whole(client, kind.request()))
    assert (answer.text, answer.reasoning, answer.status) == ("Hello world", "Hm", "complete")
    assert counted(answer.usage) == (131, 17)
    assert [(call.name, json.loads(call.arguments)) for call in answer.tool_calls] == [("a", {"x": 1})] * len(calls)


@every_kind
def test_the_answer_in_one_piece_may_be_truncated(kind: Kind) -> None:
    script = Script(*HELLO, End("length"), completion_tokens=7)
    answer = use(kind, script, lambda client: complete_whole(client, kind.request(max_tokens=7)))
    assert (answer.text, answer.status) == ("Hello world", "truncated")


@pytest.mark.usefixtures("apart")
@every_kind
def test_every_character_comes_though_every_byte_travels_alone(kind: Kind) -> None:
    got = talk(kind, Script(Think(ODD), Keep(), Say(ODD), *HALVES, End(), in_bytes=True))
    assert (got.answer.text, got.answer.reasoning, got.answer.status) == (f"{ODD}😀!", ODD, "complete")
    assert got.heard.text() == got.answer.text


@pytest.mark.slow
@pytest.mark.usefixtures("apart")
@every_kind
@pytest.mark.parametrize("size", [7, 61])
def test_the_body_may_be_cut_at_every_byte(kind: Kind, size: int) -> None:
    """In pieces shorter and longer than what is read, each beginning at every byte once."""

    async def cut_everywhere() -> None:
        scripts = [Script(Think("ö"), Say("é🌍"), *HALVES, End(), cuts=(first, size)) for first in range(1, size + 1)]
        with kind.server(*scripts) as server:
            async with opened(kind, server) as client:
                for script in scripts:
                    answer = await ask(client, kind.request())
                    assert (answer.text, answer.reasoning, answer.status) == ("é🌍😀!", "ö", "complete"), script.cuts
                    assert counted(answer.usage) == (24, 2), script.cuts

    asyncio.run(cut_everywhere())


@every_kind
@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_every_piece_comes_and_in_order(kind: Kind, count: int) -> None:
    came = deltas(kind, Script(*(Say(f"{number} ") for number in range(count)), End()))
    texts = [delta.text for delta in came if isinstance(delta, Text)]
    assert texts == [f"{number} " for number in range(count)]


@kinds_that(lambda kind: kind.progress)
def test_progress_is_told_as_the_server_tells_it(kind: Kind) -> None:
    steps = (Load(0.25), Load(1.0), Read(0.5), Read(1.0), *HELLO, End())
    told = talk(kind, steps).heard.progress
    parts = [part for part, _ in groupby((step.phase, step.fraction) for step in told if step.fraction is not None)]
    expected = [("loading", 0.25), ("loading", 1.0), ("reading", 0.5), ("reading", 1.0)]
    assert parts == [part for part in expected if part[0] in kind.progress]
