"""`POST /v1/chat/completions` as OpenAI documents it, and as Groq, llama.cpp and vLLM vary it."""

from __future__ import annotations

from typing import Any

from tests.servers.fakes.script import Break, Call, End, Refuse, Script
from tests.servers.fakes.serving import Encoder, FakeServer, Json, Refusal, Request, sse

DONE = b"data: [DONE]\n\n"
FINISH = {"stop": "stop", "length": "length", "tools": "tool_calls", "refused": "content_filter"}


class ChatEncoder:
    """The chunks of one answer."""

    content_type = "text/event-stream"
    late_head = False
    thinking_field = "reasoning_content"
    call_id = "call_Jq3"

    def __init__(self, request: Json, script: Script) -> None:
        self.request = request
        self.script = script
        self.model = script.model or request["model"]
        self.calls = 0

    @property
    def counts(self) -> bool:
        """Whether token counts were asked for: they come only then."""
        return bool((self.request.get("stream_options") or {}).get("include_usage"))

    @property
    def usage(self) -> Json:
        prompt, completion = self.script.prompt_tokens, self.script.completion_tokens
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    def chunk(self, delta: Json, finish: str | None = None, **more: Any) -> bytes:
        return sse(
            {
                "id": "chatcmpl-9xK",
                "object": "chat.completion.chunk",
                "created": 1795000000,
                "model": self.model,
                "system_fingerprint": "fp_44709d6fcb",
                "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
                **more,
            }
        )

    def bare(self, **more: Any) -> bytes:
        """A chunk without choices."""
        return sse(
            {
                "id": "chatcmpl-9xK",
                "object": "chat.completion.chunk",
                "created": 1795000000,
                "model": self.model,
                "choices": [],
                **more,
            }
        )

    def begin(self) -> bytes:
        return self.chunk({"role": "assistant", "content": ""})

    def text(self, text: str) -> bytes:
        return self.chunk({"content": text})

    def thinking(self, text: str) -> bytes:
        return self.chunk({self.thinking_field: text})

    def call(self, call: Call) -> bytes:
        index, self.calls = self.calls, self.calls + 1
        function = {"name": call.name, "arguments": ""}
        first = {"index": index, "id": f"{self.call_id}{index}", "type": "function", "function": function}
        pieces = [{"index": index, "function": {"arguments": piece}} for piece in call.pieces]
        return b"".join(self.chunk({"tool_calls": [piece]}) for piece in (first, *pieces))

    def load(self, fraction: float) -> bytes:
        return b""

    def read(self, fraction: float) -> bytes:
        return b""

    def keep(self) -> bytes:
        return b": keep-alive\n\n"

    def end(self, end: End) -> bytes:
        counts = self.bare(usage=self.usage) if self.counts else b""
        return self.chunk({}, FINISH[end.reason]) + counts + DONE

    def error(self, error: Break) -> bytes:
        words = {
            "crashed": "The server had an error while processing your request.",
            "busy": "The engine is currently overloaded, please try again later.",
            "context": "This model's maximum context length is 8192 tokens.",
        }[error.fault]
        code = {"crashed": None, "busy": "503", "context": "context_length_exceeded"}[error.fault]
        return sse({"error": {"message": words, "type": "server_error", "param": None, "code": code}})

    def whole(self, text: str, thinking: str, calls: list[Call], end: End) -> object:
        message: Json = {"role": "assistant", "content": text or None}
        if thinking:
            message[self.thinking_field] = thinking
        if calls:
            message["tool_calls"] = [
                {
                    "id": f"{self.call_id}{index}",
                    "type": "function",
                    "function": {"name": call.name, "arguments": "".join(call.pieces)},
                }
                for index, call in enumerate(calls)
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[end.reason]}
        return {
            "id": "chatcmpl-9xK",
            "object": "chat.completion",
            "created": 1795000000,
            "model": self.model,
            "choices": [choice],
            "usage": self.usage,
        }


