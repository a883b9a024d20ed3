"""The models of a server that speaks Messages: Anthropic's own list, page by page."""

from __future__ import annotations

from felix.llm.anthropic.lists import PATH, from_models
from felix.llm.model_lists import ModelInfo
from felix.llm.questions import Questions, parsed

_MOST_PAGES = 20
"""Of a thousand models each: a list that is longer has no end."""


async def models_of(server: Questions) -> tuple[ModelInfo, ...] | None:
    """Its models; None when the list is not Anthropic's, so that another reading of it may fit. Raises ServerError."""
    models: tuple[ModelInfo, ...] = ()
    path = PATH
    for _ in range(_MOST_PAGES):
        response = await server.get(server.root + path)
        page = from_models(parsed(response)) if response.status_code == 200 else None
        if page is None:
            break
        models += page.models
        if not page.next_path:
            return models
        path = page.next_path
    return models or None
