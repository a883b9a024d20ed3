"""What an Ollama server has, in as few questions as it takes: a user may have sixty models and use two."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from felix.errors import ServerError
from felix.llm.model_lists import ModelInfo
from felix.llm.ollama.address import PORT
from felix.llm.ollama.lists import PS, SHOW, TAGS, from_tags, with_details, with_running
from felix.llm.questions import Questions

_AT_ONCE = 4
"""Questions about single models: each makes the server read a file."""


def is_likely(base_url: str) -> bool:
    """Whether Ollama listens here, by its port, so that it is worth asking before anyone else."""
    try:
        return urlsplit(base_url).port == PORT
    except ValueError:
        return False


async def models_of(server: Questions) -> tuple[ModelInfo, ...] | None:
    """Its models, those that are loaded in front and with all that can be known of them; None when it is no Ollama.
    Raises ServerError."""
    models = from_tags(await server.json(server.root + TAGS))
    if models is None:
        return None
    models = with_running(models, await server.json(server.root + PS))
    free = asyncio.Semaphore(_AT_ONCE)

    async def described(model: ModelInfo) -> ModelInfo:
        if not model.loaded:
            return model
        async with free:
            try:
                return with_details(model, await server.json(server.root + SHOW, {"model": model.id}))
            except ServerError:
                return model  # the list stands without it

    latency_ms = server.latency_ms
    models = tuple(await asyncio.gather(*(described(model) for model in models)))
    server.latency_ms = latency_ms
    return models
