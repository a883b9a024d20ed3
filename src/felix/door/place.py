"""Where models are asked: what the caller of the door says of it, on top of the settings in force, and how it is
reached.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from felix import log, places
from felix.door.tools import GivenTools
from felix.endpoints import Endpoint
from felix.errors import SettingsError
from felix.events import RunStarted
from felix.keys import KeyStore, clean_key, origin_of
from felix.llm.address import repair_base_url
from felix.llm.chat import ChatClient
from felix.servers import Servers
from felix.settings import Settings, SettingsFile
from felix.team.asking import endpoints_called
from felix.team.connection import Connection
from felix.team.connections import Connections
from felix.team.load import Loads
from felix.team.workflow import Workflow
from felix.tools import Tools

SettingsLike = Settings | Mapping[str, Any] | str | os.PathLike[str]  # Any: each key has a type of its own
"""Settings as they are; keys that differ from those in force; or the file that holds instead of the usual one."""

_loads: WeakKeyDictionary[asyncio.AbstractEventLoop, Loads] = WeakKeyDictionary()
"""Of all runs and agents of a loop: side by side they ask no server for more than its slots."""

OWN_CLIENT = "own client"
"""The address that a client of the caller's goes by."""


@dataclass(frozen=True, slots=True)
class Place:
    """A server, an endpoint or pool of the settings, a client of the caller's, or the demo model."""

    settings: Settings
    client: ChatClient | None = None
    endpoint: str = ""
    model: str = ""
    api_key: str | None = None
    """None is the one that is kept for the address."""
    is_demo: bool = False

    def asked(self, workflow: Workflow) -> Workflow:
        """A workflow with whom to ask put in for all who name nobody themselves."""
        if self.endpoint:
            return workflow.model_copy(update={"endpoint": self.endpoint, "model": self.model or None})
        if self.model and workflow.model:
            return workflow.model_copy(update={"model": self.model})
        return workflow

    @asynccontextmanager
    async def connected(
        self, workflow: Workflow, before: RunStarted | None = None
    ) -> AsyncGenerator[Connections, None]:
        """The connections of a run, or of an agent; closed with the block. Raises FelixError.

        `before` is the plan of a run that goes on. A client of the caller's is left open: it is theirs.
        """
        if self.client is not None:
            yield Connections.to(self._own(self.client), self.current)
            return
        loads = _loads.setdefault(asyncio.get_running_loop(), Loads())
        servers = Servers(_Unsaved(self.settings), self._keys(), demo_speed=1.0, loads=loads)
        try:
            connections = await servers.connect(workflow, demo=self.is_demo, before=before)
            try:
                yield connections
            finally:
                await connections.aclose()
        finally:
            await servers.close()

    @asynccontextmanager
    async def equipped(self, given: GivenTools, *, asks: bool) -> AsyncGenerator[Tools, None]:
        """The tools of the settings and the caller's own; what was started for them ends with the block."""
        async with Tools(_Unsaved(self.settings), (given,), asks=asks) as tools:
            yield tools

    def current(self) -> Settings:
        return self.settings

    def _own(self, client: ChatClient) -> Connection:
        model = self.model or self.settings.model or str(getattr(client, "model", ""))
        context = getattr(client, "context_length", None)
        return Connection(
            client=client,
            server=OWN_CLIENT,
            server_name=str(getattr(client, "name", type(client).__name__)),
            model=model,
            contexts={model: context if isinstance(context, int) else None},
            silence_timeout_s=self.settings.silence_timeout_s or 0,
        )

    def _keys(self) -> KeyStore:
        if self.api_key is None:
            return KeyStore()
        meant = endpoints_called(self.endpoint, self.settings) if self.endpoint else ()
        return _GivenKey(self.api_key, [each.base_url for each in meant] or [self.settings.base_url])


class _Unsaved(SettingsFile):
    """Settings that hold for one run or agent; what is changed of them reaches no file."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(Path(os.devnull))
        self.current = settings

    def change(self, **changes: Any) -> Settings:  # Any: as in SettingsFile
        return self.override(**changes)


class _GivenKey(KeyStore):
    """The key that the caller gave, for the addresses it was given for; all others have those that are kept."""

    def __init__(self, key: str, base_urls: Iterable[str]) -> None:
        super().__init__()
        self._given = key
        self._origins = {origin_of(base_url) for base_url in base_urls}

    def key_for(self, endpoint: Endpoint, *, is_in_use: bool = False) -> str:
        if origin_of(endpoint.base_url) in self._origins:
            return self._given
        return super().key_for(endpoint, is_in_use=is_in_use)


def place(
    *,
    settings: SettingsLike | None = None,
    base_url: str | None = None,
    endpoint: str | None = None,
    model: str | None = None,
    api_key: str | None = None,
    client: ChatClient | None = None,
    demo: bool = False,
) -> Place:
    """What the caller says of where to ask. Raises SettingsError for what contradicts itself or is not allowed."""
    said = {"client": client is not None, "base_url": bool(base_url), "endpoint": bool(endpoint), "demo": demo}
    chosen = [name for name, is_given in said.items() if is_given]
    if len(chosen) > 1:
        raise SettingsError(f"{' and '.join(chosen)} name different places to ask – give one of them.")
    if api_key:
        log.hide(clean_key(api_key))
    file = _settings_file(settings)
    in_use = file.current.base_url
    repaired = repair_base_url(base_url or in_use)
    if base_url and repaired != in_use:
        file.override(model="")  # what stands there is a model of another server
    file.override(base_url=repaired)
    if model and not endpoint:
        file.override(model=model)
    if client is not None and not model:
        file.override(model="")
    return Place(file.current, client, endpoint or "", model or "", api_key, demo)


def _settings_file(given: SettingsLike | None) -> SettingsFile:
    """The settings that hold; what is changed of them holds for this call only and is never saved."""
    if isinstance(given, Settings):
        return _Unsaved(given)
    if given is None or isinstance(given, Mapping):
        file = SettingsFile(places.settings_file(), defaults=places.default_settings())
    else:
        file = SettingsFile(Path(given).expanduser())
        if not file.path.is_file():
            raise SettingsError(f"There is no settings file {file.path} – correct its path, or give the values.")
    file.load()
    if file.faults:
        raise SettingsError(" ".join(file.faults))
    if isinstance(given, Mapping):
        if unknown := [key for key in given if key not in Settings.model_fields]:
            raise SettingsError(f"There is no setting {unknown[0]} – there are {', '.join(Settings.model_fields)}.")
        file.override(**given)
    return file
