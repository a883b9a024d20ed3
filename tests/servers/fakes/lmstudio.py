"""LM Studio 0.4: its own `POST /api/v1/chat` with named events, the OpenAI dialect beside it, and its model lists."""

from __future__ import annotations

from typing import Any

from tests.servers.fakes.openai import ChatEncoder
from tests.servers.fakes.script import Break, Call, End, Refuse, Script
from tests.servers.fakes.serving import Encoder, FakeServer, Json, Refusal, Request, sse

CONTEXT = (
    "Input does not fit in context length. The input has 31430 tokens,"
    " but the context length only supports 30000 tokens."
)
CRASHED = "The model has crashed without additional information. (Exit code: 18446744072635812000)"

_CHAT_FIELDS = frozenset(
    {"model", "input", "system_prompt", "integrations", "stream", "temperature", "top_p", "top_k", "min_p"}
    | {"repeat_penalty", "max_output_tokens", "reasoning", "context_length", "store", "previous_response_id"}
)


class LMStudioChatEncoder(ChatEncoder):
    """Headers at once; an error is an event of its own, with status 200 and no end mark."""

    call_id = "81489011"

    def error(self, error: Break) -> bytes:
        words = CONTEXT if error.fault == "context" else CRASHED
        return sse({"error": {"message": words}, "message": words}, "error")


class NativeEncoder:
    """The named events of one answer. It always begins with `chat.start` and ends with `chat.end`."""

    content_type = "text/event-stream"
    late_head = False

    def __init__(self, request: Json, script: Script) -> None:
        self._request = request
        self._script = script
        self._instance = script.model or request["model"]
        self._open = ""
        self._output: list[Json] = []
        self._loads = self._reads = False

    def begin(self) -> bytes:
        return self._event("chat.start", model_instance_id=self._instance)

    def load(self, fraction: float) -> bytes:
        start = b"" if self._loads else self._event("model_load.start", model_instance_id=self._instance)
        self._loads = True
        progress = self._event("model_load.progress", model_instance_id=self._instance, progress=fraction)
        if fraction < 1:
            return start + progress
        end = self._event("model_load.end", model_instance_id=self._instance, load_time_seconds=12.34)
        return start + progress + end

    def read(self, fraction: float) -> bytes:
        start = b"" if self._reads else self._event("prompt_processing.start")
        self._reads = True
        progress = self._event("prompt_processing.progress", progress=fraction)
        return start + progress + (self._event("prompt_processing.end") if fraction >= 1 else b"")

    def text(self, text: str) -> bytes:
        return self._turn("message") + self._piece("message", text)

    def thinking(self, text: str) -> bytes:
        return self._turn("reasoning") + self._piece("reasoning", text)

    def call(self, call: Call) -> bytes:
        raise AssertionError("this interface takes no tools of the client's own")

    def keep(self) -> bytes:
        return b": keep-alive\n\n"

    def end(self, end: End) -> bytes:
        closing = self._turn("")
        tokens = self._script.completion_tokens
        if end.reason == "length":
            tokens = self._request["max_output_tokens"]
        return closing + self._event("chat.end", result=self._result(tokens))

    def error(self, error: Break) -> bytes:
        words = CONTEXT if error.fault == "context" else CRASHED
        kind = "invalid_request" if error.fault == "context" else "internal_error"
        event = self._event("error", error={"type": kind, "message": words})
        return event + self._turn("") + self._event("chat.end", result=self._result(0))

    def whole(self, text: str, thinking: str, calls: list[Call], end: End) -> object:
        self._output = [{"type": "reasoning", "content": thinking}] if thinking else []
        self._output.append({"type": "message", "content": text})
        tokens = self._request["max_output_tokens"] if end.reason == "length" else self._script.completion_tokens
        return self._result(tokens)

    def _result(self, tokens: int) -> Json:
        stats = {
            "input_tokens": self._script.prompt_tokens,
            "total_output_tokens": tokens,
            "reasoning_output_tokens": 0,
            "tokens_per_second": 43.7,
            "time_to_first_token_seconds": 0.781,
        }
        return {"model_instance_id": self._instance, "output": self._output, "stats": stats}

    def _turn(self, what: str) -> bytes:
        """Close the part that is open and open the next."""
        if what == self._open:
            return b""
        closing = self._event(f"{self._open}.end") if self._open else b""
        self._open = what
        if what:
            self._output.append({"type": what, "content": ""})
        return closing + (self._event(f"{what}.start") if what else b"")

    def _piece(self, what: str, text: str) -> bytes:
        self._output[-1]["content"] += text
        return self._event(f"{what}.delta", content=text)

    def _event(self, name: str, **fields: Any) -> bytes:
        return sse({"type": name, **fields}, name)


