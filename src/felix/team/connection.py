"""A server and one of its models, as a run uses them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from felix.endpoints import Endpoint, ServerKind
from felix.errors import FelixError, ServerError, ServerFault
from felix.llm.address import default_silence_timeout_s, repair_base_url
from felix.llm.chat import Answer, ChatClient, ChatRequest, Delta, Progress
from felix.settings import Settings

if TYPE_CHECKING:
    from felix.llm.local.keeper import ModelFiles
    from felix.llm.model_lists import ModelInfo


@dataclass(frozen=True, slots=True)
class Connection:
    """What is known before the first request. Closing `client` is for whoever called `connect`."""

    client: ChatClient
    server: str
    """Base URL."""
    server_name: str
    """`LM Studio`, `llama.cpp`, …"""
    model: str
    """Of all who name none of their own."""
    contexts: Mapping[str, int | None]
    """By model, tokens of one slot as loaded; None when the server does not say."""
    silence_timeout_s: float
    """Without content; 0 is never."""
    is_demo: bool = False
    endpoint: str = ""
    """Its name in the settings; empty when it has none there."""
    kind: ServerKind = "other"
    slots: Mapping[str, int] = field(default_factory=dict)
    """By model, requests that the server answers at once, where it says so."""
    toolless: frozenset[str] = frozenset()
    """Models of which the server says that they were not taught to call tools."""

    def context_of(self, model: str) -> int | None:
        """Tokens of one slot; None when nobody says, as for a model the server does not list."""
        return self.contexts.get(model)


async def connect(
    endpoint: Endpoint, api_key: str, settings: Settings, *, files: ModelFiles | None = None
) -> Connection:
    """Ask a server who it is, and choose the model: that of the endpoint, else the first loaded.

    `files` keeps a model file loaded for longer than the connection. Raises ServerError when nothing answers there, or
    nothing that could be asked, and SettingsError for an address that is none.
    """
    # Imported here: they bring the SDK along, and the window is up long before anybody connects.
    from felix.llm.models import list_models, make_client
    from felix.llm.packages import ready_to_ask

    base_url = repair_base_url(endpoint.base_url)
    await ready_to_ask(endpoint.kind, base_url)
    own = {"context_length": endpoint.context_length, "slots": endpoint.slots}
    report = await list_models(base_url, api_key, kind=endpoint.kind, files=files, **own)
    chosen = next((m for m in report.models if m.id == endpoint.model), None)
    if not endpoint.model or report.kind == "file":
        chosen = report.models[0] if report.models else None
        if chosen is None:
            raise ServerError(f"{report.name} has no model loaded – load one there, then run again.", fault="no_model")
    return Connection(
        client=make_client(base_url, api_key, report.kind, files=files, **own),
        server=base_url,
        server_name=report.name,
        model=chosen.id if chosen else endpoint.model,
        contexts={model.id: context_of(model, endpoint, report.kind) for model in report.models},
        silence_timeout_s=silence_timeout(settings, base_url),
        endpoint=endpoint.name,
        kind=report.kind,
        slots={model.id: model.slots for model in report.models if model.slots},
        toolless=frozenset(model.id for model in report.models if model.has_tools is False),
    )


def context_of(model: ModelInfo, endpoint: Endpoint, kind: ServerKind) -> int | None:
    """Tokens of one slot: as loaded, except where every request says how much it wants; else what the user entered."""
    if kind == "ollama" and endpoint.context_length:
        return endpoint.context_length
    return model.context_length or endpoint.context_length or None


def out_of_reach(endpoint: Endpoint, error: FelixError, before: Connection | None = None) -> Connection:
    """That of a server which cannot be reached: every question ends with the error. `before`: it could be, once."""
    if before is not None:
        return replace(before, client=_Nobody(error))
    return Connection(_Nobody(error), endpoint.base_url, "", endpoint.model, {}, 0, endpoint=endpoint.name)


class _Nobody:
    """A client behind which there is no server."""

    def __init__(self, error: FelixError) -> None:
        self._sentence = str(error)
        self._fault: ServerFault = error.fault if isinstance(error, ServerError) else "unreachable"

    async def stream(self, request: ChatRequest) -> AsyncIterator[Delta]:
        await self.complete(request)
        yield Progress("waiting")

    async def complete(self, request: ChatRequest) -> Answer:
        raise ServerError(self._sentence, fault=self._fault)

    async def aclose(self) -> None:
        """There is nothing to give back."""


def silence_timeout(settings: Settings, base_url: str) -> float:
    """Seconds without content after which an answer is given up; 0 is never."""
    limit = settings.silence_timeout_s
    return default_silence_timeout_s(base_url) if limit is None else limit
