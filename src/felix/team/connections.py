"""The places of one run: the server in use and the endpoints that its workflow names, each with its slots and queue.

Endpoints of one pool share a queue: whoever waits gets the least busy of them that is well and has the model. An answer
is asked for on another endpoint of its pool, and elsewhere where the workflow allows it, as long as nothing of it has
come.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from felix.endpoints import Endpoint, unnamed
from felix.errors import FelixError, ServerFault, WorkflowError
from felix.events import Again, RunStarted
from felix.llm.address import is_near
from felix.llm.packages import ready_to_ask
from felix.settings import Settings
from felix.team.asking import Asked, all_asked, endpoints_called, not_in_settings
from felix.team.connection import Connection
from felix.team.host import Host, Reach
from felix.team.load import LONGEST_REST_S, Load, Loads
from felix.team.speaking import Spoken
from felix.team.turnstile import Tell
from felix.team.workflow import Workflow

PATIENCE_S = 5.0
"""For an endpoint that others can stand in for; a busy one on the same network answers in a fraction of it."""

FAILS_OVER: frozenset[ServerFault] = frozenset(
    {"unreachable", "rate_limit", "overloaded", "server", "no_model", "silent"}
)
"""Failures with which an answer may be asked for elsewhere: the server's, not the request's."""

_WHY: dict[ServerFault, str] = {
    "unreachable": "does not answer",
    "rate_limit": "takes no more requests now",
    "overloaded": "is overloaded",
    "no_model": "has no model",
    "silent": "is silent",
}

_log = logging.getLogger(__name__)


class Connections:
    """Belongs to the run's loop; `aclose` is for whoever made it. Nothing is asked before `open`."""

    def __init__(
        self,
        default: Endpoint,
        reach: Reach,
        settings: Callable[[], Settings],
        *,
        loads: Loads | None = None,
        is_alone: bool = False,
    ) -> None:
        """`default` is for all who name no endpoint; with `is_alone` for the others too, as in a demo.

        `loads` are those of all runs that may ask the same servers; None: there is no other.
        """
        self._reach = reach
        self._settings = settings
        self._is_alone = is_alone
        self._fails_over = False
        """Whether the workflow allows it."""
        self._loads = loads or Loads()
        self._turnstile = self._loads.turnstile
        self._fallen: asyncio.Queue[Host] = asyncio.Queue()
        self._hosts: dict[str, Host] = {}
        """By name, in lower case."""
        self._given_back: list[Callable[[], None]] = []
        """What tells the loads that this run is over."""
        self._default = self._main = self._host(default)
        self._used: tuple[Host, ...] = (self._main,)
        """Those that the workflow asks."""
        self._queues: dict[str, tuple[Host, ...]] = {"": (self._main,)}
        """By the names of endpoints and pools that were asked for: what a name means stays so for the run."""
        self._news: dict[str, list[str]] = {}
        """By the name of a pool, what is to be said of it, once."""

    @classmethod
    def to(cls, connection: Connection, settings: Callable[[], Settings]) -> Connections:
        """Of a run that asks one server, which has been reached already."""

        async def reach(_: Endpoint) -> Connection:
            return connection

        connections = cls(unnamed(connection.server), reach, settings, is_alone=True)
        connections._main.connection = connection
        return connections

    @property
    def main(self) -> Connection:
        """That of the run as a whole: of all who name none, or of the first that is asked."""
        assert self._main.connection is not None
        return self._main.connection

    @property
    def max_parallel(self) -> int:
        """How many of those who ask the main one, or its pool, may do so at once."""
        queue = next((queue for queue in self._queues.values() if self._main in queue), (self._main,))
        return sum(host.slots("") for host in queue if host.connection)

    async def open(self, workflow: Workflow, before: RunStarted | None = None) -> None:
        """Reach every place that the workflow names, all at once.

        One that does not answer is left to those who ask it; FelixError is raised when none does. `before` is the plan
        of a run that goes on: it keeps its model.
        """
        self._fails_over = workflow.failover
        queues = {asked.endpoint: self._queue(asked.endpoint) for asked in all_asked(workflow)}
        self._used = hosts = tuple(dict.fromkeys(host for queue in queues.values() for host in queue))
        for host in hosts:  # imports would count as an endpoint's silence
            await ready_to_ask(host.endpoint.kind, host.endpoint.base_url)
        await _reach_all(hosts, patience_s=PATIENCE_S if len(hosts) > 1 else None)
        reached = [host for host in hosts if host.connection]
        main = queues.get(workflow.endpoint or "") or hosts
        if not reached and self._fails_over:
            reached = await self._spare()
        if not reached:
            raise main[0].error or FelixError("No server could be reached.")
        self._main = next(host for host in (*main, *reached) if host.connection)
        connection = self._main.connection
        assert connection is not None
        if before and before.server == connection.server and before.model in connection.contexts:
            self._main.connection = replace(connection, model=before.model)
        for name, queue in queues.items():
            for host in queue:
                if host.error is None:
                    continue
                if not host.load.rests:
                    host.load.falls_out()
                    _log.warning("%s: %s", host.name, host.error)
                if any(other.connection for other in queue):
                    news = f"{host.name} does not answer: the pool {name} goes on without it"
                    self._news.setdefault(name, []).append(news)

    def choice(self, asked: Asked) -> tuple[str, str, int | None]:
        """As `Choice` says; of a pool the least context."""
        queue = self._queue(asked.endpoint)
        name = queue[0].endpoint.name if len(queue) == 1 and asked.endpoint else asked.endpoint
        reached = [host.connection for host in queue if host.connection]
        if not reached:
            return name, asked.model, None
        model = asked.model or reached[0].model
        return name, model, min((context for each in reached if (context := each.context_of(model))), default=None)

    def crowd(self, asked: Asked) -> str:
        """How many may speak at once where that is, for whoever waits; empty for the run's own server, whose number
        stands in the plan."""
        queue = self._queue(asked.endpoint)
        if queue == self._queues[""]:
            return ""
        slots = sum(host.slots(asked.model) for host in queue if host.connection)
        where = asked.endpoint if len(queue) > 1 else queue[0].name
        return f"{slots} speak at once on {where}" if slots > 1 else f"One speaks at a time on {where}"

    async def ask(
        self,
        asked: Asked,
        speak: Callable[[Place], Awaitable[object]],
        *,
        tell: Tell,
    ) -> None:
        """Have `speak` done at a place, as soon as there is one, and again at another as long as the place is left.

        `tell` is called with the number in the queue.
        """
        hosts, model = self._queue(asked.endpoint), asked.model
        notes, detail, why = tuple(self._news.pop(asked.endpoint, ())), "", ""
        tried: tuple[Host, ...] = ()
        while True:
            host = await self._turnstile.enter(hosts, model, tell)
            place: Place | None = None
            try:
                connection = await host.reach(patience_s=PATIENCE_S if len(hosts) > 1 else None)
                own = connection.model if tried and not host.has(model) else model or connection.model
                if tried:
                    detail = f"{tried[-1].name} {why} – asking {host.name}"
                    other = f" for {own}" if model and own != model else ""
                    notes = (*notes, f"{tried[-1].name} {why}: asked {host.name}{other}")
                place = Place(self, asked, host, connection, own, notes, detail, tried, tell)
                with host.asked(connection):
                    await speak(place)
            finally:
                if place is None or place.is_inside:
                    self._turnstile.leave(host)
            if not place.elsewhere:
                return
            tried, hosts, model, why = (*tried, host), place.elsewhere, own, place.why

    async def watch(self) -> None:
        """Ask endpoints that have fallen out again, after longer and longer rests; a task of the run's."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self._ask_again(await self._fallen.get()))

    async def aclose(self) -> None:
        """Close every client, all at once."""
        while self._given_back:
            self._given_back.pop()()
        await asyncio.gather(*(host.aclose() for host in self._hosts.values()))

    def leave(self, host: Host) -> None:
        """Somebody who has a place there does not need it for now."""
        self._turnstile.leave(host)

    async def come_back(self, host: Host, model: str, tell: Tell) -> None:
        """They want it again, and wait for it as everybody does."""
        await self._turnstile.enter((host,), model, tell)

    def heard(self, host: Host, fault: ServerFault | None) -> None:
        """How an answer ended at a host. One that failed rests, where others can do its work."""
        has_others = self._fails_over or any(host in queue and len(queue) > 1 for queue in self._queues.values())
        if host.heard(fault) and has_others and not host.load.rests:
            host.load.falls_out()

    async def elsewhere(self, asked: Asked, model: str, tried: Sequence[Host]) -> tuple[Host, ...]:
        """Where an answer can be asked for that did not come from `tried`: those that have the model before others.

        Of these first the rest of its pool, then whoever else this run asks, then the user's other machines; of each
        those that have answered in this run. What is out on the internet is asked only if the workflow names it. A
        workflow that does not allow it has still named all of a pool: there the rest of it is asked for the same model.
        """
        if self._is_alone:
            return ()
        own = self._queue(asked.endpoint)
        spare: list[Host] = []
        tiers: list[Sequence[Host]] = [own, self._used, spare] if self._fails_over else [own]
        for is_any in (False, True) if self._fails_over else (False,):
            for tier in tiers:
                if tier is spare and not spare:
                    spare += await self._spare()
                found = [host for host in tier if host not in tried and not host.load.rests]
                await _reach_all(found, patience_s=PATIENCE_S)
                able = [host for host in found if host.error is None and (is_any or host.has(model))]
                if able:
                    return tuple([host for host in able if host.has_answered] or able)
        return ()

    async def _spare(self) -> list[Host]:
        """The endpoints of the settings that nobody of this run asks, on machines that may well be the user's own."""
        others = dict.fromkeys((self._default, *(self._host(each) for each in self._settings().endpoints)))
        near = [host for host in others if host not in self._used and is_near(host.endpoint.base_url)]
        await _reach_all(near, patience_s=PATIENCE_S)
        return [host for host in near if host.connection]

    def _queue(self, name: str) -> tuple[Host, ...]:
        """The hosts of an endpoint, or of a pool; of a name that the settings do not know one that says so."""
        if self._is_alone:
            name = ""
        if name not in self._queues:
            settings = self._settings()
            hosts = tuple(self._host(each) for each in endpoints_called(name, settings))
            self._queues[name] = hosts or (self._nowhere(name, settings),)
        return self._queues[name]

    def _host(self, endpoint: Endpoint) -> Host:
        key = endpoint.name.casefold()
        if key not in self._hosts:

            def fall() -> None:
                self._fallen.put_nowait(host)

            load = self._loads.of(endpoint.base_url, fall)
            self._given_back.append(lambda: self._loads.give_up(endpoint.base_url, fall))
            host = self._hosts[key] = Host(endpoint, self._reach, lambda: self._settings().max_parallel, load)
            if load.rests:  # since a run that still goes on; this one asks it again, too
                fall()
        return self._hosts[key]

    def _nowhere(self, name: str, settings: Settings) -> Host:
        error = WorkflowError(not_in_settings((name,), settings))

        async def fail(_: Endpoint) -> Connection:
            raise error

        return Host(unnamed("").model_copy(update={"name": name}), fail, lambda: settings.max_parallel, Load())

    async def _ask_again(self, host: Host) -> None:
        load = host.load
        async with load.asked_again:
            while load.rests:
                await asyncio.sleep(load.rest_s)
                load.rest_s = min(load.rest_s * 2, LONGEST_REST_S)
                await host.reach(patience_s=PATIENCE_S, anew=True)
                load.rests = host.error is not None
        self._turnstile.look()


