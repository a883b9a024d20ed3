"""What the worker's loop stands on: threads for what cannot be cancelled, and no task whose fault ends the others."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Aside(ThreadPoolExecutor):
    """For what cannot be cancelled: a key store that waits for the user, a name server that does not answer.

    A thread for each, which neither the loop nor the interpreter waits for at its end, as they do for a pool's own.
    """

    def submit(self, work: Callable[..., T], /, *args: Any, **named: Any) -> Future[T]:  # Any: as in Executor
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # from here on nobody can cancel it, so its end can always be set

        def carry_out() -> None:
            try:
                future.set_result(work(*args, **named))
            except BaseException as error:  # noqa: BLE001  handed on to whoever waits for the result
                future.set_exception(error)

        threading.Thread(target=carry_out, name="felix-aside", daemon=True).start()
        return future


async def guarded(work: Callable[[], Awaitable[None]]) -> None:
    """Carry `work` out; whatever it raises is logged and goes no further."""
    try:
        await work()
    except asyncio.CancelledError:
        pass  # a run that was stopped; the group's other tasks go on
    except Exception:  # noqa: BLE001  a bug must not end the other runs
        _log.exception("the worker failed")


def log_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # Any: as asyncio has it
    """An exception handler for a loop: what nobody waited for is in the log, too."""
    _log.error("in the worker's loop: %s", context.get("message"), exc_info=context.get("exception"))
