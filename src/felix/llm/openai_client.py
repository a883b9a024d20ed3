"""The client for every OpenAI-compatible server: LM Studio, llama.cpp, vLLM, OpenAI, Groq and their like.

The SDK builds and sends the request. Its typed stream would cost ten times the CPU of reading the bytes ourselves, and
ends silently in many ways: so the body's bytes go through `EventReader` and `AnswerReader`, and every ending is told.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from felix.errors import CannotStream, ServerError
from felix.llm import faults, transport
from felix.llm.answer import AnswerParts
from felix.llm.body import beginning, is_events, is_page, parsed, until_done
from felix.llm.chat import Answer, ChatRequest, Delta, Note, Progress
from felix.llm.openai_dialect import AnswerReader, is_whole_message
from felix.llm.sse import EventReader
from felix.llm.surrogates import mend

_LIMIT_NAMES = ("max_tokens", "max_completion_tokens")

_OPTIONAL = {
    "stream_options": ("stream_options", "include_usage"),
    "return_progress": ("return_progress",),
    "temperature": ("temperature",),
}
"""Fields an answer can do without, with the names a refusal may call them by."""

_NO_STREAMING = re.compile(
    r"\bstream(ing)?\b.{0,60}\b(not|un)\s?(support|allow|available|enabled|implement)"
    r"|(not|n't) support.{0,20}\bstream(ing)?\b",
    re.IGNORECASE,
)

_WRONG_PATH = re.compile(r"unexpected endpoint", re.IGNORECASE)
"""LM Studio's words, with status 200, for a path it does not have."""


