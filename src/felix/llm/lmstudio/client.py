"""LM Studio: the OpenAI dialect, and its own list of models, which tells a load in progress from a slow prompt."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx2

from felix.llm import transport
from felix.llm.chat import ChatRequest, Delta, Progress, Reasoning, Text
from felix.llm.lmstudio.lists import V1, from_v1
from felix.llm.openai_client import OpenAIClient

_LISTING = httpx2.Timeout(2.0)
"""The list is a courtesy to the person waiting; it must not keep them waiting."""

_STAYS_LOADED_S = 60.0
"""LM Studio unloads an idle model after minutes at the earliest."""


class LMStudioClient(OpenAIClient):
    """Says "loading" while the model is not loaded yet; the stream itself is silent about it."""

    def __init__(self, base_url: str, api_key: str = "", *, context_length: int = 0) -> None:
        super().__init__(base_url, api_key, "lmstudio")
        self._context_length = context_length
        self._heard_at: dict[str, float] = {}
        """When each model last wrote something."""

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        yield Progress("connecting")
        must_load = await self._must_load(request.model)
        async with aclosing(super().stream(request)) as deltas:
            async for delta in deltas:
                match delta:
                    case Progress(phase="connecting"):
                        continue
                    case Progress(phase="waiting") if must_load:
                        yield Progress("loading", detail=request.model)
                        continue
                    case Text() | Reasoning():
                        self._heard_at[request.model] = time.monotonic()
                yield delta

    async def _must_load(self, model: str) -> bool:
        """Whether LM Studio has this model but has not loaded it. Any doubt is a no: "waiting" is always true."""
        if not model or time.monotonic() - self._heard_at.get(model, -_STAYS_LOADED_S) < _STAYS_LOADED_S:
            return False
        try:
            response = await self._http.get(self.base_url.removesuffix("/v1") + V1, timeout=_LISTING)
            models = from_v1(response.json()) or ()
        except (*transport.ERRORS, ValueError):
            return False
        found = [known for known in models if known.id == model]
        return bool(found) and not any(known.loaded for known in found)
