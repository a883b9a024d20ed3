"""What Ollama's `/api/chat` says, as deltas: one JSON object per line, counters and the finish signal in the last.

Pure: parsed JSON in, deltas out. `https://github.com/ollama/ollama/blob/main/docs/api.md`
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import jiter

from felix.llm import faults
from felix.llm.channels import Channels
from felix.llm.chat import Delta, Finish, Note, ToolCallPart, Usage
from felix.llm.figures import count, rate_over
from felix.llm.json_messages import JsonMessages
from felix.llm.sse import Event
from felix.llm.surrogates import one_line

_NANOSECONDS = 1e9
_WORTH_TELLING_S = 1.0
"""A model that was loaded sooner was loaded already, or as good as."""
_NOTHING: Final[Mapping[str, object]] = {}


class AnswerReader:
    """Reads the lines of one answer; see `exchange.Reader`."""

    def __init__(self) -> None:
        self.is_done = False
        self.finish_reason = ""
        self.events = 0
        self._messages = JsonMessages()
        self._channels = Channels()
        self._called = 0

    @property
    def has_ended(self) -> bool:
        return self.is_done or self.finish_reason != ""

    def read(self, event: Event) -> Iterable[Delta]:
        line: object
        try:
            line = jiter.from_json(event.data)
        except ValueError:
            line = self._messages.parse_oddly(event)
        if not isinstance(line, dict):
            return ()
        self.events += 1
        message = line.get("message")
        if not isinstance(message, dict):
            message = _NOTHING
        # Model, time and a piece of text, which is what nearly all lines hold; the rest is looked for in the others.
        is_plain = len(line) == 4 and len(message) == 2 and line.get("done") is False and "role" in message
        if is_plain and (content := message.get("content")) and isinstance(content, str):
            return self._channels.text(content)
        if line.get("error"):
            raise faults.from_stream(line)
        return self._read_fully(line, message)

    def is_answer(self, body: object) -> bool:
        return isinstance(body, dict) and isinstance(body.get("message"), dict)

    def read_whole(self, body: object) -> Iterator[Delta]:
        if isinstance(body, dict):
            message = body.get("message")
            yield from self._read_fully(body, message if isinstance(message, dict) else _NOTHING)
        yield from self.end()

    def end(self) -> Iterator[Delta]:
        yield from self._channels.flush()
        if note := self._messages.note():
            yield note

    def _read_fully(self, line: Mapping[str, object], message: Mapping[str, object]) -> list[Delta]:
        deltas: list[Delta] = []
        # Servers that only behave like Ollama call it as others do.
        thought = message.get("thinking") or message.get("reasoning_content")
        if isinstance(thought, str) and thought:
            deltas += self._channels.thinking(thought)
        if isinstance(content := message.get("content"), str) and content:
            deltas += self._channels.text(content)
        if isinstance(calls := message.get("tool_calls"), list):
            deltas += self._calls(calls)
        reason = line.get("done_reason")
        # Some engines end with a reason and leave `done` out.
        if line.get("done") is True or (isinstance(reason, str) and reason):
            deltas += self._finish(line, one_line(reason) if isinstance(reason, str) and reason else "stop")
        return deltas

    def _calls(self, calls: list[object]) -> Iterator[ToolCallPart]:
        """Every entry is a whole call. The server's own index is not to be trusted: some parsers give all of them 0."""
        for call in calls:
            function = call.get("function") if isinstance(call, dict) else None
            if not isinstance(call, dict) or not isinstance(function, dict):
                continue
            call_id, name, arguments = call.get("id"), function.get("name"), function.get("arguments")
            if not isinstance(arguments, str):
                arguments = json.dumps(arguments or {})
            yield ToolCallPart(
                self._called,
                call_id if isinstance(call_id, str) and call_id else f"call_{self._called}",
                name if isinstance(name, str) else "",
                arguments,
            )
            self._called += 1

    def _finish(self, line: Mapping[str, object], reason: str) -> Iterator[Delta]:
        self.is_done = line.get("done") is True
        self.finish_reason = reason
        yield from self._channels.flush()
        loading_s = (count(line.get("load_duration")) or 0) / _NANOSECONDS
        if loading_s >= _WORTH_TELLING_S:
            yield Note(f"loading the model took {loading_s:.0f} s")
        model = line.get("model")
        yield Finish(reason, one_line(model) if isinstance(model, str) else "")
        if usage := read_usage(line):
            yield usage


def read_usage(line: Mapping[str, object]) -> Usage | None:
    """The counters of the last line, None when nothing was counted; Ollama leaves out what is zero, such as a prompt it
    remembers whole. Durations are nanoseconds."""
    prompt, completion = count(line.get("prompt_eval_count")), count(line.get("eval_count"))
    if not prompt and not completion:
        return None
    writing, reading = count(line.get("eval_duration")), count(line.get("prompt_eval_duration"))
    return Usage(
        prompt or 0,
        completion or 0,
        tokens_per_s=rate_over(completion, writing and writing / _NANOSECONDS),
        prompt_tokens_per_s=rate_over(prompt, reading and reading / _NANOSECONDS),
    )
