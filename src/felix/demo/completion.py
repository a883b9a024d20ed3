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
    channel: Literal["reasoning_content", "content"]
    """The key of a delta it comes under."""
    text: str


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
        heard = hear(messages)
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
        limit = request.get("max_completion_tokens") or request.get("max_tokens")
        room = CONTEXT - self.prompt_tokens
        if isinstance(limit, int) and limit > 0:
            room = min(room, limit)
        self.pieces = pieces[:room]
        self.finish_reason = "stop" if len(pieces) <= room else "length"
        self.is_streamed = request.get("stream") is True
        options = request.get("stream_options")
        self._wants_usage = isinstance(options, dict) and options.get("include_usage") is True
        self._base = {"id": f"chatcmpl-demo-{number}", "created": int(time.time()), "model": MODEL}

    def events(self) -> Iterator[Json]:
        """The stream's events, in order, without the closing [DONE]."""
        yield self._chunk({"role": "assistant", "content": None})
        for piece in self.pieces:
            yield self._chunk({piece.channel: piece.text})
        yield self._chunk({}, self.finish_reason)
        if self._wants_usage:
            yield {**self._chunk({}), "choices": [], "usage": self._usage()}

    def whole(self) -> Json:
        """The same as one answer."""
        message = {"role": "assistant", "content": self._joined("content")}
        if thinking := self._joined("reasoning_content"):
            message["reasoning_content"] = thinking
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        return {**self._base, "object": "chat.completion", "choices": [choice], "usage": self._usage()}

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
