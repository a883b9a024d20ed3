"""The writer's lock: a file beside the ledger that one process holds. The system frees it, however the process ends."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import IO

LOOK_S = 0.02
"""Whoever only asks whether it is held holds it for a moment; that is over by then."""


class Lock:
    """Not held until `take` says so; `free` may be called at any time."""

    def __init__(self, ledger: Path) -> None:
        self.path = ledger.with_name(ledger.name + ".lock")
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Take it; False when somebody holds it. Raises OSError when the file cannot be locked."""
        if self._try():
            return True
        time.sleep(LOOK_S)
        return self._try()

    def _try(self) -> bool:
        # never deleted: whoever waits for a deleted file and whoever makes a new one would both hold "the" lock
        file = self.path.open("ab")
        try:
            _lock(file.fileno())
        except BlockingIOError:
            file.close()
            return False
        except BaseException:
            file.close()
            raise
        self._file = file
        return True

    def free(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def is_held(ledger: Path) -> bool:
    """Whether a process writes to a ledger now; False where that cannot be told."""
    lock = Lock(ledger)
    if not lock.path.exists():
        return False
    try:
        is_free = lock.take()
    except OSError:
        return False
    lock.free()
    return not is_free


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:  # what Windows says when somebody holds it
            raise BlockingIOError(error.errno, error.strerror) from None
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
