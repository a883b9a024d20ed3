"""What Felix needs from the system it runs on, and how that system gives it. Standard library only.

On Debian as root it is installed; anybody else gets one sentence with one line to copy.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import Literal

from felix.bootstrap import Halt, say
from felix.environment import Environment, last_line

Need = Literal["tk", "venv", "display", "openmp", "browser"]

_WORDS: dict[Need, str] = {
    "tk": "Python's tkinter",
    "venv": "Python's venv",
    "display": "a display",
    "openmp": "the OpenMP library of the tests' model server",
    "browser": "the Chromium in which exported pages are tested",
}

# Each package manager's own names for these, in the same order.
_REMEDIES = {
    "apt-get": ("sudo apt install", ("python3-tk", "python3-venv", "xvfb", "libgomp1", "chromium-headless-shell")),
    "dnf": (
        "sudo dnf install",
        ("python3-tkinter", "python3-pip", "xorg-x11-server-Xvfb", "libgomp", "chromium-headless"),
    ),
    "pacman": ("sudo pacman -S", ("tk", "python-pip", "xorg-server-xvfb", "gcc-libs", "chromium")),
    "zypper": ("sudo zypper install", ("python3-tk", "python3-pip", "xorg-x11-server-Xvfb", "libgomp1", "chromium")),
    "brew": ("brew install", ("python-tk", "python", "xquartz", "libomp", "chromium")),
}

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def has(need: Need, home: Environment | None = None) -> bool:
    """Whether it is here. `venv` is not needed once `home` is ready; `display` means a private one (Xvfb)."""
    match need:
        case "tk":
            return importlib.util.find_spec("_tkinter") is not None
        case "venv":
            return (home is not None and home.is_ready) or importlib.util.find_spec("ensurepip") is not None
        case "display":
            return program("Xvfb") is not None
        case "openmp":
            import ctypes.util

            return ctypes.util.find_library("gomp") is not None
        case "browser":
            return any(program(name) for name in BROWSERS)


def lacking(home: Environment, wanted: Sequence[Need]) -> list[Need]:
    """Which of `wanted` are still not here after installing what is ours to install. Raises Halt if apt fails."""
    missing = [need for need in wanted if not has(need, home)]
    ours = [need for need in missing if need in ("display", "openmp", "browser") or is_system_python()]
    if not ours or sys.platform != "linux" or os.geteuid() != 0 or not program("apt-get"):
        return missing
    with home.only_one(lambda doing: None):
        ours = [need for need in ours if not has(need, home)]  # another start may have been faster
        if ours:
            _apt_install(_packages("apt-get", ours))
            importlib.invalidate_caches()
    return [need for need in wanted if not has(need, home)]


def sentence(missing: Sequence[Need], in_terminal: str = "") -> str:
    """What is missing and how to get it; with the command that works without, where there is one."""
    if "tk" in missing and not is_system_python():
        return (
            f"Felix's window needs tkinter, which this Python ({sys.executable}) was built without: start Felix with a"
            " Python that has it, such as the system's own."
        )
    remedy = "with the system's package manager"
    for manager, (command, _) in _REMEDIES.items():
        if program(manager):
            remedy = f"with `{command} {' '.join(_packages(manager, missing))}`"
            break
    words = " and ".join(_WORDS[need] for need in missing)
    meanwhile = f'; the terminal works now: {in_terminal} "your task"' if in_terminal else "."
    return f"Felix needs {words}, which this machine lacks: install it {remedy} and start again{meanwhile}"


def program(name: str) -> str | None:
    """Where a command is."""
    import shutil

    return shutil.which(name)


def is_system_python() -> bool:
    """Whether this is the Python that the system's packages are for."""
    return sys.platform != "linux" or sys.base_prefix == "/usr"


def _packages(manager: str, needs: Sequence[Need]) -> list[str]:
    names = dict(zip(_WORDS, _REMEDIES[manager][1], strict=True))
    return [names[need] for need in needs]


def _apt_install(packages: Sequence[str]) -> None:
    import subprocess

    say(f"Installing {', '.join(packages)} with apt: this happens once.")
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    output = ""
    # The package lists are fetched only when it does not go without: they may never have been.
    for command in (install, ["apt-get", "update", "-q"], install):
        done = subprocess.run(
            command,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode == 0 and command is install:
            return
        output = done.stdout
    names = " ".join(packages)
    raise Halt(
        f"apt could not install {names} ({last_line(output)}): run `apt update && apt install {names}` when the package"
        " server can be reached, and start again."
    )
