"""The models behind a Messages API. Pure: parsed JSON in, `ModelInfo` out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from felix.llm.model_lists import ModelInfo, entries_of, number_of, text_of

PATH = "/v1/models?limit=1000"


class Page(NamedTuple):
    """One page of the list."""

    models: tuple[ModelInfo, ...]
    next_path: str
    """Of the page after it; empty on the last."""


def from_models(body: object) -> Page | None:
    """`GET /v1/models`; None when it is something else, such as the list of an OpenAI-compatible server."""
    entries = entries_of(body)
    if not isinstance(body, dict) or entries is None or not all(entry.get("type") == "model" for entry in entries):
        return None
    models = tuple(_model(entry) for entry in entries if text_of(entry, "id") and entry.get("lifecycle") != "retired")
    last = body.get("last_id")
    has_more = body.get("has_more") is True and isinstance(last, str) and last
    return Page(models, f"{PATH}&after_id={last}" if has_more else "")


def most_tokens(body: object) -> int | None:
    """The most tokens one model writes, by `GET /v1/models/{id}`; None when it does not say."""
    return number_of(body, "max_tokens") if isinstance(body, dict) else None


def _model(entry: Mapping[str, object]) -> ModelInfo:
    thinks: bool | None = None
    match entry.get("capabilities"):
        case {"thinking": {"supported": bool() as supported}}:
            thinks = supported
    return ModelInfo(
        id=text_of(entry, "id"),
        name=text_of(entry, "display_name") or text_of(entry, "id"),
        loaded=True,
        context_length=number_of(entry, "max_input_tokens"),
        max_context_length=number_of(entry, "max_input_tokens"),
        thinks=thinks,
    )
