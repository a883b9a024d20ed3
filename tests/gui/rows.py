"""Rows of the runs list, as a ledger would give them."""

from __future__ import annotations

import time
from typing import Any

from felix.events import RunId
from felix.ledger.reader import RunRow

_NAMES = (
    ("Clinic: self-hosted patient messages instead of e-mail", "complete", "qwen3-8b"),
    ("Review the retry loop in upload.py", "complete", "gemma-3-12b"),
    ("Offline maps for the hiking app", "complete", "qwen3-8b"),
    ("Name ideas for the newsletter", "stopped", "qwen3-8b"),
    ("Summarise the tender documents", "failed", "gemma-3-12b"),
    ("Red team: door-lock firmware", "interrupted", "lmstudio/qwen3-8b"),
)


def row(number: int, *, ago_s: float = 0.0, now: float | None = None, **changes: Any) -> RunRow:
    """The run of that number, begun so long ago."""
    name, status, model = _NAMES[number % len(_NAMES)]
    at = (time.time() if now is None else now) - ago_s
    made = RunRow(
        run=RunId(f"run-{number}"),
        name=name,
        workflow="Research team",
        model=model,
        status=status,  # type: ignore[arg-type]
        started_at=at,
        duration_s=90.0,
        is_pinned=False,
        is_demo=False,
        tokens=4_200,
    )
    return made._replace(**changes)


def many(count: int, now: float) -> list[RunRow]:
    """So many runs, the newest first, spread over the past year and more."""
    return [row(number, ago_s=number * number * 0.6 + number * 900, now=now) for number in range(count)]
