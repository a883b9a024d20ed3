"""The process between Felix and a server of tools: it starts the server, and takes all of it along when it ends.

It is started by its path and imports nothing of Felix. A server may start others, as `npx` does; they all are in one
process group, which is killed when the server ends, when Felix asks for it (SIGTERM) and when Felix is gone, however
that came to pass. On Linux what left the group is found, too. Standard input, output and error are the server's own.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_TERM_S, _KILL_S = 0.4, 2.0
"""How long a group may take to end when it is told to; what still runs then is killed, and waited for so long."""
_LOOK_S = 1.0
"""How often to see whether Felix still runs, where the kernel does not tell."""
_CANNOT_START = 127


class _Over(Exception):
    """It is time to end."""


def main() -> int:
    """Run the command given behind the parent's process id; its exit status, or 128 and its signal."""
    parent, *command = sys.argv[1:]
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    child = 0
    try:
        _watch(int(parent))
        child = _start(command)
        with open(os.devnull, "r+b") as nothing:  # noqa: PTH123  its pipes are the server's alone from here on
            os.dup2(nothing.fileno(), 0)
            os.dup2(nothing.fileno(), 1)
        status = _wait(child)
    except _Over:
        status = 128 + signal.SIGTERM
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if child:
            _signal_group(child, signal.SIGTERM)
            _reap(child, _TERM_S)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    if child:
        _signal_group(child, signal.SIGKILL)
        _kill_what_is_left()
    return status


def _end(_number: int, _frame: object) -> None:
    raise _Over


def _watch(parent: int) -> None:
    """Have this process told when its parent ends."""

    def look(_number: int, _frame: object) -> None:
        if os.getppid() != parent:
            raise _Over

    if sys.platform == "linux":
        try:
            system = ctypes.CDLL(None)
            system.prctl(_PR_SET_CHILD_SUBREAPER, 1)
            system.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        except (OSError, AttributeError):
            pass  # the clock below does it then
    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _LOOK_S, _LOOK_S)
    look(0, None)  # it may have ended before


def _start(command: list[str]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        signal.setitimer(signal.ITIMER_REAL, 0)
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM, signal.SIGPIPE):
            signal.signal(each, signal.SIG_DFL)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.execvp(command[0], command)  # noqa: S606  to become the server is its work
    except OSError as error:
        os.write(2, f"{command[0]} could not be started: {error.strerror}\n".encode(errors="replace"))
    os._exit(_CANNOT_START)


def _wait(child: int) -> int:
    """Until the server itself ends; orphans that came here meanwhile are only let go."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _reap(child: int, seconds: float) -> None:
    """Wait for the server so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == child:
                return
        except ChildProcessError:
            return
        time.sleep(0.01)


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass  # nobody is left in it


def _kill_what_is_left() -> None:
    """Those who left the group: without a parent of their own they have become children of this process, on Linux."""
    until = time.monotonic() + _KILL_S
    while time.monotonic() < until:
        for child in _children():
            try:
                os.kill(child, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.01)
        except ChildProcessError:
            return


def _children() -> list[int]:
    own = os.getpid()
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{own}/children").read_text("ascii").split()]
    except (OSError, ValueError):
        return []


if __name__ == "__main__":
    sys.exit(main())
