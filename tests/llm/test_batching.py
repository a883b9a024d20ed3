"""Chunks by the clock, in virtual time: the first moment is 1000.0, and nothing waits."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.errors import CannotStream, ServerError
from felix.llm.batching import complete_streaming, complete_whole
from felix.llm.chat import (
    Answer,
    ChatRequest,
    Finish,
    Message,
    Progress,
    Reasoning,
    StreamingChunk,
    Text,
    TextWasReasoning,
    ToolCallPart,
    ToolSpec,
    Usage,
)
from tests.llm import virtual_time
from tests.llm.asking import question
from tests.llm.scripted import ScriptedClient, Step

BUSY = ServerError("The server is busy – try again.", fault="overloaded", retryable=True)


def play(
    *steps: Step, interval: float = 0.1, chars: int = 0, silence_s: float = 0, slow: float = 0
) -> tuple[Answer, list[tuple[float, str, str]]]:
    """The answer, and (seconds since the start, channel, text) of each chunk."""
    chunks: list[tuple[float, str, str]] = []

    async def run() -> Answer:
        loop = asyncio.get_running_loop()

        def take(chunk: StreamingChunk) -> None:
            chunks.append((round(loop.time() - 1000, 3), chunk.channel, chunk.content))
            loop._virtual.now += slow  # type: ignore[attr-defined]  # a callback that takes its time

        return await complete_streaming(
            ScriptedClient(steps),
            question(),
            batch_interval=interval,
            batch_chars=chars,
            callback=take,
            silence_timeout_s=silence_s,
        )

    return virtual_time.run(run()), chunks


def test_the_first_piece_leaves_at_once_and_then_one_chunk_per_interval() -> None:
    steps: list[Step] = [0.5]
    for n in range(9):
        steps += [Text(str(n)), 0.03]
    answer, chunks = play(*steps, Finish("stop"))
    assert chunks == [(0.5, "answer", "0"), (0.6, "answer", "123"), (0.7, "answer", "456"), (0.77, "answer", "78")]
    assert answer.text == "012345678"


def test_a_server_that_pauses_leaves_nothing_in_the_buffer() -> None:
    _, chunks = play(Text("a"), 0.01, Text("b"), 60.0, Text("c"), Finish("stop"))
    assert chunks == [(0.0, "answer", "a"), (0.1, "answer", "b"), (60.01, "answer", "c")]


def test_the_rest_leaves_with_the_finish_signal_and_not_with_the_end_of_the_stream() -> None:
    _, chunks = play(Text("a"), 0.01, Text("b"), Finish("stop"), 3.0, Usage(1, 2))
    assert chunks == [(0.0, "answer", "a"), (0.01, "answer", "b")]


def test_interval_zero_passes_every_delta_on() -> None:
    _, chunks = play(Text("a"), Text("b"), Reasoning("c"), Finish("stop"), interval=0)
    assert [text for _, _, text in chunks] == ["a", "b", "c"]


def test_a_chunk_leaves_early_when_enough_characters_wait() -> None:
    _, chunks = play(Text("a"), 0.01, Text("bb"), 0.01, Text("bb"), 0.01, Text("c"), 1.0, Finish("stop"), chars=4)
    assert chunks == [(0.0, "answer", "a"), (0.02, "answer", "bbbb"), (0.12, "answer", "c")]


def test_channels_keep_their_order_and_never_share_a_chunk() -> None:
    _, chunks = play(Reasoning("a"), 0.01, Reasoning("b"), Text("c"), Reasoning("d"), 0.01, Text("e"), Finish("stop"))
    assert [chunk[1:] for chunk in chunks] == [
        ("thinking", "a"),
        ("thinking", "b"),
        ("answer", "c"),
        ("thinking", "d"),
        ("answer", "e"),
    ]


def test_a_slow_callback_gets_fewer_chunks_and_loses_nothing() -> None:
    steps: list[Step] = []
    for _ in range(100):
        steps += [Text("x"), 0.01]
    answer, chunks = play(*steps, Finish("stop"), slow=0.5)
    assert len(chunks) < 15
    assert "".join(text for _, _, text in chunks) == answer.text == "x" * 100


def test_a_chunk_knows_its_place_its_agent_and_the_text_so_far() -> None:
    chunks: list[StreamingChunk] = []
    script: list[Step] = [Reasoning("hm"), Text("Hel"), Text("lo"), Finish("stop")]
    virtual_time.run(
        complete_streaming(
            ScriptedClient(script), question(), batch_interval=0, callback=chunks.append, clock=lambda: 42.0
        )
    )
    assert [(c.channel, c.offset, c.accumulated, c.tokens_so_far) for c in chunks] == [
        ("thinking", 0, "hm", 1),
        ("answer", 0, "Hel", 2),
        ("answer", 3, "Hello", 3),
    ]
    assert {(c.agent_id, c.timestamp) for c in chunks} == {("research-1", 42.0)}


def test_times_and_speed_are_measured_from_the_request_and_count_thinking() -> None:
    answer, _ = play(2.0, Reasoning("a"), 1.0, Text("b"), 1.0, Text("c"), Usage(5, 30), Finish("stop", "m"), 0.5)
    assert (answer.ttft_s, answer.duration_s, answer.tokens_per_s) == (2.0, 4.5, 15.0)
    assert (answer.usage, answer.model, answer.finish_reason) == (Usage(5, 30), "m", "stop")


def test_the_servers_own_speed_goes_before_ours() -> None:
    answer, _ = play(Text("a"), 2.0, Text("b"), Usage(5, 30, tokens_per_s=99.5), Finish("stop"))
    assert answer.tokens_per_s == 99.5


def test_without_the_servers_count_the_speed_is_an_estimate_from_the_pieces() -> None:
    answer, _ = play(Text("a"), 1.0, Text("b"), 1.0, Text("c"), Finish("stop"))
    assert (answer.usage, answer.tokens_per_s) == (None, 1.5)


def test_what_came_in_one_breath_has_no_speed() -> None:
    assert play(Text("a"), Text("b"), Usage(1, 500), Finish("stop"))[0].tokens_per_s is None


@pytest.mark.parametrize("error", [BUSY, ServerError("Lost – ask again.", fault="server")])
def test_an_expected_failure_is_an_answer_with_its_text_kept(error: ServerError) -> None:
    answer, chunks = play(Text("a"), 0.01, Text("b"), error)
    assert (answer.text, answer.status, answer.error, answer.fault) == ("ab", "failed", str(error), error.fault)
    assert "".join(text for _, _, text in chunks) == "ab"


def test_a_bug_is_raised_and_the_text_before_it_handed_over() -> None:
    texts: list[str] = []
    client = ScriptedClient([Text("a"), 0.01, Text("b"), ZeroDivisionError()])
    with pytest.raises(ZeroDivisionError):
        virtual_time.run(
            complete_streaming(client, question(), batch_interval=1, callback=lambda c: texts.append(c.content))
        )
    assert texts == ["a", "b"]
    assert client.closed == 1


def test_cancelling_hands_the_rest_over_and_closes_the_stream() -> None:
    texts: list[str] = []
    client = ScriptedClient([Text("a"), 0.01, Text("b"), 1e6])

    async def run() -> None:
        async with asyncio.timeout(0.05):
            await complete_streaming(client, question(), batch_interval=1, callback=lambda c: texts.append(c.content))

    with pytest.raises(TimeoutError):
        virtual_time.run(run())
    assert texts == ["a", "b"]
    assert client.closed == 1


@pytest.mark.parametrize("at", [1, 2])
def test_a_callback_that_fails_ends_the_call_loudly_and_closes_the_stream(at: int) -> None:
    client = ScriptedClient([Text("a"), 0.01, Text("b"), 0.5, Text("c"), Finish("stop")])
    seen: list[str] = []

    def take(chunk: StreamingChunk) -> None:
        seen.append(chunk.content)
        if len(seen) == at:
            raise ZeroDivisionError

    async def run() -> None:
        with pytest.raises(ZeroDivisionError):
            await complete_streaming(client, question(), batch_interval=0.1, callback=take)
        assert client.closed == 1  # now, and not when the loop tidies up

    virtual_time.run(run())


def test_silence_is_counted_from_the_last_content() -> None:
    answer, _ = play(50.0, Text("a"), 50.0, Reasoning("b"), 50.0, ToolCallPart(0, "c", "f", "{}"), 61.0, silence_s=60)
    assert (answer.status, answer.fault, answer.text, answer.duration_s) == ("failed", "silent", "a", 210.0)


def test_progress_without_a_figure_is_silence_and_with_one_it_is_not() -> None:
    waiting: list[Step] = [40.0, Progress("waiting"), 40.0, Text("a"), Finish("stop")]
    reading: list[Step] = [40.0, Progress("reading", 0.5), 40.0, Text("a"), Finish("stop")]
    assert play(*waiting, silence_s=60)[0].fault == "silent"
    assert play(*reading, silence_s=60)[0].status == "complete"


def test_silence_zero_waits_for_ever() -> None:
    assert play(1e6, Text("a"), Finish("stop"))[0].status == "complete"


def test_silence_after_the_finish_signal_spoils_nothing() -> None:
    assert play(Text("a"), Finish("stop"), 100.0, silence_s=60)[0].status == "complete"


def test_retries_wait_longer_each_time_and_say_so() -> None:
    progress: list[Progress] = []
    client = ScriptedClient([BUSY], [BUSY], [Text("a"), Finish("stop")])
    answer = virtual_time.run(complete_streaming(client, question(), batch_interval=0, on_progress=progress.append))
    assert (answer.status, client.calls) == ("complete", 3)
    assert 0.375 + 0.75 <= answer.duration_s <= 0.625 + 1.25
    assert answer.ttft_s == 0  # of the call that answered
    assert progress[0].phase == "retrying"
    assert progress[0].detail.startswith("retry 1 of 2 in 0.")
    assert progress[0].detail.endswith(" s: the server is busy")


@pytest.mark.parametrize(("asked_s", "calls", "waited_s"), [(7.0, 3, 14.0), (60.0, 3, 120.0), (61.0, 1, 0.0)])
def test_the_servers_own_wait_is_kept_up_to_a_minute(asked_s: float, calls: int, waited_s: float) -> None:
    limit = ServerError("Too fast – wait.", fault="rate_limit", retryable=True, retry_after_s=asked_s)
    client = ScriptedClient([limit])
    answer = virtual_time.run(complete_streaming(client, question(), batch_interval=0))
    assert (client.calls, answer.duration_s, answer.fault) == (calls, waited_s, "rate_limit")


def test_a_wait_the_server_asks_for_is_counted_down_to_the_second() -> None:
    limit = ServerError("Too fast – wait.", fault="rate_limit", retryable=True, retry_after_s=3.4)
    told: list[tuple[float, str]] = []

    async def run() -> None:
        now, client = asyncio.get_running_loop().time, ScriptedClient([limit], [Text("a"), Finish("stop")])
        await complete_streaming(
            client,
            question(),
            batch_interval=0,
            on_progress=lambda progress: told.append((round(now() - 1000, 3), progress.detail)),
        )

    virtual_time.run(run())
    assert told == [
        (0.0, "retry 1 of 2 in 4 s: too fast"),
        (0.4, "retry 1 of 2 in 3 s: too fast"),
        (1.4, "retry 1 of 2 in 2 s: too fast"),
        (2.4, "retry 1 of 2 in 1 s: too fast"),
    ]


def test_cancelling_works_while_waiting_for_a_retry() -> None:
    client = ScriptedClient([BUSY])

    async def run() -> None:
        async with asyncio.timeout(0.1):
            await complete_streaming(client, question(), batch_interval=0)

    with pytest.raises(TimeoutError):
        virtual_time.run(run())
    assert client.calls == 1


def test_a_client_that_cannot_stream_is_asked_for_the_whole() -> None:
    chunks: list[StreamingChunk] = []
    client = ScriptedClient([CannotStream("no")], [2.0, Reasoning("hm"), Text("Hello"), Finish("stop")])
    answer = virtual_time.run(complete_streaming(client, question(), batch_interval=0.1, callback=chunks.append))
    assert (answer.text, answer.status) == ("Hello", "complete")
    assert [(c.channel, c.content, c.accumulated) for c in chunks] == [
        ("thinking", "hm", "hm"),
        ("answer", "Hello", "Hello"),
    ]


def test_a_whole_answer_that_does_not_come_is_silence() -> None:
    answer = virtual_time.run(complete_whole(ScriptedClient([1000.0]), question(), silence_timeout_s=600))
    assert (answer.status, answer.fault, answer.duration_s) == ("failed", "silent", 600.0)


ENDINGS: list[tuple[list[Any], str]] = [
    ([Text("a"), Finish("stop")], "complete"),
    ([Text("a"), Finish("eos")], "complete"),
    ([ToolCallPart(0, "c", "f", "{}"), Finish("tool_calls")], "complete"),
    ([Text("a"), Finish("length")], "truncated"),
    ([Text("a"), Finish("content_filter")], "refused"),
    ([Finish("content_filter")], "refused"),
    ([Text("a"), Finish("error")], "failed"),
    ([Text("a")], "unconfirmed"),
    ([Text("a"), ServerError("Lost – ask again.", fault="cut")], "unconfirmed"),
    ([Text("a"), ServerError("Boom – look.", fault="server")], "failed"),
    ([ServerError("Lost – ask again.", fault="cut")], "failed"),
    ([Text("a"), Finish("stop"), ServerError("Lost – ask again.", fault="cut")], "complete"),
    ([Text(" \n"), Finish("stop")], "failed"),
    ([Reasoning("a"), Finish("stop")], "failed"),
    ([Reasoning("a")], "failed"),
    ([Finish("stop")], "failed"),
    ([], "failed"),
    ([Text("thought"), TextWasReasoning(), Text("a"), Finish("stop")], "complete"),
    ([Text("thought"), TextWasReasoning(), Finish("stop")], "failed"),
]


@pytest.mark.parametrize(("steps", "status"), ENDINGS)
def test_every_ending_has_its_status(steps: list[Step], status: str) -> None:
    answer, _ = play(*steps)
    assert answer.status == status
    assert (answer.error is None) == (status in ("complete", "truncated", "refused"))


def test_text_that_was_thinking_leaves_the_answer() -> None:
    answer, _ = play(Text("tho"), Text("ught"), TextWasReasoning(), Text("a"), Finish("stop"))
    assert (answer.reasoning, answer.text) == ("thought", "a")


def test_a_call_in_text_that_was_thinking_is_none() -> None:
    tool = ToolSpec("add", "Adds.", {"type": "object"})
    written = Text('Perhaps <tool_call>{"name": "add", "arguments": {}}</tool_call>, but no.')
    request = ChatRequest((Message("user", "x"),), "m", tools=(tool,))

    async def run() -> Answer:
        steps = (written, TextWasReasoning(), Text("The answer."), Finish("stop"))
        return await complete_streaming(ScriptedClient(steps), request, batch_interval=0)

    answer = asyncio.run(run())
    assert (answer.text, answer.tool_calls, answer.status) == ("The answer.", (), "complete")


pieces = st.one_of(
    st.builds(Text, st.text(max_size=3)), st.builds(Reasoning, st.text(max_size=3)), st.floats(0.001, 0.3)
)


@given(st.lists(pieces, max_size=30), st.sampled_from([0, 0.05, 0.1, 2]), st.integers(0, 5))
def test_no_character_is_lost_doubled_or_moved(steps: list[Step], interval: float, chars: int) -> None:
    answer, chunks = play(*steps, interval=interval, chars=chars)
    for channel, kind, whole in (("answer", Text, answer.text), ("thinking", Reasoning, answer.reasoning)):
        assert "".join(text for _, c, text in chunks if c == channel) == whole
        assert whole == "".join(step.text for step in steps if isinstance(step, kind))  # type: ignore[attr-defined]
    if interval:
        times = sorted({at for at, _, _ in chunks})[:-1]  # the rest leaves when the stream ends, however soon that is
        gaps = [round(b - a, 3) for a, b in itertools.pairwise(times)]
        assert chars or all(gap >= round(interval, 3) for gap in gaps)
