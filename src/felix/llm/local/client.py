"""The client of a model file: has it loaded, says how far that is, and speaks to its server as to any llama.cpp."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from felix.errors import ServerError
from felix.llm.address import file_path
from felix.llm.chat import Answer, ChatRequest, Delta, Progress
from felix.llm.local.keeper import ModelFiles
from felix.llm.local.server import LocalServer
from felix.llm.openai_client import OpenAIClient

_CRASH_S = 1.0
"""The end of a process is known a moment after its sockets have closed."""


class FileClient:
    """One model file. `files` keeps it loaded for others too; without it the file is this client's own."""

    gathers = True
    """As the client behind it."""

    def __init__(
        self, base_url: str, *, context_length: int = 0, slots: int = 0, files: ModelFiles | None = None
    ) -> None:
        self._path = file_path(base_url)
        self._context_length, self._slots = context_length, slots
        self._files = files or ModelFiles()
        self._is_own = files is None
        self._clients: dict[str, OpenAIClient] = {}
        """By key: after a crash there is another server, which may get the port of the one before."""

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        yield Progress("connecting")
        if other := self._files.must_wait(self._path, self._context_length, self._slots):
            yield Progress("waiting", detail=f"{other} is answering others first")
        async with self._use() as server:
            async with aclosing(server.loading()) as fractions:
                async for fraction in fractions:
                    yield Progress("loading", fraction, self._path.name)
            try:
                async with aclosing(self._client(server).stream(request)) as deltas:
                    async for delta in deltas:
                        if not (isinstance(delta, Progress) and delta.phase == "connecting"):
                            yield delta
            except ServerError as error:
                raise await _explained(error, server) from None

    async def complete(self, request: ChatRequest) -> Answer:
        async with self._use() as server:
            async for _ in server.loading():
                pass
            try:
                return await self._client(server).complete(request)
            except ServerError as error:
                raise await _explained(error, server) from None

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        if self._is_own:
            await self._files.close()

    @asynccontextmanager
    async def _use(self) -> AsyncIterator[LocalServer]:
        async with self._files.use(self._path, context_length=self._context_length, slots=self._slots) as server:
            yield server

    def _client(self, server: LocalServer) -> OpenAIClient:
        if server.api_key not in self._clients:
            self._clients[server.api_key] = OpenAIClient(server.base_url, server.api_key, "llamacpp")
        return self._clients[server.api_key]


async def _explained(error: ServerError, server: LocalServer) -> ServerError:
    """A lost connection is a crash when the process is gone; text that has come keeps its mark as cut off."""
    if error.fault not in ("cut", "unreachable", "protocol") or not await server.wait_ended(_CRASH_S):
        return error
    crash = server.failure()
    return ServerError(str(crash), fault="cut" if error.fault == "cut" else crash.fault, retryable=error.retryable)
