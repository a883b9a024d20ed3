"""What is asked of a model and what comes back, in the same words for every server.

A client turns its server's dialect into `Delta` values. Only a `Finish` says that the answer is whole; a stream that
ends without one is not complete, however quietly it ended.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from felix.errors import ServerFault
from felix.events import Again, Channel, Status

Phase = Literal["connecting", "loading", "reading", "waiting", "retrying"]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model is told of it."""

    name: str
    """Letters, digits, - and _, 64 at most: what every server takes."""
    description: str
    parameters: Mapping[str, object]
    """JSON schema of an object."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A whole tool call."""

    id: str
    """Never empty: where a server sends none, one is made up."""
    name: str
    arguments: str
    """JSON, as the model wrote it; checked by whoever runs the tool."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation sent to the model."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    calls: tuple[ToolCall, ...] = ()
    """What the assistant asked for in this turn. Each is followed by its result, a turn of the role `tool`."""
    call_id: str = ""
    """Of the call whose result this is."""
    name: str = ""
    """Of the tool whose result this is."""
    is_error: bool = False
    """The result says why there is none."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to one model."""

    messages: tuple[Message, ...]
    model: str
    temperature: float | None = None
    """None leaves it to the server."""
    max_tokens: int = 0
    """Most tokens to write, thinking included; 0 is the server's own limit."""
    agent_id: str = ""
    """Who asks; stamped on every chunk, never sent."""
    tools: tuple[ToolSpec, ...] = ()
    """What the model may call."""
    gather_s: float = 0.0
    """Seconds a client that `gathers` may leave text in the socket before it reads on: nobody looks at it sooner, and
    to be woken for each token costs several times what reading it does."""


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of the model's thinking; never part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class TextWasReasoning:
    """All `Text` so far was thinking: its closing tag came, though no opening tag ever had."""


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A piece of a tool call. Parts with the same `index` belong together; `arguments` are joined in order."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Progress:
    """What the server is doing while nothing is written yet."""

    phase: Phase
    fraction: float | None = None
    """0 to 1, only when the server itself says so."""
    detail: str = ""
    again: Again | None = None
    """Given while `retrying`."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them. A later one replaces an earlier one."""

    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int | None = None
    """The part of `completion_tokens` spent on thinking, where the server tells."""
    tokens_per_s: float | None = None
    """How fast it wrote them, where the server tells; it knows better than whoever waits for the network."""
    prompt_tokens_per_s: float | None = None
    """How fast it read what of the prompt it had not read before, where the server tells."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something the reader of this answer should know, as a phrase: "2 damaged pieces were skipped"."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The server's word that it is done. The last one counts; text may still follow it."""

    reason: str
    """As the server says it: stop, length, tool_calls, content_filter …"""
    model: str = ""
    """The model that answered, as the server names it."""


Delta = Text | Reasoning | TextWasReasoning | ToolCallPart | Progress | Usage | Note | Finish


@dataclass(frozen=True, slots=True)
class Answer:
    """How one call ended. Text and thinking are kept whatever the status."""

    text: str
    reasoning: str
    status: Status
    finish_reason: str
    """As the server said it; empty when it did not."""
    usage: Usage | None
    """None when the server counted nothing; token figures are then estimates."""
    ttft_s: float | None
    """Seconds from sending the request to the first piece of text or thinking."""
    duration_s: float
    """Seconds from the call to its end, waits between retries included."""
    tokens_per_s: float | None
    """Tokens written per second: as the server measured it, else those of `usage` between the first and the last piece,
    else estimated from the pieces."""
    model: str
    """The model that answered, or the one that was asked when the server does not say."""
    error: str | None = None
    """One sentence with the next step; set when the status is failed or unconfirmed."""
    fault: ServerFault | None = None
    notes: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    gaps_ms: tuple[float, ...] = ()
    """Between the first pieces as they came from the server; empty when it was not streamed."""


class Transcript:
    """The text of one channel, kept once and joined only when read."""

    __slots__ = ("_joined", "_parts", "length")

    def __init__(self) -> None:
        self._joined = ""
        self._parts: list[str] = []
        self.length = 0
        """Characters so far."""

    def append(self, text: str) -> None:
        self._parts.append(text)
        self.length += len(text)

    def text(self) -> str:
        if self._parts:
            self._joined += "".join(self._parts)
            self._parts.clear()
        return self._joined


@dataclass(frozen=True, slots=True)
class StreamingChunk:
    """What came of one channel since the chunk before."""

    content: str
    """Empty, with offset 0, when the answer so far turned out to be thinking: it is taken back, and follows as such."""
    tokens_so_far: int
    """Pieces received in this answer, thinking included: an estimate, most servers send one token per piece."""
    agent_id: str
    timestamp: float
    """Unix seconds."""
    channel: Channel = "answer"
    offset: int = 0
    """Characters of this channel before this chunk."""
    source: Transcript | None = field(default=None, repr=False, compare=False)
    """The stream's own text of this channel, shared by all its chunks."""

    @property
    def accumulated(self) -> str:
        """The channel's text up to and including this chunk; joined when asked for."""
        if self.source is None:
            return self.content
        return self.source.text()[: self.offset + len(self.content)]


class ChatClient(Protocol):
    """One server, spoken to in its dialect. Belongs to the event loop it is first used on."""

    def stream(self, request: ChatRequest) -> AsyncIterator[Delta]:
        """The answer as it comes.

        Closing the iterator, or cancelling the task that reads it, closes the connection at once: that is what makes
        the server stop. Raises CannotStream before the first delta, ServerError at any time.
        """
        ...

    async def complete(self, request: ChatRequest) -> Answer:
        """The answer in one piece; nothing in the request asks for a stream. Raises ServerError."""
        ...

    async def aclose(self) -> None:
        """Give the connections back."""
        ...
