"""The caller's own functions, plain or async, that are told what comes; in order, and their faults are not hidden.

A plain one is called at once, on the loop. What an async one returns is awaited by a task beside, so that it may be
slow. The first exception of either ends the work it watches, and is raised to whoever waits for that.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine


class Feed:
    """One function. Lives in a task group, whose end must be waited for by `drain` first."""

    def __init__(self, function: Callable[..., object] | None, tasks: asyncio.TaskGroup) -> None:
        """None is a function that nobody gave."""
        self._function = function
        self._tasks = tasks
        self._queue: asyncio.Queue[Awaitable[object] | None] = asyncio.Queue()
        """None ends it."""
        self._pump: asyncio.Task[None] | None = None
        self._is_broken = False

    def __bool__(self) -> bool:
        return self._function is not None

    def tell(self, *what: object) -> None:
        if self._function is None or self._is_broken:
            return
        try:
            waits = self._function(*what)
        except Exception as error:  # noqa: BLE001  raised where somebody waits, and not in the middle of the work
            self._is_broken = True
            raise_in(self._tasks, error)
            return
        if inspect.isawaitable(waits):
            self._queue.put_nowait(waits)
            self._pump = self._pump or self._tasks.create_task(self._await_in_turn())

    async def drain(self) -> None:
        """Wait until an async function has come to the end of all it was told."""
        if self._pump is not None:
            self._queue.put_nowait(None)
            await asyncio.wait({self._pump})

    async def _await_in_turn(self) -> None:
        try:
            while (waits := await self._queue.get()) is not None:
                await waits
        finally:
            self._is_broken = True
            while not self._queue.empty():  # else Python complains that they were never awaited
                left = self._queue.get_nowait()
                if isinstance(left, Coroutine):
                    left.close()


def raise_in(tasks: asyncio.TaskGroup, error: Exception) -> None:
    """End what goes on in a group with an exception that arose outside it."""

    async def fail() -> None:
        raise error

    tasks.create_task(fail())


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first exception in a group, however deep it lies."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
