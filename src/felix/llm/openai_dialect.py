"""What OpenAI-compatible servers say, as deltas. Pure: parsed JSON in, deltas out, no network.

Servers of this dialect agree on little but the shape: fields are null or missing, the content is a list, a whole
`message` stands where a `delta` should, errors come as chunks. Everything is read as meant; only what cannot be read is
counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import jiter

from felix.errors import ServerError
from felix.llm import faults
from felix.llm.body import is_end_mark
from felix.llm.chat import Delta, Finish, Note, Progress, Reasoning, Usage
from felix.llm.sse import Event
from felix.llm.surrogates import SurrogateJoiner, one_line
from felix.llm.thinking import ThinkingSplitter
from felix.llm.tool_calls import ToolCalls

MOST_DAMAGED = 3
"""Pieces that could not be read, from which on an answer is not worth calling one."""
_ALSO_TELLING = frozenset({"error", "prompt_progress", "x_groq"})
_NOTHING: Final[Mapping[str, object]] = {}


class AnswerReader:
    """Reads the events of one answer."""

    def __init__(self) -> None:
        self.is_done = False
        """The end mark came."""
        self.finish_reason = ""
        self.has_usage = False
        self.events = 0
        """Messages read, of whatever content."""
        self._model = ""
        self._id: object = None
        self._refused = False
        self._damaged = 0
        self._spliced = False
        self._thinking = ThinkingSplitter()
        self._text = SurrogateJoiner()
        self._reasoning = SurrogateJoiner()
        self._tools = ToolCalls()

    @property
    def has_ended(self) -> bool:
        """The finish signal or the end mark came; little can follow."""
        return self.is_done or self.finish_reason != ""

    def read(self, event: Event) -> Iterable[Delta]:
        """The deltas of one event; ServerError when it is an error."""
        try:
            chunk = jiter.from_json(event.data)
        except ValueError:
            return self._read_oddly(event)
        if text := self._plain_text(chunk, event.name):
            self.events += 1
            return self._thinking.feed(self._text.feed(text))
        return self._read_message(chunk, event.name)

    def end(self) -> Iterator[Delta]:
        """What is left to say when the stream is over, with or without an end mark."""
        if rest := self._reasoning.flush():
            yield Reasoning(rest)
        yield from self._split(self._text.flush())
        yield from self._thinking.flush()
        if self._damaged:
            pieces = "1 damaged piece was" if self._damaged == 1 else f"{self._damaged} damaged pieces were"
            yield Note(f"{pieces} skipped")
        if self._spliced:
            yield Note("the server joined two answers in one stream")

    def is_answer(self, body: object) -> bool:
        return isinstance(body, dict) and isinstance(body.get("choices"), list)

    def read_whole(self, body: object) -> Iterator[Delta]:
        """The deltas of an answer that was not streamed."""
        yield from self._read_message(body, "")
        yield from self.end()

    def _plain_text(self, chunk: Any, name: str) -> str:  # any JSON; what does not fit raises
        """The text of a chunk that holds nothing else, as nearly all do; "" for every other. Saves half the work."""
        try:
            (choice,) = chunk["choices"]
            delta = choice["delta"]
            text = delta["content"]
            if (
                (len(delta) == 1 or (len(delta) == 2 and "role" in delta))
                and type(text) is str
                and not choice.get("finish_reason")
                and not chunk.get("usage")
                and chunk["id"] == self._id
                and _ALSO_TELLING.isdisjoint(chunk)
                and not name
            ):
                return text
        except (AttributeError, KeyError, TypeError, ValueError):
            pass
        return ""

    def _read_oddly(self, event: Event) -> Iterator[Delta]:
        """An event that is not clean JSON."""
        data = event.data.strip()
        if not data or data.startswith(b":"):
            return  # a keep-alive in the wrong place
        if is_end_mark(data):
            self.is_done = True
            return
        text = data.decode("utf-8", "replace")
        try:
            # Raw control characters, bytes that are no UTF-8, half an emoji: jiter refuses them, the text is whole.
            chunk = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            if event.name == "error":
                raise faults.from_stream(text) from None
            self._damaged += 1
            if self._damaged > MOST_DAMAGED:
                raise ServerError(
                    "The server sent one damaged piece of the answer after the other – look at the server's log, then"
                    " ask again.",
                    fault="protocol",
                ) from None
            return
        yield from self._read_message(chunk, event.name)

    def _read_message(self, chunk: object, name: str) -> Iterable[Delta]:
        if not isinstance(chunk, dict):
            if isinstance(chunk, str) and is_end_mark(chunk.encode("utf-8", "replace")):
                self.is_done = True
            elif name == "error":
                raise faults.from_stream(chunk)
            return ()
        self.events += 1
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            choices = []
        if faults.is_error(chunk, name, has_choices=bool(choices)):
            raise faults.from_stream(chunk)
        deltas: list[Delta] = []
        if not self._model and isinstance(model := chunk.get("model"), str):
            self._model = one_line(model)
        self._watch_for_splice(chunk.get("id"))
        for choice in choices:
            if isinstance(choice, dict):
                self._read_choice(choice, deltas)
        if (usage := chunk.get("usage") or _groq_usage(chunk)) and (counted := read_usage(usage)):
            self.has_usage = True
            deltas.append(counted)
        if isinstance(progress := chunk.get("prompt_progress"), dict):
            deltas.append(_reading(progress))
        return deltas

    def _read_choice(self, choice: Mapping[str, object], deltas: list[Delta]) -> None:
        delta = choice.get("delta") or choice.get("message") or _NOTHING
        if isinstance(delta, dict):
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            if thought and isinstance(thought, str):
                self._thinking.thinking_came_apart()
                if thought := self._reasoning.feed(thought):
                    deltas.append(Reasoning(thought))
            content = delta.get("content")
            if isinstance(content, str):
                if content:
                    deltas.extend(self._split(self._text.feed(content)))
            elif isinstance(content, list):
                self._read_parts(content, deltas)
            if isinstance(refusal := delta.get("refusal"), str) and refusal:
                self._refused = True
                deltas.extend(self._split(self._text.feed(refusal)))
            calls = delta.get("tool_calls")
            if isinstance(calls, list):
                deltas.extend(self._tools.read(calls))
        elif isinstance(text := choice.get("text"), str) and text:
            deltas.extend(self._split(self._text.feed(text)))
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):
            self.finish_reason = "refusal" if self._refused else one_line(reason)
            if rest := self._reasoning.flush():
                deltas.append(Reasoning(rest))
            deltas.extend(self._split(self._text.flush()))
            deltas.extend(self._thinking.flush())
            deltas.append(Finish(self.finish_reason, self._model))

    def _read_parts(self, parts: list[object], deltas: list[Delta]) -> None:
        """Content as a list of typed parts, which Mistral's thinking models and some gateways send."""
        for part in parts:
            if isinstance(part, str):
                deltas.extend(self._split(self._text.feed(part)))
            elif isinstance(part, dict):
                if isinstance(text := part.get("text"), str):
                    deltas.extend(self._split(self._text.feed(text)))
                elif thought := _flat(part.get("thinking")):
                    self._thinking.thinking_came_apart()
                    deltas.append(Reasoning(self._reasoning.feed(thought)))

    def _split(self, text: str) -> Iterable[Delta]:
        return self._thinking.feed(text) if text else ()

    def _watch_for_splice(self, answer_id: object) -> None:
        if answer_id == self._id or not answer_id or not isinstance(answer_id, str):
            return
        self._spliced = self._spliced or self._id is not None
        self._id = answer_id


def read_usage(usage: object) -> Usage | None:
    """Token counts as they stand in `usage`; None when they are no numbers."""
    if not isinstance(usage, dict):
        return None
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if prompt is None and completion is None:
        return None
    details = usage.get("completion_tokens_details")
    reasoning = _count(details.get("reasoning_tokens")) if isinstance(details, dict) else None
    return Usage(prompt or 0, completion or 0, reasoning)


def _groq_usage(chunk: Mapping[str, object]) -> object:
    extra = chunk.get("x_groq")
    return extra.get("usage") if isinstance(extra, dict) else None


def _reading(progress: Mapping[str, object]) -> Progress:
    done, total = _count(progress.get("processed")), _count(progress.get("total"))
    return Progress("reading", min(1.0, done / total) if done is not None and total else None)


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        return None
    return int(value)


def _flat(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_flat(part.get("text")) if isinstance(part, dict) else _flat(part) for part in value)
    return ""
