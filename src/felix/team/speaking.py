"""One answer of one speaker, agent or hub: asked for, continued when it was cut at its limit, its confidence taken off.

`Speaker.text` and `Speaker.thinking` hold what came, whatever happens: when the task is cancelled they are what is
kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from felix.errors import ServerFault
from felix.events import Channel, Status, Tokens
from felix.ledger.state import GrowingText
from felix.llm.batching import complete_streaming, complete_whole
from felix.llm.chat import Answer, ChatClient, ChatRequest, Progress, StreamingChunk, Usage
from felix.settings import Settings
from felix.team.confidence import ConfidenceFilter
from felix.team.prompts import continuation

TextSink = Callable[[Channel, str, int, int], None]
"""Called with channel, new text, characters of the channel before it, tokens so far (an estimate)."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """How an answer ended."""

    status: Status
    content: str
    thinking: str
    confidence: float | None
    finish_reason: str | None
    usage: Tokens | None
    ttft_s: float | None
    duration_s: float
    tokens_per_s: float | None
    error: str | None
    fault: ServerFault | None
    notes: tuple[str, ...]
    model: str


class Speaker:
    """Someone who is giving one answer. `speak` may be awaited once."""

    def __init__(
        self,
        client: ChatClient,
        request: ChatRequest,
        *,
        silence_timeout_s: float,
        states_confidence: bool,
        on_text: TextSink,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.text = GrowingText()
        """Without the confidence line and what may become it."""
        self.thinking = GrowingText()
        self._client = client
        self._request = request
        self._silence_timeout_s = silence_timeout_s
        self._filter = ConfidenceFilter() if states_confidence else None
        self._on_text = on_text
        self._on_progress = on_progress
        self._tokens_before = 0
        """Of the parts before the one that is being written."""
        self._tokens = 0

    async def speak(
        self, settings: Callable[[], Settings], *, streaming: Callable[[], bool], continue_most: int
    ) -> Spoken:
        """Ask, and while the answer is cut at its limit go on, `continue_most` times.

        Settings and streaming are asked for anew at each call, so a change is in force from the next one on.
        """
        parts: list[Answer] = []
        request = self._request
        while True:
            parts.append(await self._ask(request, settings(), streaming=streaming()))
            self._tokens_before = self._tokens
            so_far = "".join(part.text for part in parts)
            has_more = parts[-1].status == "truncated" and bool(parts[-1].text.strip())
            if not has_more or len(parts) > continue_most:
                return self._ended(parts)
            request = replace(self._request, messages=continuation(self._request.messages, so_far))

    def interrupted(self) -> str:
        """What was held back when the answer was cut off from outside, if it is text."""
        rest, _ = self._filter.end() if self._filter else ("", None)
        if rest:
            self._pass_on("answer", rest)
        return rest

    async def _ask(self, request: ChatRequest, settings: Settings, *, streaming: bool) -> Answer:
        if streaming:
            return await complete_streaming(
                self._client,
                request,
                batch_interval=settings.streaming_batch_interval,
                batch_chars=settings.streaming_batch_chars,
                callback=self._take,
                on_progress=self._on_progress,
                silence_timeout_s=self._silence_timeout_s,
            )
        answer = await complete_whole(
            self._client, request, on_progress=self._on_progress, silence_timeout_s=self._silence_timeout_s
        )
        # Nothing is passed on: without streaming a text appears whole, with the end of the thought.
        self.thinking.put(answer.reasoning, len(self.thinking))
        self.text.put(self._filter.feed(answer.text) if self._filter else answer.text, len(self.text))
        return answer

    def _take(self, chunk: StreamingChunk) -> None:
        self._tokens = self._tokens_before + chunk.tokens_so_far
        text = chunk.content
        if chunk.channel == "answer" and self._filter:
            text = self._filter.feed(text)
        if text:
            self._pass_on(chunk.channel, text)

    def _pass_on(self, channel: Channel, text: str) -> None:
        so_far = self.text if channel == "answer" else self.thinking
        offset = len(so_far)
        so_far.put(text, offset)
        self._on_text(channel, text, offset, self._tokens)

    def _ended(self, parts: list[Answer]) -> Spoken:
        last = parts[-1]
        status, error, notes = last.status, last.error, [note for part in parts for note in part.notes]
        if len(parts) > 1 and not last.text.strip() and status not in ("complete", "truncated"):
            # The first part stands as it was; only its continuation failed.
            status, error = "truncated", f"Cut short at its length limit; going on failed: {last.error or status}"
        content, confidence = self._without_confidence("".join(part.text for part in parts))
        if status == "complete" and not content.strip():
            status, error = "failed", "The model wrote only how sure it is – ask again, or choose another model."
        if status == "truncated" and error is None:
            limit = f" of {self._request.max_tokens:,} tokens" if self._request.max_tokens else ""
            error = f"Cut short at its length limit{limit} – raise max_tokens or the context length."
        if status == "refused" and error is None:
            error = "The model refused to answer – put the task in other words, or choose another model."
        return Spoken(
            status=status,
            content=content,
            thinking="".join(part.reasoning for part in parts),
            confidence=confidence,
            finish_reason=last.finish_reason or None,
            usage=_added([part.usage for part in parts]),
            ttft_s=parts[0].ttft_s,
            duration_s=sum(part.duration_s for part in parts),
            tokens_per_s=last.tokens_per_s if len(parts) == 1 else _mean_rate(parts),
            error=error,
            fault=last.fault,
            notes=tuple(dict.fromkeys(notes)),
            model=last.model,
        )

    def _without_confidence(self, whole: str) -> tuple[str, float | None]:
        """The final text, passing on what the filter held back of it."""
        if self._filter is None:
            return whole, None
        shown_before = len(self.text)
        rest, confidence = self._filter.end()
        if rest and shown_before:
            self._pass_on("answer", rest)
        # Not joined from what was shown: a text that turned out to be thinking was shown, too.
        again = ConfidenceFilter()
        content = again.feed(whole)
        return content + again.end()[0], confidence


def _added(usages: list[Usage | None]) -> Tokens | None:
    """None as soon as one call was not counted."""
    known = [usage for usage in usages if usage is not None]
    if len(known) < len(usages):
        return None
    reasoning = [usage.reasoning_tokens for usage in known if usage.reasoning_tokens is not None]
    return Tokens(
        prompt=sum(usage.prompt_tokens for usage in known),
        completion=sum(usage.completion_tokens for usage in known),
        reasoning=sum(reasoning) if reasoning else None,
    )


def _mean_rate(parts: list[Answer]) -> float | None:
    """Tokens per second of writing, over all parts; None when a part has no rate or no count."""
    seconds = tokens = 0.0
    for part in parts:
        if not part.tokens_per_s or part.usage is None:
            return None
        tokens += part.usage.completion_tokens
        seconds += part.usage.completion_tokens / part.tokens_per_s
    return tokens / seconds
