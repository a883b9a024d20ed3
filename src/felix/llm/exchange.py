"""One question to one server and its answer, whatever the dialect: the piece all clients have in common.

A client says how its request is opened (an `Opening`) and how its dialect is read (a `Reader`); everything between the
two is here. The body is looked at before it is believed, cut into events, and closed at once when nobody wants it any
more; failures become one sentence; and what the reader still holds back is handed on however the stream ended.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing
from itertools import chain
from typing import Literal, NamedTuple, Protocol, assert_never
from urllib.parse import urlsplit

import httpx2

from felix.errors import CannotStream, ServerError
from felix.llm import faults, transport
from felix.llm.answer import AnswerParts
from felix.llm.body import beginning, is_events, is_lines, is_page, is_whole_message, parsed, until_done
from felix.llm.chat import Answer, ChatRequest, Delta, Progress
from felix.llm.lines import LineReader
from felix.llm.sse import Event, EventReader

Framing = Literal["events", "lines"]
"""How a stream is cut: server-sent events, or one JSON object per line."""

LOADING_S = 0.5
"""How soon a server that is loading its model is asked again."""

MOST_UNREAD = 64 * 2**20
"""Bytes that may come without making a message. What sends for ever, such as a radio, must not fill the memory."""

_NO_STREAMING = re.compile(
    r"\bstream(ing)?\b.{0,60}\b(not|un)\s?(support|allow|available|enabled|implement)"
    r"|(not|n't) support.{0,20}\bstream(ing)?\b",
    re.IGNORECASE,
)

_WRONG_PATH = re.compile(r"unexpected endpoint", re.IGNORECASE)
"""LM Studio's words, with status 200, for a path it does not have."""


class Reader(Protocol):
    """A dialect: reads the messages of one answer. Pure; made anew for each request."""

    @property
    def is_done(self) -> bool:
        """The end mark came: nothing follows."""

    @property
    def has_ended(self) -> bool:
        """The finish signal or the end mark came: little follows, and it is not waited for long."""

    @property
    def finish_reason(self) -> str:
        """Of the finish signal; empty before it. After it a lost connection loses nothing."""

    @property
    def events(self) -> int:
        """Messages read, of whatever content. While there is none, asking again is safe."""

    def read(self, event: Event) -> Iterable[Delta]:
        """The deltas of one message; ServerError when it is an error."""

    def is_answer(self, body: object) -> bool:
        """Whether parsed JSON is a whole answer of this dialect."""

    def read_whole(self, body: object) -> Iterator[Delta]:
        """The deltas of an answer that was not streamed, `end` included."""

    def end(self) -> Iterator[Delta]:
        """What was held back, when the stream is over, however it ended."""


class Opened(NamedTuple):
    """A request whose response began well: its status is 200, its body unread."""

    response: httpx2.Response
    said: tuple[Delta, ...] = (Progress("waiting"),)
    """To be told before anything has come: what the server does now, what of the request it does not take."""


Opening = Callable[[AsyncExitStack], Awaitable[Opened]]
"""Sends the request; leaving the stack closes its connection. May raise ServerError, CannotStream before a stream, and
whatever is in `transport.ERRORS`."""


