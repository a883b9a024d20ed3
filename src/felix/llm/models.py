"""What a server is, which models it has, and whether it answers: everything a user must know before a run.

The SDK and the HTTP library are imported when something is asked, not before: the window must be up first.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from felix.errors import ServerError, ServerFault
from felix.llm.address import default_silence_timeout_s, is_loopback, repair_base_url
from felix.llm.batching import complete_streaming, complete_whole
from felix.llm.chat import ChatClient, ChatRequest, Message
from felix.llm.model_lists import ModelInfo, from_lmstudio_v0, from_lmstudio_v1, from_openai

if TYPE_CHECKING:
    import httpx2

    from felix.endpoints import ServerKind

__all__ = [
    "ConnectionCheck",
    "ModelInfo",
    "ServerReport",
    "check_connection",
    "default_silence_timeout_s",
    "is_loopback",
    "list_models",
    "make_client",
    "repair_base_url",
]

LISTING_TIMEOUT_S = 10.0
"""A list takes milliseconds; a server that is busy reading a prompt may take seconds."""

_NAMES: dict[ServerKind, str] = {
    "lmstudio": "LM Studio",
    "llamacpp": "llama.cpp",
    "vllm": "vLLM",
    "ollama": "Ollama",
    "groq": "Groq",
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "file": "Model file",
    "other": "Model server",
}


@dataclass(frozen=True, slots=True)
class ServerReport:
    """A server that answered."""

    kind: ServerKind
    name: str
    """As people call it."""
    models: tuple[ModelInfo, ...]
    """Loaded ones first, embedding models left out; never empty."""
    latency_ms: float
    """From asking to the answer, for one question."""
    base_url: str = ""

    def model(self, name: str) -> ModelInfo | None:
        """The model a request for `name` means; an empty one means the first."""
        if not name:
            return self.models[0] if self.models else None
        return next((model for model in self.models if model.id == name), None)


@dataclass(frozen=True, slots=True)
class ConnectionCheck:
    """How a one-token call ended."""

    ok: bool
    sentence: str
    model: str = ""
    ttft_s: float | None = None
    fault: ServerFault | None = None


def make_client(base_url: str, api_key: str = "", kind: ServerKind = "other") -> ChatClient:
    """The client for a server of this kind; "other" is good for all. Raises ServerError when the key cannot be sent."""
    if kind == "lmstudio":
        from felix.llm.lmstudio import LMStudioClient

        return LMStudioClient(base_url, api_key)
    from felix.llm.openai_client import OpenAIClient

    return OpenAIClient(base_url, api_key, reports_progress=kind == "llamacpp")


async def list_models(base_url: str, api_key: str = "", *, timeout_s: float = LISTING_TIMEOUT_S) -> ServerReport:
    """Ask a server what it is and what it has.

    Raises ServerError: nothing listens there, it is no model server, it has no model, it wants a key; and AddressError
    for an address that is none.
    """
    from felix.llm import faults, transport

    base_url = repair_base_url(base_url)
    async with transport.open_client(base_url, api_key) as http:
        server = _Listing(http, base_url, timeout_s)
        try:
            kind, models = await _ask(server)
        except ServerError as error:
            raise faults.without_key(error, api_key) from None
    name = _NAMES[kind]
    if not models:
        raise ServerError(
            f"{name} runs, but has no model – download or load one there, then try again.", fault="no_model"
        )
    return ServerReport(kind, name, models, server.latency_ms, base_url)


async def check_connection(
    client: ChatClient,
    report: ServerReport,
    *,
    model: str = "",
    streaming: bool = True,
    silence_timeout_s: float = 0,
) -> ConnectionCheck:
    """One token through the same code as a run, and what came of it in words."""
    chosen = report.model(model)
    if chosen is None and report.kind == "lmstudio":
        # LM Studio answers with any loaded model when it does not know the one asked for.
        return ConnectionCheck(
            ok=False,
            sentence=f"{report.name} has no model “{model}” – choose one from the list.",
            model=model,
            fault="unknown_model",
        )
    request = ChatRequest((Message("user", "Say yes."),), model or (chosen.id if chosen else ""), max_tokens=1)
    if streaming:
        answer = await complete_streaming(client, request, batch_interval=0, silence_timeout_s=silence_timeout_s)
    else:
        answer = await complete_whole(client, request, silence_timeout_s=silence_timeout_s)
    # One token may be thinking, or nothing that can be seen: what counts is that the model was asked and answered.
    if answer.fault is not None:
        return ConnectionCheck(
            ok=False, sentence=answer.error or "No answer came.", model=request.model, fault=answer.fault
        )
    after = "" if answer.ttft_s is None else f", first token after {_seconds(answer.ttft_s)}"
    context = f", context {chosen.context_length:,} tokens" if chosen and chosen.context_length else ""
    return ConnectionCheck(
        ok=True,
        sentence=f"{report.name} answers with {answer.model or request.model}{after}{context}.",
        model=answer.model or request.model,
        ttft_s=answer.ttft_s,
    )


class _Listing:
    """Questions to the interfaces of one server."""

    def __init__(self, http: httpx2.AsyncClient, base_url: str, timeout_s: float) -> None:
        self._http = http
        self.base_url = base_url
        self.root = base_url.removesuffix("/v1")
        self._timeout_s = timeout_s
        self.latency_ms = 0.0
        """Of the latest answer."""

    async def get(self, url: str) -> httpx2.Response:
        import httpx2

        from felix.llm import transport

        timeout = httpx2.Timeout(self._timeout_s, connect=self._http.timeout.connect)
        asked = time.monotonic()
        try:
            response = await self._http.get(url, timeout=timeout)
        except httpx2.ReadTimeout:
            raise ServerError(
                f"{self.base_url} took the question but did not answer – look whether the server hangs.", fault="silent"
            ) from None
        except transport.ERRORS as error:
            raise transport.failure(error, self.base_url, stage="opening") from None
        self.latency_ms = (time.monotonic() - asked) * 1000
        return response

    async def json(self, url: str) -> object:
        """The parsed body of a good answer, else None."""
        response = await self.get(url)
        if response.status_code != 200:
            return None
        try:
            return response.json()
        except ValueError:
            return None


async def _ask(server: _Listing) -> tuple[ServerKind, tuple[ModelInfo, ...]]:
    # A public server has no LM Studio behind it; asking there costs a user two round trips.
    if urlsplit(server.base_url).hostname != "api.openai.com":
        for path, parse in (("/api/v1/models", from_lmstudio_v1), ("/api/v0/models", from_lmstudio_v0)):
            models = parse(await server.json(server.root + path))
            if models is not None:
                return "lmstudio", models
    response = await server.get(server.base_url + "/models")
    listed = from_openai(_body(response)) if response.status_code == 200 else None
    if listed is None:
        raise _no_list(response, server.base_url)
    kind, models = listed
    if kind == "llamacpp":
        models = _with_slots(models, await server.json(server.root + "/props"))
    return kind, models


def _with_slots(models: tuple[ModelInfo, ...], props: object) -> tuple[ModelInfo, ...]:
    """llama.cpp tells the context of one slot, and how many there are, in a place of its own."""
    match props:
        case {"default_generation_settings": {"n_ctx": int() as context}, "total_slots": int() as slots}:
            return tuple(
                replace(model, context_length=context, slots=slots) if model.loaded else model for model in models
            )
        case _:
            return models


def _no_list(response: httpx2.Response, base_url: str) -> ServerError:
    from felix.llm import faults

    body = _body(response)
    text = faults.error_text(body)
    if response.status_code in (401, 403, 429) or response.status_code >= 500 or response.has_redirect_location:
        return faults.from_status(
            response.status_code,
            text,
            address=base_url,
            location=urlsplit(response.headers.get("location", "")).netloc,
        )
    return faults.not_a_model_server(base_url, response.status_code, response.headers.get("content-type", ""), text)


def _body(response: httpx2.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return response.text


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