class OpenAIClient:
    """One server. `base_url` as `repair_base_url` leaves it; `api_key` may be empty."""

    gathers = True
    """Leaves text in the socket for `ChatRequest.gather_s`."""

    def __init__(self, base_url: str, api_key: str = "", *, reports_progress: bool = False) -> None:
        self.base_url = base_url
        self._key = api_key
        self._http = transport.open_client(base_url, api_key)
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
            timeout=self._http.timeout,
            http_client=self._http,
        )
        self._limit_name = "max_completion_tokens" if urlsplit(base_url).hostname == "api.openai.com" else "max_tokens"
        self._refused: set[str] = set()
        """Optional fields this server has refused; not sent again."""
        self._tried_limit_names: set[str] = set()
        if not reports_progress:
            self._refused.add("return_progress")

    async def aclose(self) -> None:
        await self._sdk.close()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        yield Progress("connecting")
        reader = AnswerReader()
        try:
            async with AsyncExitStack() as stack:
                response = await self._open(stack, request, streaming=True)
                yield Progress("waiting")
                for note in self._left_out(request):
                    yield note
                # closed here: left to the collector, it may be closed on Tk's thread while this one still works on it
                body = await stack.enter_async_context(aclosing(response.aiter_bytes()))
                first = await beginning(body)
                if not is_events(first, response):
                    rest = [data async for data in body]
                    for delta in self._read_body(first + b"".join(rest), response):
                        yield delta
                    return
                events = EventReader(is_whole_message)
                async with aclosing(until_done(first, body, reader, request.gather_s)) as pieces:
                    async for data in pieces:
                        for event in events.feed(data):
                            for delta in reader.read(event):
                                yield delta
                for event in events.finish():
                    for delta in reader.read(event):
                        yield delta
        except transport.ERRORS as error:
            failure = None
            # After the finish signal a lost connection loses nothing.
            if not reader.finish_reason:
                stage: transport.Stage = "answering" if reader.events else "before_any_event"
                failure = transport.failure(error, self.base_url, stage=stage)
        except ServerError as error:
            failure = faults.without_key(error, self._key)
        else:
            failure = None
        # What the reader holds back was written, however the stream ended.
        for delta in reader.end():
            yield delta
        if failure:
            raise failure

    async def complete(self, request: ChatRequest) -> Answer:
        started = time.monotonic()
        parts = AnswerParts(request)
        try:
            async with AsyncExitStack() as stack:
                response = await self._open(stack, request, streaming=False)
                body = await response.aread()
            for delta in chain(self._left_out(request), self._read_body(body, response)):
                parts.add(delta)
        except transport.ERRORS as error:
            raise transport.failure(error, self.base_url, stage="opening") from None
        except ServerError as error:
            raise faults.without_key(error, self._key) from None
        return parts.answer(duration_s=time.monotonic() - started)

    async def _open(self, stack: AsyncExitStack, request: ChatRequest, *, streaming: bool) -> httpx2.Response:
        """The response, its body unread; leaving `stack` closes the connection."""
        while True:
            body = self._body(request, streaming=streaming)
            try:
                opened = await stack.enter_async_context(
                    self._sdk.chat.completions.with_streaming_response.create(**body)
                )
            except openai.APIStatusError as error:
                if not self._can_do_without(error, body):
                    raise self._refusal(error, streaming=streaming) from None
            except openai.APIConnectionError as error:
                raise transport.failure(error.__cause__ or error, self.base_url, stage="opening") from None
            else:
                response: httpx2.Response = opened.http_response
                return response

    def _body(self, request: ChatRequest, *, streaming: bool) -> dict[str, Any]:  # any JSON, as the SDK takes it
        body: dict[str, Any] = {
            "model": mend(request.model),
            "messages": [{"role": m.role, "content": mend(m.content)} for m in request.messages],
        }
        if request.temperature is not None and "temperature" not in self._refused:
            body["temperature"] = request.temperature
        if request.max_tokens > 0:
            body[self._limit_name] = request.max_tokens
        if streaming:
            body["stream"] = True
            if "stream_options" not in self._refused:
                body["stream_options"] = {"include_usage": True}
            if "return_progress" not in self._refused:
                body["extra_body"] = {"return_progress": True}
        return body

    def _can_do_without(self, error: openai.APIStatusError, body: dict[str, Any]) -> bool:
        """Whether the server refused an optional field by name; it is left out from now on."""
        if error.status_code not in (400, 422):
            return False
        said = error.response.text
        for name, other in (_LIMIT_NAMES, _LIMIT_NAMES[::-1]):
            # A limit is renamed, never dropped: without one an answer could cost what nobody wanted to pay.
            if name in body and other in said and self._limit_name not in self._tried_limit_names:
                self._tried_limit_names.add(self._limit_name)
                self._limit_name = other
                return True
        sent = {*body, *body.get("extra_body", ())}
        for field, names in _OPTIONAL.items():
            if field in sent and any(name in said for name in names):
                self._refused.add(field)
                return True
        return False

    def _left_out(self, request: ChatRequest) -> tuple[Note, ...]:
        """What the user asked for and this server does not take."""
        if request.temperature is None or "temperature" not in self._refused:
            return ()
        return (Note("the server accepts no temperature"),)

    def _refusal(self, error: openai.APIStatusError, *, streaming: bool) -> Exception:
        """The status error in words. The SDK's own text is often no more than "Error code: 400"."""
        response = error.response
        text = faults.error_text(parsed(response.content))
        if streaming and error.status_code in (400, 422, 501) and _NO_STREAMING.search(text):
            return CannotStream(f"The server does not stream: {text}")
        return faults.from_status(
            error.status_code,
            text,
            address=self.base_url,
            is_page=is_page(response.content),
            retry_after_s=faults.retry_after_s(response.headers),
            location=_host(response.headers.get("location", "")),
        )

    def _read_body(self, body: bytes, response: httpx2.Response) -> Iterator[Delta]:
        """The deltas of a body that is no event stream: a whole answer, or whatever answers in a server's place."""
        value = parsed(body)
        if isinstance(value, dict) and isinstance(value.get("choices"), list):
            yield from AnswerReader().read_whole(value)
            return
        text = faults.error_text(value)
        if isinstance(value, dict) and "error" in value and not _WRONG_PATH.search(text):
            raise faults.from_stream(value)
        raise faults.not_a_model_server(
            self.base_url, response.status_code, response.headers.get("content-type", ""), text
        )


def _host(location: str) -> str:
    return urlsplit(location).netloc or location
