"""The model servers as the engine asks them: with the keys that belong to them, and the demo model when it is wanted.

All of it belongs to the worker's loop. Whatever is asked, the SDK and the HTTP library are imported only then.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from felix.keys import KeyStore
from felix.log import hide
from felix.settings import SettingsFile
from felix.team.connection import Connection, connect, silence_timeout

if TYPE_CHECKING:
    from felix.demo import DemoServer
    from felix.llm.models import ConnectionCheck, ServerReport


class Servers:
    """Every method may raise FelixError."""

    def __init__(self, settings: SettingsFile, keys: KeyStore, *, demo_speed: float) -> None:
        self._settings = settings
        self._keys = keys
        self._demo: DemoServer | None = None
        self._demo_base_url = ""
        self._demo_speed = demo_speed

    async def close(self) -> None:
        if self._demo:
            await self._demo.close()

    async def connect(self, *, demo: bool) -> Connection:
        """For a run; its client is for the caller to close."""
        settings = self._settings.current
        if demo:
            settings = settings.model_copy(update={"base_url": await self._demo_url(), "model": ""})
            return replace(await connect(settings, ""), is_demo=True, server_name="Demo model")
        return await connect(settings, await self._key(settings.base_url, None))

    async def report(self, base_url: str, api_key: str | None, *, demo: bool) -> ServerReport:
        """Who a server is and what it has; `api_key` None is the stored one."""
        from felix.llm.models import list_models

        if demo:
            return await list_models(await self._demo_url(), "")
        return await list_models(base_url, await self._key(base_url, api_key))

    async def test(self, base_url: str, model: str, api_key: str | None) -> ConnectionCheck:
        """One word of a model, through the code of a run."""
        from felix.llm.models import check_connection, list_models, make_client

        key = await self._key(base_url, api_key)
        report = await list_models(base_url, key)
        client = make_client(report.base_url, key, report.kind)
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

    async def _key(self, base_url: str, api_key: str | None) -> str:
        # The operating system's key store may ask the user first: never on the loop.
        key = await asyncio.to_thread(self._keys.get, base_url) if api_key is None else api_key
        hide(key)
        return key

    async def _demo_url(self) -> str:
        from felix.demo import DemoServer

        if self._demo is None:
            self._demo = DemoServer(speed=self._demo_speed)
            self._demo_base_url = await self._demo.start()
        return self._demo_base_url
