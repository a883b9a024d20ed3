"""`POST /chat/stream`: a message in, the words of the answer out, for programs that know chats and nothing of runs.

Each message is a run that follows the one before it in its conversation; its tokens are those of its synthesis, or of
the one agent of a workflow that has none.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from starlette.responses import Response

from felix.errors import FelixError
from felix.events import PartialSynthesis, PartialThought, Record, RunFinished, RunId, SynthesisComplete
from felix.ledger.reader import Reader
from felix.ledger.speech import GrowingText
from felix.web import replies
from felix.web.frames import datum
from felix.web.posted import UnfitError, posted, text_in
from felix.web.streams import Told, Write
from felix.web.watcher import Piece, Watcher

if TYPE_CHECKING:
    from starlette.requests import Request

    from felix.engine import Engine
    from felix.sharing import Sharing
    from felix.team.workflow import Library, Workflow
    from felix.web.feed import Feed
    from felix.web.feeds import Feeds

NOT_ALLOWED = "This server only shows what happens – start it with --allow-control to talk to it, too."
HEADER = "X-Conversation-Id"
"""Of the answer: what to send as `conversation_id` with the next message."""
MOST_CONVERSATIONS = 1_000
_DONE = b"data: [DONE]\n\n"


class Chat:
    """The endpoint, and which run each conversation has come to."""

    def __init__(self, engine: Engine, feeds: Feeds, library: Library, sharing: Sharing) -> None:
        self._engine, self._feeds, self._library, self._sharing = engine, feeds, library, sharing
        self._last: dict[str, RunId] = {}
        """By conversation."""

    @property
    def may_control(self) -> bool:
        """Whether runs may be started and stopped from outside."""
        return self._sharing.allow_control

    async def stream(self, request: Request) -> Response:
        if not self.may_control:
            return replies.fault(NOT_ALLOWED, 403)
        body = await posted(request)
        message = text_in(body, "message")
        if not message.strip():
            raise UnfitError('There is no message – send {"message": "…"}.')
        workflow = await asyncio.to_thread(self._workflow, text_in(body, "workflow", most=200))
        conversation = text_in(body, "conversation_id", most=200)
        follows = await self._last_run(conversation) if conversation else None
        if self._feeds.is_full:
            return replies.fault("There are too many watchers already – try again when somebody has left.", 503)
        if follows in self._feeds.live:
            return replies.fault("This conversation still waits for its last answer – send the next one then.", 409)
        run = self._engine.start(message, workflow, demo=self._sharing.demo, follows=follows)
        feed = self._feeds.begun(run)
        conversation = conversation or run
        self._last.pop(conversation, None)
        self._last[conversation] = run
        if len(self._last) > MOST_CONVERSATIONS:
            del self._last[next(iter(self._last))]
        return _Answer(self._feeds, feed, conversation, is_alone=workflow.synthesis.skip)

    async def stop(self, request: Request) -> Response:
        """`POST /runs/{id}/stop {}`: ends a run; what was written is kept."""
        if not self.may_control:
            return replies.fault(NOT_ALLOWED, 403)
        await posted(request)
        run = RunId(request.path_params["run"])
        if run not in self._feeds.live:
            return replies.fault("This run does not go on here – it may have ended meanwhile.", 404)
        self._engine.stop(run)
        return Response(status_code=204)

    async def workflows(self) -> list[tuple[str, str]]:
        """What may be asked for and how each is called, the usual one first; none where nothing may be started."""
        if not self.may_control:
            return []

        def look() -> list[tuple[str, str]]:
            usual = self._library.find(self._sharing.workflow)
            others = [each for each in self._library.entries() if each.workflow is not None and each != usual]
            return [("", usual.name), *((each.key, each.name) for each in others)]

        return await asyncio.to_thread(look)

    async def _last_run(self, conversation: str) -> RunId | None:
        """A conversation of before the last start is known by the run that it began with; a new one by nothing yet."""
        if run := self._last.get(conversation):
            return run

        def look(reader: Reader) -> list[RunId]:
            return [row.run for row in reader.thread(RunId(conversation))]

        thread = cast("list[RunId]", await self._feeds.ask(look))
        return self._last.get(conversation) or (thread[-1] if thread else None)

    def _workflow(self, wanted: str) -> Workflow:
        """One of the library's: a path would let whoever is outside have files of this machine read."""
        name = wanted or self._sharing.workflow
        try:
            entry = self._library.find(name)
        except FelixError as error:
            raise UnfitError(str(error)) from None
        if wanted and entry not in self._library.entries():
            raise UnfitError("A workflow is asked for by its name – no file can be named from outside.")
        if entry.workflow is None:
            raise UnfitError(str(entry.fault or f"{entry.name} is no workflow."))
        return entry.workflow


class _Answer(Told):
    """`data: {"token": …}`, then perhaps `data: {"error": …}`, then `data: [DONE]`.

    Text that turns out to have been thinking cannot be taken back from a reader who knows tokens only: the `token` that
    tells it is empty, and has beside it what stands, as `replace`.
    """

    def __init__(self, feeds: Feeds, feed: Feed, conversation: str, *, is_alone: bool) -> None:
        """`is_alone`: there is one agent, and what it writes is the answer."""
        quoted = conversation if conversation.isascii() and conversation.isprintable() else feed.run
        super().__init__(feeds, headers={HEADER: quoted})
        self._feed, self._is_alone = feed, is_alone

    async def tell(self, watcher: Watcher, write: Write) -> None:
        said = GrowingText()

        def listen(news: list[Record]) -> None:
            for record in news:
                for data in _told(said, record, is_alone=self._is_alone):
                    watcher.put(Piece(data))
                if isinstance(record.event, RunFinished):
                    watcher.end()

        with self._feed.listening(listen):
            while taken := await watcher.take():
                await write(b"".join(piece.data for piece in taken))
        if watcher.is_dropped:
            await write(datum({"error": "You were too slow – the whole answer is in the run, under /runs."}) + _DONE)


def _told(said: GrowingText, record: Record, *, is_alone: bool) -> list[bytes]:
    match record.event:
        case PartialSynthesis(channel="answer") as piece:
            return _grown(said, piece.partial, piece.offset)
        case PartialThought(channel="answer") as piece if is_alone:
            return _grown(said, piece.partial, piece.offset)
        case SynthesisComplete(content=content):
            is_next, rest = content.startswith(str(said)), content[len(said) :]
            said.settle(content)
            return _token(rest, "" if is_next else content)
        case RunFinished(status="complete"):
            return [_DONE]
        case RunFinished(reason=reason, status=status):
            return [datum({"error": reason or f"The run is {status}."}), _DONE]
        case _:
            return []


def _grown(said: GrowingText, text: str, offset: int) -> list[bytes]:
    is_next = offset == len(said)
    said.put(text, offset)
    return _token(text) if is_next else [datum({"token": "", "replace": str(said)})]


def _token(text: str, whole: str = "") -> list[bytes]:
    if whole:
        return [datum({"token": "", "replace": whole})]
    return [datum({"token": text})] if text else []
