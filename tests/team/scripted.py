"""A `ChatClient` that says what a test tells it to say, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping

from felix.errors import ServerError
from felix.llm.answer import AnswerParts
from felix.llm.chat import Answer, ChatRequest, Delta, Finish, Progress, Text, Usage
from felix.settings import Settings
from felix.team.connection import Connection
from felix.team.workflow import Workflow, parse

Line = Delta | ServerError | asyncio.Event | Exception
Script = Callable[[ChatRequest], Iterable[Line]]
"""For a request its deltas; an error is raised where it stands, an event is waited for."""


def says(text: str, *, finish: str | None = "stop", usage: tuple[int, int] | None = (10, 5)) -> list[Line]:
    lines: list[Line] = [Text(word) for word in text.splitlines(keepends=True)]
    if usage:
        lines.append(Usage(*usage))
    if finish:
        lines.append(Finish(finish))
    return lines


class ScriptedClient:
    def __init__(self, script: Script) -> None:
        self.requests: list[ChatRequest] = []
        self.streamed: list[bool] = []
        self.speaking = 0
        self.most_at_once = 0
        self._script = script

    async def stream(self, request: ChatRequest) -> AsyncIterator[Delta]:
        self._asked(request, streamed=True)
        try:
            yield Progress("waiting")
            for line in self._script(request):
                if isinstance(line, asyncio.Event):
                    await line.wait()
                elif isinstance(line, Exception):
                    raise line
                else:
                    yield line
                    await asyncio.sleep(0)
        finally:
            self.speaking -= 1

    async def complete(self, request: ChatRequest) -> Answer:
        self._asked(request, streamed=False)
        parts = AnswerParts(request)
        for line in self._script(request):
            if isinstance(line, Exception):
                raise line
            assert not isinstance(line, asyncio.Event)
            parts.add(line)
        self.speaking -= 1
        return parts.answer(duration_s=0.1)

    async def aclose(self) -> None:
        pass

    def _asked(self, request: ChatRequest, *, streamed: bool) -> None:
        self.requests.append(request)
        self.streamed.append(streamed)
        self.speaking += 1
        self.most_at_once = max(self.most_at_once, self.speaking)

    def prompt(self, agent_id: str, nth: int = 0) -> str:
        """All text of the nth request of an agent."""
        of_agent = [request for request in self.requests if request.agent_id == agent_id]
        return "\n".join(message.content for message in of_agent[nth].messages)


def connection(
    client: ScriptedClient,
    *,
    context: int | None = 16_384,
    contexts: Mapping[str, int | None] | None = None,
    silence_timeout_s: float = 0,
) -> Connection:
    known = {"m": context, **(contexts or {})}
    return Connection(client, "http://127.0.0.1:1/v1", "Scripted", "m", known, silence_timeout_s)


def workflow(
    agents: str = "{id: research, role: research, count: 2}", *, checkpoints: str = "[0, 0.5]", more: str = ""
) -> Workflow:
    return parse(f"name: Test\nagents: [{agents}]\ncheckpoints: {checkpoints}\n{more}", "test.yaml")


def always(**changes: object) -> Callable[[], Settings]:
    settings = Settings(streaming_batch_interval=0.0).model_copy(update=changes)
    return lambda: settings
