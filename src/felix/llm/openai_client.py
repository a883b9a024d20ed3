"""The client for every OpenAI-compatible server: LM Studio, llama.cpp, vLLM, OpenAI, Groq and their like.

The SDK builds and sends the request. Its typed stream would cost ten times the CPU of reading the bytes ourselves, and
ends silently in many ways: so the body's bytes go to an `Exchange`, and every ending is told.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import openai

from felix.llm import faults, transport
from felix.llm.body import parsed
from felix.llm.chat import Answer, ChatRequest, Delta, Message, Note, Progress, ToolSpec
from felix.llm.exchange import Exchange, Opened
from felix.llm.openai_dialect import AnswerReader
from felix.llm.surrogates import mend
from felix.llm.tool_text import TOOLS_IN_TEXT, in_text, refuses_tools

if TYPE_CHECKING:
    from felix.endpoints import ServerKind

_LIMIT_NAMES = ("max_tokens", "max_completion_tokens")

_OPTIONAL = {
    "stream_options": ("stream_options", "include_usage"),
    "return_progress": ("return_progress",),
    "reasoning_format": ("reasoning_format",),
    "temperature": ("temperature",),
}
"""Fields an answer can do without, with the names a refusal may call them by."""

_ONLY_THE_VALUE = re.compile(r"(above|below)_(max|min)|out_of_range|invalid_(value|type)", re.IGNORECASE)
"""Codes of refusals of a value; the field itself would be taken."""


class OpenAIClient:
    """One server. `base_url` as `repair_base_url` leaves it; `api_key` may be empty."""

    gathers = True
    """Leaves text in the socket for `ChatRequest.gather_s`."""

    def __init__(self, base_url: str, api_key: str = "", kind: ServerKind = "other") -> None:
        self.base_url = base_url
        self._exchange = Exchange(base_url, api_key)
        self.http = transport.open_client(base_url, api_key)
        """The connections, with the key; for the server's other interfaces too."""
        # Given one by one, even where empty: what is left out the SDK takes from OPENAI_* in the environment.
        self._sdk = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",
            admin_api_key="",
            organization="",
            project="",
            webhook_secret="",
            default_headers={},
            max_retries=0,
            timeout=self.http.timeout,
            http_client=self.http,
        )
        is_openai = kind == "openai" or urlsplit(base_url).hostname == "api.openai.com"
        self._limit_names = _LIMIT_NAMES[::-1] if is_openai else _LIMIT_NAMES
        self._refused: set[tuple[str, str]] = set()
        """Fields that were refused, each with the model that did not take it; not sent again."""
        self._extra: dict[str, Any] = {}
        """What only this kind of server knows, when it streams."""
        if kind == "llamacpp":
            self._extra["return_progress"] = True
        elif kind == "groq":
            # Else the thinking comes inside the answer.
            self._extra["reasoning_format"] = "parsed"

    async def aclose(self) -> None:
        await self._sdk.close()

    def stream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        return self._exchange.stream(
            lambda stack: self._open(stack, request, streaming=True), AnswerReader(), gather_s=request.gather_s
        )

    async def complete(self, request: ChatRequest) -> Answer:
        return await self._exchange.complete(
            lambda stack: self._open(stack, request, streaming=False), AnswerReader(), request
        )

    async def _open(self, stack: AsyncExitStack, request: ChatRequest, *, streaming: bool) -> Opened:
        while True:
            body = self._body(request, streaming=streaming)
            # As extra body: the SDK would look through every message for what it might translate, which takes it as
            # long as all else it does for a request.
            in_the_sdks_terms: dict[str, Any] = {"model": "", "messages": [], "extra_body": body}
            if streaming:
                in_the_sdks_terms["stream"] = True
            try:
                opened = await stack.enter_async_context(
                    self._sdk.chat.completions.with_streaming_response.create(**in_the_sdks_terms)
                )
            except openai.APIStatusError as error:
                if not self._can_do_without(error, request, body) and not self._takes_no_tools(error, request):
                    raise self._exchange.refusal(error.response, streaming=streaming) from None
            except openai.APIConnectionError as error:
                raise transport.failure(error.__cause__ or error, self.base_url, stage="opening") from None
            else:
                return Opened(opened.http_response, (Progress("waiting"), *self._left_out(request)))

    def _body(self, request: ChatRequest, *, streaming: bool) -> dict[str, Any]:  # any JSON, as the SDK takes it
        if self._refuses(request, "tools"):
            request = in_text(request)
        body: dict[str, Any] = {
            "model": mend(request.model),
            "messages": [_message(message) for message in request.messages],
        }
        if request.tools:
            body["tools"] = [function_of(tool) for tool in request.tools]
        if request.temperature is not None and not self._refuses(request, "temperature"):
            body["temperature"] = request.temperature
        if request.max_tokens > 0:
            body[self._limit_name(request)] = request.max_tokens
        extra = {name: value for name, value in self._extra.items() if not self._refuses(request, name)}
        if streaming:
            body["stream"] = True
            if not self._refuses(request, "stream_options"):
                body["stream_options"] = {"include_usage": True}
        else:
            extra.pop("return_progress", None)
        return {**body, **extra}

    def _limit_name(self, request: ChatRequest) -> str:
        first, second = self._limit_names
        return second if self._refuses(request, first) else first

    def _refuses(self, request: ChatRequest, field: str) -> bool:
        return (request.model, field) in self._refused

    def _can_do_without(self, error: openai.APIStatusError, request: ChatRequest, body: dict[str, Any]) -> bool:
        """Whether the server refused an optional field: it is left out from now on, a limit goes by its other name.

        What the error names as its `param` decides; without one, the names in its words.
        """
        if error.status_code not in (400, 422):
            return False
        said = error.response.text
        param, code = faults.refused_field(parsed(error.response.content))
        for name, other in (_LIMIT_NAMES, _LIMIT_NAMES[::-1]):
            # A limit is renamed, never dropped: without one an answer could cost what nobody wanted to pay.
            if name not in body or self._refuses(request, other):
                continue
            if other in said or (param == name and not _ONLY_THE_VALUE.search(code)):
                self._refused.add((request.model, name))
                return True
        for field, names in _OPTIONAL.items():
            is_meant = param.startswith(names) if param else any(name in said for name in names)
            if field in body and is_meant and not _ONLY_THE_VALUE.search(code):
                self._refused.add((request.model, field))
                return True
        return False

    def _takes_no_tools(self, error: openai.APIStatusError, request: ChatRequest) -> bool:
        """Whether the server refused the tools: they stand in the prompt from now on."""
        if not request.tools or self._refuses(request, "tools"):
            return False
        if not refuses_tools(error.status_code, error.response.text):
            return False
        self._refused.add((request.model, "tools"))
        return True

    def _left_out(self, request: ChatRequest) -> tuple[Note, ...]:
        """What the user asked for and this server does not take."""
        notes = []
        if request.temperature is not None and self._refuses(request, "temperature"):
            notes.append(Note("the server accepts no temperature"))
        if request.tools and self._refuses(request, "tools"):
            notes.append(Note(TOOLS_IN_TEXT))
        return tuple(notes)


def function_of(tool: ToolSpec) -> dict[str, Any]:  # any JSON
    """A tool as this dialect, and Ollama's, is told of it."""
    described = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": described}


def _message(message: Message) -> dict[str, Any]:  # any JSON
    told: dict[str, Any] = {"role": message.role, "content": mend(message.content)}
    if message.calls:
        told["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": mend(call.arguments)}}
            for call in message.calls
        ]
    if message.call_id:
        told["tool_call_id"] = message.call_id
    return told