class FakeOpenAI(FakeServer):
    """api.openai.com, with a model that has given up `max_tokens` and `temperature` if it is called gpt-5 or later."""

    kind = "openai"
    chat_path = "/v1/chat/completions"
    encoder_type: type[ChatEncoder] = ChatEncoder

    def encoder(self, request: Request, script: Script) -> Encoder | None:
        return self.encoder_type(request.json, script) if request.path == self.chat_path else None

    def objection(self, request: Request) -> Refusal | None:
        body = request.json
        if "model" not in body or not body.get("messages"):
            return _error(400, "you must provide a model parameter", param="model")
        if str(body["model"]).startswith("gpt-5"):
            if "max_tokens" in body:
                return _error(
                    400,
                    "Unsupported parameter: 'max_tokens' is not supported with this model."
                    " Use 'max_completion_tokens' instead.",
                    param="max_tokens",
                    code="unsupported_parameter",
                )
            if body.get("temperature", 1) != 1:
                return _error(
                    400,
                    "Unsupported value: 'temperature' does not support 0.2 with this model."
                    " Only the default (1) value is supported.",
                    param="temperature",
                    code="unsupported_value",
                )
        return None

    def refusal(self, refuse: Refuse, request: Request) -> Refusal:
        model = request.json["model"]
        match refuse.fault:
            case "context":
                words = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000."
                return _error(400, words, param="messages", code="context_length_exceeded")
            case "key":
                key = request.headers.get("authorization", "").removeprefix("Bearer ")
                return _error(401, f"Incorrect API key provided: {key}.", code="invalid_api_key")
            case "model":
                words = f"The model `{model}` does not exist or you do not have access to it."
                return _error(404, words, code="model_not_found")
            case "rate":
                words = f"Rate limit reached for {model} on requests per min (RPM): Limit 3, Used 3."
                return _error(429, words, "requests", code="rate_limit_exceeded", retry_after=refuse.retry_after)
            case "busy":
                return _error(503, "The engine is currently overloaded, please try again later", "server_error")
            case _:
                return _error(500, "The server had an error while processing your request.", "server_error")

    def other(self, request: Request) -> Refusal:
        if request.method == "GET" and request.path == "/v1/models":
            return Refusal(200, {"object": "list", "data": self.models()})
        return _error(404, f"Invalid URL ({request.method} {request.path})")

    def models(self) -> list[Json]:
        return [{"id": "gpt-5.6-mini", "object": "model", "created": 1790000000, "owned_by": "system"}]


def _error(
    status: int,
    message: str,
    kind: str = "invalid_request_error",
    *,
    param: str | None = None,
    code: str | None = None,
    retry_after: str = "",
) -> Refusal:
    headers = {"Retry-After": retry_after} if retry_after else {}
    return Refusal(status, {"error": {"message": message, "type": kind, "param": param, "code": code}}, headers)


class GroqEncoder(ChatEncoder):
    """Token counts in `x_groq`; thinking as the request orders it."""

    thinking_field = "reasoning"
    _thinks_inline = False

    def begin(self) -> bytes:
        return self.chunk({"role": "assistant", "content": ""}, x_groq={"id": "req_01jb"})

    def thinking(self, text: str) -> bytes:
        match self.request.get("reasoning_format", "raw"):
            case "parsed":
                return self.chunk({"reasoning": text})
            case "hidden":
                return b""
        opening = "" if self._thinks_inline else "<think>"
        self._thinks_inline = True
        return self.chunk({"content": opening + text})

    def text(self, text: str) -> bytes:
        closing = "</think>" if self._thinks_inline else ""
        self._thinks_inline = False
        return self.chunk({"content": closing + text})

    def end(self, end: End) -> bytes:
        usage = {**self.usage, "queue_time": 0.075, "prompt_time": 0.006, "completion_time": 0.022, "total_time": 0.028}
        finish = self.chunk({}, FINISH[end.reason], x_groq={"id": "req_01jb", "usage": usage})
        return finish + (self.bare(usage=usage) if self.counts else b"") + DONE

    def error(self, error: Break) -> bytes:
        if error.fault == "crashed":
            return self.chunk({}, x_groq={"id": "req_01jb", "error": "over capacity, stream stopped early"})
        words = (
            "maximum context length reached, please reduce the length of the messages"
            if error.fault == "context"
            else "Service unavailable"
        )
        code, status = ("context_length_exceeded", 400) if error.fault == "context" else ("over_capacity", 503)
        return sse({"error": {"message": words, "type": "server_error", "code": code, "status_code": status}}, "error")


class FakeGroq(FakeOpenAI):
    """api.groq.com."""

    kind = "groq"
    base_path = "/openai/v1"
    chat_path = "/openai/v1/chat/completions"
    encoder_type = GroqEncoder

    def objection(self, request: Request) -> Refusal | None:
        body = request.json
        for name in ("logprobs", "logit_bias", "top_logprobs"):
            if name in body:
                return _error(400, f"property '{name}' is unsupported", param=name)
        if "reasoning_format" in body and "include_reasoning" in body:
            return _error(400, "reasoning_format and include_reasoning are mutually exclusive")
        return None

    def other(self, request: Request) -> Refusal:
        if request.method == "GET" and request.path == "/openai/v1/models":
            return Refusal(200, {"object": "list", "data": self.models()})
        return _error(404, f"Unknown request URL: {request.method} {request.path}.", code="unknown_url")

    def models(self) -> list[Json]:
        model: Json = {"id": "qwen/qwen3-32b", "object": "model", "created": 1790000000, "owned_by": "Alibaba Cloud"}
        return [{**model, "active": True, "context_window": 131072, "max_completion_tokens": 40960}]


