"""The same question twice, streamed and whole, side by side: what streaming gives on this server, in figures."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile

from felix.llm.batching import complete_streaming, complete_whole
from felix.llm.chat import Answer, ChatClient, ChatRequest, Message
from felix.llm.examination.findings import Comparison, Course

QUESTION = "Name three uses of a paper clip, in one sentence each."
ANSWER_TOKENS = 120
"""Long enough for a speed, short enough for a slow machine."""


def comparison_request(model: str) -> ChatRequest:
    """The question of a comparison. As cold as can be: two answers are then most likely to be alike."""
    return ChatRequest((Message("user", QUESTION),), model, temperature=0.0, max_tokens=ANSWER_TOKENS)


async def compare_streaming(client: ChatClient, request: ChatRequest, *, silence_timeout_s: float = 0) -> Comparison:
    """Ask `request` twice, after one token that is thrown away. What fails is told in the `Course`; nothing is raised.

    `silence_timeout_s` as in `complete_streaming`: for the whole answer, all of its time is silence.
    """
    # A model to be loaded, or a prompt read for the first time, would make whichever answer comes first look slow.
    await complete_streaming(
        client, replace(request, max_tokens=1), batch_interval=0, silence_timeout_s=silence_timeout_s
    )
    streamed = _course(
        await complete_streaming(client, request, batch_interval=0, silence_timeout_s=silence_timeout_s), streamed=True
    )
    whole = _course(await complete_whole(client, request, silence_timeout_s=silence_timeout_s), streamed=False)
    is_same = not (streamed.error or whole.error) and streamed.text == whole.text
    return Comparison(request.model, streamed, whole, is_same, _sentence(streamed, whole))


def _course(answer: Answer, *, streamed: bool) -> Course:
    text = answer.reasoning + answer.text
    tokens = answer.usage.completion_tokens if answer.usage else None
    return Course(
        text=text,
        first_s=answer.ttft_s if streamed else answer.duration_s if text else None,
        total_s=answer.duration_s,
        tokens=tokens,
        tokens_per_s=tokens / answer.duration_s if tokens and answer.duration_s > 0 else None,
        error=(answer.error or "No answer came – ask again.") if answer.fault is not None else "",
    )


def _sentence(streamed: Course, whole: Course) -> str:
    for name, course in (("streamed", streamed), ("whole", whole)):
        if course.error:
            return f"The {name} answer failed: {course.error}"
    if streamed.first_s is None or whole.first_s is None:
        return "No text came, so there is nothing to compare – choose another model."
    when = f"The first word came after {_s(streamed.first_s)} streamed and after {_s(whole.first_s)} whole"
    if streamed.text == whole.text:
        return f"{when}; the text is the same."
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(streamed.text, whole.text, strict=False)))
    return (
        f"{when}; the texts differ after {same:,} characters,"
        " which need not be a fault: models are not deterministic on every server."
    )


def _s(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
