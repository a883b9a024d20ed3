"""Work that goes on in the caller's loop: iterated for what comes, awaited for what comes of it, ended by leaving it.

It begins with whichever is done first. Whoever leaves the iteration early – by `break`, `aclose`, an exception or a
cancelled task – ends it, and so does cancelling whoever awaits it.
"""

from __future__ import annotations

import asyncio
import warnings
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from types import TracebackType
from typing import Generic, Self, TypeVar

from felix.errors import FelixError

Item = TypeVar("Item")
Told = TypeVar("Told")
End = TypeVar("End")


class Going(ABC, Generic[Item, End]):
    """Belongs to the loop it began in; made anywhere. Expected failures are raised as FelixError."""

    def __init__(self) -> None:
        self._task: asyncio.Task[End] | None = None
        self._news = asyncio.Event()
        """Something waits to be read, or it has ended."""
        self._is_stopped = False
        self._is_iterated = False

    def __del__(self) -> None:
        if self._task is None and not self._is_iterated and not self._is_stopped:
            what = type(self).__name__.lower()
            warnings.warn(f"a {what} was made, but neither awaited nor iterated", RuntimeWarning, stacklevel=2)

    @abstractmethod
    async def _carry_out(self) -> End:
        """All of it. Cancelled for `stop`, it returns what there is."""

    @abstractmethod
    def _take(self) -> Iterable[Item]:
        """What has come since the last time."""

    def __aiter__(self) -> AsyncGenerator[Item, None]:  # noqa: PYI058  it may be closed
        return self._each(self._take)

    def __await__(self) -> Generator[object, None, End]:
        return self._end().__await__()

    async def __aenter__(self) -> Self:
        self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    @property
    def is_over(self) -> bool:
        return self._task is not None and self._task.done()

    @property
    def is_going(self) -> bool:
        return self._task is not None and not self._task.done()

    def stop(self) -> None:
        """End it; its sockets close with the next turn of the loop. What came of it until then is its outcome."""
        self._is_stopped = True
        if self._task is not None:
            self._task.cancel()

    def _outcome(self, what: str) -> End:
        """What came of it. Raises FelixError while it goes on, and what ended it."""
        if self._task is None or not self._task.done():
            raise FelixError(f"The {what} has not ended yet – `await` it first.")
        return _ended(self._task)

    def _each(self, take: Callable[[], Iterable[Told]]) -> AsyncGenerator[Told, None]:
        if self._is_iterated:
            raise FelixError("It can be iterated once – keep what it gives, or start another one.")
        self._is_iterated = True
        return self._told(take)

    async def _told(self, take: Callable[[], Iterable[Told]]) -> AsyncGenerator[Told, None]:
        task = self._begin()
        try:
            is_last = False
            while not is_last:
                is_last = task.done()  # looked at before: what comes until then is taken
                self._news.clear()
                for item in take():
                    yield item
                if not is_last:
                    await self._news.wait()
        finally:
            await self._leave()
        _ended(task)

    async def _end(self) -> End:
        task = self._begin()
        try:
            await asyncio.wait({task})
        finally:
            await self._leave()
        return _ended(task)

    def _begin(self) -> asyncio.Task[End]:
        if self._task is None:
            # a task of its own and of no group: whoever iterates or awaits it waits for its end and hears its fault
            self._task = asyncio.get_running_loop().create_task(self._carry_out())
            self._task.add_done_callback(lambda _: self._news.set())
            if self._is_stopped:
                self._task.cancel()
        return self._task

    async def _leave(self) -> None:
        """End what goes on, and wait until it has let go of its connections."""
        task = self._task
        if task is None:
            return
        if not task.done():
            self.stop()
            await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # heard: the loop has nothing to complain of when nobody asks for the outcome


def _ended(task: asyncio.Task[End]) -> End:
    if task.cancelled():
        raise FelixError("It was stopped before it had begun – start another one.")
    return task.result()
