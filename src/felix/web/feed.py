"""One run as its watchers are told it: folded once, encoded once, however many they are."""

from __future__ import annotations

import asyncio
import contextlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

from felix.events import Record, RunId
from felix.ledger.state import RunState
from felix.team.progress import in_progress
from felix.web.frames import Frame, frame
from felix.web.watcher import Piece, Watcher

Listener = Callable[[list[Record]], None]
"""Is given what came of one run, in order."""


class Feed:
    """One run as its watchers are told it."""

    def __init__(self, run: RunId) -> None:
        self.run = run
        self.state = RunState(run=run)
        self.is_ready = asyncio.Event()
        """Set when its past is there."""
        self._frames: list[Frame] = []
        """Of all its durable events."""
        self._watchers: dict[Watcher, None] = {}
        self._listeners: dict[Listener, None] = {}
        self._reading = 0
        """Readers who are still told its past."""
        self._snapshot: Piece | None = None
        self.is_forgotten = False
        """Nobody watched it at the last beat."""
        self.is_foreign = False
        """Another process has written it, or does so now; only the ledger tells of it."""

    @property
    def is_watched(self) -> bool:
        return bool(self._watchers or self._listeners or self._reading)

    @property
    def is_over(self) -> bool:
        return self.state.status is not None

    def recall(self, past: Iterable[Record]) -> None:
        """Take in what happened before anybody watched."""
        for record in past:
            self._keep(record)
        self.is_ready.set()

    def tell(self, news: list[Record]) -> None:
        """Tell all who watch what has come, in one piece."""
        frames = [self._keep(record) for record in news]
        if self._watchers:
            data = b"".join(each.data for each in frames)
            piece = Piece(data, len(frames), max(each.seq for each in frames))
            for watcher in list(self._watchers):
                watcher.put(piece)
        for listener in list(self._listeners):
            listener(news)

    def _keep(self, record: Record) -> Frame:
        self.state.apply(record)
        self._snapshot = None
        made = frame(record)
        # one that came by the past and by the news is told once
        if made.seq and (not self._frames or made.seq > self._frames[-1].seq):
            self._frames.append(made)
        return made

    def behind(self, seq: int) -> list[Frame]:
        """The durable events behind a number."""
        return self._frames[bisect_right(self._frames, seq, key=lambda each: each.seq) :]

    @contextlib.contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Have what comes handed over, as long as the context lasts."""
        self._listeners[listener] = None
        try:
            yield
        finally:
            self._listeners.pop(listener, None)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Somebody is told it, be it slowly, as long as the context lasts."""
        self._reading += 1
        try:
            yield
        finally:
            self._reading -= 1

    def join(self, watcher: Watcher) -> Piece:
        """From now on it gets what comes. Returns what is being written, for one who has all durable events.

        Nothing may be awaited between that and this.
        """
        self._watchers[watcher] = None
        if self._snapshot is None:
            frames = [frame(each) for each in self.written_now()]
            self._snapshot = Piece(b"".join(each.data for each in frames), len(frames))
        return self._snapshot

    def leave(self, watcher: Watcher) -> None:
        self._watchers.pop(watcher, None)

    def written_now(self) -> list[Record]:
        return [Record(self.state.seq, at, self.run, each) for at, each in in_progress(self.state)]
