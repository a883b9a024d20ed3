"""What Ollama has and what of it is loaded, from three of its lists. Pure: parsed JSON in, `ModelInfo` out.

`/api/tags` names the models, `/api/ps` those that are loaded and with which context, `/api/show` what one of them can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from felix.llm.model_lists import ModelInfo, loaded_first, number_of, text_of

TAGS = "/api/tags"
PS = "/api/ps"
SHOW = "/api/show"

_EMBEDS = frozenset({"bert", "nomic-bert", "nomic-bert-moe", "xlm-roberta"})
"""Families of models that write no answers; older servers tell no capabilities."""


def from_tags(tags: object) -> tuple[ModelInfo, ...] | None:
    """`GET /api/tags`: of loaded models it knows only those that ollama.com runs; None when it is something else."""
    entries = _entries(tags)
    if entries is None:
        return None
    return tuple(_model(entry) for entry in entries if _name(entry) and _writes_answers(entry))


def with_running(models: Iterable[ModelInfo], ps: object) -> tuple[ModelInfo, ...]:
    """`models` with what `GET /api/ps` says of those that are loaded, these in front."""
    running = {full_name(_name(entry)): entry for entry in _entries(ps) or () if _name(entry)}
    return loaded_first(
        replace(model, loaded=True, context_length=number_of(entry, "context_length"))
        if (entry := running.get(full_name(model.id))) is not None
        else model
        for model in models
    )


def with_details(model: ModelInfo, show: object) -> ModelInfo:
    """`model` with what `POST /api/show` says of it."""
    if not isinstance(show, dict):
        return model
    facts = show.get("model_info")
    facts = facts if isinstance(facts, dict) else {}
    longest = next((number_of(facts, key) for key in facts if str(key).endswith(".context_length")), None)
    thinks, has_tools = _abilities(show)
    return replace(
        model,
        max_context_length=longest or model.max_context_length,
        thinks=model.thinks if thinks is None else thinks,
        has_tools=model.has_tools if has_tools is None else has_tools,
    )


def running_context(ps: object, model: str) -> int | None:
    """The context `model` is loaded with, by `GET /api/ps`: 0 when the server does not tell, None when it tells that
    the model is not loaded."""
    entries = _entries(ps)
    if entries is None:
        return 0
    for entry in entries:
        if full_name(_name(entry)) == full_name(model):
            return number_of(entry, "context_length") or 0
    return None


def is_elsewhere(model: str) -> bool:
    """Whether this is the name of a model that ollama.com runs: nothing of it is ever loaded here."""
    return model.endswith((":cloud", "-cloud"))


def full_name(model: str) -> str:
    """The name with its tag: Ollama takes a name without one for `latest`."""
    return model if not model or ":" in model.rpartition("/")[2] else f"{model}:latest"


def _model(entry: Mapping[str, object]) -> ModelInfo:
    details = entry.get("details")
    details = details if isinstance(details, dict) else {}
    thinks, has_tools = _abilities(entry)
    return ModelInfo(
        id=_name(entry),
        name=_name(entry).removesuffix(":latest"),
        loaded=bool(text_of(entry, "remote_host")),
        size_bytes=number_of(entry, "size"),
        max_context_length=number_of(details, "context_length"),
        quantization=text_of(details, "quantization_level"),
        parameters=text_of(details, "parameter_size"),
        thinks=thinks,
        has_tools=has_tools,
    )


def _writes_answers(entry: Mapping[str, object]) -> bool:
    capabilities = entry.get("capabilities")
    if isinstance(capabilities, list) and capabilities:
        return "completion" in capabilities
    details = entry.get("details")
    return not (isinstance(details, dict) and text_of(details, "family") in _EMBEDS) and "embed" not in _name(entry)


def _abilities(entry: Mapping[str, object]) -> tuple[bool | None, bool | None]:
    """Whether it thinks and whether it calls tools; None where the entry does not say."""
    capabilities = entry.get("capabilities")
    if not isinstance(capabilities, list) or not capabilities:
        return None, None
    return "thinking" in capabilities, "tools" in capabilities


def _entries(body: object) -> list[Mapping[str, object]] | None:
    # llama.cpp has such a list at the same place, with OpenAI's beside it.
    if not isinstance(body, dict) or not isinstance(body.get("models"), list) or "data" in body:
        return None
    return [entry for entry in body["models"] if isinstance(entry, dict)]


def _name(entry: Mapping[str, object]) -> str:
    return text_of(entry, "name") or text_of(entry, "model")
