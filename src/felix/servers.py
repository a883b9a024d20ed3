"""The model servers as the engine asks them: with the keys that belong to them, and the demo model when it is wanted.

All of it belongs to the worker's loop. Whatever is asked, the SDK and the HTTP library are imported only then.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from felix.endpoints import Endpoint, ServerKind, at, unnamed
from felix.errors import FelixError, ServerError, WorkflowError
from felix.events import RunStarted
from felix.keys import KeyStore, origin_of
from felix.llm.address import file_path, is_file
from felix.log import hide
from felix.settings import Settings, SettingsFile
from felix.team.asking import not_in_settings, unknown_endpoints
from felix.team.connection import Connection, connect, silence_timeout
from felix.team.connections import Connections
from felix.team.load import Loads
from felix.team.workflow import Workflow

if TYPE_CHECKING:
    from felix.demo import DemoServer
    from felix.llm.chat import ChatClient
    from felix.llm.examination import Comparison, Finding
    from felix.llm.local.keeper import ModelFiles
    from felix.llm.models import ConnectionCheck, ServerReport

LOOK_S = 2.0
"""For a look at all endpoints at once: one that takes longer is told as silent, and asked again by whoever wants it."""


class Servers:
    """Every method may raise FelixError."""

    def __init__(
        self, settings: SettingsFile, keys: KeyStore, *, demo_speed: float, loads: Loads | None = None
    ) -> None:
        """`loads` are those of other `Servers` of the same loop, where there are any."""
        self._settings = settings
        self._keys = keys
        self._demo: DemoServer | None = None
        self._demo_starts = asyncio.Lock()
        self._demo_base_url = ""
        self._demo_speed = demo_speed
        self._files: ModelFiles | None = None
        self._loads = loads or Loads()
        """Of all runs: side by side they ask no server for more than its slots."""

    async def close(self) -> None:
        if self._files:
            await self._files.close()
        if self._demo:
            await self._demo.close()

    async def connect(self, workflow: Workflow, *, demo: bool, before: RunStarted | None = None) -> Connections:
        """The places of a run, reached and for the caller to close. `before` is the plan of a run that goes on.

        Raises WorkflowError for a new run that names an endpoint which the settings do not know.
        """
        settings = self._settings.current
        if demo:
            connections = Connections(unnamed(await self._demo_url()), self._reach_demo, self._current, is_alone=True)
        else:
            if before is None and (unknown := unknown_endpoints(workflow, settings)):
                raise WorkflowError(not_in_settings(unknown, settings))
            in_use = self.endpoint(settings.base_url)
            in_use = in_use.model_copy(update={"model": settings.model or in_use.model})
            connections = Connections(in_use, self._reach, self._current, loads=self._loads)
        try:
            await connections.open(workflow, before)
        except BaseException:
            await asyncio.shield(connections.aclose())
            raise
        return connections

    def endpoint(self, base_url: str) -> Endpoint:
        """What the settings say of an address; one without a name where they say nothing."""
        return at(self._settings.current.endpoints, base_url) or unnamed(base_url)

    async def key_of(self, endpoint: Endpoint) -> str:
        """The key that may be sent to an endpoint. The system's key store may ask the user first: never on the loop."""
        is_in_use = origin_of(endpoint.base_url) == origin_of(self._settings.current.base_url)
        return await asyncio.to_thread(self._keys.key_for, endpoint, is_in_use=is_in_use)

    async def report(self, base_url: str, api_key: str | None, *, demo: bool = False) -> ServerReport:
        """Who a server is and what it has; `api_key` None is the stored one."""
        from felix.llm.models import list_models

        if demo:
            return await list_models(await self._demo_url(), "")
        endpoint = self.endpoint(base_url)
        return await list_models(
            base_url, await self._key(endpoint, api_key), kind=endpoint.kind, files=self._model_files, **_own(endpoint)
        )

    async def reports(
        self, tell: Callable[[tuple[str, ServerReport | FelixError]], object] | None = None
    ) -> dict[str, ServerReport | FelixError]:
        """What every endpoint says, and the server in use, by address. All are asked at once, for `LOOK_S` at most.

        `tell` is called with each as it comes: a slow one holds up nobody's news.
        """
        from felix.llm.packages import ready_to_list

        await ready_to_list()
        settings = self._settings.current
        said: dict[str, ServerReport | FelixError] = {}

        async def look(base_url: str) -> None:
            said[base_url] = answer = await self._look(self.endpoint(base_url))
            if tell:
                tell((base_url, answer))

        places = dict.fromkeys((settings.base_url, *(each.base_url for each in settings.endpoints)))
        await asyncio.gather(*map(look, places))
        return {base_url: said[base_url] for base_url in places}

    async def found(self) -> tuple[ServerReport, ...]:
        """The servers that run on this machine, where the usual ones listen."""
        from felix.llm.discovery import find_servers

        return await find_servers(environment=os.environ)

    async def load(self, base_url: str, model: str, context_length: int) -> ServerReport:
        """Load a model, and what the server says then; 0 is the context length that its endpoint names, or none."""
        from felix.llm.loading import load_model

        endpoint, key, kind = await self._asked(base_url)
        wanted = context_length or endpoint.context_length
        if is_file(base_url):
            await self._model_files.load(file_path(base_url), context_length=wanted, slots=endpoint.slots)
            return await self.report(base_url, "")
        await load_model(base_url, key, kind, model, context_length=wanted)
        return await self.report(base_url, key)

    async def unload(self, base_url: str, model: str) -> ServerReport:
        """Unload a model, and what the server says then."""
        from felix.llm.loading import unload_model

        _, key, kind = await self._asked(base_url)
        if is_file(base_url):
            await self._model_files.unload(file_path(base_url))
            return await self.report(base_url, "")
        await unload_model(base_url, key, kind, model)
        return await self.report(base_url, key)

    async def test(self, base_url: str, model: str, api_key: str | None) -> ConnectionCheck:
        """One word of a model, through the code of a run."""
        from felix.llm.models import check_connection, list_models
        from felix.llm.packages import ready_to_ask

        endpoint = self.endpoint(base_url)
        key = await self._key(endpoint, api_key)
        report = await list_models(base_url, key, kind=endpoint.kind, files=self._model_files, **_own(endpoint))
        await ready_to_ask(report.kind, report.base_url)
        client = self._client(endpoint, report, key)
        settings = self._settings.current
        try:
            return await check_connection(
                client,
                report,
                model=model,
                streaming=settings.enable_streaming,
                silence_timeout_s=silence_timeout(settings, base_url),
            )
        finally:
            await asyncio.shield(client.aclose())

    async def examine(
        self,
        base_url: str,
        model: str,
        api_key: str | None,
        needs_context: int,
        tell: Callable[[Finding], object],
    ) -> tuple[Finding, ...]:
        """Everything that can be wrong with a connection, looked at one after the other; `tell` hears of each."""
        from felix.llm.examination import examine

        endpoint, settings = self.endpoint(base_url), self._settings.current
        return await examine(
            base_url,
            await self._key(endpoint, api_key),
            kind=endpoint.kind,
            model=model or endpoint.model,
            needs_context=needs_context,
            streaming=settings.enable_streaming,
            silence_timeout_s=silence_timeout(settings, base_url),
            context_length=endpoint.context_length,
            slots=endpoint.slots,
            files=self._model_files,
            on_finding=tell,
        )

    async def compare_streaming(self, base_url: str, model: str) -> Comparison:
        """The same question streamed and whole."""
        from felix.llm.examination import compare_streaming, comparison_request
        from felix.llm.packages import ready_to_ask

        endpoint = self.endpoint(base_url)
        key = await self.key_of(endpoint)
        report = await self.report(base_url, key)
        chosen = report.model(model or endpoint.model)
        await ready_to_ask(report.kind, report.base_url)
        client = self._client(endpoint, report, key)
        try:
            return await compare_streaming(
                client,
                comparison_request(chosen.id if chosen else model),
                silence_timeout_s=silence_timeout(self._settings.current, base_url),
            )
        finally:
            await asyncio.shield(client.aclose())

    def _client(self, endpoint: Endpoint, report: ServerReport, key: str) -> ChatClient:
        from felix.llm.models import make_client

        return make_client(report.base_url, key, report.kind, files=self._model_files, **_own(endpoint))

    async def _reach(self, endpoint: Endpoint) -> Connection:
        return await connect(endpoint, await self.key_of(endpoint), self._settings.current, files=self._model_files)

    async def _reach_demo(self, endpoint: Endpoint) -> Connection:
        connection = await connect(endpoint, "", self._settings.current)
        return replace(connection, is_demo=True, server_name="Demo model", slots={})

    def _current(self) -> Settings:
        return self._settings.current

    async def _look(self, endpoint: Endpoint) -> ServerReport | FelixError:
        from felix.llm.models import list_models

        where = endpoint.name or endpoint.base_url
        late = f"The key store did not give the key for {where} in time – unlock it, then look again."
        try:
            async with asyncio.timeout(LOOK_S):
                key = await self.key_of(endpoint)
                late = f"{where} did not say within {LOOK_S:g} s which models it has – look whether it is busy."
                return await list_models(
                    endpoint.base_url, key, kind=endpoint.kind, files=self._model_files, **_own(endpoint)
                )
        except TimeoutError:
            return ServerError(late, fault="silent")
        except FelixError as error:
            return error

    async def _asked(self, base_url: str) -> tuple[Endpoint, str, ServerKind]:
        """An endpoint with its key, and its kind: found out by asking where the settings do not name it."""
        endpoint = self.endpoint(base_url)
        key = await self.key_of(endpoint)
        if endpoint.kind != "auto":
            return endpoint, key, endpoint.kind
        return endpoint, key, (await self.report(base_url, key)).kind

    async def _key(self, endpoint: Endpoint, api_key: str | None) -> str:
        if api_key is None:
            return await self.key_of(endpoint)
        hide(api_key)
        return api_key

    @property
    def _model_files(self) -> ModelFiles:
        """What is loaded of model files; it stays so between runs."""
        from felix.llm.local.keeper import ModelFiles

        if self._files is None:
            self._files = ModelFiles()
        return self._files

    async def _demo_url(self) -> str:
        from felix.demo import DemoServer

        async with self._demo_starts:  # runs that begin at once wait for the same server
            if self._demo is None:
                demo = DemoServer(speed=self._demo_speed)
                self._demo_base_url = await demo.start()
                self._demo = demo
        return self._demo_base_url


def _own(endpoint: Endpoint) -> dict[str, int]:
    """How a model file at an endpoint is loaded, as the settings say."""
    return {"context_length": endpoint.context_length, "slots": endpoint.slots}
