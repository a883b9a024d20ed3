"""What LM Studio's own `/api/v1/chat` says, as deltas: named events, with percentages while it loads and reads.

Pure: parsed JSON in, deltas out. `https://lmstudio.ai/docs/developer/rest/streaming-events`
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import jiter

from felix.llm import faults
from felix.llm.channels import Channels
from felix.llm.chat import ChatRequest, Delta, Finish, Progress, Usage
from felix.llm.figures import count, fraction, rate
from felix.llm.json_messages import JsonMessages
from felix.llm.sse import Event
from felix.llm.surrogates import mend, one_line

MOST_TEMPERATURE = 1.0
"""What this interface takes; `/v1` takes more."""

_NOTHING: Final[Mapping[str, object]] = {}


def can_ask(request: ChatRequest) -> bool:
    """Whether this interface can be asked that: it takes one question, under one system prompt or none."""
    *before, last = (message.role for message in request.messages) if request.messages else [""]
    return (
        bool(request.model)
        and not request.tools
        and last == "user"
        and before in ([], ["system"])
        and (request.temperature is None or request.temperature <= MOST_TEMPERATURE)
    )


def body(request: ChatRequest) -> dict[str, Any]:  # any JSON
    """The request, for which `can_ask` holds. Nothing of the chat is kept on the server's disk."""
    *system, question = request.messages
    asked: dict[str, Any] = {"model": mend(request.model), "input": mend(question.content)}
    if system:
        asked["system_prompt"] = mend(system[0].content)
    asked |= {"stream": True, "store": False}
    if request.temperature is not None:
        asked["temperature"] = max(0.0, request.temperature)
    if request.max_tokens > 0:
        asked["max_output_tokens"] = request.max_tokens
    return asked


class ChatReader:
    """Reads the events of one answer; see `exchange.Reader`.

    The end of the chat is the finish signal, and says nothing of why: an answer as long as the limit that was sent was
    cut there. `limit` is that limit in tokens; 0 is none.
    """

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self.is_done = False
        self.finish_reason = ""
        self.events = 0
        self._model = ""
        self._has_text = False
        self._messages = JsonMessages()
        self._channels = Channels()

    @property
    def has_ended(self) -> bool:
        return self.is_done

    def read(self, event: Event) -> Iterable[Delta]:
        try:
            said = jiter.from_json(event.data)
        except ValueError:
            said = self._messages.parse(event)
        if not isinstance(said, dict):
            return ()
        self.events += 1
        kind = said.get("type") or event.name
        if kind == "message.delta" and type(piece := said.get("content")) is str:
            self._has_text = True
            return self._channels.text(piece)
        return self._read_fully(kind, said)

    def is_answer(self, body: object) -> bool:
        return isinstance(body, dict) and isinstance(body.get("output"), list)

    def read_whole(self, body: object) -> Iterator[Delta]:
        if isinstance(body, dict):
            yield from self._read_end(body)
        yield from self.end()

    def end(self) -> Iterator[Delta]:
        yield from self._channels.flush()
        if note := self._messages.note():
            yield note

    def _read_fully(self, kind: object, said: Mapping[str, object]) -> Iterable[Delta]:
        match kind:
            case "reasoning.delta":
                return self._channels.thinking(_text(said))
            case "chat.start":
                self._name(said)
                return (Progress("waiting"),)
            case "model_load.start":
                return (Progress("loading"),)
            case "model_load.progress":
                return (Progress("loading", fraction(said.get("progress"))),)
            case "model_load.end":
                return (Progress("waiting"),)
            case "prompt_processing.start":
                return (Progress("reading"),)
            case "prompt_processing.progress":
                return (Progress("reading", fraction(said.get("progress"))),)
            case "prompt_processing.end":
                return (Progress("reading", 1.0),)
            case "chat.end":
                result = said.get("result")
                return [*self._read_end(result if isinstance(result, dict) else _NOTHING)]
            case _ if kind == "error" or said.get("error"):
                raise faults.from_stream(said)
        return ()

    def _read_end(self, result: Mapping[str, object]) -> Iterator[Delta]:
        """The deltas of the result: what of it had not come as events, the counts, the finish signal."""
        self._name(result)
        output = result.get("output")
        if not self._has_text and isinstance(output, list):
            yield from self._read_output(output)
        yield from self._channels.flush()
        stats = result.get("stats")
        stats = stats if isinstance(stats, dict) else _NOTHING
        usage = _usage(stats)
        if usage:
            yield usage
        is_cut = usage is not None and 0 < self._limit <= usage.completion_tokens
        self.finish_reason = "length" if is_cut else "stop"
        self.is_done = True
        yield Finish(self.finish_reason, self._model)

    def _read_output(self, output: list[object]) -> Iterator[Delta]:
        for part in output:
            match part:
                case {"type": "message", "content": str() as text}:
                    yield from self._channels.text(text)
                case {"type": "reasoning", "content": str() as text} if not self.events:
                    yield from self._channels.thinking(text)

    def _name(self, said: Mapping[str, object]) -> None:
        if isinstance(name := said.get("model_instance_id"), str):
            self._model = one_line(name)


def _usage(stats: Mapping[str, object]) -> Usage | None:
    read, written = count(stats.get("input_tokens")), count(stats.get("total_output_tokens"))
    if read is None and written is None:
        return None
    thought, speed = count(stats.get("reasoning_output_tokens")), rate(stats.get("tokens_per_second"))
    return Usage(read or 0, written or 0, thought, tokens_per_s=speed)


def _text(said: Mapping[str, object]) -> str:
    text = said.get("content")
    return text if isinstance(text, str) else ""
