"""Felix's own virtual environment: made once, noticed when it no longer fits, safe to kill at any moment.

A stamp, written last, says what is installed, where, and for which Python and machine. A start that finds the stamp it
expects has nothing to do; any other makes or mends the environment under a lock. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from felix.bootstrap import ROOT, Halt, data_folder, say

Report = Callable[[str], None]
"""Told in a few words what the set-up is doing."""

_OFFLINE = (
    "Connection refused",
    "ConnectTimeoutError",
    "Failed to establish",
    "Name or service",
    "NewConnectionError",
    "ProxyError",
    "Read timed out",
    "getaddrinfo",
    "name resolution",
)
"""What pip prints when it reaches no server."""


class Environment(NamedTuple):
    """A virtual environment. No dataclass: importing `dataclasses` costs a warm start more than all else here."""

    folder: str
    extras: tuple[str, ...] = ()
    """Which of pyproject's extras are wanted in it, beside Felix's own dependencies."""

    @property
    def python(self) -> str:
        inside = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
        return os.path.join(self.folder, *inside)

    @property
    def windowed_python(self) -> str:
        """The same without a console window, where there is such a thing."""
        return os.path.join(self.folder, "Scripts", "pythonw.exe") if sys.platform == "win32" else self.python

    def command(self, *arguments: str) -> str:
        """A line for a shell that runs one of this environment's modules."""
        import shlex

        return shlex.join([self.python, "-m", *arguments])

    @property
    def log(self) -> str:
        return os.path.join(self.folder, "felix-setup.log")

    @property
    def is_ready(self) -> bool:
        if not os.path.exists(self.python) or os.path.exists(self._half_done):
            return False
        wanted = _wanted_stamp()
        return all(_read(self._stamp(extra)) == wanted for extra in ("", *self.extras))

    def prepare(self, report: Report) -> None:
        """Make or mend it unless it is ready; two starts at once do it once. Raises Halt or OSError."""
        with self.only_one(report):
            if not self.is_ready:
                self._install(report)

    @contextlib.contextmanager
    def only_one(self, report: Report) -> Iterator[None]:
        """Keep other starts out, and wait for one that is at it. The system frees the lock when its process ends."""
        waiting = "Another start is setting Felix up; waiting for it"
        os.makedirs(os.path.dirname(self.folder), exist_ok=True)
        with open(self.folder + ".lock", "a+b") as file:
            if not _lock(file, wait=False):
                say(waiting + ".")
                report(waiting)
                _lock(file, wait=True)
            yield

    def _install(self, report: Report) -> None:
        report("Making a place for Felix's packages")
        # A folder that was moved keeps its packages, so that it also starts offline; only the paths are written anew.
        keep = self._is_sound()
        make = [sys.executable, "-m", "venv", "--without-pip", *(() if keep else ("--clear",)), self.folder]
        self._run(make, report, _explain_venv)
        _write(self._half_done, "")
        if not keep:
            self._add_pip(report)
        self._link_source()
        if not (keep and self._has_packages()):
            self._add_packages(report)
        os.remove(self._half_done)
        for extra in ("", *self.extras):
            _write(self._stamp(extra), _wanted_stamp())

    def _add_packages(self, report: Report) -> None:
        # Byte code is written for what is imported, when it is; for all of it takes a quarter of the whole time.
        flags = ["--no-compile", "--disable-pip-version-check", "--no-input", "--retries", "2", "--progress-bar", "off"]
        try:
            self._run([self.python, "-m", "pip", "install", *flags, *_packages(self.extras)], report, _explain_pip)
        except Halt:
            os.remove(self._half_done)  # pip has taken back what it began: the next start may go on from here
            raise

    def _is_sound(self) -> bool:
        """Whether packages may be added to what is there: made for this Python and machine, and nothing was killed."""
        if not os.path.exists(self.python) or os.path.exists(self._half_done):
            return False
        return _read(self._stamp("")).splitlines()[2:] == _wanted_stamp().splitlines()[2:]

    def _has_packages(self) -> bool:
        """Whether all that is wanted was installed, be it when the folder was somewhere else."""
        wanted = _wanted_stamp().splitlines()[:1]
        return all(_read(self._stamp(extra)).splitlines()[:1] == wanted for extra in ("", *self.extras))

    def _add_pip(self, report: Report) -> None:
        """Unpack the pip that comes with Python; having ensurepip install it takes as long as all else."""
        import ensurepip
        import glob
        import sysconfig
        import zipfile

        # Debian keeps its wheels in a folder of their own.
        folders = [
            os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"),
            sysconfig.get_config_var("WHEEL_PKG_DIR"),
        ]
        wheels = [path for folder in folders if folder for path in glob.glob(os.path.join(folder, "pip-*.whl"))]
        if wheels:
            with zipfile.ZipFile(wheels[0]) as wheel:
                wheel.extractall(self._site_packages)
        else:
            self._run([self.python, "-m", "ensurepip"], report, _explain_venv)

    def _link_source(self) -> None:
        """Let the environment find src, by a relative path, so that the whole folder may be moved."""
        source = os.path.join(ROOT, "src")
        own = self.folder.startswith(ROOT + os.sep)
        # Elsewhere an import line in ASCII: what encoding a .pth file is read in differs between Pythons.
        line = os.path.relpath(source, self._site_packages) if own else f"import sys; sys.path.append({source!a})"
        _write(os.path.join(self._site_packages, "felix.pth"), line + "\n")

    def _run(self, command: Sequence[str], report: Report, explain: Callable[[str, str], str]) -> None:
        """Run one step, all it prints going to the log. Raises Halt with what `explain` makes of a failure."""
        import subprocess

        from felix import display

        lines = []
        process = subprocess.Popen(
            command,
            env={**os.environ, "PIP_USER": "0", "PYTHONIOENCODING": "utf-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            preexec_fn=display.end_with_parent if sys.platform == "linux" else None,
        )
        with process:
            try:
                for line in process.stdout or ():
                    lines.append(line)
                    if step := _step_in(line):
                        report(step)
            except BaseException:
                process.terminate()
                raise
        if os.path.isdir(self.folder):
            with open(self.log, "a", encoding="utf-8") as file:
                file.writelines(lines)
        if process.returncode:
            raise Halt(explain("".join(lines), self.log))

    @property
    def _site_packages(self) -> str:
        if sys.platform == "win32":
            return os.path.join(self.folder, "Lib", "site-packages")
        python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        return os.path.join(self.folder, "lib", python, "site-packages")

    @property
    def _half_done(self) -> str:
        """There while packages are being written: found at a start, it tells of a set-up that was killed."""
        return os.path.join(self.folder, "felix-half-done")

    def _stamp(self, extra: str) -> str:
        return os.path.join(self.folder, f"felix-{extra or 'base'}.stamp")


def find(extras: Sequence[str] = ()) -> Environment:
    """The project's own `.venv`; in a folder that cannot be written, one under the user's data folder."""
    own = Environment(os.path.join(ROOT, ".venv"), tuple(extras))
    if own.is_ready or os.access(ROOT, os.W_OK):
        return own
    return Environment(os.path.join(data_folder(), "environments", _digest(os.fsencode(ROOT))[:12]), tuple(extras))


def last_line(output: str) -> str:
    """The last thing a program had to say, for a sentence."""
    lines = [line.strip() for line in output.splitlines() if line.strip() and not line.startswith("[notice]")]
    return lines[-1].rstrip(".") if lines else "without a word"


def _wanted_stamp() -> str:
    """A line each for what is to be installed, the folder, and the Python and the machine it is installed for."""
    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        project = _digest(file.read())
    machine = os.uname().machine if sys.platform != "win32" else os.environ.get("PROCESSOR_ARCHITECTURE", "")
    python = f"{sys.implementation.cache_tag} {sys.base_prefix!a}"
    return f"{project}\n{ROOT!a}\n{python}\n{sys.platform} {machine}\n"


def _packages(extras: Sequence[str]) -> list[str]:
    import tomllib

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        project = tomllib.load(file)["project"]
    return [*project["dependencies"], *(name for extra in extras for name in project["optional-dependencies"][extra])]


def _step_in(line: str) -> str:
    """What a line of pip's says it is doing, for people; empty for most."""
    import re

    if line.startswith("Collecting "):
        return "Getting " + re.split(r"[^\w.-]", line.split()[1])[0]
    return "Putting everything in its place" if line.startswith("Installing ") else ""


def _explain_venv(output: str, log: str) -> str:
    return (
        f"Python could not make an environment in {os.path.dirname(log)} ({last_line(output)}):"
        " mend that and start Felix again."
    )


def _explain_pip(output: str, log: str) -> str:
    if any(sign in output for sign in _OFFLINE):
        return (
            "Felix's packages could not be fetched because their server (PyPI) was not reached: connect to the internet"
            " and start again."
        )
    if "No space left" in output:
        return "There is no room left on the disk for Felix's packages (about 150 MB): make some and start again."
    return (
        f"Felix's packages could not be installed ({last_line(output)}): start again to try anew, or look into {log}."
    )


def _lock(file: BinaryIO, *, wait: bool) -> bool:
    """Whether the lock could be had; always, in the end, when waited for."""
    if sys.platform == "win32":
        import msvcrt

        while True:
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
                return True
            except OSError:
                if not wait:  # waiting ends after ten seconds there, and begins again
                    return False
    else:
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        except OSError:
            pass  # a file system without locks: two starts at once are less likely than one that may not begin
        return True


def _digest(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _write(path: str, text: str) -> None:
    """In one go, so that a killed set-up leaves no half of it."""
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".part", path)
