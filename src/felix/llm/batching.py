"""Deltas gathered into chunks timed for the eye, and every way a call can end turned into one `Answer`.

The first piece goes out at once; then what has gathered goes out every `batch_interval` seconds by the clock, so that
a server that pauses leaves nothing in the buffer. An expected failure is an `Answer` with its text kept, never an
exception.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar, assert_never

from felix.errors import CannotStream, ServerError
from felix.llm import faults
from felix.llm.answer import AnswerParts
from felix.llm.chat import (
    Answer,
    Channel,
    ChatClient,
    ChatRequest,
    Delta,
    Finish,
    Note,
    Progress,
    Reasoning,
    StreamingChunk,
    Text,
    TextWasReasoning,
    ToolCallPart,
    Usage,
)

RETRIES = 2

T = TypeVar("T")

ChunkCallback = Callable[[StreamingChunk], None]
ProgressCallback = Callable[[Progress], None]


async def complete_streaming(
    client: ChatClient,
    request: ChatRequest,
    *,
    batch_interval: float,
    batch_chars: int = 0,
    callback: ChunkCallback | None = None,
    on_progress: ProgressCallback | None = None,
    silence_timeout_s: float = 0,
    clock: Callable[[], float] = time.time,
) -> Answer:
    """Ask, and hand the answer to `callback` in chunks while it comes.

    `batch_interval` seconds between chunks, 0 for every delta at once; `batch_chars` characters that send a chunk off
    earlier, 0 for none. After `silence_timeout_s` seconds without content the call has failed, 0 waits for ever. The
    callbacks are called on the event loop's thread. Cancelling closes the connection; what was gathered is handed over
    first. `clock` stamps the chunks, in Unix seconds.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    call = _Call(request, batch_interval, batch_chars, callback, on_progress, silence_timeout_s, clock)
    error: ServerError | None = None
    try:
        await _with_retries(lambda: call.attempt(client), call.may_ask_again, on_progress)
    except CannotStream:
        answer = await complete_whole(client, request, on_progress=on_progress, silence_timeout_s=silence_timeout_s)
        call.show_whole(answer)
        return answer
    except ServerError as failure:
        error = failure
    finally:
        call.chunks.flush()
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
        limit = asyncio.timeout(silence_timeout_s or None)
        try:
            async with limit:
                return await client.complete(request)
        except TimeoutError:
            if not limit.expired():
                raise
            raise _silent(silence_timeout_s) from None

    try:
        answer = await _with_retries(attempt, lambda: True, on_progress)
        return replace(answer, duration_s=loop.time() - started)
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
        on_progress: ProgressCallback | None,
        silence_timeout_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._request = request
        self._on_progress = on_progress
        self._silence_s = silence_timeout_s
        self._parts = AnswerParts(request)
        self.chunks = _Chunks(self._parts, request.agent_id, batch_interval, batch_chars, callback, clock)
        self._sent_at = 0.0
        self._first_at: float | None = None
        self._last_at = 0.0
        """When the last piece came."""

    def may_ask_again(self) -> bool:
        return self._parts.is_empty

    async def attempt(self, client: ChatClient) -> None:
        now = asyncio.get_running_loop().time
        self._sent_at = now()
        async with _closing(client.stream(self._request)) as deltas, _SilenceLimit(self._silence_s) as silence:
            async for delta in deltas:
                match delta:
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
                        self._parts.add(delta)
                    case Finish():
                        self._parts.add(delta)
                        self.chunks.flush()
                    case Progress():
                        if delta.fraction is not None:
                            silence.heard(now())  # a server that says how far it is is not silent
                        if self._on_progress:
                            self._on_progress(delta)
                    case Usage() | Note() | TextWasReasoning():
                        self._parts.add(delta)
                    case _:
                        assert_never(delta)

    def _mark(self, silence: _SilenceLimit, now: float) -> None:
        silence.heard(now)
        self._last_at = now
        if self._first_at is None:
            self._first_at = now

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


