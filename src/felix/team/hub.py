"""CentralPost, the hub: every word of every agent passes here, is numbered, remembered and shown to whoever watches.

Its methods are plain functions. On the one worker thread nothing can come between two of their lines, so the order of
records is total and costs nothing. The hub *shows* partial thoughts and *uses* ended ones.

A record is folded at once, and handed on when it is in the ledger: nobody is told what a crash could take back.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from felix.clock import SteadyClock
from felix.events import (
    PASSING,
    AgentId,
    Channel,
    Event,
    PartialSynthesis,
    PartialThought,
    Record,
    RunFinished,
    RunId,
    SynthesisComplete,
    ThoughtComplete,
    ThoughtId,
    Trace,
)
from felix.ledger.speech import Speech, Thought
from felix.ledger.state import RunState
from felix.team.mailbox import Mailbox
from felix.team.progress import in_progress

if TYPE_CHECKING:
    from felix.ledger.file import Ledger

StreamingCallback = Callable[[Record], Awaitable[None] | None]

TICK_S = 1e-6
"""Between two records at the least: about what a float of this size can tell apart."""
DRAIN_S = 2.0
"""How long the end of a run waits for async callbacks that are still at work."""

_log = logging.getLogger(__name__)


class Moment(NamedTuple):
    """Whose words these are: a thought and where on the way it is spoken."""

    agent_id: AgentId
    thought_id: ThoughtId
    role: str
    checkpoint: float
    progress: float


class CentralPost:
    """The hub of one run. Belongs to the worker's loop; only mailboxes leave it."""

    def __init__(
        self,
        run: RunId,
        *,
        mailboxes: Callable[[], Iterable[Mailbox]] = tuple,
        clock: Callable[[], float] | None = None,
        ledger: Ledger | None = None,
        state: RunState | None = None,
    ) -> None:
        """Without a ledger records are handed on at once. `state` is that of a run that is opened again.

        `clock` gives Unix seconds; None is one that nobody can set while the run goes on.
        """
        self.run = run
        self.state = state or RunState(run=run)
        self._mailboxes = mailboxes
        """Asked for each record, so a reader may come or go in the middle of a run."""
        self._seq = self.state.seq
        self._at = self.state.ended_at or 0.0
        self._clock = clock or SteadyClock(self._at)
        self._ledger = ledger
        self._outbox: deque[Record] = deque()
        """A record that is on its way to the ledger, and all that came after it: the order stays."""
        self._callbacks: dict[StreamingCallback, _Feed | None] = {}
        self._leaving: list[_Feed] = []
        """Of callbacks that were unregistered; they may still be at work on what they were sent."""

    def emit(self, event: Event) -> Record:
        """Number an event, fold it, and hand it to everybody who watches, as soon as it is safe."""
        self._seq += 1
        record = Record(self._seq, self.now(), self.run, event)
        self.state.apply(record)
        if self._ledger is None:
            self._hand_on(record)
        elif isinstance(event, PASSING):
            self._ledger.draft(record)
            if self._outbox:
                self._outbox.append(record)
            else:
                self._hand_on(record)
        else:
            self._outbox.append(record)
            self._ledger.append(record, self._release)
        return record

    def flush(self) -> None:
        """Have everything in the ledger now, and not with the next turn of the loop."""
        if self._ledger is not None:
            self._ledger.commit()

    def finish(self, end: RunFinished) -> None:
        """The one end of the run, or of the time for which it was opened again. A second one is passed over."""
        if self.state.status is None:
            self.emit(end)

    def in_progress(self) -> list[Record]:
        """For a reader who comes back: what is being written, at the number that is reached."""
        return [Record(self._seq, at, self.run, event) for at, event in in_progress(self.state)]

    def now(self) -> float:
        """Unix seconds that only grow within a run, whatever is done to the clock: they put what happened in order."""
        self._at = max(self._at + TICK_S, self._clock())
        return self._at

    def _release(self) -> None:
        """The ledger has the first record of the outbox: hand it on, and what waited behind it."""
        self._hand_on(self._outbox.popleft())
        while self._outbox and isinstance(self._outbox[0].event, PASSING):
            self._hand_on(self._outbox.popleft())

    def _hand_on(self, record: Record) -> None:
        for mailbox in self._mailboxes():
            mailbox.put(record)
        for callback, feed in list(self._callbacks.items()):
            if feed is not None:
                feed.queue.put_nowait(record)
                continue
            try:
                callback(record)
            except Exception:  # noqa: BLE001  a watcher's bug must not end the run it watches
                _log.exception("a streaming callback failed")

    def receive_partial_thought(
        self, moment: Moment, partial: str, *, offset: int, channel: Channel = "answer", tokens_so_far: int = 0
    ) -> None:
        """Text of a thought that is being written; `offset` is what came of this channel before it, in characters."""
        self.emit(
            PartialThought(
                agent_id=moment.agent_id,
                thought_id=moment.thought_id,
                role=moment.role,
                checkpoint=moment.checkpoint,
                progress=moment.progress,
                channel=channel,
                partial=partial,
                offset=offset,
                tokens_so_far=tokens_so_far,
            )
        )

    def finalize_streaming_thought(self, thought: ThoughtComplete) -> None:
        """The one end of a thought. A second end of the same thought is passed over: Stop may race completion."""
        known = self.state.thoughts.get(thought.thought_id)
        if known is None or known.is_live:
            self.emit(replace(thought, trace=self._trace(known, thought)))

    def finalize_synthesis(self, answer: SynthesisComplete) -> None:
        """The one end of a synthesis, as that of a thought."""
        known = self.state.synthesis
        if known is None or known.is_live:
            self.emit(replace(answer, trace=self._trace(known, answer)))

    def receive_partial_synthesis(self, partial: str, *, offset: int, channel: Channel, tokens_so_far: int) -> None:
        self.emit(PartialSynthesis(channel=channel, partial=partial, offset=offset, tokens_so_far=tokens_so_far))

    def thoughts(self) -> list[Thought]:
        """Every thought that stands and has ended, in the order in which they began."""
        return [thought for thought in self.state.standing() if not thought.is_live]

    def _trace(self, speech: Speech | None, end: ThoughtComplete | SynthesisComplete) -> Trace:
        """How it came about; text that was never shown in parts, as without streaming, came all at its end."""
        trace = (speech or Speech(opened_at=self.now())).trace
        now = round((self.now() - trace.began_at) * 1000)
        rest = len(end.content) - sum(trace.answer[1::2])
        thought = len(end.thinking) - sum(trace.thinking[1::2])
        return replace(
            trace,
            answer=(*trace.answer, now, rest) if rest else trace.answer,
            thinking=(*trace.thinking, now, thought) if thought else trace.thinking,
        )

    def register_streaming_callback(self, callback: StreamingCallback, tasks: asyncio.TaskGroup | None = None) -> None:
        """Call `callback` with every record from now on.

        A plain function is called at once, on the worker. An async one is fed, in order, by a task of its own in
        `tasks`, the run's group (ValueError without one); it may be slow. Neither can break the stream.
        """
        if callback in self._callbacks:
            return
        if not _is_async(callback):
            self._callbacks[callback] = None
            return
        if tasks is None:
            raise ValueError("an async callback needs the run's task group")
        feed = _Feed()
        self._callbacks[callback] = feed
        feed.task = tasks.create_task(_pump(callback, feed.queue))

    def unregister_streaming_callback(self, callback: StreamingCallback) -> None:
        """An async callback still gets the records that were there before this."""
        feed = self._callbacks.pop(callback, None)
        if feed is not None:
            feed.queue.put_nowait(None)
            self._leaving.append(feed)

    async def drain(self) -> None:
        """Let async callbacks finish what they were sent, `DRAIN_S` at most, and end their tasks."""
        self.flush()
        for callback in list(self._callbacks):
            self.unregister_streaming_callback(callback)
        tasks = [feed.task for feed in self._leaving if feed.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=DRAIN_S)
            for task in late:
                task.cancel()


class _Feed:
    __slots__ = ("queue", "task")

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Record | None] = asyncio.Queue()
        """None ends it."""
        self.task: asyncio.Task[None] | None = None


def _is_async(callback: StreamingCallback) -> bool:
    """Whether calling it gives an awaitable; an object may have an async `__call__`."""
    return inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(type(callback).__call__)


async def _pump(callback: StreamingCallback, queue: asyncio.Queue[Record | None]) -> None:
    while (record := await queue.get()) is not None:
        try:
            result = callback(record)
            if inspect.isawaitable(result):
                await result
        except Exception:  # noqa: BLE001  see CentralPost.emit
            _log.exception("a streaming callback failed")
