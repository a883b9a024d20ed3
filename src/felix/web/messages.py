"""`/ws`: what is said in the runs as messages of a chat that grow, for programs that know such.

    message_new     {id, author, content: "", metadata: {streaming: true}}
    message_stream  {message_id, chunk, is_final, metadata: {tool_calls}}
    message_update  {id, content, metadata: {streaming: false, status}}   with `error`, one sentence, when it failed

and from the other side `stream_cancel {message_id}`, which ends what is being said, where that is allowed. The kind of
each stands in it as `type`. Thinking is no part of a message. `/ws?run=…` begins with what was said in that run; else
only what is being said at the moment, in any run, and what follows.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from starlette.websockets import WebSocket, WebSocketDisconnect

from felix.errors import FelixError
from felix.events import (
    HUB,
    AgentId,
    AgentState,
    CallId,
    PartialSynthesis,
    PartialThought,
    Record,
    RunId,
    RunStarted,
    SynthesisComplete,
    SynthesisStarted,
    ThoughtComplete,
    ToolAnswered,
    ToolCalled,
    ToolReturned,
)
from felix.ledger.speech import GrowingText, Synthesis, Thought
from felix.web.chat import NOT_ALLOWED
from felix.web.line import line_of
from felix.web.runs import NO_RUN
from felix.web.watcher import Piece, Watcher

if TYPE_CHECKING:
    from felix.engine import Engine
    from felix.ledger.state import RunState
    from felix.web.feed import Feed
    from felix.web.feeds import Feeds

Message = dict[str, object]

GONE, NOTHING, LATER = 1001, 1008, 1013
"""Why a socket is closed: the server ends; what was asked for is not there; come back later."""


class Messages:
    """The endpoint."""

    def __init__(self, engine: Engine, feeds: Feeds, *, allow_control: bool) -> None:
        self._engine, self._feeds, self._allow_control = engine, feeds, allow_control

    async def talk(self, socket: WebSocket) -> None:
        watcher = Watcher(0, line_of(socket.scope).abort)
        wanted = socket.query_params.get("run")
        try:
            feed = await self._feeds.feed(RunId(wanted)) if wanted else None
            with self._feeds.watching(watcher):
                await socket.accept()
                if wanted and feed is None:
                    await socket.close(NOTHING, NO_RUN)
                    return
                telling = Telling(watcher)
                async with asyncio.TaskGroup() as tasks:
                    hearing = tasks.create_task(self._hear(socket, watcher, telling))
                    # with a run named, at its feed: what another process writes comes nowhere else
                    with feed.listening(telling.hear) if feed else self._feeds.listening(telling.hear):
                        await self._join(telling, feed)
                        await self._tell(socket, watcher)
                    hearing.cancel()
        except FelixError as error:  # too many watch, or the ledger does not answer
            await socket.close(LATER, str(error))

    async def _join(self, telling: Telling, feed: Feed | None) -> None:
        if feed is not None:
            telling.join(feed.state, is_whole=True)
            return
        telling.takes_new = True
        for run in self._feeds.live:
            try:
                found = await self._feeds.feed(run)
            except FelixError as error:
                telling.say(_error(503, str(error)))
            else:
                if found is not None:
                    telling.join(found.state, is_whole=False)

    async def _tell(self, socket: WebSocket, watcher: Watcher) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it has gone meanwhile

            async def put(part: bytes) -> None:
                await socket.send_text(part.decode())

            while taken := await watcher.take():
                for piece in taken:
                    await watcher.write_whole(put, piece.data)
            if watcher.is_dropped:
                await socket.close(LATER, "You were too slow – come back, and begin with ?run=")
            else:
                await socket.close(GONE)

    async def _hear(self, socket: WebSocket, watcher: Watcher, telling: Telling) -> None:
        try:
            while True:
                if answer := self._answer(await socket.receive_text(), telling):
                    telling.say(answer)
        except (WebSocketDisconnect, RuntimeError, KeyError):  # it has gone, or sends what is no text
            watcher.end()

    def _answer(self, text: str, telling: Telling) -> Message | None:
        """What is said to a message of the other side; None when it was carried out."""
        try:
            asked = json.loads(text)
        except (ValueError, RecursionError):
            asked = None
        if not isinstance(asked, dict) or asked.get("type") != "stream_cancel":
            return _error(400, 'This is not understood – send {"type": "stream_cancel", "message_id": "…"}.')
        number = asked.get("message_id")
        if not self._allow_control:
            return _error(403, NOT_ALLOWED, number)
        who = telling.being_said.get(number) if isinstance(number, str) else None
        if who is None:
            return _error(404, "Nothing of that name is being said – it may have ended meanwhile.", number)
        self._engine.stop_agent(*who)
        return None


class Telling:
    """What one reader has been told, and is to be told next."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self.takes_new = False
        """Whether runs that begin are told, too."""
        self._joined: set[RunId] = set()
        self._synthesis: dict[RunId, int] = {}
        """The number of each run's latest."""
        self.being_said: dict[str, tuple[RunId, AgentId]] = {}
        """By the id of the message: who says it."""
        self._texts: dict[str, GrowingText] = {}
        """Of the same."""
        self._calls: dict[str, dict[CallId, Message]] = {}
        """Of tools; of the same."""

    def join(self, state: RunState, *, is_whole: bool) -> None:
        """Tell what stands there – with `is_whole` also what has ended – and from now on what is added to it."""
        run = state.run
        assert run is not None
        if run in self._joined:
            return
        self._joined.add(run)
        if state.synthesis is not None:
            self._synthesis[run] = state.synthesis.number
        said: list[Thought | Synthesis] = [*state.thoughts.values(), *state.earlier]
        for speech in [*said, *([state.synthesis] if state.synthesis else [])]:
            if speech.is_live and speech.activity == "queued":
                continue
            if speech.is_live or is_whole:
                self._put(self._standing(run, speech))

    def hear(self, news: list[Record]) -> None:
        for record in news:
            if self.takes_new and isinstance(record.event, RunStarted):
                self._joined.add(record.run)
            if record.run in self._joined:
                self._put(self._told(record))

    def say(self, message: Message) -> None:
        self._watcher.put(Piece(json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode()))

    def _put(self, messages: Iterator[Message]) -> None:
        for message in messages:
            self.say(message)

    def _standing(self, run: RunId, speech: Thought | Synthesis) -> Iterator[Message]:
        if isinstance(speech, Thought):
            name, who = f"{run}/{speech.thought_id}", speech.agent_id
        else:
            name, who = f"{run}/synthesis-{speech.number}", HUB
        yield from self._opened(name, run, who)
        for call in speech.calls if isinstance(speech, Thought) else ():
            if call.called_at is not None:
                yield self._called(name, call.call_id, call.name, str(call.arguments), is_asking=call.is_asking)
            if call.status is not None:
                yield from self._now(name, call.call_id, status=call.status, result=call.content)
        text = str(speech.answer)
        if speech.is_live and text:
            yield from self._grown(name, text, 0)
        elif not speech.is_live:
            yield from self._ended(name, text, speech.status or "", speech.error)

    def _told(self, record: Record) -> Iterator[Message]:
        run = record.run
        hub = f"{run}/synthesis-{self._synthesis.get(run, 1)}"
        match record.event:
            case AgentState(agent_id=agent_id, state=state, thought_id=thought_id):
                if agent_id != HUB and state != "queued":
                    yield from self._opened(f"{run}/{thought_id}", run, agent_id)
            case PartialThought() as piece:
                name = f"{run}/{piece.thought_id}"
                yield from self._opened(name, run, piece.agent_id)
                if piece.channel == "answer":
                    yield from self._grown(name, piece.partial, piece.offset)
            case ToolCalled() as call:
                name = f"{run}/{call.thought_id}"
                yield from self._opened(name, run, call.agent_id)
                yield self._called(name, call.call_id, call.name, call.arguments, is_asking=bool(call.asks))
            case ToolAnswered() as said:
                status = "refused" if said.answer == "no" else "running"
                yield from self._now(f"{run}/{said.thought_id}", said.call_id, status=status)
            case ToolReturned(call_id=call_id) as got:
                yield from self._now(f"{run}/{got.thought_id}", call_id, status=got.status, result=got.content)
            case ThoughtComplete() as end:
                name = f"{run}/{end.thought_id}"
                yield from self._opened(name, run, end.agent_id)
                yield from self._ended(name, end.content, end.status, end.error)
            case SynthesisStarted(number=number):
                self._synthesis[run] = number
                yield from self._opened(f"{run}/synthesis-{number}", run, HUB)
            case PartialSynthesis(channel="answer") as piece:
                yield from self._opened(hub, run, HUB)
                yield from self._grown(hub, piece.partial, piece.offset)
            case SynthesisComplete() as end:
                yield from self._opened(hub, run, HUB)
                yield from self._ended(hub, end.content, end.status, end.error)
            case _:
                pass  # what is no part of a message

    def _opened(self, name: str, run: RunId, who: AgentId) -> Iterator[Message]:
        if name not in self._texts:
            self._texts[name] = GrowingText()
            self.being_said[name] = (run, who)
            yield {"type": "message_new", "id": name, "author": who, "content": "", "metadata": {"streaming": True}}

    def _grown(self, name: str, text: str, offset: int) -> Iterator[Message]:
        said = self._texts[name]
        is_next = offset == len(said)
        said.put(text, offset)
        if not is_next:  # what stood there turned out to be thinking
            yield {"type": "message_update", "id": name, "content": str(said), "metadata": {"streaming": True}}
        elif text:
            yield self._chunk(name, text)

    def _called(self, name: str, call_id: CallId, tool: str, arguments: str, *, is_asking: bool) -> Message:
        status = "asking" if is_asking else "running"
        call: Message = {"id": call_id, "name": tool, "arguments": arguments, "status": status}
        self._calls.setdefault(name, {})[call_id] = call
        return self._chunk(name, "")

    def _now(self, name: str, call_id: CallId, **changes: object) -> Iterator[Message]:
        if call := self._calls.get(name, {}).get(call_id):
            call.update(changes)
            yield self._chunk(name, "")

    def _chunk(self, name: str, text: str, *, is_final: bool = False) -> Message:
        calls = list(self._calls.get(name, {}).values())
        metadata: Message = {"tool_calls": calls}
        return {"type": "message_stream", "message_id": name, "chunk": text, "is_final": is_final, "metadata": metadata}

    def _ended(self, name: str, content: str, status: str, error: str | None) -> Iterator[Message]:
        said = str(self._texts.pop(name))
        self.being_said.pop(name, None)
        yield self._chunk(name, content[len(said) :] if content.startswith(said) else "", is_final=True)
        self._calls.pop(name, None)
        metadata: Message = {"streaming": False, "status": status, **({"error": error} if error else {})}
        yield {"type": "message_update", "id": name, "content": content, "metadata": metadata}


def _error(status: int, sentence: str, message_id: object = None) -> Message:
    return {"type": "error", "status": status, "error": sentence, "message_id": message_id}
