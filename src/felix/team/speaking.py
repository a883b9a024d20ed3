"""One answer of one speaker, agent or hub: asked for, continued when it was cut at its limit, its confidence taken off.

Where its model may use tools, an answer that asks for them is followed by their results and asked for again, until one
comes that asks for none: all of that is one answer.

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
from felix.llm.chat import Answer, ChatClient, ChatRequest, Message, Progress, StreamingChunk, ToolCallPart, Usage
from felix.settings import Settings
from felix.team.confidence import ConfidenceFilter
from felix.team.prompts import continuation
from felix.team.tools.calls import Calls

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
    gaps_ms: tuple[float, ...] = ()
    """As in `Answer`, of all its parts."""
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
        turns: tuple[Message, ...] = (),
        behind: str | None = None,
        calls: Calls | None = None,
    ) -> None:
        """`so_far` stands already and is shown first; what is said is its continuation, and the end is the whole.

        `turns` are those of `so_far` in which tools were used, `behind` what of it comes after them (None: all).
        `calls` carries out what the model asks of tools; without it none are offered.
        """
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
        self._stands = so_far
        self._so_far = so_far if behind is None else behind
        self._calls = calls
        self._turns = turns
        """What was said before tools were used, and what they brought."""
        self._round_parts: list[Answer] = []
        """Since then."""
        self._standing = 0
        """Characters of the text before those."""
        self._needs_gap = False
        """The next text goes on after a blank line."""
        self._needs_thinking_gap = False
        self._own_notes: list[str] = []
        self._continued = 0
        """Times it was gone on with, because it was cut at its limit."""
        self._tools_s = 0.0
        self._batch_interval_s = 0.0

    async def speak(
        self, settings: Callable[[], Settings], *, streaming: Callable[[], bool], continue_most: int
    ) -> Spoken:
        """Ask, and while the answer is cut at its limit go on, `continue_most` times.

        Settings and streaming are asked for anew at each call, so a change is in force from the next one on.
        """
        if self._stands:
            self._is_streaming = True  # what stands is shown whatever is to follow
            self._keep("answer", self._passed(self._stands))
            self._standing = max(0, len(self.text) - len(self._so_far))
            self._needs_gap = bool(self._turns) and not self._so_far
        while True:
            self._is_streaming = streaming()
            last = await self._ask(self._next_request(), settings())
            self._parts.append(last)
            self._round_parts.append(last)
            self._tokens_before = self._tokens
            if self._calls and last.tool_calls and last.status == "complete" and not self._calls.must_answer:
                await self._use_tools(last, self._calls)
                continue
            has_more = last.status == "truncated" and bool(last.text.strip()) and not last.tool_calls
            if not has_more or len(self._round_parts) > continue_most:
                return self._ended(last)
            self._continued += 1

    def interrupted(self) -> None:
        """The answer was cut off from outside: what was held back of it is text, unless it is the confidence line."""
        self._release(is_whole=False)
        if self._calls:
            self._calls.written()

    def _next_request(self) -> ChatRequest:
        messages = (*self._request.messages, *self._turns)
        if so_far := self._raw_text():
            messages = continuation(messages, so_far)
        if self._calls is None:
            return replace(self._request, messages=messages)
        messages, cut = self._calls.question(messages)
        if cut:
            self._own_notes.append(cut)
        return replace(self._request, messages=messages, tools=self._calls.specs)

    async def _use_tools(self, last: Answer, calls: Calls) -> None:
        """Do what the answer asks for; its text stands, and what follows it goes on after a blank line."""
        self._is_streaming = True  # what stands before a call is shown, whatever is to follow
        self._keep("thinking", "")
        self._release(is_whole=False)
        self._filter = ConfidenceFilter()
        returned = await calls.carry_out(last.tool_calls, len(self.text))
        self._turns += (Message("assistant", self._raw_text(), calls=returned.calls), *returned.results)
        self._own_notes += returned.notes
        self._tools_s += returned.duration_s
        self._so_far, self._round_parts = "", []
        self._standing, self._needs_gap = len(self.text), bool(self.text)
        self._needs_thinking_gap = bool(self.thinking)
        self._on_progress(Progress("waiting"))

    async def _ask(self, request: ChatRequest, settings: Settings) -> Answer:
        calls = self._calls
        if self._is_streaming:
            self._batch_interval_s = settings.streaming_batch_interval
            answer = await complete_streaming(
                self._client,
                request,
                batch_interval=settings.streaming_batch_interval,
                batch_chars=settings.streaming_batch_chars,
                callback=self._take,
                on_call=self._write if calls and request.tools else None,
                on_progress=self._on_progress,
                silence_timeout_s=self._silence_timeout_s,
            )
            if calls:
                calls.written()
            return answer
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

    def _write(self, part: ToolCallPart) -> None:
        assert self._calls is not None
        self._calls.write(part, lambda: len(self.text), self._batch_interval_s)

    def _take_back(self) -> None:
        """The text of this part was thinking; that of the parts before it stands."""
        self._filter = ConfidenceFilter()
        self._needs_gap = bool(self._standing)
        stands = self._standing + len(self._after_gap(self._passed(self._raw_text())))
        self.text.put("", stands)
        self._shown["answer"] = shown = min(self._shown["answer"], stands)
        self._on_text("answer", "", shown, self._tokens)

    def _passed(self, text: str) -> str:
        return self._filter.feed(text) if self._states_confidence else text

    def _keep(self, channel: Channel, text: str) -> None:
        """Add text, and show it with all that was not shown yet; without streaming it appears whole, with the end."""
        kept = self.text if channel == "answer" else self.thinking
        if channel == "answer":
            text = self._after_gap(text)
        elif text and self._needs_thinking_gap:
            text, self._needs_thinking_gap = f"\n\n{text}", False
        kept.put(text, len(kept))
        shown = self._shown[channel]
        if self._is_streaming and len(kept) > shown:
            self._shown[channel] = len(kept)
            self._on_text(channel, kept.since(shown), shown, self._tokens)

    def _after_gap(self, text: str) -> str:
        """Text with the blank line that it needs before it."""
        if not self._needs_gap or not (text := text.lstrip("\r\n")):
            return text
        self._needs_gap = False
        before = self.text.since(max(0, self._standing - 2))[: min(self._standing, 2)]
        return "\n" * (2 - len(before) + len(before.rstrip("\n"))) + text

    def _release(self, *, is_whole: bool) -> float | None:
        """Pass on what was held back, now that no more will come; returns the confidence."""
        rest, confidence = self._filter.end(is_whole=is_whole)
        self._keep("answer", rest)
        return confidence

    def _raw_text(self) -> str:
        """What stood already and the parts that have ended, since tools were last used; with the confidence line."""
        return self._so_far + "".join(part.text for part in self._round_parts)

    def _ended(self, last: Answer) -> Spoken:
        parts = self._parts
        status, error, finish_reason = last.status, last.error, last.finish_reason
        if len(self._round_parts) > 1 and not last.text.strip() and status not in ("complete", "truncated"):
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
        if last.tool_calls and self._calls and not self._calls.must_answer:
            self._own_notes.append("the answer did not come to its end, so the tools it asks for were not used")
        if self._continued:
            times = "once" if self._continued == 1 else f"{self._continued} times"
            self._own_notes.append(f"cut at its length limit, then continued {times}")
        return Spoken(
            status=status,
            content=content,
            thinking=str(self.thinking),
            confidence=confidence,
            finish_reason=finish_reason or None,
            usage=_added([part.usage for part in parts]),
            ttft_s=parts[0].ttft_s,
            duration_s=sum(part.duration_s for part in parts) + self._tools_s,
            tokens_per_s=last.tokens_per_s if len(parts) == 1 else _mean_rate(parts),
            error=error,
            notes=tuple(dict.fromkeys((*(note for part in parts for note in part.notes), *self._own_notes))),
            model=last.model,
            fault=last.fault,
            gaps_ms=tuple(gap for part in parts for gap in part.gaps_ms),
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
    """Tokens per second of writing, over all parts that have text; None when one of them has no rate or no count."""
    seconds = tokens = 0.0
    for part in parts:
        if part.tool_calls and not part.tokens_per_s:
            continue  # a call that came in one piece has no speed
        if not part.tokens_per_s or part.usage is None:
            return None
        tokens += part.usage.completion_tokens
        seconds += part.usage.completion_tokens / part.tokens_per_s
    return tokens / seconds if seconds else None
