"""Loading and unloading in Ollama: a question without a prompt, which says how long the model shall stay."""

from __future__ import annotations

from felix.errors import ServerError
from felix.llm import faults
from felix.llm.ollama.client import in_words
from felix.llm.questions import Questions, parsed

_GENERATE = "/api/generate"

_STAYS = "60m"
"""How long a model that was loaded by hand stays without being used; LM Studio's own measure. Ollama's is five minutes,
and questions that come after do not change what was said here."""


async def load(server: Questions, model: str, *, context_length: int = 0) -> None:
    """Have `model` loaded with that context, 0 for Ollama's own choice. One that stands with another context is loaded
    anew. Raises ServerError."""
    body: dict[str, object] = {"model": model, "stream": False, "keep_alive": _STAYS}
    if context_length:
        body["options"] = {"num_ctx": context_length}
    # Minutes are nothing unusual.
    await _command(server, "load", model, body, timeout_s=0)


async def unload(server: Questions, model: str) -> None:
    """Unload `model`; one that is not loaded is fine. Raises ServerError."""
    await _command(server, "unload", model, {"model": model, "stream": False, "keep_alive": 0}, timeout_s=None)


async def _command(
    server: Questions, what: str, model: str, body: dict[str, object], *, timeout_s: float | None
) -> None:
    response = await server.post(server.root + _GENERATE, body, timeout_s=timeout_s)
    said = parsed(response)
    if response.status_code == 200 and isinstance(said, dict) and "error" not in said:
        return
    refusal = server.refusal(response)
    error = in_words(refusal, model)
    if error is not refusal or error.fault not in ("rejected", "server"):
        raise error
    words = faults.error_text(said) or f"HTTP {response.status_code}"
    raise ServerError(f"Ollama did not {what} the model: “{words.rstrip('.')}” – look at its log.", fault=error.fault)