class FakeLMStudio(FakeServer):
    """One model loaded with two slots, one not loaded; `native` and `compatible` keep the requests apart."""

    kind = "lmstudio"
    loaded = "qwen3-8b"
    idle = "gemma-3-27b"

    def __init__(self, *scripts: Script) -> None:
        super().__init__(*scripts)
        self.instances: dict[str, Json] = {self.loaded: {"context_length": 8192, "parallel": 2}}
        """What is loaded, by its name, with its configuration."""

    @property
    def native(self) -> list[Request]:
        return [request for request in self.answered if request.path == "/api/v1/chat"]

    @property
    def compatible(self) -> list[Request]:
        return [request for request in self.answered if request.path == "/v1/chat/completions"]

    def encoder(self, request: Request, script: Script) -> Encoder | None:
        match request.path:
            case "/api/v1/chat":
                return NativeEncoder(request.json, script)
            case "/v1/chat/completions":
                return LMStudioChatEncoder(request.json, script)
        return None

    def objection(self, request: Request) -> Refusal | None:
        if request.path != "/api/v1/chat":
            return None
        body = request.json
        if unknown := set(body) - _CHAT_FIELDS:
            return _error(400, f"Unrecognized key(s) in object: {sorted(unknown)}", param=min(unknown))
        if not isinstance(body.get("input"), str | list):
            return _error(400, "'input' is required", param="input")
        if not 0 <= body.get("temperature", 0) <= 1:
            return _error(400, "Number must be less than or equal to 1", param="temperature")
        return None

    def refusal(self, refuse: Refuse, request: Request) -> Refusal:
        is_native = request.path == "/api/v1/chat"
        match refuse.fault:
            case "context":
                return Refusal(
                    400,
                    {
                        "error": "The number of tokens to keep from the initial prompt is greater than the context"
                        " length (n_keep: 13055>= n_ctx: 4096). Try to load the model with a larger context length,"
                        " or provide a shorter input."
                    },
                )
            case "key":
                words = "An LM Studio API token is required to make requests to this server. Learn more at: …"
                return _error(401, words, code="invalid_api_key")
            case "model":
                words = f"Model not found: {request.json['model']}"
                kind = "model_not_found" if is_native else "invalid_request_error"
                return _error(404, words, kind, param="model")
            case _:
                return _error(500, CRASHED, "internal_error")

    def other(self, request: Request) -> Refusal:
        match request.method, request.path:
            case "GET", "/api/v1/models":
                return Refusal(200, {"models": [self._entry(self.loaded, 8), self._entry(self.idle, 27)]})
            case "GET", "/v1/models":
                names = (self.loaded, self.idle, "text-embedding-nomic-embed-text-v1.5")
                models = [{"id": name, "object": "model", "owned_by": "organization_owner"} for name in names]
                return Refusal(200, {"object": "list", "data": models})
            case "POST", "/api/v1/models/load":
                return self._load(request.json)
            case "POST", "/api/v1/models/unload":
                instance = request.json.get("instance_id", "")
                if self.instances.pop(instance, None) is None:
                    return _error(404, f"No loaded instance {instance}", "model_not_found", param="instance_id")
                return Refusal(200, {"instance_id": instance})
        # a path it does not have is a good answer with an error in it
        return Refusal(200, {"error": f"Unexpected endpoint or method. ({request.method} {request.path})"})

    def _load(self, body: Json) -> Refusal:
        name = body.get("model", "")
        if name not in (self.loaded, self.idle):
            return _error(404, f"Model not found: {name}", "model_not_found", param="model")
        if name in self.instances:
            return _error(400, f"Model {name} already exists", "invalid_request", param="model")
        self.instances[name] = {"context_length": body.get("context_length", 4096), "parallel": 4}
        return Refusal(200, {"type": "llm", "instance_id": name, "load_time_seconds": 9.099, "status": "loaded"})

    def _entry(self, name: str, billions: int) -> Json:
        config = self.instances.get(name)
        return {
            "type": "llm",
            "key": name,
            "display_name": name.replace("-", " ").title(),
            "publisher": "lmstudio-community",
            "architecture": name.partition("-")[0],
            "quantization": {"name": "Q4_K_M", "bits_per_weight": 4},
            "size_bytes": billions * 600_000_000,
            "params_string": f"{billions}B",
            "max_context_length": 40960,
            "format": "gguf",
            "capabilities": {"vision": False, "trained_for_tool_use": True},
            "loaded_instances": [{"id": name, "config": config}] if config else [],
        }


def _error(
    status: int, message: str, kind: str = "invalid_request", *, code: str | None = None, param: str | None = None
) -> Refusal:
    error = {"type": kind, "message": message, "code": code, "param": param}
    return Refusal(status, {"error": {name: value for name, value in error.items() if value is not None}})