class Exchange:
    """One server, as a client talks to it. `api_key` is only known here to be taken out of the server's words."""

    def __init__(self, base_url: str, api_key: str = "", framing: Framing = "events") -> None:
        self._base_url = base_url
        self._key = api_key
        self._framing = framing

    async def stream(self, opening: Opening, reader: Reader, *, gather_s: float = 0.0) -> AsyncGenerator[Delta, None]:
        """The answer as it comes, from "connecting" on; see `ChatClient.stream`. `gather_s` as in `ChatRequest`."""
        yield Progress("connecting")
        failure: ServerError | None = None
        frames: EventReader | LineReader | None = None
        try:
            async with AsyncExitStack() as stack:
                while (opened := await _unless_loading(opening, stack)) is None:
                    yield Progress("loading")
                    await asyncio.sleep(LOADING_S)
                response = opened.response
                for delta in opened.said:
                    yield delta
                # closed here: left to the collector, it may be closed on Tk's thread while this one still works on it
                body = await stack.enter_async_context(aclosing(response.aiter_bytes()))
                first = await beginning(body)
                if (frames := self._frames(first, response, reader)) is None:
                    whole = await _whole(first, body)
                    for delta in self._read_whole(whole, response, reader):
                        yield delta
                    return
                unread = 0
                async with aclosing(until_done(first, body, reader, gather_s)) as pieces:
                    async for data in pieces:
                        unread += len(data)
                        for event in frames.feed(data):
                            unread = 0
                            for delta in reader.read(event):
                                yield delta
                        if unread > MOST_UNREAD:
                            raise _endless()
                for event in frames.finish():
                    for delta in reader.read(event):
                        yield delta
        except transport.ERRORS as error:
            try:
                for delta in self._held_back(frames, reader):
                    yield delta
            except ServerError as said:
                failure = faults.without_key(said, self._key)
            # After the finish signal a lost connection loses nothing.
            if not reader.finish_reason and not failure:
                stage: transport.Stage = "answering" if reader.events else "before_any_event"
                failure = transport.failure(error, self._base_url, stage=stage)
        except ServerError as error:
            failure = faults.without_key(error, self._key)
        # What the reader holds back was written, however the stream ended.
        for delta in reader.end():
            yield delta
        if failure:
            raise failure

    async def complete(self, opening: Opening, reader: Reader, request: ChatRequest) -> Answer:
        """The answer in one piece. Raises ServerError."""
        started = time.monotonic()
        parts = AnswerParts(request)
        try:
            async with AsyncExitStack() as stack:
                opened = await _once_loaded(opening, stack)
                async with aclosing(opened.response.aiter_bytes()) as pieces:
                    body = await _whole(b"", pieces)
            for delta in chain(opened.said, self._read_whole(body, opened.response, reader)):
                parts.add(delta)
        except transport.ERRORS as error:
            raise transport.failure(error, self._base_url, stage="opening") from None
        except ServerError as error:
            raise faults.without_key(error, self._key) from None
        return parts.answer(duration_s=time.monotonic() - started)

    async def post(
        self,
        stack: AsyncExitStack,
        http: httpx2.AsyncClient,
        url: str,
        body: Mapping[str, object],
        *,
        streaming: bool,
    ) -> httpx2.Response:
        """The opening of a dialect that needs no SDK: POST `body` as JSON; what is no status 200 is a refusal."""
        response = await stack.enter_async_context(http.stream("POST", url, json=body))
        if response.status_code != 200:
            await response.aread()
            raise self.refusal(response, streaming=streaming)
        return response

    def refusal(self, response: httpx2.Response, *, streaming: bool) -> ServerError | CannotStream:
        """A status that is an error, in words; the response must have been read."""
        status = response.status_code
        body = parsed(response.content)
        text = faults.error_text(body)
        if streaming and status in (400, 422, 501) and _NO_STREAMING.search(text):
            return CannotStream(f"The server does not stream: {text}")
        location = response.headers.get("location", "")
        return faults.from_status(
            status,
            text,
            address=self._base_url,
            code=faults.error_code(body),
            is_page=is_page(response.content),
            retry_after_s=faults.retry_after_s(response.headers, text),
            location=urlsplit(location).netloc or location,
        )

    def _frames(self, first: bytes, response: httpx2.Response, reader: Reader) -> EventReader | LineReader | None:
        """What cuts the body into events; None when it is not to be cut."""
        match self._framing:
            case "events":
                is_cut = is_events(first, response)
            case "lines":
                line, end, _ = first.partition(b"\n")
                is_cut = is_lines(first, response) or (bool(end) and reader.is_answer(parsed(line)))
            case _:
                assert_never(self._framing)
        return self._cutter() if is_cut else None

    def _cutter(self) -> EventReader | LineReader:
        return EventReader(is_whole_message) if self._framing == "events" else LineReader()

    @staticmethod
    def _held_back(frames: EventReader | LineReader | None, reader: Reader) -> Iterator[Delta]:
        """The deltas of a last message that came whole, but for the line end after it, before the connection broke."""
        for event in frames.finish() if frames else ():
            if is_whole_message(event.data):
                yield from reader.read(event)

    def _read_whole(self, body: bytes, response: httpx2.Response, reader: Reader) -> Iterator[Delta]:
        """The deltas of a body that is no stream: a whole answer, or whatever answers in a server's place."""
        value = parsed(body)
        if reader.is_answer(value):
            yield from reader.read_whole(value)
            return
        cutter = self._cutter()
        # A stream that came under another label, or though none was asked for.
        if events := [event for event in (*cutter.feed(body), *cutter.finish()) if _is_message(event, value)]:
            for event in events:
                yield from reader.read(event)
            yield from reader.end()
            return
        text = faults.error_text(value)
        if isinstance(value, dict) and "error" in value and not _WRONG_PATH.search(text):
            raise faults.from_stream(value)
        raise faults.not_a_model_server(
            self._base_url, response.status_code, response.headers.get("content-type", ""), text
        )


async def _whole(first: bytes, body: AsyncIterator[bytes]) -> bytes:
    """All of a body. Raises ServerError for one without end."""
    pieces, length = [first], len(first)
    async for data in body:
        pieces.append(data)
        length += len(data)
        if length > MOST_UNREAD:
            raise _endless()
    return b"".join(pieces)


def _endless() -> ServerError:
    return ServerError(
        f"What the server sends is no answer: {MOST_UNREAD // 2**20} MiB came without an end"
        " – check the server address in Settings.",
        fault="not_a_model_server",
    )


def _is_message(event: Event, body: object) -> bool:
    """Whether an event of a body holds a message; a body that is JSON itself holds none."""
    return isinstance(body, str) and is_whole_message(event.data)


async def _unless_loading(opening: Opening, stack: AsyncExitStack) -> Opened | None:
    """None while the server is loading its model: no failure, for as long as whoever asks has patience."""
    try:
        return await opening(stack)
    except ServerError as error:
        if error.fault != "loading":
            raise
        return None


async def _once_loaded(opening: Opening, stack: AsyncExitStack) -> Opened:
    while True:
        if (opened := await _unless_loading(opening, stack)) is not None:
            return opened
        await asyncio.sleep(LOADING_S)
