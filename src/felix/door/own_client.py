"""A client of the caller's in a run: a mistake in it is the caller's to see, and not a crash of Felix's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from felix.errors import FelixError, ServerError
from felix.llm.chat import Answer, ChatClient, ChatRequest, Delta


class WatchedClient:
    """Says and is what the other one is; what that one raises beside expected failures goes to `on_mistake`, too."""

    def __init__(self, client: ChatClient, on_mistake: Callable[[Exception], None]) -> None:
        self._client = client
        self._on_mistake = on_mistake
        self.name = type(client).__name__

    def __getattr__(self, name: str) -> Any:  # Any: whatever the other one has
        return getattr(self._client, name)

    async def stream(self, request: ChatRequest) -> AsyncIterator[Delta]:
        try:
            deltas = self._client.stream(request)
            if isinstance(deltas, AsyncGenerator):
                async with aclosing(deltas):
                    async for delta in deltas:
                        yield delta
            else:
                async for delta in deltas:
                    yield delta
        except FelixError:
            raise
        except Exception as mistake:
            raise self._told(mistake) from mistake

    async def complete(self, request: ChatRequest) -> Answer:
        try:
            return await self._client.complete(request)
        except FelixError:
            raise
        except Exception as mistake:
            raise self._told(mistake) from mistake

    async def aclose(self) -> None:
        """It is the caller's: it stays open."""

    def _told(self, mistake: Exception) -> ServerError:
        self._on_mistake(mistake)
        return ServerError(f"{self.name} failed: {type(mistake).__name__}: {mistake} – mend it.", fault="rejected")
