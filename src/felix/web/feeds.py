"""The border to the engine: one mailbox for the whole server, and a feed for each run that somebody watches.

The engine is asked for the past of a run once, for its first watcher, through a mailbox of its own; the two streams are
joined at a mark that went through both.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import cast

from felix.engine import Engine
from felix.errors import FelixError, LedgerError
from felix.events import Record, RunFinished, RunId, RunReopened, RunStarted
from felix.ledger.reader import Reader
from felix.team.mailbox import Mailbox, Reply
from felix.web.feed import Feed, Listener
from felix.web.frames import event, merged
from felix.web.watcher import Piece, Watcher

LIVE_S, CROWD_S = 0.025, 0.05
"""Between two looks into the mailbox while something goes on before one watcher, and before a hundred."""
REPLY_S = 0.004
"""While a reply is waited for."""
IDLE_S = 0.25
FOREIGN_S = 1.0
"""Between two looks into the ledger for a run that another process writes."""
BEAT_S = 15.0
"""After so long without anything a watcher is sent a comment."""
MOST_WATCHERS = 128
ANSWER_S = 20.0
"""How long the engine may take to answer."""
BUSY = "Felix is too busy to answer – try again in a moment."


class FullError(FelixError):
    """Nobody else can watch now."""


class Feeds:
    """Everything on the server's loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._mailbox = engine.subscribe()
        self._live: set[RunId] = set()
        self._feeds: dict[RunId, Feed] = {}
        self._opening: dict[int, tuple[Feed, Mailbox]] = {}
        """By the number of the mark that says that the past is in the mailbox."""
        self._asked: dict[int, asyncio.Future[object]] = {}
        self.watchers: dict[Watcher, None] = {}
        """All there are."""
        self._listeners: dict[Listener, None] = {}
        self._readers_of_news: dict[Watcher, None] = {}
        self.edition = 0
        """Goes up when the list of runs has changed."""
        self._is_closing = False
        self._wake = asyncio.Event()

    async def work(self) -> None:
        """Until `close`."""
        loop = asyncio.get_running_loop()
        next_beat = loop.time() + BEAT_S
        while not self._is_closing:
            self._take()
            if loop.time() >= next_beat:
                next_beat += BEAT_S
                self._beat()
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._pause())
        self._engine.unsubscribe(self._mailbox)

    def close(self) -> None:
        """Every stream ends, and whoever waits for an answer is told so."""
        self._is_closing = True
        self._wake.set()
        for watcher in list(self.watchers):
            watcher.end()
        for future in self._asked.values():
            if not future.done():
                future.set_exception(LedgerError("Felix is ending – start it again."))

    def _pause(self) -> float:
        """Seconds until the next look into the mailbox."""
        if self._asked or self._opening:
            return REPLY_S
        if not (self._live and self.watchers):
            return IDLE_S
        return min(CROWD_S, LIVE_S + (CROWD_S - LIVE_S) * len(self.watchers) / 100)

    async def feed(self, run: RunId) -> Feed | None:
        """What is known of a run; None when nobody knows it."""
        feed = self._feeds.get(run)
        if feed is not None:
            feed.is_forgotten = False
        if feed is None:
            feed = self._feeds[run] = Feed(run)
            past = self._engine.subscribe(run)
            self._opening[self._engine.change_ledger(lambda _: None)] = (feed, past)
            self._wake.set()
        try:
            await asyncio.wait_for(feed.is_ready.wait(), ANSWER_S)
        except TimeoutError:
            self._feeds.pop(run, None)
            raise LedgerError(BUSY) from None
        # of one that has just been started nothing has come yet
        if feed.state.seq == 0 and run not in self._live and not await self._read(feed):
            self._feeds.pop(run, None)
            return None
        return feed

    def begun(self, run: RunId) -> Feed:
        """The feed of a run that was started just now, of which nothing can have been missed."""
        feed = self._feeds[run] = Feed(run)
        feed.is_ready.set()
        self._live.add(run)
        return feed

    async def _read(self, feed: Feed) -> bool:
        """Take in what the file of runs has of it beyond what is known; whether there is anything."""
        after = feed.state.seq
        records = cast("list[Record]", await self.ask(lambda reader: reader.records(feed.run, after)))
        feed.is_foreign = True
        feed.tell([record for record in records if record.seq > feed.state.seq])
        if records and feed.is_over and after:
            self._announce(records[-1])
        return bool(records)

    async def follow_others(self) -> None:
        """Look now and then for what other processes write; until it is cancelled."""
        while True:
            await asyncio.sleep(FOREIGN_S)
            for feed in list(self._feeds.values()):
                if feed.is_foreign and feed.is_watched and not feed.is_over:
                    with contextlib.suppress(FelixError):  # the file may be in use: there is a next time
                        await self._read(feed)

    async def ask(self, question: Callable[[Reader], object]) -> object:
        """Have the ledger asked. Raises the FelixError it answers with."""
        number = self._engine.ask_ledger(question)
        future = self._asked[number] = asyncio.get_running_loop().create_future()
        self._wake.set()
        try:
            return await asyncio.wait_for(future, ANSWER_S)
        except TimeoutError:
            raise LedgerError(BUSY) from None
        finally:
            self._asked.pop(number, None)

    def follow_news(self, watcher: Watcher) -> None:
        """From now on it is told which runs begin and end."""
        self._readers_of_news[watcher] = None

    @property
    def is_full(self) -> bool:
        return len(self.watchers) >= MOST_WATCHERS

    @contextlib.contextmanager
    def watching(self, watcher: Watcher) -> Iterator[None]:
        """Count it among those who watch, as long as the context lasts. Raises FullError."""
        if self.is_full:
            raise FullError(f"{MOST_WATCHERS} are watching already – try again when somebody has left.")
        self.watchers[watcher] = None
        self._wake.set()
        try:
            yield
        finally:
            del self.watchers[watcher]
            self._readers_of_news.pop(watcher, None)
            for feed in self._feeds.values():
                feed.leave(watcher)

    @contextlib.contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Have what comes of any run handed over, as long as the context lasts."""
        self._listeners[listener] = None
        try:
            yield
        finally:
            self._listeners.pop(listener, None)

    @property
    def live(self) -> list[RunId]:
        """The runs that go on."""
        return list(self._live)

    def _take(self) -> None:
        news: dict[RunId, list[Record]] = {}
        for item in self._mailbox.take():
            if isinstance(item, Reply):
                self._answer(item)
            elif isinstance(item, Record):
                self._note(item)
                feed = self._feeds.get(item.run)
                if self._listeners or (feed is not None and feed.is_ready.is_set()):
                    news.setdefault(item.run, []).append(item)
        for run, records in news.items():
            told = merged(records)
            if (feed := self._feeds.get(run)) and feed.is_ready.is_set():
                feed.tell(told)
            for listener in list(self._listeners):
                listener(told)

    def _answer(self, reply: Reply) -> None:
        if opening := self._opening.pop(reply.number, None):
            self._open(*opening, reply.number)
        elif (future := self._asked.pop(reply.number, None)) and not future.done():
            if reply.error is not None:
                future.set_exception(reply.error)
            else:
                future.set_result(reply.value)

    def _open(self, feed: Feed, past: Mailbox, mark: int) -> None:
        """What stands in the run's own mailbox before the mark is its past; what follows comes by the common one."""
        self._engine.unsubscribe(past)
        before = itertools.takewhile(lambda item: not (isinstance(item, Reply) and item.number == mark), past.take())
        feed.recall(item for item in before if isinstance(item, Record) and item.run == feed.run)

    def _note(self, record: Record) -> None:
        match record.event:
            case RunStarted() | RunReopened():
                self._live.add(record.run)
            case RunFinished():
                self._live.discard(record.run)
            case _:
                self._live.add(record.run)
                return
        self._announce(record)

    def _announce(self, record: Record) -> None:
        self.edition += 1
        if self._readers_of_news:
            piece = Piece(event("runs_changed", {"run": record.run, "type": record.event.type}))
            for watcher in list(self._readers_of_news):
                watcher.put(piece)

    def _beat(self) -> None:
        for watcher in list(self.watchers):
            watcher.beat()
        for run, feed in list(self._feeds.items()):
            if feed.is_watched or not feed.is_ready.is_set():
                feed.is_forgotten = False
            elif feed.is_forgotten:
                del self._feeds[run]
            else:
                feed.is_forgotten = True  # whoever asked for it a moment ago may still come
