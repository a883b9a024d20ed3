"""How the ledger is: kept in its file, or why not, in one sentence with the next step. A value, for every thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Condition = Literal["kept", "locked", "damaged", "newer", "foreign", "empty", "full", "read_only", "memory"]
"""`kept`: all is well. `memory`: nobody named a file. All others: the file cannot take what happens now."""


@dataclass(frozen=True, slots=True)
class Health:
    kind: Condition
    path: Path | None
    """The file that is meant; None in memory."""
    sentence: str = ""
    """What is not being saved and what to do; empty while `kept`."""

    @property
    def is_kept(self) -> bool:
        return self.kind == "kept"

    @property
    def is_readable(self) -> bool:
        """Whether the runs in the file can be shown, although it may take no new ones."""
        return self.kind in {"kept", "locked", "full", "read_only"}
