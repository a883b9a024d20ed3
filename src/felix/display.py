"""X11 displays: whether one answers, and a private one for where there is none. Linux only; standard library only."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess

SCREEN = "1600x1000x24"
START_TIMEOUT_S = 20.0
ANSWER_TIMEOUT_S = 2.0
_FIRST_TCP_PORT = 6000
_PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>


def answers(name: str) -> bool:
    """Whether an X server takes connections at `name`, such as ":0", ":0.0" or "localhost:10.0".

    A name left over from a closed session is common, and Tk reports it with a traceback. A name in a form unknown here
    counts as answering: Tk knows more forms than this does.
    """
    host, colon, rest = name.rpartition(":")
    number = rest.partition(".")[0]
    if not colon or not number.isdigit():
        return True
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"  # noqa: S108 - where every X server on Linux has it
        return any(_connects(socket.AF_UNIX, address) for address in (path, "\0" + path))
    with (
        contextlib.suppress(OSError),
        socket.create_connection((host, _FIRST_TCP_PORT + int(number)), ANSWER_TIMEOUT_S),
    ):
        return True
    return False


def start_private() -> str:
    """Start an Xvfb that ends with this process, and return its name.

    It lives on through `exec` and dies with whatever this process has become, however that ends: the kernel sees to it.
    """
    reader, writer = os.pipe()
    with open(reader) as told:
        command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"]
        server = subprocess.Popen(
            command,
            pass_fds=[writer],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_own_group_and_end_with_parent,
        )
        os.close(writer)
        ready, _, _ = select.select([told], [], [], START_TIMEOUT_S)
        number = told.readline().strip() if ready else ""
    if number:
        return f":{number}"
    server.kill()
    server.wait()
    raise OSError("the private display (Xvfb) did not start")


def end_with_parent() -> None:
    """Called in a child before it runs its program: it will get SIGTERM when the thread that started it ends."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _own_group_and_end_with_parent() -> None:
    # Ctrl+C goes to the whole group of a terminal, and the window has to be closed before its display is.
    os.setpgid(0, 0)
    end_with_parent()


def _connects(family: socket.AddressFamily, address: str) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_TIMEOUT_S)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True
