"""Loading and unloading models by hand, on the servers that let others do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from felix.errors import ServerError
from felix.llm.address import repair_base_url
from felix.llm.questions import Questions

if TYPE_CHECKING:
    from felix.endpoints import ServerKind


async def load_model(base_url: str, api_key: str, kind: ServerKind, model: str, *, context_length: int = 0) -> None:
    """Have a model loaded, with a context of so many tokens; 0 is the server's own choice.

    Returns when it stands, which may take minutes and tells nothing meanwhile; cancelling stops the waiting, not always
    the load. Raises ServerError.
    """
    match kind:
        case "lmstudio":
            from felix.llm.lmstudio import loading as lmstudio

            async with Questions(repair_base_url(base_url), api_key) as server:
                await lmstudio.load(server, model, context_length=context_length)
        case "llamacpp":
            from felix.llm import llamacpp

            async with Questions(repair_base_url(base_url), api_key) as server:
                await llamacpp.load(server, model)
        case "ollama":
            from felix.llm.ollama import loading as ollama

            async with Questions(repair_base_url(base_url), api_key) as server:
                await ollama.load(server, model, context_length=context_length)
        case "file" | "vllm" | "openai" | "groq" | "anthropic" | "other":
            raise _cannot("load")
        case _:
            assert_never(kind)


async def unload_model(base_url: str, api_key: str, kind: ServerKind, model: str) -> None:
    """Give a model's memory back; whoever it answers just now loses the answer. Raises ServerError."""
    match kind:
        case "lmstudio":
            from felix.llm.lmstudio import loading as lmstudio

            async with Questions(repair_base_url(base_url), api_key) as server:
                await lmstudio.unload(server, model)
        case "llamacpp":
            from felix.llm import llamacpp

            async with Questions(repair_base_url(base_url), api_key) as server:
                await llamacpp.unload(server, model)
        case "ollama":
            from felix.llm.ollama import loading as ollama

            async with Questions(repair_base_url(base_url), api_key) as server:
                await ollama.unload(server, model)
        case "file" | "vllm" | "openai" | "groq" | "anthropic" | "other":
            raise _cannot("unload")
        case _:
            assert_never(kind)


def can_load(kind: ServerKind) -> bool:
    """Whether servers of this kind load and unload models when told to."""
    return kind in ("lmstudio", "ollama", "llamacpp")


def _cannot(what: str) -> ServerError:
    return ServerError(f"This server cannot be told to {what} a model – do it where the server runs.", fault="rejected")
