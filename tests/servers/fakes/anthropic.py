"""`POST /v1/messages` as Anthropic documents it for its API of 2026-10-21."""

from __future__ import annotations

import json
from typing import Any

from tests.servers.fakes.script import Break, Call, End, Refuse, Script
from tests.servers.fakes.serving import Encoder, FakeServer, Json, Refusal, Request, sse

STOP = {"stop": "end_turn", "length": "max_tokens", "tools": "tool_use", "refused": "refusal"}


class MessageEncoder:
    """The typed events of one answer: numbered blocks of thinking, text and tool use."""

    content_type = "text/event-stream"
    late_head = False

    def __init__(self, request: Json, script: Script) -> None:
        self._script = script
        self._model = script.model or request["model"]
        self._block = ""
        self._index = -1

    def begin(self) -> bytes:
        usage = {"input_tokens": self._script.prompt_tokens, "cache_read_input_tokens": 0, "output_tokens": 1}
        message = {**self._head(), "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        return self._event("message_start", message=message)

    def text(self, text: str) -> bytes:
        start = self._turn("text", {"type": "text", "text": ""})
        return start + self._delta({"type": "text_delta", "text": text})

    def thinking(self, text: str) -> bytes:
        start = self._turn("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        return start + self._delta({"type": "thinking_delta", "thinking": text})

    def call(self, call: Call) -> bytes:
        block = {"type": "tool_use", "id": f"toolu_{self._index + 1}", "name": call.name, "input": {}}
        start = self._turn("tool_use", block, is_new=True)
        pieces = ("", *call.pieces)
        return start + b"".join(self._delta({"type": "input_json_delta", "partial_json": piece}) for piece in pieces)

    def load(self, fraction: float) -> bytes:
        return b""

    def read(self, fraction: float) -> bytes:
        return b""

    def keep(self) -> bytes:
        return self._event("ping")

    def end(self, end: End) -> bytes:
        # the count of the output is cumulative: it replaces the one in message_start
        usage = {"output_tokens": self._script.completion_tokens}
        delta = {"stop_reason": STOP[end.reason], "stop_sequence": None}
        return self.stopping(delta, usage) + self._event("message_stop")

    def stopping(self, delta: Json, usage: Json) -> bytes:
        return self._turn("", None) + self._event("message_delta", delta=delta, usage=usage)

    def error(self, error: Break) -> bytes:
        kind, words = {
            "crashed": ("api_error", "Internal server error"),
            "busy": ("overloaded_error", "Overloaded"),
            "context": ("invalid_request_error", "prompt is too long: 204000 tokens > 200000 maximum"),
        }[error.fault]
        return self._event("error", error={"type": kind, "message": words})

    def whole(self, text: str, thinking: str, calls: list[Call], end: End) -> object:
        content: list[Json] = []
        if thinking:
            content.append({"type": "thinking", "thinking": thinking, "signature": "EqQBCg"})
        if text:
            content.append({"type": "text", "text": text})
        for index, call in enumerate(calls):
            value = json.loads("".join(call.pieces) or "{}")
            content.append({"type": "tool_use", "id": f"toolu_{index}", "name": call.name, "input": value})
        usage = {"input_tokens": self._script.prompt_tokens, "output_tokens": self._script.completion_tokens}
        return {**self._head(), "content": content, "stop_reason": STOP[end.reason], "usage": usage}

    def _head(self) -> Json:
        return {"id": "msg_01XF", "type": "message", "role": "assistant", "model": self._model}

    def _turn(self, kind: str, block: Json | None, *, is_new: bool = False) -> bytes:
        """Close the block that is open and open the next."""
        if kind == self._block and not is_new:
            return b""
        closing = b""
        if self._block == "thinking":
            closing = self._delta({"type": "signature_delta", "signature": "EqQBCg"})
        if self._block:
            closing += self._event("content_block_stop", index=self._index)
        self._block = kind
        if not kind:
            return closing
        self._index += 1
        return closing + self._event("content_block_start", index=self._index, content_block=block)

    def _delta(self, delta: Json) -> bytes:
        return self._event("content_block_delta", index=self._index, delta=delta)

    def _event(self, name: str, **fields: Any) -> bytes:
        return sse({"type": name, **fields}, name)


class FakeAnthropic(FakeServer):
    """api.anthropic.com."""

    kind = "anthropic"
    base_path = ""

    def encoder(self, request: Request, script: Script) -> Encoder | None:
        return MessageEncoder(request.json, script) if request.path == "/v1/messages" else None

    def objection(self, request: Request) -> Refusal | None:
        body = request.json
        if "anthropic-version" not in request.headers:
            return _error(400, "invalid_request_error", "anthropic-version: header is required")
        if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
            return _error(400, "invalid_request_error", "max_tokens: Field required")
        if request.headers["anthropic-version"] >= "2026-10-21":
            for name in ("temperature", "top_p", "top_k"):
                if name in body:
                    return _error(400, "invalid_request_error", f"{name}: Extra inputs are not permitted")
        if any(message["role"] not in ("user", "assistant") for message in body["messages"]):
            return _error(400, "invalid_request_error", "messages: Unexpected role. Use the system parameter")
        return None

    def refusal(self, refuse: Refuse, request: Request) -> Refusal:
        status, kind, words = {
            "context": (400, "invalid_request_error", "prompt is too long: 204000 tokens > 200000 maximum"),
            "key": (401, "authentication_error", "invalid bearer token"),
            "model": (404, "not_found_error", f"model: {request.json['model']}"),
            "rate": (429, "rate_limit_error", "This request would exceed your organization's rate limit"),
            "busy": (529, "overloaded_error", "Overloaded"),
            "server": (500, "api_error", "Internal server error"),
        }[refuse.fault]
        return _error(status, kind, words, retry_after=refuse.retry_after)

    def other(self, request: Request) -> Refusal:
        if request.method == "GET" and request.path == "/v1/models":
            model = {"type": "model", "id": "claude-haiku-5-5", "display_name": "Claude Haiku 5.5"}
            page = {"has_more": False, "first_id": model["id"], "last_id": model["id"]}
            return Refusal(200, {"data": [{**model, "created_at": "2026-09-01T00:00:00Z"}], **page})
        return _error(404, "not_found_error", "Not Found")


def _error(status: int, kind: str, message: str, *, retry_after: str = "") -> Refusal:
    headers = {"Retry-After": retry_after} if retry_after else {}
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011CS"}
    return Refusal(status, body, headers)
