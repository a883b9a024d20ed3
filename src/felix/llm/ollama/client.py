"""The client for Ollama's own interface.

`think` and `keep_alive` are not sent: models that can think do so unless told otherwise, and how long a model stays
loaded is for the user to say, in Ollama's own settings; a request's word would take the place of theirs.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Any

import httpx2

from felix.errors import ServerError
from felix.llm import transport
from felix.llm.body import parsed
from felix.llm.chat import Answer, ChatRequest, Delta, Finish, Message, Note, Progress, Text, Usage
from felix.llm.exchange import Exchange, Opened
from felix.llm.ollama.address import native_root
from felix.llm.ollama.dialect import AnswerReader
from felix.llm.ollama.lists import PS, is_elsewhere, running_context
from felix.llm.ollama.prompts import cut_note, prompt_bytes
from felix.llm.openai_client import function_of
from felix.llm.surrogates import mend
from felix.llm.tool_calls import object_of
from felix.llm.tool_text import TOOLS_IN_TEXT, in_text, refuses_tools

_LOOKING = httpx2.Timeout(2.0)
"""What is loaded is asked as a courtesy to the person waiting; it must not keep them waiting."""

_STAYS_LOADED_S = 60.0
"""Ollama unloads an idle model after minutes, unless another one needs its place."""

_NO_MEMORY = re.compile(
    r"requires more system memory|out of memory|unable to allocate|cudaMalloc failed", re.IGNORECASE
)


class OllamaClient:
    """One server. `base_url` as `repair_base_url` leaves it; `context_length` 0 leaves it to the server."""

    gathers = True
    """Leaves text in the socket for `ChatRequest.gather_s`."""

    def __init__(self, base_url: str, api_key: str = "", *, context_length: int = 0) -> None:
        self.base_url = base_url
        self._root = native_root(base_url)
        self._context_length = context_length
        self._exchange = Exchange(base_url, api_key, "lines")
        self._http = transport.open_client(base_url, api_key)
        self._heard_at: dict[str, float] = {}
        """When each model last ended an answer."""
        self._takes_no_tools: set[str] = set()
        """Models that were refused with them."""
        self._contexts: dict[str, int] = {}
        """What each model was loaded with when it was last looked at; 0 where the server does not tell."""

    async def aclose(self) -> None:
        await self._http.aclose()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        yield Progress("connecting")
        # The server sends not even headers before the first token: what the wait is for must be said before it.
        must_load = await self._must_load(request.model)
        yield Progress("loading", detail=request.model) if must_load else Progress("waiting")
        usage: Usage | None = None
        answer = self._exchange.stream(
            lambda stack: self._open(stack, request, streaming=True), AnswerReader(), gather_s=request.gather_s
        )
        async with aclosing(answer) as deltas:
            async for delta in deltas:
                if type(delta) is Text:
                    yield delta  # nearly all of them, and each test costs as much as reading one does
                    continue
                match delta:
                    case Progress():
                        continue
                    case Finish():
                        self._heard_at[request.model] = time.monotonic()
                    case Usage():
                        usage = delta
                yield delta
        if usage and (note := await self._cut(request, usage)):
            yield note

    async def complete(self, request: ChatRequest) -> Answer:
        answer = await self._exchange.complete(
            lambda stack: self._open(stack, request, streaming=False), AnswerReader(), request
        )
        note = await self._cut(request, answer.usage) if answer.usage else None
        return replace(answer, notes=(*answer.notes, note.text)) if note else answer

    async def _open(self, stack: AsyncExitStack, request: ChatRequest, *, streaming: bool) -> Opened:
        try:
            return await self._post(stack, request, streaming=streaming)
        except ServerError as error:
            if (
                request.tools
                and request.model not in self._takes_no_tools
                and refuses_tools(error.status_code or 0, str(error))
            ):
                self._takes_no_tools.add(request.model)
                return await self._open(stack, request, streaming=streaming)
            if error.fault == "not_a_model_server":  # its lists were answered: llama.cpp has these as well
                raise ServerError(
                    f"{self.base_url} answers, but not as Ollama does – set its kind to automatic in Settings.",
                    fault="not_a_model_server",
                    status_code=error.status_code,
                ) from None
            raise in_words(error, request.model) from None

    async def _post(self, stack: AsyncExitStack, request: ChatRequest, *, streaming: bool) -> Opened:
        is_told = bool(request.tools) and request.model in self._takes_no_tools
        body = self._body(in_text(request) if is_told else request, streaming=streaming)
        url = f"{self._root}/api/chat"
        opened = Opened(await self._exchange.post(stack, self._http, url, body, streaming=streaming))
        return opened._replace(said=(*opened.said, Note(TOOLS_IN_TEXT))) if is_told else opened

    def _body(self, request: ChatRequest, *, streaming: bool) -> dict[str, Any]:  # any JSON
        options: dict[str, Any] = {}
        # A model that somebody loaded with a context of their own would be loaded anew for a request that names none.
        if context := self._context_length or self._contexts.get(request.model, 0):
            options["num_ctx"] = context
        if request.temperature is not None:
            options["temperature"] = request.temperature
        if request.max_tokens > 0:
            options["num_predict"] = request.max_tokens
        body: dict[str, Any] = {
            "model": mend(request.model),
            "messages": [_message(message) for message in request.messages],
            # Left out, it means yes.
            "stream": streaming,
        }
        if options:
            body["options"] = options
        if request.tools:
            body["tools"] = [function_of(tool) for tool in request.tools]
        return body

    async def _must_load(self, model: str) -> bool:
        """Whether the model is not loaded, or with less context than is wanted. Any doubt is a no."""
        if (
            not model
            or is_elsewhere(model)
            or time.monotonic() - self._heard_at.get(model, -_STAYS_LOADED_S) < _STAYS_LOADED_S
        ):
            return False
        before = self._contexts.get(model)
        try:
            context = await self._running_context(model)
        except transport.ERRORS:
            return False
        # A model that cannot have the context that is wanted stays with less; it is not loaded anew each time.
        must_load = context is None or (0 < context < self._context_length and context != before)
        if must_load:
            self._contexts.pop(model, None)
        return must_load

    async def _cut(self, request: ChatRequest, usage: Usage) -> Note | None:
        """The note about a prompt of which less was read than was sent."""
        context = self._contexts.get(request.model)
        if context is None and not is_elsewhere(request.model):
            try:
                context = await self._running_context(request.model)
            except transport.ERRORS:
                pass  # the answer is there; it is not held up for this
        return cut_note(prompt_bytes(request.messages), usage.prompt_tokens, context or self._context_length)

    async def _running_context(self, model: str) -> int | None:
        """See `lists.running_context`. Raises what a request may raise."""
        response = await self._http.get(self._root + PS, timeout=_LOOKING)
        context = running_context(parsed(response.content), model)
        if context is None:
            self._contexts.pop(model, None)
        else:
            self._contexts[model] = context
        return context


def _message(message: Message) -> dict[str, Any]:  # any JSON
    told: dict[str, Any] = {"role": message.role, "content": mend(message.content)}
    if message.calls:
        told["tool_calls"] = [
            {"function": {"name": call.name, "arguments": object_of(call.arguments)}} for call in message.calls
        ]
    if message.role == "tool":
        told["tool_name"] = message.name
    return told


def in_words(error: ServerError, model: str) -> ServerError:
    """A refusal as a user of Ollama can act on it."""
    if error.fault == "unknown_model":
        return ServerError(
            f"Ollama has no model “{model}” – pull it first (“ollama pull {model}”), or choose another model.",
            fault="unknown_model",
            status_code=error.status_code,
        )
    if _NO_MEMORY.search(str(error)):
        return ServerError(
            f"Ollama has too little memory for “{model}” – choose a smaller model or a shorter context, or unload"
            " another model.",
            fault="server",
            status_code=error.status_code,
        )
    return error
