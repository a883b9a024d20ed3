"""Loading and unloading in LM Studio. A load answers when the model stands; nothing tells how far it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from felix.errors import ServerError
from felix.llm import faults
from felix.llm.lmstudio import lists
from felix.llm.lmstudio.lists import Instance
from felix.llm.questions import Questions, parsed

_LOADED_ALREADY = re.compile(r"already (exists|loaded)", re.IGNORECASE)


async def load(server: Questions, model: str, *, context_length: int = 0) -> None:
    """Have `model` loaded with that context, 0 for LM Studio's own choice. A model that stands so already is left as it
    is, one with another context is loaded anew; no other model is touched. Raises ServerError."""
    loaded = await _instances(server)
    key = next((each.key for each in loaded if each.id == model), model)
    standing = [each for each in loaded if each.key == key]
    if any(context_length in (0, each.context_length) for each in standing):
        return
    for each in _named(standing, model):
        await _command(server, "unload", {"instance_id": each.id})
    body: dict[str, object] = {"model": key}
    if context_length:
        body["context_length"] = context_length
    try:
        # Minutes are nothing unusual.
        await _command(server, "load", body, timeout_s=0)
    except ServerError as error:
        if not _LOADED_ALREADY.search(str(error)):
            raise


async def unload(server: Questions, model: str) -> None:
    """Unload the instance of that name, else all of the model of that name; none is fine. Raises ServerError."""
    for each in _named(await _instances(server), model):
        await _command(server, "unload", {"instance_id": each.id})


def _named(loaded: Sequence[Instance], model: str) -> Sequence[Instance]:
    named = [each for each in loaded if each.id == model]
    return named or [each for each in loaded if each.key == model]


async def _instances(server: Questions) -> tuple[Instance, ...]:
    response = await server.get(server.root + lists.V1)
    loaded = lists.instances(parsed(response))
    if loaded is not None:
        return loaded
    error = server.refusal(response)
    if error.fault == "key":
        raise error
    raise ServerError(
        "This LM Studio cannot load models for others – load the model in its window, or update it to 0.4 or newer.",
        fault="rejected",
    )


async def _command(server: Questions, what: str, body: dict[str, object], *, timeout_s: float | None = None) -> None:
    response = await server.post(f"{server.root}{lists.V1}/{what}", body, timeout_s=timeout_s)
    said = parsed(response)
    if response.status_code == 200 and isinstance(said, dict) and "error" not in said:
        return
    error = server.refusal(response)
    if error.fault not in ("rejected", "server"):
        raise error
    words = faults.error_text(said) or f"HTTP {response.status_code}"
    advice = "free memory or choose a shorter context" if what == "load" else "look at its log"
    raise ServerError(f"LM Studio did not {what} the model: “{words.rstrip('.')}” – {advice}.", fault=error.fault)
