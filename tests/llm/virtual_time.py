"""An event loop whose clock jumps to the next timer: minutes pass at once, and in the same steps every time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everything waits for something that never comes"
        self.now += max(0.0, timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now

    def call_exception_handler(self, context: Mapping[str, Any]) -> None:
        raise AssertionError(context)


def run(main: Coroutine[Any, Any, T]) -> T:
    """asyncio.run in virtual time; the first moment is 1000.0."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)
