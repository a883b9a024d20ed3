"""The models behind a Messages API. Pure: parsed JSON in, `ModelInfo` out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from felix.llm.model_lists import ModelInfo
from felix.llm.surrogates import one_line

PATH = "/v1/models?limit=1000"


class Page(NamedTuple):
    """One page of the list."""

    models: tuple[ModelInfo, ...]
    next_path: str
    """Of the page after it; empty on the last."""


def from_models(body: object) -> Page | None:
    """`GET /v1/models`; None when it is something else, such as the list of an OpenAI-compatible server."""
    if not isinstance(body, dict) or not isinstance(body.get("data"), list):
        return None
    entries = [entry for entry in body["data"] if isinstance(entry, dict)]
    if not all(entry.get("type") == "model" for entry in entries):
        return None
    models = tuple(_model(entry) for entry in entries if _text(entry, "id") and entry.get("lifecycle") != "retired")
    last = body.get("last_id")
    has_more = body.get("has_more") is True and isinstance(last, str) and last
    return Page(models, f"{PATH}&after_id={last}" if has_more else "")


def most_tokens(body: object) -> int | None:
    """The most tokens one model writes, by `GET /v1/models/{id}`; None when it does not say."""
    return _number(body, "max_tokens") if isinstance(body, dict) else None


def _model(entry: Mapping[str, object]) -> ModelInfo:
    thinks: bool | None = None
    match entry.get("capabilities"):
        case {"thinking": {"supported": bool() as supported}}:
            thinks = supported
    return ModelInfo(
        id=_text(entry, "id"),
        name=_text(entry, "display_name") or _text(entry, "id"),
        loaded=True,
        context_length=_number(entry, "max_input_tokens"),
        max_context_length=_number(entry, "max_input_tokens"),
        thinks=thinks,
    )


def _text(entry: Mapping[str, object], key: str) -> str:
    value = entry.get(key)
    return one_line(value) if isinstance(value, str) else ""


def _number(entry: Mapping[str, object], key: str) -> int | None:
    value = entry.get(key)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None
