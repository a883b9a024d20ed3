"""The lists of models that servers give, in one shape. Pure: parsed JSON in, `ModelInfo` out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
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


def from_lmstudio_v1(body: object) -> tuple[ModelInfo, ...] | None:
    """`GET /api/v1/models`; None when it is something else. A model loaded twice is two, each under its own name."""
    if not isinstance(body, dict) or not isinstance(body.get("models"), list):
        return None
    return loaded_first(_lmstudio_v1(body["models"]))


def from_lmstudio_v0(body: object) -> tuple[ModelInfo, ...] | None:
    """`GET /api/v0/models`, of LM Studio before 0.4; None when it is something else."""
    entries = _entries(body)
    if not entries or not all("state" in entry for entry in entries):
        return None
    return loaded_first(
        ModelInfo(
            id=_text(entry, "id"),
            name=_text(entry, "id"),
            loaded=entry.get("state") == "loaded",
            context_length=_number(entry, "loaded_context_length"),
            max_context_length=_number(entry, "max_context_length"),
            quantization=_text(entry, "quantization"),
        )
        for entry in entries
        if entry.get("type") != "embeddings" and _text(entry, "id")
    )


def from_openai(body: object) -> tuple[ServerKind, tuple[ModelInfo, ...]] | None:
    """`GET /v1/models`, with what llama.cpp, vLLM and Groq add to it; None when it is something else."""
    entries = _entries(body)
    if entries is None:
        return None
    owners = {_text(entry, "owned_by").lower() for entry in entries}
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
        _openai(entry) for entry in entries if _text(entry, "id") and not _NO_CHAT.search(_text(entry, "id"))
    )


def loaded_first(models: Iterable[ModelInfo]) -> tuple[ModelInfo, ...]:
    """The models with those that can answer at once in front, otherwise in the server's order."""
    return tuple(sorted(models, key=lambda model: not model.loaded))


def _lmstudio_v1(models: list[object]) -> Iterator[ModelInfo]:
    for model in models:
        if not isinstance(model, dict) or model.get("type") == "embedding" or not _text(model, "key"):
            continue
        quantization = model.get("quantization")
        base = ModelInfo(
            id=_text(model, "key"),
            name=_text(model, "display_name") or _text(model, "key"),
            loaded=False,
            max_context_length=_number(model, "max_context_length"),
            size_bytes=_number(model, "size_bytes"),
            quantization=_text(quantization, "name") if isinstance(quantization, dict) else "",
        )
        instances = model.get("loaded_instances")
        instances = [i for i in instances if isinstance(i, dict)] if isinstance(instances, list) else []
        if not instances:
            yield base
        for instance in instances:
            config = instance.get("config")
            config = config if isinstance(config, dict) else {}
            yield ModelInfo(
                id=_text(instance, "id") or base.id,
                name=base.name,
                loaded=True,
                context_length=_number(config, "context_length"),
                max_context_length=base.max_context_length,
                size_bytes=base.size_bytes,
                quantization=base.quantization,
                slots=_number(config, "parallel"),
            )


def _openai(entry: Mapping[str, object]) -> ModelInfo:
    meta = entry.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    status = entry.get("status")
    state = _text(status, "value") if isinstance(status, dict) else ""
    name = _text(entry, "id")
    return ModelInfo(
        id=name,
        # llama.cpp names a model by its file unless told otherwise.
        name=name.replace("\\", "/").rpartition("/")[2] if name.lower().endswith(".gguf") else name,
        # Only a server that loads models by itself says which state they are in.
        loaded=state in ("", "loaded", "sleeping"),
        context_length=_number(entry, "max_model_len") or _number(entry, "context_window"),
        max_context_length=_number(meta, "n_ctx_train"),
        size_bytes=_number(meta, "size"),
    )


def _entries(body: object) -> list[Mapping[str, object]] | None:
    if not isinstance(body, dict) or body.get("error") or not isinstance(body.get("data"), list):
        return None
    return [entry for entry in body["data"] if isinstance(entry, dict)]


def _text(entry: Mapping[str, object], key: str) -> str:
    value = entry.get(key)
    return one_line(value) if isinstance(value, str) else ""


def _number(entry: Mapping[str, object], key: str) -> int | None:
    value = entry.get(key)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None
