"""One answer of one speaker: what is shown while it comes, and what stands at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from felix.events import Channel
from felix.ledger.speech import GrowingText
from felix.llm.chat import ChatRequest, Finish, Reasoning, Text, TextWasReasoning
from felix.settings import Settings
from felix.team.speaking import Speaker, Spoken
from tests.team.scripted import Line, ScriptedClient, says

Shown = tuple[Channel, str, int]


def speak(
    *parts: Iterable[Line], streaming: Iterable[bool] = (), continue_most: int = 1
) -> tuple[Spoken, list[Shown], Speaker]:
    """What was said, what was shown of it, in order, and who said it; each part is one call."""
    shown: list[Shown] = []
    answers, switch = iter(parts), iter(streaming)
    client = ScriptedClient(lambda request: next(answers))
    speaker = Speaker(
        client,
        ChatRequest((), "m"),
        silence_timeout_s=0,
        states_confidence=True,
        on_text=lambda channel, text, offset, tokens: shown.append((channel, text, offset)),
        on_progress=lambda step: None,
    )
    settings = Settings(streaming_batch_interval=0.0)
    spoken = asyncio.run(
        speaker.speak(lambda: settings, streaming=lambda: next(switch, True), continue_most=continue_most)
    )
    return spoken, shown, speaker


def folded(shown: list[Shown]) -> dict[Channel, str]:
    texts: dict[Channel, GrowingText] = {"answer": GrowingText(), "thinking": GrowingText()}
    for channel, text, offset in shown:
        assert offset <= len(texts[channel]), "a reader would have a gap"
        texts[channel].put(text, offset)
    return {channel: str(text) for channel, text in texts.items()}


def test_without_streaming_nothing_is_shown_before_the_end_not_even_a_held_last_line() -> None:
    spoken, shown, _ = speak(says("Code:\n```\nx\n```"), streaming=[False])
    assert (spoken.content, shown) == ("Code:\n```\nx\n```", [])


@pytest.mark.parametrize("streaming", [(True, True), (True, False), (False, True), (False, False)])
def test_the_switch_may_be_turned_between_the_parts_of_an_answer(streaming: tuple[bool, bool]) -> None:
    spoken, shown, _ = speak(says("One.\nTw", finish="length"), says("o.\n```"), streaming=streaming)
    assert (spoken.status, spoken.content) == ("complete", "One.\nTwo.\n```")
    assert spoken.notes == ("cut at its length limit, then continued once",)
    assert spoken.content.startswith(folded(shown)["answer"])
    assert not streaming[1] or folded(shown)["answer"] == spoken.content


@pytest.mark.parametrize(("finish", "status"), [("length", "truncated"), (None, "unconfirmed")])
@pytest.mark.parametrize("line", ["Confidence: 0", "Confidence: 0.", "Confidence: 0.7"])
def test_a_figure_that_may_have_been_cut_off_is_no_confidence(line: str, finish: str | None, status: str) -> None:
    spoken, _, _ = speak(says(f"Said.\n{line}", finish=finish), continue_most=0)
    assert (spoken.status, spoken.content, spoken.confidence) == (status, "Said.\n", None)


def test_a_confidence_whose_line_had_ended_is_one_whatever_the_status() -> None:
    spoken, _, _ = speak(says("Said.\nConfidence: 0.7\n", finish=None))
    assert (spoken.status, spoken.confidence) == ("unconfirmed", 0.7)


@pytest.mark.parametrize("finish", ["stop", "length", None])
def test_an_answer_without_visible_text_has_failed(finish: str | None) -> None:
    spoken, _, _ = speak(says("Confidence: 0.9", finish=finish), continue_most=0)
    assert (spoken.status, spoken.content) == ("failed", "") and spoken.error


def test_a_part_that_stands_keeps_its_finish_reason_when_going_on_failed() -> None:
    spoken, _, _ = speak(says("One.", finish="length"), [Finish("stop")])
    assert (spoken.status, spoken.content, spoken.finish_reason) == ("truncated", "One.", "length")


def test_text_that_turns_out_to_be_thinking_moves_there_at_once() -> None:
    gate = asyncio.Event()
    gate.set()
    hidden: list[Line] = [Text("Let me see.\n"), TextWasReasoning(), gate, Text("It is so.\n"), Text("Confidence: 0.8")]
    spoken, shown, _ = speak([*hidden, Finish("stop")])
    assert (spoken.content, spoken.thinking, spoken.confidence) == ("It is so.\n", "Let me see.\n", 0.8)
    assert shown == [
        ("answer", "Let me see.\n", 0),
        ("answer", "", 0),
        ("thinking", "Let me see.\n", 0),
        ("answer", "It is so.\n", 0),
    ]


def test_what_was_not_shown_is_not_taken_back() -> None:
    more: list[Line] = [TextWasReasoning(), Text("second."), Finish("stop")]
    spoken, shown, _ = speak(says("First, ", finish="length"), more, streaming=[False, True])
    assert spoken.content == folded(shown)["answer"] == "First, second."


def test_thinking_in_a_continuation_takes_nothing_of_the_first_part_back() -> None:
    more: list[Line] = [Text("Hm."), TextWasReasoning(), Text("second."), Finish("stop")]
    spoken, shown, _ = speak([Reasoning("So."), *says("First,\n**", finish="length")], more)
    assert (spoken.content, spoken.thinking) == ("First,\n**second.", "So.Hm.")
    assert folded(shown) == {"answer": "First,\n**second.", "thinking": "So.Hm."}


def test_what_is_stopped_keeps_its_thinking_apart_from_its_text() -> None:
    reached = asyncio.Event()

    def script(request: ChatRequest) -> Iterable[Line]:
        yield Text("Let me see.")
        yield TextWasReasoning()
        yield Text("It is")
        reached.set()
        yield asyncio.Event()

    speaker = Speaker(
        ScriptedClient(script),
        ChatRequest((), "m"),
        silence_timeout_s=0,
        states_confidence=True,
        on_text=lambda *_: None,
        on_progress=lambda _: None,
    )

    async def stopped() -> None:
        async with asyncio.TaskGroup() as tasks:
            speaking = tasks.create_task(speaker.speak(Settings, streaming=lambda: True, continue_most=0))
            await reached.wait()
            speaking.cancel()

    asyncio.run(stopped())
    assert (str(speaker.text), str(speaker.thinking)) == ("It is", "Let me see.")
