"""The lists of models that servers give, in one shape. Pure: parsed JSON in, `ModelInfo` out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from felix.llm.surrogates import one_line

if TYPE_CHECKING:
    from felix.endpoints import ServerKind

# Models that write no answers; cloud servers list them among the others.
_NO_CHAT = re.compile(r"embed|rerank|whisper|\btts\b|dall-e|moderation|transcribe|gpt-image|\bsora\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model a server can answer with."""

    id: str
    """What a request calls it."""
    name: str
    """What people call it."""
    loaded: bool
    context_length: int | None = None
    """Tokens one request may use, as loaded now; None when not loaded or not told."""
    max_context_length: int | None = None
    """Tokens the model could be loaded with."""
    size_bytes: int | None = None
    quantization: str = ""
    slots: int | None = None
    """Requests the server answers at once."""
    parameters: str = ""
    """As people say it: `8B`."""
    thinks: bool | None = None
    """Whether it can think before it answers; None when nobody says."""
    has_tools: bool | None = None
    """Whether it was taught to call tools; None when nobody says."""
    busy: int | None = None
    """Slots that were at work when the server was asked; None when it does not say."""


def from_openai(body: object) -> tuple[ServerKind, tuple[ModelInfo, ...]] | None:
    """`GET /v1/models`, with what llama.cpp, vLLM and Groq add to it; None when it is something else."""
    entries = entries_of(body)
    if entries is None:
        return None
    owners = {text_of(entry, "owned_by").lower() for entry in entries}
    kind: ServerKind = "other"
    if "llamacpp" in owners:
        kind = "llamacpp"
    elif "vllm" in owners:
        kind = "vllm"
    elif any("context_window" in entry for entry in entries):
        kind = "groq"
    elif owners & {"openai", "system", "openai-internal"}:
        kind = "openai"
    elif "library" in owners:
        kind = "ollama"
    return kind, loaded_first(
        _openai(entry) for entry in entries if text_of(entry, "id") and not _NO_CHAT.search(text_of(entry, "id"))
    )


def loaded_first(models: Iterable[ModelInfo]) -> tuple[ModelInfo, ...]:
    """The models with those that can answer at once in front, otherwise in the server's order."""
    return tuple(sorted(models, key=lambda model: not model.loaded))


def _openai(entry: Mapping[str, object]) -> ModelInfo:
    meta = entry.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    status = entry.get("status")
    state = text_of(status, "value") if isinstance(status, dict) else ""
    name = text_of(entry, "id")
    return ModelInfo(
        id=name,
        # llama.cpp names a model by its file unless told otherwise.
        name=name.replace("\\", "/").rpartition("/")[2] if name.lower().endswith(".gguf") else name,
        # Only a server that loads models by itself says which state they are in.
        loaded=state in ("", "loaded", "sleeping"),
        context_length=number_of(entry, "max_model_len") or number_of(entry, "context_window"),
        max_context_length=number_of(meta, "n_ctx_train"),
        size_bytes=number_of(meta, "size"),
        quantization=text_of(meta, "ftype"),
        parameters=parameters_in_words(number_of(meta, "n_params") or 0),
    )


def parameters_in_words(number: int) -> str:
    """How large a model is, as people say it: `8B`, `1.7B`, `360M`; empty for 0."""
    for unit, size in (("B", 1e9), ("M", 1e6)):
        if number >= 0.9995 * size:
            in_units = number / size
            return f"{in_units:.0f}{unit}" if in_units >= 9.95 else f"{in_units:.1f}{unit}".replace(".0", "")
    return f"{number / 1e6:.1f}M" if number >= 1e5 else ""


def entries_of(body: object) -> list[Mapping[str, object]] | None:
    """The objects in OpenAI's kind of list; None when it is something else."""
    if not isinstance(body, dict) or body.get("error") or not isinstance(body.get("data"), list):
        return None
    return [entry for entry in body["data"] if isinstance(entry, dict)]


def text_of(entry: Mapping[str, object], key: str) -> str:
    """The text there, on one line; empty when there is none."""
    value = entry.get(key)
    return one_line(value) if isinstance(value, str) else ""


def number_of(entry: Mapping[str, object], key: str) -> int | None:
    """The positive number there, else None."""
    value = entry.get(key)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None