class Place:
    """A host while one answer is asked of it."""

    def __init__(
        self,
        connections: Connections,
        asked: Asked,
        host: Host,
        connection: Connection,
        model: str,
        notes: tuple[str, ...],
        detail: str,
        tried: tuple[Host, ...],
        tell: Tell,
    ) -> None:
        self.connection = connection
        self.model = model
        """What is asked there."""
        self.notes = notes
        """How the answer came to be asked here, for whoever reads it."""
        self.detail = detail
        """The same for whoever waits for it; empty at the first place."""
        self.again = Again(at=host.name) if tried else None
        self.elsewhere: tuple[Host, ...] = ()
        """Where it is asked for next; empty: it has ended here."""
        self.why = ""
        self._connections = connections
        self._asked = asked
        self._host = host
        self._tried = tried
        """Before this one."""
        self._tell = tell
        self.is_inside = True
        """It counts as one of those that are asked there at once."""
        self._aside = 0

    @asynccontextmanager
    async def aside(self) -> AsyncGenerator[None]:
        """Leave the place to others for a while, as while the user is asked; entered again within, nothing changes."""
        self._aside += 1
        if self.is_inside:
            self.is_inside = False
            self._connections.leave(self._host)
        try:
            yield
        finally:
            self._aside -= 1
        if not self._aside:
            await self._connections.come_back(self._host, self.model, self._tell)
            self.is_inside = True

    @property
    def failed_at(self) -> tuple[str, ...]:
        """The endpoints that were asked for this answer before, in vain."""
        return tuple(host.name for host in self._tried)

    async def is_left(self, spoken: Spoken) -> bool:
        """Told how the answer ended here: whether it is asked for at another place instead of ending so."""
        self._connections.heard(self._host, spoken.fault)
        if not spoken.is_empty or spoken.fault not in FAILS_OVER:
            return False
        tried = (*self._tried, self._host)
        self.elsewhere = await self._connections.elsewhere(self._asked, self.model, tried)
        self.why = _WHY.get(spoken.fault, "failed")
        return bool(self.elsewhere)


async def _reach_all(hosts: Iterable[Host], *, patience_s: float | None) -> None:
    await asyncio.gather(*(host.reach(patience_s=patience_s) for host in hosts))
