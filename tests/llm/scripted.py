"""A client that plays a script, for tests of what lies above a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from felix.llm.answer import AnswerParts
from felix.llm.chat import Answer, ChatRequest, Delta

Step = Delta | float | Exception
"""A delta to yield, seconds to wait, or an error to raise."""


class ScriptedClient:
    """Plays one script per call, the last one again and again."""

    def __init__(self, *scripts: Sequence[Step]) -> None:
        self._scripts = scripts
        self.calls = 0
        self.closed = 0
        """Streams that were closed, at their end or before."""
        self._kept: list[AsyncGenerator[Delta, None]] = []
        """Kept alive: a stream must be closed by its reader, not by the garbage collector."""

    def _next(self) -> Sequence[Step]:
        self.calls += 1
        return self._scripts[min(self.calls, len(self._scripts)) - 1]

    def stream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        stream = self._play(self._next())
        self._kept.append(stream)
        return stream

    async def _play(self, steps: Sequence[Step]) -> AsyncGenerator[Delta, None]:
        try:
            for step in steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, int | float):
                    await asyncio.sleep(step)
                else:
                    yield step
        finally:
            self.closed += 1

    async def complete(self, request: ChatRequest) -> Answer:
        parts = AnswerParts(request)
        for step in self._next():
            if isinstance(step, Exception):
                raise step
            if isinstance(step, int | float):
                await asyncio.sleep(step)
            else:
                parts.add(step)
        return parts.answer(duration_s=0.0)

    async def aclose(self) -> None:
        pass
