"""Whole results of tools, in files beside the ledger: a model was given only what its context holds."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from felix.events import CallId, RunId


class ResultFiles:
    """Where whole results are kept: a folder beside the ledger, with one of each run in it."""

    def __init__(self, folder: Path | None) -> None:
        """None: nowhere, as when the ledger is in memory."""
        self._folder = folder

    def keep(self, run: RunId, call_id: CallId, text: str) -> str:
        """Write a result; where. Empty when it could not be written. Blocks."""
        if self._folder is None:
            return ""
        path = self._folder / _plain(run) / f"{_plain(call_id)}.txt"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "replace"))
        except OSError:
            return ""
        return str(path)

    def remove(self, run: RunId) -> None:
        """All of a run's, where there are any. Blocks."""
        if self._folder is not None:
            shutil.rmtree(self._folder / _plain(run), ignore_errors=True)


def _plain(name: str) -> str:
    """A name that is one part of a path on every system, whatever a ledger from elsewhere calls its runs."""
    return re.sub(r"[^\w.-]", "_", name).lstrip(".") or "_"
