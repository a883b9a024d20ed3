"""LM Studio's lists of models. Pure: parsed JSON in, `ModelInfo` out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from felix.llm.model_lists import ModelInfo, entries_of, loaded_first, number_of, text_of

V1 = "/api/v1/models"
V0 = "/api/v0/models"
"""Of LM Studio before 0.4."""


class Instance(NamedTuple):
    """A model as it stands loaded; one may be loaded several times."""

    id: str
    key: str
    """Of the model."""
    context_length: int | None


def from_v1(body: object) -> tuple[ModelInfo, ...] | None:
    """`GET /api/v1/models`; None when it is something else. A model loaded twice is two, each under its own name."""
    models = _models(body)
    return None if models is None else loaded_first(info for model in models for info in _infos(model))


def from_v0(body: object) -> tuple[ModelInfo, ...] | None:
    """`GET /api/v0/models`; None when it is something else."""
    entries = entries_of(body)
    if not entries or not all("state" in entry for entry in entries):
        return None
    return loaded_first(
        ModelInfo(
            id=text_of(entry, "id"),
            name=text_of(entry, "id"),
            loaded=entry.get("state") == "loaded",
            context_length=number_of(entry, "loaded_context_length"),
            max_context_length=number_of(entry, "max_context_length"),
            quantization=text_of(entry, "quantization"),
            has_tools="tool_use" in capabilities
            if isinstance(capabilities := entry.get("capabilities"), list)
            else None,
        )
        for entry in entries
        if entry.get("type") != "embeddings" and text_of(entry, "id")
    )


def instances(body: object) -> tuple[Instance, ...] | None:
    """What is loaded, by `GET /api/v1/models`, embedding models included; None when it is something else."""
    models = _models(body)
    if models is None:
        return None
    return tuple(
        Instance(text_of(loaded, "id"), text_of(model, "key"), number_of(_config(loaded), "context_length"))
        for model in models
        for loaded in _loaded(model)
        if text_of(loaded, "id")
    )


def _models(body: object) -> list[Mapping[str, object]] | None:
    # The key tells it from Ollama's list, which is also called "models".
    if not isinstance(body, dict) or not isinstance(body.get("models"), list):
        return None
    models: list[Mapping[str, object]] = [model for model in body["models"] if isinstance(model, dict)]
    return models if not models or any("key" in model for model in models) else None


def _infos(model: Mapping[str, object]) -> Iterator[ModelInfo]:
    key = text_of(model, "key")
    if model.get("type") == "embedding" or not key:
        return
    quantization = model.get("quantization")
    capabilities = model.get("capabilities")
    capabilities = capabilities if isinstance(capabilities, dict) else None

    def info(id_: str, *, loaded: bool, config: Mapping[str, object]) -> ModelInfo:
        return ModelInfo(
            id=id_,
            name=text_of(model, "display_name") or key,
            loaded=loaded,
            context_length=number_of(config, "context_length"),
            max_context_length=number_of(model, "max_context_length"),
            size_bytes=number_of(model, "size_bytes"),
            quantization=text_of(quantization, "name") if isinstance(quantization, dict) else "",
            slots=number_of(config, "parallel"),
            parameters=text_of(model, "params_string"),
            thinks=None if capabilities is None else _thinks(capabilities.get("reasoning")),
            has_tools=None if capabilities is None else capabilities.get("trained_for_tool_use") is True,
        )

    loaded = _loaded(model)
    if not loaded:
        yield info(key, loaded=False, config={})
    for instance in loaded:
        yield info(text_of(instance, "id") or key, loaded=True, config=_config(instance))


def _thinks(reasoning: object) -> bool | None:
    """Whether the model can think. A model whose thinking nobody can set may think all the same."""
    if not isinstance(reasoning, dict):
        return None
    options = reasoning.get("allowed_options")
    return not isinstance(options, list) or any(option != "off" for option in options)


def _loaded(model: Mapping[str, object]) -> list[Mapping[str, object]]:
    loaded = model.get("loaded_instances")
    return [each for each in loaded if isinstance(each, dict)] if isinstance(loaded, list) else []


def _config(instance: Mapping[str, object]) -> Mapping[str, object]:
    config = instance.get("config")
    return config if isinstance(config, dict) else {}
