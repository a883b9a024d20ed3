"""One agent: a model with a role that is asked and answers, in the caller's event loop."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self

from felix.door.answer import Answer, answer_of, fitted
from felix.door.callbacks import Feed, first_of
from felix.door.going import Going
from felix.door.place import SettingsLike, place
from felix.errors import FelixError
from felix.events import Channel
from felix.llm.chat import ChatClient, ChatRequest, Message
from felix.settings import Settings
from felix.team.agent import STOPPED_BY_USER, cut_off
from felix.team.asking import Asked
from felix.team.connections import Connections
from felix.team.connections import Place as AskedPlace
from felix.team.prompts import Room
from felix.team.roles import ROLES
from felix.team.speaking import Speaker, Spoken
from felix.team.workflow import AgentSpec, Workflow

MIDWAY = 0.5
"""The depth whose temperature an agent has that descends no helix."""

OnText = Callable[[str], object]
"""Plain or async."""


class Agent:
    """A model with a role. Nothing is asked before the first question.

        agent = felix.Agent("research", base_url="http://127.0.0.1:1234/v1")
        answer = await agent.ask("What is a helix?", on_token=print)
        print(answer.text, answer.usage, answer.ttft_s, answer.tokens_per_s)

        async for piece in agent.stream("And in biology?"):
            print(piece, end="")

    Each question makes its own connection, unless the agent is entered: `async with agent:` keeps it, and a model file
    stays loaded.
    """

    def __init__(
        self,
        role: str = "",
        *,
        prompt: str = "",
        base_url: str | None = None,
        model: str | None = None,
        api_key: str | None = None,
        endpoint: str | None = None,
        settings: SettingsLike | None = None,
        client: ChatClient | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        demo: bool = False,
    ) -> None:
        """`role` is one that Felix knows (research, analysis, critic), or your own word for it; `prompt` says the rest.

        `temperature` None is the role's, and the server's own where it has none; `max_tokens` None is as in the
        settings, 0 the server's own limit. Where to ask: as in `felix.run`. Raises FelixError for what was given
        wrongly.
        """
        self.role = role
        self._place = place(
            settings=settings,
            base_url=base_url,
            endpoint=endpoint,
            model=model,
            api_key=api_key,
            client=client,
            demo=demo,
        )
        self._system = _system(role, prompt)
        manner = ROLES.get(role)
        self._temperature = temperature
        if temperature is None and manner is not None:
            self._temperature = AgentSpec(id="agent", role=manner.name).temperature_at(MIDWAY)
        self._max_tokens = self._place.settings.max_tokens if max_tokens is None else max_tokens
        alone = AgentSpec(id="agent", role=manner.name if manner else "research")
        self._workflow = self._place.asked(Workflow(name="One agent", agents=(alone,)))
        self._block: _Block | None = None
        """The `async with` in which it is."""

    async def __aenter__(self) -> Self:
        self._block = _Block()
        await self._block.stack.enter_async_context(self._block.tasks)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        block, self._block = self._block, None
        if block is not None:
            await block.stack.aclose()

    async def ask(
        self,
        question: str,
        *,
        history: Sequence[Message] = (),
        on_token: OnText | None = None,
        on_thinking: OnText | None = None,
    ) -> Answer:
        """The whole answer. Raises FelixError when none came; one that broke off says so in its status.

        `history` is what was said before, oldest first; what of it does not fit the context is left out, and said.
        Cancelling closes the connection, which stops the model.
        """
        return await self.stream(question, history=history, on_token=on_token, on_thinking=on_thinking)

    def stream(
        self,
        question: str,
        *,
        history: Sequence[Message] = (),
        on_token: OnText | None = None,
        on_thinking: OnText | None = None,
    ) -> Stream:
        """The answer while it is written; leaving it before its end stops the model."""
        if not question.strip():
            raise FelixError("The question is empty – say what the agent shall answer.")
        return Stream(self, question, tuple(history), on_token, on_thinking)

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[Connections, None]:
        if self._block is None:
            async with self._place.connected(self._workflow) as connections:
                yield connections
            return
        yield await self._block.connected(self._place.connected(self._workflow))

    async def _converse(self, ask: Callable[[AskedPlace], Awaitable[object]]) -> None:
        """Have a question asked at a place, and at another as long as places are left."""
        async with self._connected() as connections:
            asked = Asked(self._workflow.endpoint or "", self._workflow.model or "")
            await connections.ask(asked, ask, tell=lambda _: None)

    def _request(self, where: AskedPlace, history: Sequence[Message], question: str) -> tuple[ChatRequest, str]:
        """What is asked there, and what did not fit."""
        room = Room(where.connection.context_of(where.model), self._max_tokens)
        messages, note = fitted(self._system, history, question, room)
        return ChatRequest(messages, where.model, self._temperature, self._max_tokens, self.role or "agent"), note

    def _settings(self) -> Settings:
        """Every piece as it comes: whoever wants fewer puts them together."""
        return self._place.settings.model_copy(update={"streaming_batch_interval": 0.0, "streaming_batch_chars": 0})

    def _streams(self) -> bool:
        return self._place.settings.enable_streaming


class Stream(Going[str, Answer]):
    """An answer while it is written: iterate it for its text, await it for the `Answer`; made by `Agent.stream`."""

    def __init__(
        self,
        agent: Agent,
        question: str,
        history: tuple[Message, ...],
        on_token: OnText | None,
        on_thinking: OnText | None,
        *,
        on_end: Callable[[Answer], None] | None = None,
    ) -> None:
        super().__init__()
        self._agent = agent
        self._question = question
        self._history = history
        self._functions = (on_token, on_thinking)
        self._on_end = on_end
        self._feeds: dict[Channel, Feed] = {}
        self._pieces: deque[str] = deque()
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
                on_token, on_thinking = (Feed(function, tasks) for function in self._functions)
                self._feeds = {"answer": on_token, "thinking": on_thinking}
                await self._agent._converse(self._ask)
                for feed in self._feeds.values():
                    await feed.drain()
        except BaseExceptionGroup as group:
            raise first_of(group) from None
        except asyncio.CancelledError:
            if not self._is_stopped:
                raise
        answer = answer_of(self._spoken or self._cut_off(started), self._notes)
        if self._on_end:
            self._on_end(answer)
        return answer

    async def _ask(self, where: AskedPlace) -> None:
        agent, connection = self._agent, where.connection
        request, note = agent._request(where, self._history, self._question)
        self._notes, self._model = (*where.notes, *([note] if note else [])), where.model
        self._speaker = Speaker(
            connection.client,
            request,
            silence_timeout_s=connection.silence_timeout_s,
            states_confidence=False,
            on_text=self._show,
            on_progress=lambda _: None,
        )
        spoken = await self._speaker.speak(agent._settings, streaming=agent._streams, continue_most=0)
        if not await where.is_left(spoken):
            if not agent._streams() and spoken.content:
                self._show("answer", spoken.content, 0, 0)
            self._spoken = spoken

    def _show(self, channel: Channel, text: str, offset: int, tokens: int) -> None:
        if not text:
            return  # taken back, which what was shown cannot be
        if channel == "answer":
            self._pieces.append(text)
            self._news.set()
        self._feeds[channel].tell(text)

    def _cut_off(self, started: float) -> Spoken:
        """Stopped while it was asked for."""
        if self._speaker is None:
            raise FelixError("It was stopped before anything was asked – ask again.")
        self._speaker.interrupted()
        return cut_off(self._speaker, "stopped", STOPPED_BY_USER, started, self._model)


class _Block:
    """What an agent that was entered keeps until it is left."""

    def __init__(self) -> None:
        self.stack = AsyncExitStack()
        self.tasks = asyncio.TaskGroup()
        """Who looks whether a server that failed is well again."""
        self._connections: Connections | None = None
        self._one_at_a_time = asyncio.Lock()

    async def connected(self, connecting: AbstractAsyncContextManager[Connections]) -> Connections:
        """The connections, made by the first who asks."""
        async with self._one_at_a_time:
            if self._connections is None:
                self._connections = await self.stack.enter_async_context(connecting)
                self.stack.callback(self.tasks.create_task(self._connections.watch()).cancel)
        return self._connections


def _system(role: str, prompt: str) -> str:
    known = ROLES.get(role)
    parts = (f"You are {_a(role)} {role} agent." if role else "", known.purpose if known else "", prompt.strip())
    return " ".join(part for part in parts[:2] if part) + ("\n\n" if any(parts[:2]) and parts[2] else "") + parts[2]


def _a(word: str) -> str:
    return "an" if word[:1].lower() in "aeiou" else "a"
