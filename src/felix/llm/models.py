"""What a server is, which models it has, and whether it answers: everything a user must know before a run.

The SDK and the HTTP library are imported when something is asked, not before: the window must be up first.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, assert_never
from urllib.parse import urlsplit

from felix.errors import ServerError, ServerFault
from felix.llm import llamacpp
from felix.llm.address import default_silence_timeout_s, is_file, is_loopback, repair_base_url
from felix.llm.anthropic import catalog as anthropic
from felix.llm.anthropic.headers import HOST as ANTHROPIC
from felix.llm.anthropic.headers import headers, is_anthropic
from felix.llm.batching import complete_streaming, complete_whole
from felix.llm.chat import ChatClient, ChatRequest, Message
from felix.llm.lmstudio import lists as lmstudio
from felix.llm.model_lists import ModelInfo, from_openai
from felix.llm.ollama import catalog as ollama
from felix.llm.ollama.lists import TAGS, full_name
from felix.llm.packages import ready_to_list
from felix.llm.questions import LISTING_TIMEOUT_S, Questions, parsed

if TYPE_CHECKING:
    import httpx2

    from felix.endpoints import ServerKind
    from felix.llm.local.keeper import ModelFiles

    _Listed = tuple[ServerKind, tuple[ModelInfo, ...]]

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

NAMES: dict[ServerKind, str] = {
    "lmstudio": "LM Studio",
    "ollama": "Ollama",
    "llamacpp": "llama.cpp",
    "vllm": "vLLM",
    "openai": "OpenAI",
    "groq": "Groq",
    "anthropic": "Anthropic",
    "file": "Model file",
    "other": "Model server",
}
"""Of the kinds, as people call them."""

_HOSTED: Final[dict[str, ServerKind]] = {"api.openai.com": "openai", "api.groq.com": "groq", ANTHROPIC: "anthropic"}
"""Known by their address."""


@dataclass(frozen=True, slots=True)
class ServerReport:
    """A server that answered."""

    kind: ServerKind
    name: str
    """As people call it."""
    models: tuple[ModelInfo, ...]
    """Loaded ones first, embedding models left out; never empty, but where it wants a key."""
    latency_ms: float
    """From asking to the answer, for one question."""
    base_url: str = ""
    wants_key: bool = False
    """It tells nothing more without one."""

    def model(self, name: str) -> ModelInfo | None:
        """The model a request for `name` means; an empty one means the first."""
        if not name:
            return self.models[0] if self.models else None
        wanted = full_name(name) if self.kind == "ollama" else name
        return next((model for model in self.models if model.id == wanted), None)


@dataclass(frozen=True, slots=True)
class ConnectionCheck:
    """How a one-token call ended."""

    ok: bool
    sentence: str
    model: str = ""
    ttft_s: float | None = None
    fault: ServerFault | None = None


def make_client(
    base_url: str,
    api_key: str = "",
    kind: ServerKind = "other",
    *,
    context_length: int = 0,
    slots: int = 0,
    files: ModelFiles | None = None,
) -> ChatClient:
    """The client for a server of this kind.

    `context_length`: tokens to load a model with, where that is for the client to say; 0 is the server's own choice. So
    are the `slots` of a model file; `files` keeps one loaded for longer than this client lives. Raises ServerError when
    the key cannot be sent or a package is missing.
    """
    match kind:
        case "lmstudio":
            from felix.llm.lmstudio.client import LMStudioClient

            return LMStudioClient(base_url, api_key, context_length=context_length)
        case "ollama":
            from felix.llm.ollama.client import OllamaClient

            return OllamaClient(base_url, api_key, context_length=context_length)
        case "anthropic":
            from felix.llm.anthropic.client import AnthropicClient

            return AnthropicClient(base_url, api_key)
        case "file":
            from felix.llm.local.client import FileClient

            return FileClient(base_url, context_length=context_length, slots=slots, files=files)
        case "llamacpp" | "vllm" | "openai" | "groq" | "other":
            from felix.llm.openai_client import OpenAIClient

            return OpenAIClient(base_url, api_key, kind)
        case _:
            assert_never(kind)


async def list_models(
    base_url: str,
    api_key: str = "",
    *,
    kind: ServerKind | Literal["auto"] = "auto",
    timeout_s: float = LISTING_TIMEOUT_S,
    context_length: int = 0,
    slots: int = 0,
    files: ModelFiles | None = None,
) -> ServerReport:
    """Ask a server what it is and what it has. With a `kind` only that one's interfaces are asked.

    The last three are for a model file, as in `make_client`. Raises ServerError: nothing listens there, it is no model
    server, it has no model, it wants a key; and AddressError for an address that is none.
    """
    base_url = repair_base_url(base_url)
    if is_file(base_url):
        return await _file_report(base_url, context_length, slots, files)
    if kind == "auto":
        kind = _HOSTED.get(urlsplit(base_url).hostname or "", "auto")
    own = headers(base_url, api_key) if kind == "anthropic" else None
    await ready_to_list()
    from felix.llm import faults

    async with Questions(base_url, api_key, timeout_s=timeout_s, headers=own) as server:
        try:
            kind, models = await _ask(server, kind)
        except ServerError as error:
            raise faults.without_key(error, api_key) from None
    # llama.cpp and LM Studio speak this dialect as well.
    name = "Messages server" if kind == "anthropic" and not is_anthropic(base_url) else NAMES[kind]
    if not models:
        raise ServerError(
            f"{name} runs, but has no model – download or load one there, then try again.", fault="no_model"
        )
    return ServerReport(kind, name, models, server.latency_ms, base_url)


async def _file_report(base_url: str, context_length: int, slots: int, files: ModelFiles | None) -> ServerReport:
    from felix.llm.local.catalog import model_of

    asked = time.monotonic()
    model = await model_of(base_url, context_length=context_length, slots=slots, files=files)
    return ServerReport("file", NAMES["file"], (model,), (time.monotonic() - asked) * 1000, base_url)


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


async def _ask(server: Questions, kind: ServerKind | Literal["auto"]) -> _Listed:
    match kind:
        case "auto":
            return await _find_out(server)
        case "lmstudio":
            # One that was renamed or moved is still found out to be what it is.
            return await _find_out(server)
        case "ollama":
            if (models := await ollama.models_of(server)) is None:
                raise _no_list(server, await server.get(server.root + TAGS))
            return kind, models
        case "anthropic":
            if (models := await anthropic.models_of(server)) is None:
                _, models = await (_openai(server) if is_anthropic(server.base_url) else _find_out(server))
            return kind, models
        case "llamacpp" | "vllm" | "openai" | "groq" | "file" | "other":
            found, models = await _openai(server)
            # The user's word goes before our guess, unless they only said that they did not know, or it cannot be.
            return found if kind in ("other", "file") else kind, models
        case _:
            assert_never(kind)


async def _find_out(server: Questions) -> _Listed:
    if ollama.is_likely(server.base_url) and (models := await ollama.models_of(server)) is not None:
        return "ollama", models
    for path, parse in ((lmstudio.V1, lmstudio.from_v1), (lmstudio.V0, lmstudio.from_v0)):
        if (models := parse(await server.json(server.root + path))) is not None:
            return "lmstudio", models
    return await _openai(server)


async def _openai(server: Questions) -> _Listed:
    response = await server.get(server.base_url + "/models")
    listed = from_openai(parsed(response)) if response.status_code == 200 else None
    if listed is None:
        raise _no_list(server, response)
    kind, models = listed
    if kind == "llamacpp":
        models = await llamacpp.with_properties(server, models)
    elif kind == "ollama":
        models = await ollama.models_of(server) or models
    return kind, models


def _no_list(server: Questions, response: httpx2.Response) -> ServerError:
    from felix.llm import faults

    error = server.refusal(response)
    if error.fault in ("key", "redirected", "rate_limit") or response.status_code >= 500:
        return error
    return faults.not_a_model_server(
        server.base_url,
        response.status_code,
        response.headers.get("content-type", ""),
        faults.error_text(parsed(response)),
    )


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
