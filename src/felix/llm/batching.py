"""Deltas gathered into chunks timed for the eye, and every way a call can end turned into one `Answer`.

The first piece goes out at once; then what has gathered goes out every `batch_interval` seconds by the clock, so that
a server that pauses leaves nothing in the buffer. An expected failure is an `Answer` with its text kept, never an
exception.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import assert_never

from felix.errors import CannotStream, ServerError
from felix.llm.answer import AnswerParts
from felix.llm.chat import (
    Answer,
    ChatClient,
    ChatRequest,
    Delta,
    Finish,
    Note,
    Progress,
    Reasoning,
    Text,
    TextWasReasoning,
    ToolCallPart,
    Usage,
)
from felix.llm.chunks import WATCHED_READS, ChunkCallback, Chunks
from felix.llm.patience import ProgressCallback, SilenceLimit, with_retries
from felix.llm.tool_text import ToolText, take_out

CallCallback = Callable[[ToolCallPart], None]

GATHER_MOST_S = 0.102
"""However seldom chunks are wanted: the end of an answer is not noticed later than this."""


async def complete_streaming(
    client: ChatClient,
    request: ChatRequest,
    *,
    batch_interval: float,
    batch_chars: int = 0,
    callback: ChunkCallback | None = None,
    on_call: CallCallback | None = None,
    on_progress: ProgressCallback | None = None,
    silence_timeout_s: float = 0,
    clock: Callable[[], float] = time.time,
) -> Answer:
    """Ask, and hand the answer to `callback` in chunks while it comes.

    `batch_interval` seconds between chunks, 0 for every delta at once; `batch_chars` characters that send a chunk off
    earlier, 0 for none. `on_call` is given the pieces of tool calls as they come, behind the text before them. After
    `silence_timeout_s` seconds without content the call has failed, 0 waits for ever. The callbacks are called on the
    event loop's thread. Cancelling closes the connection; what was gathered is handed over first. `clock` stamps the
    chunks, in Unix seconds.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    if getattr(client, "gathers", False) and not batch_chars:
        # a little longer than the interval, so that what has gathered comes when a chunk is due and not just before
        request = replace(request, gather_s=min(batch_interval * 1.02, GATHER_MOST_S))
    call = _Call(request, batch_interval, batch_chars, callback, on_call, on_progress, silence_timeout_s, clock)
    error: ServerError | None = None
    try:
        await with_retries(lambda: call.attempt(client), call.may_ask_again, on_progress)
    except CannotStream:
        answer = await complete_whole(client, request, on_progress=on_progress, silence_timeout_s=silence_timeout_s)
        call.show_whole(answer)
        return answer
    except ServerError as failure:
        error = failure
    finally:
        call.flush()
    return call.answer(loop.time() - started, error)


async def complete_whole(
    client: ChatClient,
    request: ChatRequest,
    *,
    on_progress: ProgressCallback | None = None,
    silence_timeout_s: float = 0,
) -> Answer:
    """Ask for the answer in one piece. No request says `stream`; the whole wait counts as silence."""
    loop = asyncio.get_running_loop()
    started = loop.time()

    async def attempt() -> Answer:
        if on_progress:
            on_progress(Progress("waiting"))
        async with SilenceLimit(silence_timeout_s):
            return await client.complete(request)

    try:
        answer = await with_retries(attempt, lambda: True, on_progress)
        return replace(take_out(answer, request.tools), duration_s=loop.time() - started)
    except ServerError as failure:
        return AnswerParts(request).answer(duration_s=loop.time() - started, error=failure)


class _Call:
    """One call, over all its attempts."""

    def __init__(
        self,
        request: ChatRequest,
        batch_interval: float,
        batch_chars: int,
        callback: ChunkCallback | None,
        on_call: CallCallback | None,
        on_progress: ProgressCallback | None,
        silence_timeout_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._request = request
        self._on_call = on_call
        self._on_progress = on_progress
        self._silence_s = silence_timeout_s
        self._parts = AnswerParts(request)
        self._tool_text = ToolText(request.tools) if request.tools else None
        self.chunks = Chunks(
            self._parts, request.agent_id, batch_interval, batch_chars, callback, clock, patience_s=request.gather_s
        )
        self._sent_at = 0.0
        self._first_at: float | None = None
        self._watched = 0
        """Gaps that were measured."""
        self._last_at = 0.0
        """When the last piece came."""

    def may_ask_again(self) -> bool:
        return self._parts.is_empty and not (self._tool_text and self._tool_text.is_holding)

    def flush(self) -> None:
        """Hand over all that is held back and all that waits."""
        if self._tool_text:
            self._take(self._tool_text.end())
        self.chunks.flush()

    async def attempt(self, client: ChatClient) -> None:
        now = asyncio.get_running_loop().time
        self._sent_at = now()
        self._parts.begin_again()
        async with _closing(client.stream(self._request)) as deltas, SilenceLimit(self._silence_s) as silence:
            async for delta in deltas:
                match delta:
                    case Text() if self._tool_text:
                        self._mark(silence, now())
                        self._take(self._tool_text.feed(delta.text))
                    case Text(text):
                        self._mark(silence, now())
                        self._parts.add(delta)
                        self.chunks.push("answer", text)
                    case Reasoning(text):
                        self._mark(silence, now())
                        self._parts.add(delta)
                        self.chunks.push("thinking", text)
                    case ToolCallPart():
                        self._mark(silence, now())
                        self._take((delta,))
                    case Finish():
                        self._parts.add(delta)
                        self.flush()
                    case Progress():
                        if delta.fraction is not None:
                            silence.heard(now())  # a server that says how far it is is not silent
                        if self._on_progress:
                            self._on_progress(delta)
                    case TextWasReasoning():
                        if self._tool_text:
                            self._tool_text.begin_again()
                        self.chunks.take_back(delta)
                    case Usage() | Note():
                        self._parts.add(delta)
                    case _:
                        assert_never(delta)

    def _take(self, pieces: Iterable[Text | ToolCallPart]) -> None:
        for piece in pieces:
            self._parts.add(piece)
            if isinstance(piece, Text):
                self.chunks.push("answer", piece.text)
            elif self._on_call:
                self.chunks.flush()  # the text before it stands before it
                self._on_call(piece)

    def _mark(self, silence: SilenceLimit, now: float) -> None:
        silence.heard(now)
        if self._first_at is None:
            self._first_at = now
        elif self._watched < WATCHED_READS:
            self._watched += 1
            self._parts.gaps_ms.append(round((now - self._last_at) * 1000, 1))
        self._last_at = now

    def show_whole(self, answer: Answer) -> None:
        """Hand over an answer that came in one piece, for a server that cannot stream."""
        for channel, text in (("thinking", answer.reasoning), ("answer", answer.text)):
            if text:
                self._parts.add(Text(text) if channel == "answer" else Reasoning(text))
                self.chunks.push("answer" if channel == "answer" else "thinking", text)
        self.chunks.flush()

    def answer(self, duration_s: float, error: ServerError | None) -> Answer:
        first = self._first_at
        return self._parts.answer(
            duration_s=duration_s,
            ttft_s=None if first is None else first - self._sent_at,
            writing_s=None if first is None else self._last_at - first,
            error=error,
        )


@asynccontextmanager
async def _closing(deltas: AsyncIterator[Delta]) -> AsyncGenerator[AsyncIterator[Delta], None]:
    """Closes the stream, and with it the connection, however the block is left."""
    try:
        yield deltas
    finally:
        if isinstance(deltas, AsyncGenerator):
            await deltas.aclose()
