"""The border between the worker and a reader: a queue that one thread fills and one thread empties.

It is the only thing both touch. No lock and no wait on either side: every step below is one operation that the
interpreter does whole, and the comments say why each order of the two threads' steps is right.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, replace

from felix.errors import FelixError
from felix.events import Channel, PartialSynthesis, PartialThought, Record, RunId, ThoughtId
from felix.ledger.health import Health

MERGE_ABOVE = 1_000_000
"""Bytes waiting, about, from which on partial texts are merged: a reader this far behind shows them at once anyway."""

_RECORD_BYTES = 400
"""What a record costs beside its text, about."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The outcome of something a face asked the engine for, by the number it was given for it."""

    number: int
    value: object | None = None
    error: FelixError | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Something of an answer that is known before all of it: comes any number of times, before the `Reply`."""

    number: int
    value: object


Item = Record | Reply | Part | Health
"""`Health`: how the ledger is from now on."""
_Key = tuple[RunId, ThoughtId | None, Channel]


class _Open:
    """A waiting partial record that may still grow while it waits."""

    __slots__ = ("first", "is_taken", "parts", "tokens")

    def __init__(self, first: Record, text: str, tokens: int) -> None:
        self.first = first
        self.parts = deque((text,))
        self.tokens = tokens
        self.is_taken = False


class Mailbox:
    """Records, replies and news of the ledger on their way to one reader, in order, nothing lost."""

    def __init__(self, *, merge_above: int = MERGE_ABOVE) -> None:
        self._queue: deque[Item | _Open] = deque()
        self._growing: dict[_Key, _Open] = {}
        """The worker's own: what is still being written, by speaker and channel."""
        self._merge_above = merge_above
        self._put_bytes = 0
        """Written by the worker only."""
        self._taken_bytes = 0
        """Written by the reader only."""

    def put(self, item: Item) -> None:
        """On the worker. Past `MERGE_ABOVE` waiting bytes, partial text joins the record of its speaker that waits."""
        event = item.event if isinstance(item, Record) else None
        if not isinstance(item, Record) or not isinstance(event, PartialThought | PartialSynthesis):
            # Ends and states come after all text before them: what follows must not join a record in front of them.
            self._growing.clear()
            self._queue.append(item)
            return
        self._put_bytes += len(event.partial)
        thought = event.thought_id if isinstance(event, PartialThought) else None
        key = (item.run, thought, event.channel)
        waiting = self._growing.get(key)
        is_behind = self._put_bytes - self._taken_bytes > self._merge_above
        if is_behind and waiting is not None and self._joined(waiting, event):
            return
        self._put_bytes += _RECORD_BYTES
        entry = _Open(item, event.partial, event.tokens_so_far)
        self._growing[key] = entry
        self._queue.append(entry)

    def take(self) -> list[Item]:
        """On the reader: as many as were there when it looked; what comes meanwhile is for the next time."""
        taken: list[Item] = []
        for _ in itertools.repeat(None, len(self._queue)):
            entry = self._queue.popleft()
            taken.append(self._closed(entry) if isinstance(entry, _Open) else entry)
        return taken

    @staticmethod
    def _joined(waiting: _Open, event: PartialThought | PartialSynthesis) -> bool:
        first = waiting.first.event
        assert isinstance(first, PartialThought | PartialSynthesis)
        if event.offset < first.offset or not event.partial:
            return False  # it takes text back: it must stand alone
        waiting.tokens = event.tokens_so_far
        waiting.parts.append(event.partial)
        if not waiting.is_taken:
            return True  # the reader sets is_taken before it looks at the parts, so it will see this one
        try:
            waiting.parts.pop()
        except IndexError:
            return True  # the reader had it already
        return False  # the reader had left: it goes into a record of its own

    def _closed(self, entry: _Open) -> Record:
        entry.is_taken = True
        parts: list[str] = []
        while True:
            try:
                parts.append(entry.parts.popleft())
            except IndexError:
                break
        text = "".join(parts)
        self._taken_bytes += len(text) + _RECORD_BYTES
        event = entry.first.event
        assert isinstance(event, PartialThought | PartialSynthesis)
        if len(parts) == 1:
            return entry.first
        return replace(entry.first, event=replace(event, partial=text, tokens_so_far=entry.tokens))
