"""The client for every server that speaks the Messages API. The SDK builds and sends the request; see `openai_client`
for why it does not read the answer."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from importlib.util import find_spec
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx2

from felix.errors import ServerError
from felix.llm import transport
from felix.llm.anthropic.dialect import AnswerReader
from felix.llm.anthropic.faults import in_words
from felix.llm.anthropic.headers import headers, is_anthropic
from felix.llm.anthropic.lists import most_tokens
from felix.llm.body import parsed
from felix.llm.chat import Answer, ChatRequest, Delta, Message, Note, Progress
from felix.llm.exchange import Exchange, Opened
from felix.llm.packages import ready_to_ask
from felix.llm.surrogates import mend
from felix.llm.tool_calls import object_of
from felix.llm.tool_text import in_text

if TYPE_CHECKING:
    import anthropic

MOST_TOKENS = 8_192
"""An answer's limit where nobody sets one: the API wants one, and the model's own is not told. Every current model can
write as much, and an answer that is cut here is told to be."""

_LOOKING = httpx2.Timeout(5.0)


class AnthropicClient:
    """One server. `base_url` as `repair_base_url` leaves it; `api_key` may be empty.

    Raises ServerError when the package `anthropic` is not installed or the key cannot be sent.
    """

    gathers = True
    """Leaves text in the socket for `ChatRequest.gather_s`."""

    def __init__(self, base_url: str, api_key: str = "") -> None:
        if find_spec("anthropic") is None:
            raise ServerError(
                # not `felix[anthropic]`: in a checkout, that is another project's name
                f"Anthropic's package is not installed – install it with `{sys.executable} -m pip install anthropic`.",
                fault="rejected",
            )
        self.base_url = base_url
        self._root = base_url.removesuffix("/v1")
        self._key = api_key
        self._exchange = Exchange(base_url, api_key)
        self._http = transport.open_client(base_url, api_key, headers=headers(base_url, api_key))
        self._sdk: anthropic.AsyncAnthropic | None = None
        self._takes_temperature = not is_anthropic(base_url)
        self._most_tokens: dict[str, int] = {}

    async def aclose(self) -> None:
        await self._http.aclose()

    def stream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        return self._exchange.stream(
            lambda stack: self._open(stack, request, streaming=True), AnswerReader(), gather_s=request.gather_s
        )

    async def complete(self, request: ChatRequest) -> Answer:
        return await self._exchange.complete(
            lambda stack: self._open(stack, request, streaming=False), AnswerReader(), request
        )

    async def _open(self, stack: AsyncExitStack, request: ChatRequest, *, streaming: bool) -> Opened:
        sdk = await self._imported()
        import anthropic

        limit = request.max_tokens or await self._limit(request.model)
        while True:
            body = self._body(request, limit, streaming=streaming)
            try:
                opened = await stack.enter_async_context(sdk.messages.with_streaming_response.create(**body))
            except anthropic.APIStatusError as error:
                if self._can_do_without_temperature(error, body):
                    continue
                refusal = self._exchange.refusal(error.response, streaming=streaming)
                if isinstance(refusal, ServerError):
                    refusal = in_words(refusal, parsed(error.response.content), error.response.headers)
                raise refusal from None
            except anthropic.APIConnectionError as error:
                raise transport.failure(error.__cause__ or error, self.base_url, stage="opening") from None
            left_out = request.temperature is not None and not self._takes_temperature
            notes = (Note("the model takes no temperature"),) if left_out else ()
            return Opened(opened.http_response, (Progress("waiting"), *notes))

    async def _imported(self) -> anthropic.AsyncAnthropic:
        """The SDK's client; who asks first has had it imported before the clock ran."""
        if self._sdk is None:
            await ready_to_ask("anthropic")
            import anthropic

            # Given one by one, even where empty: what is left out the SDK takes from ANTHROPIC_* in the environment,
            # whether and how it reports what is said to a tracing service included.
            self._sdk = anthropic.AsyncAnthropic(
                api_key=self._key or "none",
                webhook_key="",
                base_url=self._root,
                default_headers={},
                max_retries=0,
                timeout=self._http.timeout,
                open_telemetry=False,
                http_client=self._http,
            )
        return self._sdk

    def _body(self, request: ChatRequest, limit: int, *, streaming: bool) -> dict[str, Any]:  # any JSON, for the SDK
        if not request.tools:
            request = in_text(request)  # the API takes no calls in a conversation without tools
        system, messages = conversation(request.messages)
        body: dict[str, Any] = {
            "model": mend(request.model),
            "max_tokens": limit,
            "messages": messages,
            "stream": streaming,
        }
        if system:
            body["system"] = system
        if request.tools:
            body["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
                for tool in request.tools
            ]
        if request.temperature is not None and self._takes_temperature:
            # The SDK knows of no such parameter any more.
            body["extra_body"] = {"temperature": request.temperature}
        return body

    def _can_do_without_temperature(self, error: anthropic.APIStatusError, body: dict[str, Any]) -> bool:
        """Whether it was sent and the server refused it by name; it is left out from now on."""
        if error.status_code not in (400, 422) or "extra_body" not in body or "temperature" not in error.response.text:
            return False
        self._takes_temperature = False
        return True

    async def _limit(self, model: str) -> int:
        """The most tokens this model writes, asked once."""
        if model not in self._most_tokens:
            try:
                url = f"{self._root}/v1/models/{quote(model, safe='')}"
                response = await self._http.get(url, timeout=_LOOKING)
                told = most_tokens(parsed(response.content)) if response.status_code == 200 else None
            except transport.ERRORS:
                told = None
            self._most_tokens[model] = told or MOST_TOKENS
        return self._most_tokens[model]


def conversation(messages: tuple[Message, ...]) -> tuple[str, list[dict[str, Any]]]:  # any JSON
    """The system prompt, and the turns as the API wants them: none empty, no two of one role in a row."""
    system = "\n\n".join(mend(message.content) for message in messages if message.role == "system")
    turns = [m for m in messages if m.role == "tool" or (m.role != "system" and (m.content.strip() or m.calls))]
    said = [
        {"role": role, "content": _content(list(group))}
        for role, group in groupby(turns, key=lambda turn: "user" if turn.role == "tool" else turn.role)
    ]
    if not said:
        return "", [{"role": "user", "content": system}]
    return system, said


def _content(turns: list[Message]) -> str | list[dict[str, Any]]:  # any JSON
    """Of turns of one role: their text, or blocks where tools are called or have answered. Results come first."""
    if not any(turn.calls or turn.role == "tool" for turn in turns):
        return "\n\n".join(mend(turn.content) for turn in turns)
    blocks: list[dict[str, Any]] = []
    for turn in sorted(turns, key=lambda turn: turn.role != "tool"):
        if turn.role == "tool":
            result = {"type": "tool_result", "tool_use_id": turn.call_id, "content": mend(turn.content)}
            blocks.append({**result, "is_error": True} if turn.is_error else result)
            continue
        if turn.content.strip():
            blocks.append({"type": "text", "text": mend(turn.content)})
        blocks += [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": object_of(call.arguments)}
            for call in turn.calls
        ]
    return blocks
