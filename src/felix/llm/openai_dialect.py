"""What OpenAI-compatible servers say, as deltas. Pure: parsed JSON in, deltas out, no network.

Servers of this dialect agree on little but the shape: fields are null or missing, the content is a list, a whole
`message` stands where a `delta` should, errors come as chunks. Everything is read as meant; only what cannot be read is
counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import jiter

from felix.llm import faults
from felix.llm.body import is_end_mark
from felix.llm.channels import Channels
from felix.llm.chat import Delta, Finish, Note, Progress, Usage
from felix.llm.figures import count, fraction, rate, rate_over
from felix.llm.json_messages import JsonMessages
from felix.llm.sse import Event
from felix.llm.surrogates import one_line
from felix.llm.tool_calls import ToolCalls

_ALSO_TELLING = frozenset({"error", "prompt_progress", "x_groq"})
_NOTHING: Final[Mapping[str, object]] = {}


class AnswerReader:
    """Reads the events of one answer."""

    def __init__(self) -> None:
        self.is_done = False
        """The end mark came."""
        self.finish_reason = ""
        self.events = 0
        """Messages read, of whatever content."""
        self._model = ""
        self._id: object = None
        self._refused = False
        self._spliced = False
        self._usage: Usage | None = None
        self._messages = JsonMessages()
        self._channels = Channels()
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
            return self._channels.text(text)
        return self._read_message(chunk, event.name)

    def end(self) -> Iterator[Delta]:
        """What is left to say when the stream is over, with or without an end mark."""
        yield from self._channels.flush()
        if note := self._messages.note():
            yield note
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

    def _read_oddly(self, event: Event) -> Iterable[Delta]:
        """An event that is not clean JSON."""
        if is_end_mark(event.data.strip()):
            self.is_done = True
            return ()
        chunk = self._messages.parse(event)
        return () if chunk is None else self._read_message(chunk, event.name)

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
        if (counted := self._counted(chunk)) is not None:
            deltas.append(counted)
        if isinstance(progress := chunk.get("prompt_progress"), dict):
            deltas.append(_reading(progress))
        return deltas

    def _read_choice(self, choice: Mapping[str, object], deltas: list[Delta]) -> None:
        delta = choice.get("delta") or choice.get("message") or _NOTHING
        if isinstance(delta, dict):
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            if thought and isinstance(thought, str):
                deltas.extend(self._channels.thinking(thought))
            content = delta.get("content")
            if isinstance(content, str):
                if content:
                    deltas.extend(self._channels.text(content))
            elif isinstance(content, list):
                self._read_parts(content, deltas)
            if isinstance(refusal := delta.get("refusal"), str) and refusal:
                self._refused = True
                deltas.extend(self._channels.text(refusal))
            calls = delta.get("tool_calls")
            if isinstance(calls, list):
                deltas.extend(self._tools.read(calls))
        elif isinstance(text := choice.get("text"), str) and text:
            deltas.extend(self._channels.text(text))
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):
            self.finish_reason = "refusal" if self._refused else one_line(reason)
            deltas.extend(self._channels.flush())
            deltas.append(Finish(self.finish_reason, self._model))

    def _read_parts(self, parts: list[object], deltas: list[Delta]) -> None:
        """Content as a list of typed parts, which Mistral's thinking models and some gateways send."""
        for part in parts:
            if isinstance(part, str):
                deltas.extend(self._channels.text(part))
            elif isinstance(part, dict):
                if isinstance(text := part.get("text"), str):
                    deltas.extend(self._channels.text(text))
                elif thought := _flat(part.get("thinking")):
                    deltas.extend(self._channels.thinking(thought))

    def _counted(self, chunk: Mapping[str, object]) -> Usage | None:
        """What this chunk tells about tokens, with what an earlier one told of their speed; None when it tells nothing.

        Groq sends its count twice, in two places; llama.cpp sends its timings beside or after the count.
        """
        counted, timed = read_usage(chunk.get("usage") or _groq_usage(chunk)), read_timings(chunk.get("timings"))
        latest = counted or (timed and (self._usage or timed))
        if latest:
            told = [usage for usage in (timed, counted, self._usage) if usage]
            self._usage = replace(
                latest,
                tokens_per_s=next((usage.tokens_per_s for usage in told if usage.tokens_per_s), None),
                prompt_tokens_per_s=next((u.prompt_tokens_per_s for u in told if u.prompt_tokens_per_s), None),
            )
        return self._usage if latest else None

    def _watch_for_splice(self, answer_id: object) -> None:
        if answer_id == self._id or not answer_id or not isinstance(answer_id, str):
            return
        self._spliced = self._spliced or self._id is not None
        self._id = answer_id


def read_usage(usage: object) -> Usage | None:
    """Token counts as they stand in `usage`; None when they are no numbers."""
    if not isinstance(usage, dict):
        return None
    prompt, completion = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    if prompt is None and completion is None:
        return None
    details = usage.get("completion_tokens_details")
    return Usage(
        prompt or 0,
        completion or 0,
        count(details.get("reasoning_tokens")) if isinstance(details, dict) else None,
        # Groq's
        tokens_per_s=rate_over(completion, usage.get("completion_time")),
        prompt_tokens_per_s=rate_over(prompt, usage.get("prompt_time")),
    )


def read_timings(timings: object) -> Usage | None:
    """The same as llama.cpp counts and times it; None when it is something else. `cache_n`: read for an earlier one."""
    if not isinstance(timings, dict):
        return None
    read, written = count(timings.get("prompt_n")), count(timings.get("predicted_n"))
    if read is None or written is None:
        return None
    # The first token belongs to the reading, one alone has no speed; the same goes for a prompt that was known.
    return Usage(
        read + (count(timings.get("cache_n")) or 0),
        written,
        tokens_per_s=rate(timings.get("predicted_per_second")) if written > 1 else None,
        prompt_tokens_per_s=rate(timings.get("prompt_per_second")) if read > 1 else None,
    )


def _groq_usage(chunk: Mapping[str, object]) -> object:
    extra = chunk.get("x_groq")
    return extra.get("usage") if isinstance(extra, dict) else None


def _reading(progress: Mapping[str, object]) -> Progress:
    done, total = count(progress.get("processed")), count(progress.get("total"))
    return Progress("reading", fraction(done / total) if done is not None and total else None)


def _flat(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_flat(part.get("text")) if isinstance(part, dict) else _flat(part) for part in value)
    return ""
