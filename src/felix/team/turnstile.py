"""Places for those who may speak at once; the others wait in order and are told their number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Tell = Callable[[int], None]
"""Called with the place in the queue, from 1, whenever it changes."""


class Turnstile:
    """Belongs to one event loop. Whoever waits may be cancelled at any moment: its place goes to the next."""

    def __init__(self, places: Callable[[], int]) -> None:
        """`places` is asked anew each time, so that the setting is in force at once."""
        self._places = places
        self._inside = 0
        self._waiting: list[_Waiter] = []

    async def enter(self, tell: Tell) -> None:
        """Returns when there is a place; `leave` gives it back."""
        if not self._waiting and self._inside < self._places():
            self._inside += 1
            return
        loop = asyncio.get_running_loop()
        waiter = _Waiter(tell, loop.create_future())
        self._waiting.append(waiter)
        waiter.stand_at(len(self._waiting))
        try:
            await waiter.admitted
        except asyncio.CancelledError:
            if waiter.is_inside:  # admitted in the same step
                self.leave()
            else:
                if waiter in self._waiting:
                    self._waiting.remove(waiter)
                # in the next step, so that a whole queue that is given up does not move up one by one
                loop.call_soon(self._move_up)
            raise

    def leave(self) -> None:
        self._inside -= 1
        while self._waiting and self._inside < self._places():
            waiter = self._waiting.pop(0)
            if not waiter.admitted.cancelled():
                self._inside += 1
                waiter.is_inside = True
                waiter.admitted.set_result(None)
        self._move_up()

    def _move_up(self) -> None:
        for position, waiter in enumerate(self._waiting, start=1):
            waiter.stand_at(position)


class _Waiter:
    __slots__ = ("_position", "_tell", "admitted", "is_inside")

    def __init__(self, tell: Tell, admitted: asyncio.Future[None]) -> None:
        self.admitted = admitted
        self.is_inside = False
        self._tell = tell
        self._position = 0

    def stand_at(self, position: int) -> None:
        if position != self._position:
            self._position = position
            self._tell(position)
