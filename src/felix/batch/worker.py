"""The far end of a spread batch: one process of a Ray cluster that carries runs out and keeps nothing of them.

It is an engine whose ledger is in memory. What happens in a run goes back in pieces to the process that holds the
ledger.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from felix import log
from felix.endpoints import Endpoint
from felix.engine import Engine
from felix.events import Record, RunFinished, RunId
from felix.keys import KeyStore
from felix.ledger.file import Ledger
from felix.settings import SettingsFile
from felix.team.workflow import from_json

PIECE_S = 0.1
"""Between two pieces."""
EQUIP_S = 60.0
"""For the settings to arrive; they were sent before the first run."""


class CarriedKeys(KeyStore):
    """The keys that came along, in memory only; those of this machine are nobody's."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """By base URL."""
        super().__init__()
        self._carried = dict(keys)
        for key in keys.values():
            log.hide(key)

    def key_for(self, endpoint: Endpoint, *, is_in_use: bool = False) -> str:
        return self._carried.get(endpoint.base_url, "")


class Worker:
    """One run at a time; `stop` comes on another thread."""

    def __init__(self) -> None:
        # Ray keeps what a process says in files: what there is to say of a run is in its records
        logging.getLogger().addHandler(logging.NullHandler())
        self._engine: Engine | None = None
        self._is_equipped = threading.Event()
        """Ray begins the first run beside `equip`, and not after it."""
        self._runs: dict[RunId, RunId] = {}
        """The one that goes on, by the name it has in the ledger."""
        self._stopped: set[RunId] = set()

    def equip(self, settings: Mapping[str, Any], keys: Mapping[str, str]) -> None:  # Any: values of settings
        """Before the first run. Not part of making the worker: Ray remembers how those were made, and so the keys."""
        file = SettingsFile(Path(os.devnull))
        file.override(**settings)
        self._engine = Engine(file, CarriedKeys(keys)).__enter__()
        self._is_equipped.set()

    def carry_out(self, name: RunId, task: str, definition: str, *, demo: bool) -> Iterator[list[Record]]:
        """The records of a run until its end."""
        self._is_equipped.wait(EQUIP_S)
        assert self._engine is not None
        mailbox = self._engine.subscribe()
        run = self._runs[name] = self._engine.start(task, from_json(definition), demo=demo)
        if name in self._stopped:
            self._engine.stop(run)
        is_over = False
        while not is_over:
            time.sleep(PIECE_S)
            records = [item for item in mailbox.take() if isinstance(item, Record) and item.run == run]
            is_over = any(isinstance(record.event, RunFinished) for record in records)
            if records:
                yield records
        self._engine.unsubscribe(mailbox)
        del self._runs[name]

        def forget(ledger: Ledger) -> None:
            ledger.delete(run)
            ledger.purge()

        self._engine.change_ledger(forget)

    def stop(self, name: RunId) -> None:
        """Its sockets close at once."""
        self._stopped.add(name)
        if (run := self._runs.get(name)) and self._engine:
            self._engine.stop(run)