class _Chunks:
    """The buffer between deltas and the callback."""

    def __init__(
        self,
        parts: AnswerParts,
        agent_id: str,
        interval: float,
        batch_chars: int,
        callback: ChunkCallback | None,
        clock: Callable[[], float],
    ) -> None:
        self._parts = parts
        self._agent_id = agent_id
        self._interval = interval
        self._batch_chars = batch_chars
        self._callback = callback
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._runs: list[tuple[Channel, list[str]]] = []
        """What waits, in order; neighbours of one channel together."""
        self._chars = 0
        self._sent: dict[Channel, int] = {"answer": 0, "thinking": 0}
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._bug: Exception | None = None

    def push(self, channel: Channel, text: str) -> None:
        if self._callback is None:
            return
        if self._runs and self._runs[-1][0] is channel:
            self._runs[-1][1].append(text)
        else:
            self._runs.append((channel, [text]))
        self._chars += len(text)
        if self._interval <= 0 or 0 < self._batch_chars <= self._chars:
            self.flush()
        elif self._timer is None:
            if self._loop.time() >= self._due:
                self.flush()
            else:
                self._timer = self._loop.call_at(self._due, self._flush_by_the_clock)

    def flush(self) -> None:
        """Hand over all that waits, one chunk per channel in a row."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._bug:
            bug, self._bug = self._bug, None
            raise bug
        runs, self._runs, self._chars = self._runs, [], 0
        for channel, texts in runs:
            content = "".join(texts)
            offset = self._sent[channel]
            self._sent[channel] += len(content)
            assert self._callback is not None
            self._callback(
                StreamingChunk(
                    content=content,
                    tokens_so_far=self._parts.pieces,
                    agent_id=self._agent_id,
                    timestamp=self._clock(),
                    channel=channel,
                    offset=offset,
                    source=self._parts.text if channel == "answer" else self._parts.reasoning,
                )
            )
        # Counted from the callback's end: a slow one must not be called for every delta.
        self._due = self._loop.time() + self._interval

    def _flush_by_the_clock(self) -> None:
        self._timer = None
        try:
            self.flush()
        except Exception as bug:  # noqa: BLE001  a timer has no caller: the stream raises it
            self._bug = bug


@asynccontextmanager
async def _closing(deltas: AsyncIterator[Delta]) -> AsyncGenerator[AsyncIterator[Delta], None]:
    """Closes the stream, and with it the connection, however the block is left."""
    try:
        yield deltas
    finally:
        if isinstance(deltas, AsyncGenerator):
            await deltas.aclose()


class _SilenceLimit:
    """Raises ServerError in its block when `heard` was not called for `limit_s` seconds; 0 is no limit."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        self._heard_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def heard(self, now: float) -> None:
        """Content came at `now`, by the loop's clock."""
        # Moving a timer for every delta would cost more than the delta: the deadline is looked up when it has passed.
        self._heard_at = now

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        if self._limit_s > 0:
            self._timer = self._loop.call_at(self._heard_at + self._limit_s, self._look)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer:
            self._timer.cancel()
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise _silent(self._limit_s) from None

    def _look(self) -> None:
        if self._loop.time() >= self._heard_at + self._limit_s:
            self._timeout.reschedule(self._loop.time())
        else:
            self._timer = self._loop.call_at(self._heard_at + self._limit_s, self._look)


def _silent(limit_s: float) -> ServerError:
    return ServerError(
        f"The server was silent for {limit_s:g} s – it may be loading or overloaded; ask again,"
        " or raise silence_timeout_s in Settings.",
        fault="silent",
    )


async def _with_retries(
    attempt: Callable[[], Awaitable[T]], may_ask_again: Callable[[], bool], on_progress: ProgressCallback | None
) -> T:
    """`attempt`, up to two more times when that may help and nothing of an answer has come."""
    done = 0
    while True:
        try:
            return await attempt()
        except ServerError as error:
            if not error.retryable or done == RETRIES or not may_ask_again():
                raise
            asked = error.retry_after_s
            if asked is not None and asked > faults.LONGEST_WAIT_S:
                raise
            # Jitter, so that agents that failed together do not come back together.
            wait = asked or 0.5 * 2**done * random.uniform(0.75, 1.25)
            done += 1
            if on_progress:
                detail = f"retry {done} of {RETRIES} in {wait:.1f} s: {faults.brief(error)}"
                on_progress(Progress("retrying", detail=detail))
            await asyncio.sleep(wait)
