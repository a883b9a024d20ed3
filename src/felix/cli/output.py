"""What a terminal is shown: text on stdout, in whatever encoding it has, and sentences beside it on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from felix.errors import FelixError
from felix.ledger.health import Health
from felix.terminal import safe

COMPLETE, FAILED, WRONG, STOPPED = 0, 1, 2, 130
"""Exit statuses: done; failed; wrong usage, settings or file; stopped by Ctrl-C."""


class Output:
    """stdout: what its encoding cannot hold is replaced, never an error."""

    def __init__(self, stream: TextIO | None = None) -> None:
        # there is none when the shell has closed it
        self.stream = stream or sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115  open as long as the process
        self._encoding = self.stream.encoding or "utf-8"

    @property
    def is_terminal(self) -> bool:
        return self.stream.isatty()

    @property
    def has_terminal(self) -> bool:
        """Whether it is a terminal that is Felix's for now: a job in the background must not touch it."""
        if not self.is_terminal:
            return False
        try:
            return os.tcgetpgrp(self.stream.fileno()) == os.getpgrp()
        except (OSError, AttributeError):  # the terminal of nobody in particular, or Windows
            return True

    def write(self, text: str) -> None:
        self.stream.write(text.encode(self._encoding, "replace").decode(self._encoding))

    def note(self, line: str) -> None:
        """A line on stderr, behind the text it belongs to."""
        self.flush()
        note(line)

    def flush(self) -> None:
        self.stream.flush()


def note(line: str) -> None:
    print(safe(line), file=sys.stderr, flush=True)


def not_kept(health: Health, what: str = "this run is") -> str:
    """One line: that `what` not kept, why, and how it would be."""
    if health.kind == "locked":
        return f"Another Felix writes to {health.path}, so {what} not kept – --ledger FILE keeps it in another file."
    return f"{what[:1].upper()}{what[1:]} not kept: {health.sentence}"


def lost(health: Health) -> str:
    """The last word on a run whose end the ledger did not take."""
    why = f"there is no room for it in {health.path}" if health.kind == "full" else f"{health.path} did not take it"
    return f"This run was not kept: {why} – what stands above is all there is of it."


def carry_out(work: Callable[[Output], int]) -> int:
    """The exit status of `work`, a command that writes; what goes wrong is one sentence and a status of its own."""
    out = Output()
    try:
        status = work(out)
        out.flush()
    except FelixError as error:
        note(str(error))
        return WRONG
    except BrokenPipeError:  # whoever read along has gone
        give_up_stdout()
        return STOPPED
    except OSError as error:
        note(f"The output could not be written ({error.strerror}) – make room for it, then try again.")
        give_up_stdout()
        return FAILED
    return status


def give_up_stdout() -> None:
    """Let what is still buffered go nowhere, or the interpreter would fail on it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
