"""One endpoint while a run uses it: its connection, and what it bears together with all other runs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from felix.endpoints import Endpoint
from felix.errors import FelixError, ServerError, ServerFault
from felix.team.connection import Connection, out_of_reach
from felix.team.load import Load

Reach = Callable[[Endpoint], Awaitable[Connection]]
"""Connects to an endpoint, with the key that belongs to it. Raises FelixError."""

AGAIN_S = 1.0
"""An endpoint that could not be reached is not tried again sooner: the agents of a round share one failure."""

FALLS_OUT: frozenset[ServerFault] = frozenset({"unreachable", "cut", "silent", "overloaded"})
"""Failures after which an endpoint rests while others can do its work."""


class Host:
    """Belongs to the run's loop. Nothing is asked before `reach`."""

    def __init__(self, endpoint: Endpoint, reach: Reach, max_parallel: Callable[[], int], load: Load) -> None:
        """`max_parallel` is the limit where nobody says how much the server answers at once."""
        self.endpoint = endpoint
        self.load = load
        self.connection: Connection | None = None
        """As it was last reached; None: never."""
        self.error: FelixError | None = None
        """Why it could not be reached when that was last tried."""
        self.has_answered = False
        """In this run."""
        self._reach = reach
        self._max_parallel = max_parallel
        self._one_at_a_time = asyncio.Lock()
        self._failed_at = float("-inf")
        self._given_up: list[Connection] = []
        """Those it had before, as long as somebody may still be asking there."""
        self._asked: Counter[int] = Counter()
        """Answers by the identity of the client that is asked for them."""

    @property
    def name(self) -> str:
        """As the user is told of it."""
        return self.endpoint.name or (self.connection.server_name if self.connection else "") or self.endpoint.base_url

    def has(self, model: str) -> bool:
        """Whether it lists a model; an empty one is its own, and one that was never reached may have it."""
        return not model or self.connection is None or model in self.connection.contexts

    def slots(self, model: str) -> int:
        """How many may ask it for a model at once; an empty one is its own.

        What the user has entered holds, then what the server says. A server that has no entry in the settings is also
        kept to the run's own limit: nothing else was ever said of it.
        """
        if self.endpoint.slots:
            return self.endpoint.slots
        limit, connection = self._max_parallel(), self.connection
        said = connection.slots.get(model or connection.model) if connection else None
        if said is None:
            return limit
        return said if self.endpoint.name else min(said, limit)

    async def reach(self, *, patience_s: float | None = None, anew: bool = False) -> Connection:
        """The connection; when it cannot be had, one at which every question ends with the reason.

        `anew` asks the server again though it was reached before. Cancelling it leaves all as it was.
        """
        if self.connection and self.error is None and not anew:
            return self.connection
        async with self._one_at_a_time:
            now = asyncio.get_running_loop().time
            if self.connection and self.error is None and not anew:
                return self.connection  # another one was faster
            if self.error is None or now() - self._failed_at >= AGAIN_S:
                limit = asyncio.timeout(patience_s)
                try:
                    async with limit:
                        reached = await self._reach(self.endpoint)
                except TimeoutError:
                    if not limit.expired():
                        raise
                    sentence = f"{self.name} did not answer within {patience_s:g} s – look whether it is on and free."
                    self.error, self._failed_at = ServerError(sentence, fault="unreachable"), now()
                except FelixError as error:
                    self.error, self._failed_at = error, now()
                else:
                    if self.connection and self.connection is not reached:
                        self._given_up.append(self.connection)
                        reached = replace(reached, model=self._kept_model(reached))
                    self.connection, self.error = reached, None
                    await self._close_unused()
            if self.error is None:
                assert self.connection is not None
                return self.connection
            return out_of_reach(self.endpoint, self.error, self.connection)

    def heard(self, fault: ServerFault | None) -> bool:
        """How an answer ended there; True when it should be left alone for a while."""
        if fault is None:
            self.has_answered = True
            self.load.answered()
        return fault in FALLS_OUT

    @contextmanager
    def asked(self, connection: Connection) -> Iterator[None]:
        """While an answer is asked for there, it stays open, though another connection take its place."""
        client = id(connection.client)
        self._asked[client] += 1
        try:
            yield
        finally:
            self._asked[client] -= 1

    async def aclose(self) -> None:
        connections = (*self._given_up, *([self.connection] if self.connection else []))
        await asyncio.gather(*(connection.client.aclose() for connection in connections))

    async def _close_unused(self) -> None:
        unused = [each for each in self._given_up if not self._asked[id(each.client)]]
        self._given_up = [each for each in self._given_up if self._asked[id(each.client)]]
        await asyncio.gather(*(each.client.aclose() for each in unused))

    def _kept_model(self, reached: Connection) -> str:
        """Its own model stays the same as long as the server has it."""
        before = self.connection.model if self.connection else ""
        return before if before in reached.contexts else reached.model
