"""The client for LM Studio: by its own chat interface where that can be asked, since only it tells how far a load and
the reading of the prompt are; by the OpenAI dialect otherwise, with a word about a load its list of models shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing

from felix.errors import ServerError
from felix.llm.chat import Answer, ChatRequest, Delta, Progress
from felix.llm.exchange import Exchange, Opened
from felix.llm.lmstudio import dialect, loading
from felix.llm.lmstudio.dialect import ChatReader
from felix.llm.lmstudio.lists import V1, from_v1
from felix.llm.openai_client import OpenAIClient
from felix.llm.questions import Questions

_CHAT = "/api/v1/chat"

_LISTING_S = 2.0
"""The list is a courtesy to the person waiting; it must not keep them waiting."""

_STAYS_LOADED_S = 60.0
"""LM Studio unloads an idle model after minutes at the earliest."""


class LMStudioClient:
    """One LM Studio. `context_length`: tokens to load a model with that is not loaded; 0 is LM Studio's own choice."""

    gathers = True
    """Leaves text in the socket for `ChatRequest.gather_s`."""

    def __init__(self, base_url: str, api_key: str = "", *, context_length: int = 0) -> None:
        self._common = OpenAIClient(base_url, api_key, "lmstudio")
        self._exchange = Exchange(base_url, api_key)
        self._server = Questions(base_url, api_key, timeout_s=_LISTING_S, http=self._common.http)
        self._context_length = context_length
        self._has_chat = True
        """Until it turns out that this LM Studio is older than its own chat interface."""
        self._refused: set[tuple[str, frozenset[str]]] = set()
        """What that interface did not take: the model, and what the request held."""
        self._loading = asyncio.Lock()
        self._heard_at: dict[str, float] = {}
        """When each model last wrote something."""

    async def aclose(self) -> None:
        await self._common.aclose()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        yield Progress("connecting")
        if self._context_length and await self._must_load(request.model):
            yield Progress("loading", detail=request.model)
            await self._load(request.model)
        if self._has_chat and dialect.can_ask(request) and _kind_of(request) not in self._refused:
            has_answered = False
            try:
                async with aclosing(self._chat(request)) as deltas:
                    async for delta in deltas:
                        if not isinstance(delta, Progress):
                            has_answered = True
                        elif delta.phase == "connecting":
                            continue
                        yield delta
            except ServerError as error:
                if has_answered or not self._may_ask_the_common_way(error, request):
                    raise
            else:
                self._heard_at[request.model] = time.monotonic()
                return
        must_load = await self._must_load(request.model)
        async with aclosing(self._common.stream(request)) as deltas:
            async for delta in deltas:
                if isinstance(delta, Progress):
                    if delta.phase == "connecting":
                        continue
                    if delta.phase == "waiting" and must_load:
                        yield Progress("loading", detail=request.model)
                        continue
                yield delta
        self._heard_at[request.model] = time.monotonic()

    async def complete(self, request: ChatRequest) -> Answer:
        if self._context_length and await self._must_load(request.model):
            await self._load(request.model)
        answer = await self._common.complete(request)
        self._heard_at[request.model] = time.monotonic()
        return answer

    def _chat(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        async def opening(stack: AsyncExitStack) -> Opened:
            url = self._server.root + _CHAT
            body = dialect.body(request)
            # An older LM Studio opens well too, and then tells that it knows no such path.
            return Opened(await self._exchange.post(stack, self._common.http, url, body, streaming=True), said=())

        return self._exchange.stream(opening, ChatReader(request.max_tokens), gather_s=request.gather_s)

    def _may_ask_the_common_way(self, error: ServerError, request: ChatRequest) -> bool:
        """Whether a refusal may be the chat interface's own: it is missing, or does not take what `/v1` takes."""
        if error.fault == "not_a_model_server":
            self._has_chat = False
            return True
        if error.fault == "rejected":  # perhaps for something that other requests do not hold
            self._refused.add(_kind_of(request))
            return True
        # It may know models by other names than those of their instances.
        return error.fault in ("unknown_model", "no_model")

    async def _load(self, model: str) -> None:
        # All agents of a round come at once; the first one loads, the others find it done.
        async with self._loading:
            if await self._must_load(model):
                await loading.load(self._server, model, context_length=self._context_length)
                self._heard_at[model] = time.monotonic()

    async def _must_load(self, model: str) -> bool:
        """Whether LM Studio has this model but has not loaded it. Any doubt is a no: "waiting" is always true."""
        if not model or time.monotonic() - self._heard_at.get(model, -_STAYS_LOADED_S) < _STAYS_LOADED_S:
            return False
        try:
            models = from_v1(await self._server.json(self._server.root + V1)) or ()
        except ServerError:
            return False
        found = [known for known in models if known.id == model]
        return bool(found) and not any(known.loaded for known in found)


def _kind_of(request: ChatRequest) -> tuple[str, frozenset[str]]:
    return request.model, frozenset(dialect.body(request))
