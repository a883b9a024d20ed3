"""One request to the demo model, checked as a real server would, and its answer in the protocol's shapes."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from felix.demo.hearing import hear
from felix.demo.pacing import tokens
from felix.demo.script import scripted

MODEL = "demo"
CONTEXT = 8_192
"""Tokens of a slot, at four characters each."""

Json = Mapping[str, object]


class Refused(Exception):
    """A request that gets an error for an answer."""

    def __init__(self, status: str, body: Json) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def refusal(status: str, message: str, kind: str, **more: object) -> Refused:
    """In the shape of llama.cpp's server."""
    return Refused(status, {"error": {"code": int(status[:3]), "message": message, "type": kind, **more}})


class _Piece(NamedTuple):
    channel: Literal["reasoning_content", "content", "tool_calls"]
    """The key of a delta it comes under."""
    text: str
    """Of a tool call, its arguments."""
    place: int = 0
    """Of the tool call."""
    name: str = ""
    """Of the tool, where a call begins."""


class Completion:
    """One request for an answer, checked, with the answer it will get. Raises Refused as a real server would."""

    def __init__(self, body: bytes, number: int) -> None:
        try:
            request = json.loads(body)
            messages = request["messages"]
            if not messages or not all(isinstance(message, dict) for message in messages):
                raise TypeError
        except (ValueError, KeyError, TypeError, RecursionError):
            text = "The body must be a JSON object with a list of messages."
            raise refusal("400 Bad Request", text, "invalid_request_error") from None
        heard = hear(messages, request.get("tools"))
        answer = scripted(heard)
        self.seed = zlib.crc32(body)
        self.prompt_tokens = sum(len(str(message.get("content") or "")) for message in messages) // 4 + 4 * len(
            messages
        )
        if self.prompt_tokens > CONTEXT:
            text = f"The prompt has {self.prompt_tokens} tokens, but the context length is only {CONTEXT} tokens."
            extra = {"n_prompt_tokens": self.prompt_tokens, "n_ctx": CONTEXT}
            raise refusal("400 Bad Request", text, "exceed_context_size_error", **extra)
        pieces = [_Piece("reasoning_content", text) for text in tokens(answer.thinking)]
        pieces += [_Piece("content", text) for text in tokens(answer.answer)]
        for index, call in enumerate(answer.calls):
            pieces.append(_Piece("tool_calls", "", index, call.name))
            pieces += [_Piece("tool_calls", text, index) for text in tokens(call.arguments)]
        self._calls = answer.calls
        limit = request.get("max_completion_tokens") or request.get("max_tokens")
        room = CONTEXT - self.prompt_tokens
        if isinstance(limit, int) and limit > 0:
            room = min(room, limit)
        self.pieces = pieces[:room]
        ended = "tool_calls" if answer.calls else "stop"
        self.finish_reason = ended if len(pieces) <= room else "length"
        self._number = number
        self.is_streamed = request.get("stream") is True
        options = request.get("stream_options")
        self._wants_usage = isinstance(options, dict) and options.get("include_usage") is True
        self._base = {"id": f"chatcmpl-demo-{number}", "created": int(time.time()), "model": MODEL}

    def events(self) -> Iterator[Json]:
        """The stream's events, in order, without the closing [DONE]."""
        yield self._chunk({"role": "assistant", "content": None})
        for piece in self.pieces:
            is_call = piece.channel == "tool_calls"
            yield self._chunk({piece.channel: [self._call(piece)] if is_call else piece.text})
        yield self._chunk({}, self.finish_reason)
        if self._wants_usage:
            yield {**self._chunk({}), "choices": [], "usage": self._usage()}

    def whole(self) -> Json:
        """The same as one answer."""
        message: dict[str, object] = {"role": "assistant", "content": self._joined("content")}
        if thinking := self._joined("reasoning_content"):
            message["reasoning_content"] = thinking
        if self._calls and self.finish_reason == "tool_calls":
            whole = (_Piece("tool_calls", call.arguments, at, call.name) for at, call in enumerate(self._calls))
            message["tool_calls"] = [self._call(piece) for piece in whole]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        return {**self._base, "object": "chat.completion", "choices": [choice], "usage": self._usage()}

    def _call(self, piece: _Piece) -> Json:
        """A tool call, or a part of one: with id and name where it begins."""
        part: dict[str, object] = {"index": piece.place, "function": {"arguments": piece.text}}
        if piece.name:
            part |= {"id": f"call_demo_{self._number}_{piece.place}", "type": "function"}
            part["function"] = {"name": piece.name, "arguments": piece.text}
        return part

    def _chunk(self, delta: Json, finish_reason: str | None = None) -> dict[str, object]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._base, "object": "chat.completion.chunk", "system_fingerprint": MODEL, "choices": [choice]}

    def _usage(self) -> Json:
        thought = sum(piece.channel == "reasoning_content" for piece in self.pieces)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": len(self.pieces),
            "total_tokens": self.prompt_tokens + len(self.pieces),
            "completion_tokens_details": {"reasoning_tokens": thought},
        }

    def _joined(self, channel: str) -> str:
        return "".join(piece.text for piece in self.pieces if piece.channel == channel)
