"""The ledger of runs that are to be kept: one for each file, shared by the runs that go on at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from felix.errors import LedgerError
from felix.ledger.file import Ledger


@dataclass(slots=True)
class _Shared:
    ledger: Ledger
    runs: int = 0


_open: dict[tuple[asyncio.AbstractEventLoop, Path], _Shared] = {}
"""Each entry belongs to its loop's thread."""


@contextmanager
def kept_in(path: Path | None) -> Iterator[Ledger | None]:
    """The ledger of a file while one run goes on; None keeps nothing.

    Raises LedgerError when the file cannot keep anything, as while the window uses it.
    """
    if path is None:
        yield None
        return
    loop = asyncio.get_running_loop()
    key = (loop, path)
    if key not in _open:
        ledger = Ledger.open(path, loop=loop)
        if not ledger.health.is_kept:
            sentence = ledger.health.sentence
            ledger.close()
            raise LedgerError(sentence)
        _open[key] = _Shared(ledger)
    shared = _open[key]
    shared.runs += 1
    try:
        yield shared.ledger
    finally:
        shared.runs -= 1
        if not shared.runs:
            del _open[key]
            shared.ledger.close()
