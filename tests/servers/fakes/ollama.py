"""Ollama's own `POST /api/chat`: one JSON object per line, with the lists beside it."""

from __future__ import annotations

import json
from typing import Any

from tests.servers.fakes.script import Break, Call, End, Refuse, Script
from tests.servers.fakes.serving import Encoder, FakeServer, Json, Refusal, Request, line


class LineEncoder:
    """The lines of one answer; nothing, not even headers, is sent before the first."""

    content_type = "application/x-ndjson"
    late_head = True

    def __init__(self, request: Json, script: Script) -> None:
        self._script = script
        self._model = script.model or request["model"]
        self._calls = 0

    def begin(self) -> bytes:
        return b""

    def text(self, text: str) -> bytes:
        return self._line({"role": "assistant", "content": text})

    def thinking(self, text: str) -> bytes:
        return self._line({"role": "assistant", "content": "", "thinking": text})

    def call(self, call: Call) -> bytes:
        return self._line({"role": "assistant", "content": "", "tool_calls": [self._call(call)]})

    def load(self, fraction: float) -> bytes:
        return b""

    def read(self, fraction: float) -> bytes:
        return b""

    def keep(self) -> bytes:
        return b""

    def end(self, end: End) -> bytes:
        return self._line({"role": "assistant", "content": ""}, **self._ending(end))

    def error(self, error: Break) -> bytes:
        words = {
            "crashed": "an error was encountered while running the model: CUDA error",
            "busy": "server busy, please try again.  maximum pending requests exceeded",
            "context": "the input length exceeds the context length",
        }[error.fault]
        return line({"error": words})

    def whole(self, text: str, thinking: str, calls: list[Call], end: End) -> object:
        message: Json = {"role": "assistant", "content": text}
        if thinking:
            message["thinking"] = thinking
        if calls:
            message["tool_calls"] = [self._call(call) for call in calls]
        return {**self._head(), "message": message, **self._ending(end)}

    def _head(self) -> Json:
        return {"model": self._model, "created_at": "2026-11-20T17:15:24.097767Z"}

    def _line(self, message: Json, **more: Any) -> bytes:
        return line({**self._head(), "message": message, "done": False, **more})

    def _call(self, call: Call) -> Json:
        index, self._calls = self._calls, self._calls + 1
        function = {"index": index, "name": call.name, "arguments": json.loads("".join(call.pieces) or "{}")}
        return {"id": f"call_x{index}", "function": function}

    def _ending(self, end: End) -> Json:
        # counters that are zero are left out; the durations are nanoseconds
        counters = {
            "total_duration": 174560334,
            "load_duration": 101397084,
            "prompt_eval_count": self._script.prompt_tokens,
            "prompt_eval_duration": 13074791,
            "eval_count": self._script.completion_tokens,
            "eval_duration": 52479709,
        }
        reason = "length" if end.reason == "length" else "stop"
        return {"done": True, "done_reason": reason, **{name: count for name, count in counters.items() if count}}


class FakeOllama(FakeServer):
    """Two models, one of them loaded."""

    kind = "ollama"
    base_path = ""
    loaded = "qwen3:8b"
    idle = "llama3.1:8b"

    def __init__(self, *scripts: Script, context_length: int = 4096) -> None:
        super().__init__(*scripts)
        self.running: dict[str, int] = {self.loaded: context_length}
        """Loaded models with their context."""

    def encoder(self, request: Request, script: Script) -> Encoder | None:
        return LineEncoder(request.json, script) if request.path == "/api/chat" else None

    def objection(self, request: Request) -> Refusal | None:
        body = request.json
        think = body.get("think")
        if think is not None and think not in (True, False, "low", "medium", "high", "max"):
            return Refusal(400, {"error": f"invalid think value: {think!r}"})
        if not isinstance(body.get("options", {}), dict):
            return Refusal(400, {"error": "json: cannot unmarshal options"})
        return None

    def refusal(self, refuse: Refuse, request: Request) -> Refusal:
        headers = {"Retry-After": refuse.retry_after} if refuse.retry_after else {}
        status, words = {
            "context": (400, "the input length exceeds the context length"),
            "key": (401, "unauthorized"),
            "model": (404, f'model "{request.json["model"]}" not found, try pulling it first'),
            "rate": (429, "too many requests"),
            "busy": (503, "server busy, please try again.  maximum pending requests exceeded"),
            "server": (500, "llama runner process has terminated: exit status 2"),
        }[refuse.fault]
        return Refusal(status, {"error": words}, headers)

    def other(self, request: Request) -> Refusal:
        match request.method, request.path:
            case "GET", "/":
                return Refusal(200, b"Ollama is running")
            case "GET", "/api/version":
                return Refusal(200, {"version": "0.30.7"})
            case "GET", "/api/tags":
                return Refusal(200, {"models": [_tag(self.loaded), _tag(self.idle)]})
            case "GET", "/api/ps":
                return Refusal(200, {"models": [self._running(name) for name in self.running]})
            case "POST", "/api/show":
                return self._show(request.json)
            case "POST", "/api/generate":
                return self._generate(request.json)
            case "GET", "/v1/models":
                models = [
                    {"id": name, "object": "model", "created": 1790000000, "owned_by": "library"}
                    for name in (self.loaded, self.idle)
                ]
                return Refusal(200, {"object": "list", "data": models})
        return Refusal(404, b"404 page not found")

    def _running(self, name: str) -> Json:
        more = {"size_vram": 6_000_000_000, "expires_at": "2026-11-20T17:20:24Z"}
        return {**_tag(name), **more, "context_length": self.running[name]}

    def _show(self, body: Json) -> Refusal:
        name = body.get("model")
        if name not in (self.loaded, self.idle):
            return Refusal(404, {"error": f"model '{name}' not found"})
        architecture = "qwen3" if name == self.loaded else "llama"
        abilities = ["completion", "tools", *(["thinking"] if name == self.loaded else [])]
        info = {"general.architecture": architecture, f"{architecture}.context_length": 40960}
        return Refusal(200, {"capabilities": abilities, "model_info": info, "parameters": "", "template": ""})

    def _generate(self, body: Json) -> Refusal:
        """Loading and unloading: a question without a prompt."""
        name = body.get("model", "")
        if name not in (self.loaded, self.idle):
            return Refusal(404, {"error": f"model '{name}' not found"})
        reply: Json = {"model": name, "created_at": "2026-11-20T17:15:24Z", "response": "", "done": True}
        if body.get("keep_alive") in (0, "0"):
            self.running.pop(name, None)
            return Refusal(200, {**reply, "done_reason": "unload"})
        self.running[name] = body.get("options", {}).get("num_ctx", 4096)
        return Refusal(200, {**reply, "done_reason": "load"})


def _tag(name: str) -> Json:
    details = {"format": "gguf", "family": "qwen3", "parameter_size": "8.2B", "quantization_level": "Q4_K_M"}
    size = {"size": 5_200_000_000, "digest": "500a1f067a9f7826"}
    return {"name": name, "model": name, "modified_at": "2026-11-01T10:00:00Z", **size, "details": details}
