"""One answer of one speaker, agent or hub: asked for, continued when it was cut at its limit, its confidence taken off.

`Speaker.text` and `Speaker.thinking` hold what came, whatever happens: when the task is cancelled they are what is
kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from felix.errors import ServerFault
from felix.events import Channel, Status, Tokens
from felix.ledger.speech import GrowingText
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
    notes: tuple[str, ...]
    model: str
    fault: ServerFault | None = None
    """What failed, where it was a server."""
    is_empty: bool = False
    """No text, thinking or tool call came: whoever asks elsewhere repeats nothing."""


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
        so_far: str = "",
    ) -> None:
        """`so_far` stands already and is shown first; what is said is its continuation, and the end is the whole."""
        self.text = GrowingText()
        """Without the confidence line and what may become it."""
        self.thinking = GrowingText()
        self._client = client
        self._request = request
        self._silence_timeout_s = silence_timeout_s
        self._states_confidence = states_confidence
        self._filter = ConfidenceFilter()
        self._on_text = on_text
        self._on_progress = on_progress
        self._parts: list[Answer] = []
        self._shown: dict[Channel, int] = {"answer": 0, "thinking": 0}
        """Characters handed to `on_text`."""
        self._is_streaming = False
        self._tokens_before = 0
        """Of the parts before the one that is being written."""
        self._tokens = 0
        self._so_far = so_far

    async def speak(
        self, settings: Callable[[], Settings], *, streaming: Callable[[], bool], continue_most: int
    ) -> Spoken:
        """Ask, and while the answer is cut at its limit go on, `continue_most` times.

        Settings and streaming are asked for anew at each call, so a change is in force from the next one on.
        """
        request = self._request
        if self._so_far:
            self._is_streaming = True  # what stands is shown whatever is to follow
            self._keep("answer", self._passed(self._so_far))
            request = replace(request, messages=continuation(request.messages, self._so_far))
        while True:
            self._is_streaming = streaming()
            last = await self._ask(request, settings())
            self._parts.append(last)
            self._tokens_before = self._tokens
            has_more = last.status == "truncated" and bool(last.text.strip())
            if not has_more or len(self._parts) > continue_most:
                return self._ended(last)
            request = replace(self._request, messages=continuation(self._request.messages, self._raw_text()))

    def interrupted(self) -> None:
        """The answer was cut off from outside: what was held back of it is text, unless it is the confidence line."""
        self._release(is_whole=False)

    async def _ask(self, request: ChatRequest, settings: Settings) -> Answer:
        if self._is_streaming:
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
        self._keep("thinking", answer.reasoning)
        self._keep("answer", self._passed(answer.text))
        return answer

    def _take(self, chunk: StreamingChunk) -> None:
        self._tokens = self._tokens_before + chunk.tokens_so_far
        if chunk.channel == "thinking":
            self._keep("thinking", chunk.content)
        elif chunk.content:
            self._keep("answer", self._passed(chunk.content))
        else:
            self._take_back()

    def _take_back(self) -> None:
        """The text of this part was thinking; that of the parts before it stands."""
        self._filter = ConfidenceFilter()
        stands = len(self._passed(self._raw_text()))
        self.text.put("", stands)
        self._shown["answer"] = shown = min(self._shown["answer"], stands)
        self._on_text("answer", "", shown, self._tokens)

    def _passed(self, text: str) -> str:
        return self._filter.feed(text) if self._states_confidence else text

    def _keep(self, channel: Channel, text: str) -> None:
        """Add text, and show it with all that was not shown yet; without streaming it appears whole, with the end."""
        kept = self.text if channel == "answer" else self.thinking
        kept.put(text, len(kept))
        shown = self._shown[channel]
        if self._is_streaming and len(kept) > shown:
            self._shown[channel] = len(kept)
            self._on_text(channel, kept.since(shown), shown, self._tokens)

    def _release(self, *, is_whole: bool) -> float | None:
        """Pass on what was held back, now that no more will come; returns the confidence."""
        rest, confidence = self._filter.end(is_whole=is_whole)
        self._keep("answer", rest)
        return confidence

    def _raw_text(self) -> str:
        """What stood already and the parts that have ended, with the confidence line."""
        return self._so_far + "".join(part.text for part in self._parts)

    def _ended(self, last: Answer) -> Spoken:
        parts = self._parts
        status, error, finish_reason = last.status, last.error, last.finish_reason
        if len(parts) > 1 and not last.text.strip() and status not in ("complete", "truncated"):
            # The first part stands as it was; only its continuation failed.
            status, error = "truncated", f"Cut short at its length limit; going on failed: {last.error or status}"
            finish_reason = parts[-2].finish_reason
        confidence = self._release(is_whole=status == "complete")
        content = str(self.text)
        if status in ("complete", "truncated", "unconfirmed") and not content.strip():
            what = "asked for a tool" if any(part.tool_calls for part in parts) else "wrote only how sure it is"
            status, error = "failed", f"The model {what}, no answer came – ask again, or choose another model."
        if status == "truncated" and error is None:
            limit = f" of {self._request.max_tokens:,} tokens" if self._request.max_tokens else ""
            error = f"Cut short at its length limit{limit} – raise max_tokens or the context length."
        if status == "refused" and error is None:
            error = "The model refused to answer – put the task in other words, or choose another model."
        return Spoken(
            status=status,
            content=content,
            thinking=str(self.thinking),
            confidence=confidence,
            finish_reason=finish_reason or None,
            usage=_added([part.usage for part in parts]),
            ttft_s=parts[0].ttft_s,
            duration_s=sum(part.duration_s for part in parts),
            tokens_per_s=last.tokens_per_s if len(parts) == 1 else _mean_rate(parts),
            error=error,
            notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
            model=last.model,
            fault=last.fault,
            is_empty=not any(part.text or part.reasoning or part.tool_calls for part in parts),
        )


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
