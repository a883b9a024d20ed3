"""One question to one agent while it is answered."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass

from felix.door.answer import Answer, answer_of
from felix.door.asking import Asking, Block
from felix.door.callbacks import Feed, first_of
from felix.door.going import Going
from felix.door.tools import asker
from felix.errors import FelixError
from felix.events import (
    AgentId,
    Channel,
    Record,
    RunId,
    ThoughtId,
    ToolCalled,
    ToolProgressed,
    ToolReturned,
)
from felix.llm.chat import Message
from felix.team.agent import STOPPED_BY_USER, cut_off
from felix.team.asking import Asked
from felix.team.connections import Place as AskedPlace
from felix.team.hub import CentralPost
from felix.team.prompts import Room
from felix.team.speaking import Speaker, Spoken
from felix.team.tools.calls import Calls
from felix.team.tools.offer import Offer, RunTools
from felix.team.tools.telling import Telling
from felix.tools import Tools

OnText = Callable[[str], object]
"""Plain or async."""
OnTool = Callable[[ToolCalled | ToolProgressed | ToolReturned], object]
"""Plain or async."""


@dataclass(frozen=True, slots=True)
class Listening:
    """The caller's functions for one question."""

    on_token: OnText | None = None
    on_thinking: OnText | None = None
    on_tool: OnTool | None = None
    on_end: Callable[[Answer], None] | None = None
    """For whoever remembers the answer, also of one that was left."""


class Stream(Going[str, Answer]):
    """An answer while it is written: iterate it for its text, await it for the `Answer`; made by `Agent.stream`."""

    def __init__(
        self, asking: Asking, block: Block | None, question: str, history: tuple[Message, ...], listening: Listening
    ) -> None:
        super().__init__()
        self._asking = asking
        self._block = block
        self._question = question
        self._history = history
        self._listening = listening
        self._feeds: dict[Channel, Feed] = {}
        self._pieces: deque[str] = deque()
        self._shown = 0
        """Characters of the answer that were passed on."""
        self._speaker: Speaker | None = None
        self._spoken: Spoken | None = None
        self._notes: tuple[str, ...] = ()
        self._model = ""
        """The one that was asked."""

    def __aiter__(self) -> AsyncGenerator[str, None]:  # noqa: PYI058  it may be closed
        """The pieces of the answer as they come; leaving them before the end closes the connection.

        A model that closes a thinking it never opened has shown it as text: then only the `Answer` tells them apart.
        """
        return super().__aiter__()

    @property
    def answer(self) -> Answer:
        """The whole, with its figures. Raises FelixError while it is written, and when there is none."""
        return self._outcome("answer")

    def _take(self) -> Iterable[str]:
        while self._pieces:
            yield self._pieces.popleft()

    async def _carry_out(self) -> Answer:
        started = time.monotonic()
        try:
            async with asyncio.TaskGroup() as tasks:
                heard = self._listening
                on_tool = Feed(heard.on_tool, tasks)
                self._feeds = {"answer": Feed(heard.on_token, tasks), "thinking": Feed(heard.on_thinking, tasks)}
                await self._ask(tasks, on_tool)
                for feed in (*self._feeds.values(), on_tool):
                    await feed.drain()
        except BaseExceptionGroup as group:
            raise first_of(group) from None
        except asyncio.CancelledError:
            if not self._is_stopped:
                raise
        answer = answer_of(self._spoken or self._cut_off(started), self._notes)
        if self._listening.on_end:
            self._listening.on_end(answer)
        return answer

    async def _ask(self, tasks: asyncio.TaskGroup, on_tool: Feed) -> None:
        """Have it answered at a place, and at another as long as places are left."""
        workflow = self._asking.workflow
        asked = Asked(workflow.endpoint or "", workflow.model or "")
        async with self._asking.equipped(self._block) as (connections, tools):
            hub, run_tools = self._tooled(tools, tasks, on_tool)
            await run_tools.open(workflow)
            await connections.ask(asked, lambda where: self._speak(where, hub, run_tools), tell=lambda _: None)

    async def _speak(self, where: AskedPlace, hub: CentralPost, tools: RunTools) -> None:
        asking, connection = self._asking, where.connection
        offer = tools.of(asking.member)
        notes = where.notes
        if offer and where.model in connection.toolless:
            offer = Offer()
            notes += (f"{where.model} was not taught to call tools: it was asked without them",)
        room = asking.room(where, offer)
        # Where nobody says how much fits, as with hosted models, all is sent, and less when that was too much.
        spoken = await self._ask_for(where, notes, None if room.context is None else room, hub, tools, offer)
        if spoken.fault == "context" and spoken.is_empty and self._history and room.context is None:
            spoken = await self._ask_for(where, notes, room, hub, tools, offer)
        if not await where.is_left(spoken):
            if not asking.streams():  # what stood before a tool call has been shown
                self._show("answer", spoken.content[self._shown :], 0, 0)
            self._spoken = spoken

    async def _ask_for(
        self,
        where: AskedPlace,
        notes: tuple[str, ...],
        room: Room | None,
        hub: CentralPost,
        tools: RunTools,
        offer: Offer,
    ) -> Spoken:
        asking, connection = self._asking, where.connection
        request, left_out = asking.request(where, room, self._history, self._question)
        self._notes, self._model = (*notes, *([left_out] if left_out else [])), where.model
        self._speaker = Speaker(
            connection.client,
            request,
            silence_timeout_s=connection.silence_timeout_s,
            states_confidence=False,
            on_text=self._show,
            on_progress=lambda _: None,
            calls=self._calls(where, hub, tools, offer),
        )
        return await self._speaker.speak(asking.settings, streaming=asking.streams, continue_most=0)

    def _tooled(self, tools: Tools, tasks: asyncio.TaskGroup, on_tool: Feed) -> tuple[CentralPost, RunTools]:
        """What is told of tools goes through a hub as in a run; and the caller is asked where a call asks."""
        hub = CentralPost(RunId(self._asking.name))
        run_tools = tools.of_run(hub, None)

        def hear(record: Record) -> None:
            if isinstance(record.event, ToolCalled | ToolProgressed | ToolReturned):
                on_tool.tell(record.event)

        hub.register_streaming_callback(hear)
        hub.register_streaming_callback(asker(self._asking.approve, tasks, run_tools.answer))
        return hub, run_tools

    def _calls(self, where: AskedPlace, hub: CentralPost, tools: RunTools, offer: Offer) -> Calls | None:
        if not offer:
            return None
        room = self._asking.room(where, offer)
        agent_id = AgentId(self._asking.name)
        return Calls(
            tools,
            offer,
            Telling(hub, agent_id, ThoughtId(f"{agent_id}#1"), round_number=1, checkpoint=0.0),
            context=room.context,
            room=room.question,
            aside=where.aside,
        )

    def _show(self, channel: Channel, text: str, offset: int, tokens: int) -> None:
        if not text:
            return  # taken back, which what was shown cannot be
        if channel == "answer":
            self._shown += len(text)
            self._pieces.append(text)
            self._news.set()
        self._feeds[channel].tell(text)

    def _cut_off(self, started: float) -> Spoken:
        """Stopped while it was asked for."""
        if self._speaker is None:
            raise FelixError("It was stopped before anything was asked – ask again.")
        self._speaker.interrupted()
        return cut_off(self._speaker, "stopped", STOPPED_BY_USER, started, self._model)
