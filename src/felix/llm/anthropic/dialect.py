"""What the Messages API says, as deltas: blocks of text, thinking and tool input, by events that name their own type.

Pure: parsed JSON in, deltas out. Event names are not relied on: some servers leave them out. Types nobody here knows
are passed over, as the API's versioning asks of its clients. The answer is whole when `message_stop` has come.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import jiter

from felix.llm.anthropic.faults import from_event
from felix.llm.channels import Channels
from felix.llm.chat import Delta, Finish, Note, ToolCallPart, Usage
from felix.llm.figures import count
from felix.llm.json_messages import JsonMessages
from felix.llm.sse import Event
from felix.llm.surrogates import one_line

_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
    # The server stopped in the middle of a long turn and waits to be asked to go on: what came is not all.
    "pause_turn": "length",
}
"""Stop reasons in the words of all dialects; one that is not here is kept as it is."""

_PROMPT_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
"""Tokens of a prompt are counted in three heaps."""

_NOTHING: Final[Mapping[str, object]] = {}


class AnswerReader:
    """Reads the events of one answer; see `exchange.Reader`."""

    def __init__(self) -> None:
        self.is_done = False
        self.finish_reason = ""
        self.events = 0
        self._model = ""
        self._stop_reason = ""
        """As the server said it; worth something only when `message_stop` follows."""
        self._counts: dict[str, int] = {}
        self._thinking_tokens: int | None = None
        self._calls: dict[int | None, _Call] = {}
        """Tool calls by the index of their block."""
        self._spliced = False
        self._messages = JsonMessages()
        self._channels = Channels()
        self._readers: dict[str, Callable[[Mapping[str, object]], Iterable[Delta]]] = {
            "content_block_start": self._block_start,
            "content_block_stop": self._block_stop,
            "message_start": self._message_start,
            "message_delta": self._message_delta,
            "message_stop": self._message_stop,
        }

    @property
    def has_ended(self) -> bool:
        return self.is_done

    def read(self, event: Event) -> Iterable[Delta]:
        message: object
        try:
            message = jiter.from_json(event.data)
        except ValueError:
            message = self._messages.parse_oddly(event)
        if not isinstance(message, dict):
            if event.name == "error" and message:
                raise from_event(message)
            return ()
        self.events += 1
        kind = message.get("type") or event.name
        if kind == "content_block_delta":
            return self._delta(message)
        if kind == "error" or message.get("error"):
            raise from_event(message)
        reader = self._readers.get(kind) if isinstance(kind, str) else None
        return reader(message) if reader else ()

    def is_answer(self, body: object) -> bool:
        return isinstance(body, dict) and isinstance(body.get("content"), list)

    def read_whole(self, body: object) -> Iterator[Delta]:
        if isinstance(body, dict):
            yield from self._message_start({"message": body})
            content = body.get("content")
            for index, block in enumerate(content if isinstance(content, list) else ()):
                yield from self._block_start({"index": index, "content_block": block})
                yield from self._block_stop({"index": index})
            yield from self._message_delta({"delta": body, "usage": body.get("usage")})
            if self._stop_reason:
                yield from self._message_stop(body)
        yield from self.end()

    def end(self) -> Iterator[Delta]:
        yield from self._channels.flush()
        if note := self._messages.note():
            yield note
        if self._spliced:
            yield Note("the server joined two answers in one stream")

    def _delta(self, event: Mapping[str, object]) -> Iterable[Delta]:
        delta = event.get("delta")
        if not isinstance(delta, dict):
            return ()
        # No `match` here: it costs as much as all the rest, and this is nearly every event.
        kind = delta.get("type")
        if kind == "text_delta":
            return self._channels.text(text) if (text := delta.get("text")) and isinstance(text, str) else ()
        if kind == "thinking_delta":
            thought = delta.get("thinking")
            return self._channels.thinking(thought) if thought and isinstance(thought, str) else ()
        if kind == "input_json_delta":
            piece, call = delta.get("partial_json"), self._calls.get(_index(event))
            return (call.part(piece),) if call and piece and isinstance(piece, str) else ()
        return ()  # a signature, a citation, or of a kind that is newer than this

    def _block_start(self, event: Mapping[str, object]) -> Iterable[Delta]:
        block = event.get("content_block")
        if not isinstance(block, dict):
            return ()
        # Anthropic starts blocks empty; other servers may put all of them here.
        match block:
            case {"type": "text", "text": str() as text} if text:
                return self._channels.text(text)
            case {"type": "thinking", "thinking": str() as thought} if thought:
                return self._channels.thinking(thought)
            case {"type": "tool_use"}:
                call = self._calls[_index(event)] = _Call(len(self._calls), block)
                return (call.start(),)
            case _:
                return ()

    def _block_stop(self, event: Mapping[str, object]) -> Iterable[Delta]:
        call = self._calls.get(_index(event))
        return call.stop() if call else ()

    def _message_start(self, event: Mapping[str, object]) -> Iterable[Delta]:
        message = event.get("message")
        if isinstance(message, dict):
            self._spliced = self._spliced or bool(self._model)
            if isinstance(model := message.get("model"), str):
                self._model = one_line(model)
            # Told later, with the tokens that were written: a count of one is no count.
            self._count(message.get("usage"))
        return ()

    def _message_delta(self, event: Mapping[str, object]) -> Iterable[Delta]:
        delta = event.get("delta")
        delta = delta if isinstance(delta, dict) else _NOTHING
        if isinstance(reason := delta.get("stop_reason"), str) and reason:
            self._stop_reason = one_line(reason)
        match delta.get("stop_details"):
            case {"explanation": str() as explanation} if explanation:
                yield Note(f"refused: {one_line(explanation)}")
        self._count(event.get("usage"))
        prompt, written = sum(self._counts.get(name, 0) for name in _PROMPT_COUNTS), self._counts.get("output_tokens")
        if written is not None and (prompt or written):
            yield Usage(prompt, written, self._thinking_tokens)

    def _message_stop(self, _: Mapping[str, object]) -> Iterable[Delta]:
        self.is_done = True
        self.finish_reason = _REASONS.get(self._stop_reason, self._stop_reason) or "stop"
        yield from self._channels.flush()
        if self._stop_reason == "pause_turn":
            yield Note("the server paused before the answer was whole")
        yield Finish(self.finish_reason, self._model)

    def _count(self, usage: object) -> None:
        """All counts are of the whole answer so far: a later one takes the place of an earlier one."""
        if not isinstance(usage, dict):
            return
        for name in (*_PROMPT_COUNTS, "output_tokens"):
            if (counted := count(usage.get(name))) is not None:
                self._counts[name] = counted
        match usage.get("output_tokens_details"):
            case {"thinking_tokens": tokens}:
                self._thinking_tokens = count(tokens)


class _Call:
    """A tool call whose arguments come in pieces of JSON, all at once, or not at all."""

    def __init__(self, index: int, block: Mapping[str, object]) -> None:
        call_id, name, given = block.get("id"), block.get("name"), block.get("input")
        self._index = index
        self._id = call_id if isinstance(call_id, str) and call_id else f"call_{index}"
        self._name = name if isinstance(name, str) else ""
        self._given = json.dumps(given) if given else "{}"
        self._has_arguments = False
        self._has_stopped = False

    def start(self) -> ToolCallPart:
        return ToolCallPart(self._index, self._id, self._name, "")

    def part(self, arguments: str) -> ToolCallPart:
        self._has_arguments = True
        return ToolCallPart(self._index, self._id, "", arguments)

    def stop(self) -> Iterator[ToolCallPart]:
        if not self._has_arguments and not self._has_stopped:
            yield ToolCallPart(self._index, self._id, "", self._given)
        self._has_stopped = True


def _index(event: Mapping[str, object]) -> int | None:
    """The number of the block an event belongs to; blocks without one are all the same block."""
    index = event.get("index")
    return index if isinstance(index, int) else None
