"""How one agent is asked: whom, what it is told beside the question, what it may use. Frozen but for what it keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from felix.door.answer import fitted
from felix.door.place import Place
from felix.door.tools import Approve, GivenTools
from felix.llm.chat import ChatRequest, Message
from felix.settings import Settings
from felix.team.connections import Connections
from felix.team.connections import Place as AskedPlace
from felix.team.prompts import Room, assumed_context
from felix.team.tools.offer import Offer
from felix.team.workflow import Member, Workflow
from felix.tools import Tools


class Equipment(NamedTuple):
    """What a question needs: made for it, or kept by an agent that was entered."""

    connections: Connections
    tools: Tools


@dataclass(frozen=True, slots=True)
class Asking:
    place: Place
    workflow: Workflow
    """Of this one agent: whom it asks and which tools it may use stand there."""
    given: GivenTools
    approve: Approve | None
    name: str
    system: str
    temperature: float | None
    max_tokens: int

    @property
    def member(self) -> Member:
        return self.workflow.members()[0]

    def room(self, where: AskedPlace, offer: Offer) -> Room:
        connection = where.connection
        context, assumed = connection.context_of(where.model), assumed_context(connection.kind)
        return Room(context, self.max_tokens, tools=offer.tokens if offer else None, assumed=assumed)

    def request(
        self, where: AskedPlace, room: Room | None, history: Sequence[Message], question: str
    ) -> tuple[ChatRequest, str]:
        """What is asked there, and what of the history did not fit, in words; None is room for all of it."""
        messages, note = fitted(self.system, history, question, room)
        return ChatRequest(messages, where.model, self.temperature, self.max_tokens, self.name), note

    def settings(self) -> Settings:
        """Every piece as it comes: whoever wants fewer puts them together."""
        return self.place.settings.model_copy(update={"streaming_batch_interval": 0.0, "streaming_batch_chars": 0})

    def streams(self) -> bool:
        return self.place.settings.enable_streaming

    @asynccontextmanager
    async def equipped(self, block: Block | None) -> AsyncGenerator[Equipment, None]:
        """For one question; of the `block` in which the agent is, where it is in one. Raises FelixError."""
        if block is not None:
            yield await block.equipment()
            return
        async with self.place.connected(self.workflow) as connections, self.tooled() as tools:
            yield Equipment(connections, tools)

    def tooled(self) -> AbstractAsyncContextManager[Tools]:
        return self.place.equipped(self.given, asks=self.approve is not None)


class Block:
    """The `async with` in which an agent is: what it keeps until it is left."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._stack = AsyncExitStack()
        self._tasks = asyncio.TaskGroup()
        """Who looks whether a server that failed is well again."""
        self._tools: Tools | None = None
        self._connections: Connections | None = None
        self._one_at_a_time = asyncio.Lock()

    async def enter(self) -> None:
        """In the task that leaves it, too: both have groups, which belong to a task. Nothing is started."""
        await self._stack.enter_async_context(self._tasks)
        self._tools = await self._stack.enter_async_context(self._asking.tooled())

    async def leave(self) -> None:
        await self._stack.aclose()

    async def equipment(self) -> Equipment:
        """Connected for the first question."""
        assert self._tools is not None
        async with self._one_at_a_time:
            if self._connections is None:
                asking = self._asking
                self._connections = await self._stack.enter_async_context(asking.place.connected(asking.workflow))
                self._stack.callback(self._tasks.create_task(self._connections.watch()).cancel)
        return Equipment(self._connections, self._tools)
