"""The buffer between the deltas of a stream and whoever watches it.

One timer at most; it is set by the first piece that must wait, so an idle stream costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from felix.events import Channel
from felix.llm.answer import AnswerParts
from felix.llm.chat import StreamingChunk, TextWasReasoning

ChunkCallback = Callable[[StreamingChunk], None]

WATCHED_READS = 48
"""At the beginning of an answer: how fast a server sends can only be told while nothing is left to gather."""


class Chunks:
    """Hands what was pushed to `callback`: the first piece at once, the rest every `interval` seconds."""

    def __init__(
        self,
        parts: AnswerParts,
        agent_id: str,
        interval: float,
        batch_chars: int,
        callback: ChunkCallback | None,
        clock: Callable[[], float],
        *,
        patience_s: float = 0.0,
    ) -> None:
        """`patience_s`: how long the clock waits for text that is let gather and comes about when a chunk is due."""
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
        self._patience_s = patience_s
        self._is_first = True
        self._is_soon = False
        self._due = 0.0
        self._timer: asyncio.Handle | None = None
        self._bug: Exception | None = None

    def push(self, channel: Channel, text: str) -> None:
        if self._callback is None:
            return
        if self._runs and self._runs[-1][0] == channel:
            self._runs[-1][1].append(text)
        else:
            self._runs.append((channel, [text]))
        self._chars += len(text)
        if self._interval <= 0 or 0 < self._batch_chars <= self._chars or self._is_first:
            self.flush()
        elif self._loop.time() >= self._due:
            if not self._is_soon:
                self._cancel()
                # soon, not now: what came in the same read belongs to the same chunk
                self._timer = self._loop.call_soon(self._flush_by_the_clock)
                self._is_soon = True
        elif self._timer is None:
            self._timer = self._loop.call_at(self._due + self._patience_s, self._flush_by_the_clock)

    def flush(self) -> None:
        """Hand over all that waits, one chunk per channel in a row."""
        self._cancel()
        self._is_first = False
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

    def take_back(self, delta: TextWasReasoning) -> None:
        """All of the answer was thinking: an empty chunk at offset 0 says so, and the text follows as thinking."""
        self.flush()
        text = self._parts.text.text()
        self._parts.add(delta)
        if self._callback is None:
            return
        self._sent["answer"] = 0
        self._runs = [("answer", [""]), ("thinking", [text])]
        self.flush()

    def _cancel(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer, self._is_soon = None, False

    def _flush_by_the_clock(self) -> None:
        try:
            self.flush()
        except Exception as bug:  # noqa: BLE001  a timer has no caller: the stream raises it
            self._bug = bug
