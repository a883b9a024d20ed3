"""What llama.cpp's server tells beside OpenAI's list, and how its router loads models.

Started without a model it is a router: it lists all it could load, each with its state, and loads what is asked for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace

from felix.errors import ServerError
from felix.llm import faults
from felix.llm.model_lists import ModelInfo, entries_of, number_of, text_of
from felix.llm.questions import Questions, parsed

_LOOK_S = 0.25
"""How often a load is looked at: the router answers at once and loads on."""

_THINKING = re.compile(r"enable_thinking|reasoning_content|</?think>|\[/?THINK\]|<\|channel\|?>")
"""What stands in the chat templates of models that think."""


async def with_properties(server: Questions, models: tuple[ModelInfo, ...]) -> tuple[ModelInfo, ...]:
    """The models with what the server tells of the one it has loaded: the context of one slot, how many slots there are
    and how many are at work, and what its chat template knows. A router tells nothing of the kind."""
    props = await server.json(server.root + "/props")
    slots = number_of(props, "total_slots") if isinstance(props, dict) else None
    if not isinstance(props, dict) or slots is None:
        return models
    settings = props.get("default_generation_settings")
    context = number_of(settings, "n_ctx") if isinstance(settings, dict) else None
    busy = _busy(await server.json(server.root + "/slots"))
    thinks, has_tools = _thinks(props.get("chat_template")), _has_tools(props.get("chat_template_caps"))
    return tuple(
        replace(model, context_length=context, slots=slots, busy=busy, thinks=thinks, has_tools=has_tools)
        if model.loaded
        else model
        for model in models
    )


async def load(server: Questions, model: str) -> None:
    """Have the router load `model`; returns when it stands. Raises ServerError."""
    state, _ = await _state(server, model)
    if state in ("loaded", "sleeping"):
        return
    if state != "loading":
        await _command(server, "load", model)
    while True:
        state, failed = await _state(server, model)
        if state in ("loaded", "sleeping"):
            return
        if failed or state == "unloaded":
            raise ServerError(
                f"llama.cpp could not load {model} – look at the server's log; often the memory is full.",
                fault="server",
            )
        await asyncio.sleep(_LOOK_S)


async def unload(server: Questions, model: str) -> None:
    """Have the router unload `model`. Raises ServerError."""
    state, _ = await _state(server, model)
    if state != "unloaded":
        await _command(server, "unload", model)


def _thinks(template: object) -> bool | None:
    """True for a template that writes thinking; one that does not may leave it to the model."""
    return True if isinstance(template, str) and _THINKING.search(template) else None


def _has_tools(capabilities: object) -> bool | None:
    has_tools = capabilities.get("supports_tools") if isinstance(capabilities, dict) else None
    return has_tools if isinstance(has_tools, bool) else None


def _busy(slots: object) -> int | None:
    if not isinstance(slots, list) or not all(isinstance(slot, dict) and "is_processing" in slot for slot in slots):
        return None
    return sum(slot["is_processing"] is True for slot in slots)


async def _state(server: Questions, model: str) -> tuple[str, bool]:
    """`unloaded`, `loading`, `loaded`, `sleeping` …, and whether the last load failed. ServerError from no router."""
    response = await server.get(server.root + "/models")
    if response.status_code != 200:
        raise server.refusal(response)
    entry = next((entry for entry in entries_of(parsed(response)) or () if text_of(entry, "id") == model), None)
    status = entry.get("status") if entry else None
    if entry is None:
        raise ServerError(f"llama.cpp does not know {model} – choose another model.", fault="unknown_model")
    if not isinstance(status, dict):
        raise ServerError(
            "This llama.cpp server serves the one model it was started with – start it without one to load others.",
            fault="rejected",
        )
    return text_of(status, "value"), status.get("failed") is True


async def _command(server: Questions, what: str, model: str) -> None:
    response = await server.post(f"{server.root}/models/{what}", {"model": model})
    said = parsed(response)
    if response.status_code == 200 and not (isinstance(said, Mapping) and "error" in said):
        return
    error = server.refusal(response)
    if error.fault not in ("rejected", "server"):
        raise error
    words = faults.error_text(said) or f"HTTP {response.status_code}"
    raise ServerError(
        f"llama.cpp did not {what} the model: “{words.rstrip('.')}” – look at the server's log.", fault=error.fault
    )
