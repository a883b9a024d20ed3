"""A crew on a Ray cluster: every run in a worker process, and all that happens in it back in the one ledger.

Records arrive with the worker's own numbers and times and are handed on when the ledger has them. A run whose worker
dies is ended here, as `interrupted`.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from felix.batch.worker import Worker
from felix.engine import Engine
from felix.errors import FelixError
from felix.events import PASSING, Record, RunId
from felix.ledger.file import Ledger
from felix.ledger.recovery import endings
from felix.ledger.state import RunState
from felix.mcp_servers import McpServer, called
from felix.settings import Settings
from felix.team.mailbox import Mailbox, Reply
from felix.team.tools.naming import names_in
from felix.team.workflow import Workflow, as_json

WORKER_DIED = "The Ray worker of this run died – look at its machine; a batch tries the task once again."
_STORE_BYTES = 100_000_000
"""Shared memory of a Ray of our own: pieces of text need little, and Ray would take a third of the machine's."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Order:
    """A run that is carried out somewhere."""

    worker: Any  # Ray's handle
    state: RunState


def check_ray() -> None:
    """Raises FelixError when there is no Ray. Nothing is imported: that takes seconds."""
    if importlib.util.find_spec("ray") is None:
        raise FelixError("Ray is not installed – get it with pip install felix[ray], then start again.")


def needed(settings: Settings, workflows: Iterable[Workflow]) -> Settings:
    """The settings without what stands in servers of tools that none of the workflows names: it may be secret."""
    named = {name.partition("/")[0] for workflow in workflows for name in names_in(workflow)}
    called_so = called(settings.mcp_servers)
    servers = {
        key: entry if called_so[key] in named else McpServer(disabled=True)  # what others are called hangs on the names
        for key, entry in settings.mcp_servers.items()
    }
    return settings.model_copy(update={"mcp_servers": servers})


class RayCrew:
    """A context manager: entering connects to Ray or starts one on this machine, leaving ends every worker."""

    def __init__(
        self, engine: Engine, settings: Settings, keys: Mapping[str, str], *, address: str = "", demo: bool = False
    ) -> None:
        """`engine` holds the ledger; `keys`, by base URL, go to the workers and nowhere else.

        `address` is that of a cluster, as Ray has it; empty starts one on this machine.
        """
        self._engine = engine
        self._settings = settings
        self._keys = dict(keys)
        self._address = address
        self._demo = demo
        self._ray: Any = None  # imported when it is used, and untyped as far as Felix goes
        self._mailbox: Mailbox = engine.subscribe()
        self._idle: list[Any] = []
        self._orders: dict[Any, tuple[RunId, _Order]] = {}
        """By the stream in which the records of a run come."""
        self._keeping: dict[int, list[Record]] = {}
        """What the ledger has been given and not yet taken, by the number of the reply."""

    def __enter__(self) -> Self:
        check_ray()
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        options: dict[str, Any] = {"address": self._address}
        if not self._address:
            # what keeps a Ray on Windows and macOS on the loopback does so on Linux too
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
            options = {"address": "local", "include_dashboard": False, "object_store_memory": _STORE_BYTES}
        self._ray = importlib.import_module("ray")
        try:
            self._ray.init(**options, log_to_driver=False, logging_level="ERROR", namespace="felix")
        except Exception as error:  # noqa: BLE001  of whatever kind: Ray has many
            self._ray.shutdown()
            first = str(error).strip().partition("\n")[0] or type(error).__name__
            where = f"at {self._address}" if self._address else "on this machine"
            raise FelixError(f"Ray cannot be reached {where} ({first}) – look whether it runs, then again.") from None
        return self

    def __exit__(self, *exc: object) -> None:
        self._engine.unsubscribe(self._mailbox)
        self._ray.shutdown()

    @property
    def nodes(self) -> int:
        """Machines that are there now."""
        return sum(bool(node["Alive"]) for node in self._ray.nodes())

    def start(self, task: str, workflow: Workflow) -> RunId:
        run = RunId(f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}")
        worker = self._idle.pop() if self._idle else self._hire()
        stream = worker.carry_out.options(num_returns="streaming").remote(run, task, as_json(workflow), demo=self._demo)
        self._orders[stream] = (run, _Order(worker, RunState(run=run)))
        return run

    def go_on(self, run: RunId) -> None:
        """Here and not on a worker: here is what was said in it."""
        self._engine.continue_run(run)

    def stop(self, run: RunId) -> None:
        for name, order in self._orders.values():
            if name == run:
                order.worker.stop.remote(run)
        self._engine.stop(run)

    def take(self) -> list[Record]:
        for stream in self._ready():
            run, order = self._orders[stream]
            try:
                records = self._ray.get(next(stream))
            except StopIteration:
                del self._orders[stream]
                if order.state.status is None:
                    self._keep(self._broken_off(order))
                else:
                    self._idle.append(order.worker)
            except self._ray.exceptions.RayError as error:
                _log.warning("a Ray worker failed: %s", type(error).__name__)
                del self._orders[stream]
                if order.state.status is None:
                    self._keep(self._broken_off(order))
            else:
                self._take_in(order, [replace(record, run=run) for record in records])
        return self._kept()

    def _hire(self) -> Any:  # Ray's handle
        remote = self._ray.remote(Worker)
        # its work is waiting, so it is counted as none; two at once: a run, and the word to stop it
        worker = remote.options(num_cpus=0, max_concurrency=2, max_restarts=0, scheduling_strategy="SPREAD").remote()
        worker.equip.remote(self._settings.model_dump(), self._keys)
        return worker

    def _ready(self) -> Sequence[Any]:
        streams = list(self._orders)
        if not streams:
            return ()
        ready, _ = self._ray.wait(streams, num_returns=len(streams), timeout=0, fetch_local=True)
        return list(ready)

    def _take_in(self, order: _Order, records: Sequence[Record]) -> None:
        for record in records:
            order.state.apply(record)
        self._keep(records)

    def _broken_off(self, order: _Order) -> list[Record]:
        """The ends that a run would have had to come to, told for it."""
        state, records = order.state, []
        at = time.time()
        for event in endings(state, at, reason=WORKER_DIED):
            assert state.run is not None
            record = Record(state.seq + 1, at, state.run, event)
            state.apply(record)
            records.append(record)
        return records

    def _keep(self, records: Sequence[Record]) -> None:
        def append(ledger: Ledger) -> None:
            for record in records:
                if isinstance(record.event, PASSING):
                    ledger.draft(record)
                else:
                    ledger.append(record)
            ledger.commit()

        self._keeping[self._engine.change_ledger(append)] = list(records)

    def _kept(self) -> list[Record]:
        """What happened here, and what has come from afar and is in the ledger."""
        told: list[Record] = []
        for item in self._mailbox.take():
            if isinstance(item, Record):
                told.append(item)
            elif isinstance(item, Reply):
                told += self._keeping.pop(item.number, [])
        return told