class LlamaCppEncoder(ChatEncoder):
    """Progress of the prompt where it was asked for, timings at the end, errors with a number for a code."""

    def read(self, fraction: float) -> bytes:
        if not self.request.get("return_progress"):
            return b""
        progress = {"total": 200, "cache": 0, "processed": round(200 * fraction), "time_ms": 181}
        return self.chunk({"role": "assistant", "content": None}, prompt_progress=progress)

    def keep(self) -> bytes:
        return b":\n\n"

    def end(self, end: End) -> bytes:
        timings = {"cache_n": 0, "prompt_n": self.script.prompt_tokens, "predicted_n": self.script.completion_tokens}
        usage = {"usage": self.usage} if self.counts else {}
        return self.chunk({}, FINISH[end.reason]) + self.bare(timings=timings, **usage) + DONE

    def error(self, error: Break) -> bytes:
        words = "Context size has been exceeded." if error.fault == "context" else "decode failed"
        code = 503 if error.fault == "busy" else 500
        return sse({"error": {"code": code, "message": words, "type": "server_error"}})


class FakeLlamaCpp(FakeOpenAI):
    """llama.cpp's server with one model."""

    kind = "llamacpp"
    encoder_type = LlamaCppEncoder

    def objection(self, request: Request) -> Refusal | None:
        return None

    def refusal(self, refuse: Refuse, request: Request) -> Refusal:
        match refuse.fault:
            case "context":
                words = "request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it"
                more = {"n_prompt_tokens": 9000, "n_ctx": 4096}
                return self._error(400, words, "exceed_context_size_error", **more)
            case "key":
                return self._error(401, "Invalid API Key", "authentication_error")
            case "model":
                return self._error(404, f"model '{request.json['model']}' not found", "not_found_error")
            case "busy":
                return self._error(503, "Loading model", "unavailable_error")
            case _:
                return self._error(500, "Context checkpoint failed to restore", "server_error")

    def other(self, request: Request) -> Refusal:
        match request.method, request.path:
            case "GET", "/v1/models":
                return Refusal(200, {"object": "list", "data": self.models()})
            case "GET", "/health":
                return Refusal(200, {"status": "ok"})
            case "GET", "/props":
                settings = {"default_generation_settings": {"n_ctx": 4096}, "total_slots": self.slots}
                return Refusal(200, {**settings, "chat_template": "", "modalities": {}, "is_sleeping": False})
            case "GET", "/slots":
                return Refusal(200, [{"id": i, "is_processing": False, "n_ctx": 4096} for i in range(self.slots)])
        return self._error(404, "File Not Found", "not_found_error")

    def models(self) -> list[Json]:
        meta = {"n_ctx_train": 32768, "n_params": 8_000_000_000, "size": 4_900_000_000}
        return [{"id": "qwen3-8b", "object": "model", "created": 1, "owned_by": "llamacpp", "meta": meta}]

    def _error(self, status: int, message: str, kind: str, **more: int) -> Refusal:
        return Refusal(status, {"error": {"code": status, "message": message, "type": kind, **more}})


class VLLMEncoder(ChatEncoder):
    """Thinking in `reasoning` only; errors flat, in an object of their own."""

    thinking_field = "reasoning"
    call_id = "chatcmpl-tool-"

    def error(self, error: Break) -> bytes:
        words = {"crashed": "EngineCore died", "busy": "try again", "context": "maximum context length is 4096 tokens"}
        code = {"crashed": 500, "busy": 503, "context": 400}[error.fault]
        return sse({"object": "error", "message": words[error.fault], "type": "InternalServerError", "code": code})


class FakeVLLM(FakeOpenAI):
    """vLLM."""

    kind = "vllm"
    encoder_type = VLLMEncoder

    def objection(self, request: Request) -> Refusal | None:
        return None

    def models(self) -> list[Json]:
        return [{"id": "qwen3-8b", "object": "model", "owned_by": "vllm", "max_model_len": 32768, "root": "qwen3-8b"}]
