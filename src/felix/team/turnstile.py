"""Places for those who may speak at once; the others wait in order, each at the servers it wants, and are told their
number.

Who waits for one server never holds up another: a queue is made of those who wait for the same ones, of whatever run.
Which server of several somebody gets is decided when one of them becomes free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from felix.team.host import Host
    from felix.team.load import Load

Tell = Callable[[int], None]
"""Called with the place in the queue, from 1, whenever it changes."""


class Turnstile:
    """Belongs to one event loop. Whoever waits may be cancelled at any moment: its place goes to the next."""

    def __init__(self) -> None:
        self._waiting: list[_Waiter] = []
        self._taken = 0

    async def enter(self, hosts: Sequence[Host], model: str, tell: Tell) -> Host:
        """Returns the host that has a place for a request for `model`; `leave` gives it back."""
        loop = asyncio.get_running_loop()
        waiter = _Waiter(tuple(hosts), model, tell, loop.create_future())
        self._waiting.append(waiter)
        self._admit()
        if waiter.host is not None:
            return waiter.host
        self._move_up()
        try:
            await waiter.admitted
        except asyncio.CancelledError:
            if waiter.host is not None:  # admitted in the same step
                self.leave(waiter.host)
            else:
                if waiter in self._waiting:
                    self._waiting.remove(waiter)
                # in the next step, so that a whole queue that is given up does not move up one by one
                loop.call_soon(self._move_up)
            raise
        assert waiter.host is not None
        return waiter.host

    def leave(self, host: Host) -> None:
        host.load.inside -= 1
        self.look()

    def look(self) -> None:
        """Let in whoever can go now, as when a host is well again."""
        self._admit()
        self._move_up()

    def _admit(self) -> None:
        for waiter in list(self._waiting):
            if waiter.admitted.cancelled():
                self._waiting.remove(waiter)
                continue
            free = [host for host in _able(waiter.hosts, waiter.model) if _is_free(host, waiter.model)]
            if free:
                self._waiting.remove(waiter)
                waiter.host = self._best(free, waiter.model, waiter.hosts)
                self._take(waiter.host)
                waiter.admitted.set_result(None)

    def _best(self, free: Sequence[Host], model: str, queue: Sequence[Host]) -> Host:
        """The least busy one; of equals that for which fewer wait elsewhere, and then the one whose turn it is."""
        own = _loads(queue)

        def burden(host: Host) -> tuple[float, int, int]:
            elsewhere = sum(host.load in each.loads and each.loads != own for each in self._waiting)
            return host.load.inside / host.slots(model), elsewhere, host.load.taken

        return min(free, key=burden)

    def _take(self, host: Host) -> None:
        self._taken += 1
        host.load.inside, host.load.taken = host.load.inside + 1, self._taken

    def _move_up(self) -> None:
        lengths: dict[tuple[Load, ...], int] = {}
        for waiter in self._waiting:
            lengths[waiter.loads] = position = lengths.get(waiter.loads, 0) + 1
            waiter.stand_at(position)


def _able(hosts: Sequence[Host], model: str) -> Sequence[Host]:
    """Those that have the model and are well; as far as there are such."""
    having = [host for host in hosts if host.has(model)] or hosts
    return [host for host in having if not host.load.rests] or having


def _is_free(host: Host, model: str) -> bool:
    return host.load.inside < host.slots(model)


def _loads(hosts: Sequence[Host]) -> tuple[Load, ...]:
    """What tells a queue from others: each run has hosts of its own."""
    return tuple(host.load for host in hosts)


class _Waiter:
    __slots__ = ("_position", "_tell", "admitted", "host", "hosts", "loads", "model")

    def __init__(self, hosts: tuple[Host, ...], model: str, tell: Tell, admitted: asyncio.Future[None]) -> None:
        self.hosts = hosts
        self.loads = _loads(hosts)
        self.model = model
        self.admitted = admitted
        self.host: Host | None = None
        """Where it was let in."""
        self._tell = tell
        self._position = 0

    def stand_at(self, position: int) -> None:
        if position != self._position:
            self._position = position
            self._tell(position)
