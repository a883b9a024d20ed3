"""aimock from npm: model servers as somebody else understood their documentation, Ollama's among them.

It is fetched once, in a pinned version, into a folder beside the temporary files; without npm its tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

import pytest

VERSION = "1.43.0"
_PACKAGE = f"@copilotkit/aimock@{VERSION}"
_INSTALL_S = 90.0
_START_S = 20.0


def installed() -> Path:
    """The program; skips the test that asks where it cannot be had."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("a foreign mock of Ollama needs npm: install Node.js and run this again")
    owner = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"felix-tests-aimock-{VERSION}-{owner}"
    program = folder / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
    if program.exists():
        return program
    # Made whole in another place first: two test runs may want it at once.
    with tempfile.TemporaryDirectory() as making:
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", making, _PACKAGE]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm did not fetch {_PACKAGE} within {_INSTALL_S:g} s")
        if done.returncode:
            pytest.skip(f"npm could not fetch {_PACKAGE}: {(done.stderr.strip().splitlines() or ['no reason'])[-1]}")
        try:
            shutil.copytree(Path(making) / "node_modules", folder / "node_modules")
        except FileExistsError:
            pass  # the other run was quicker
    return program


class Aimock:
    """One server with these answers; use it in a `with`. Text comes in pieces of four characters."""

    def __init__(self, fixtures: list[dict[str, Any]], folder: Path) -> None:
        self._program = installed()
        self._fixtures = folder / "answers.json"
        self._fixtures.write_text(json.dumps({"fixtures": fixtures}), encoding="utf-8")
        self._log = folder / "log.txt"
        self.root = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        options = ["-p", "0", "-f", str(self._fixtures), "-c", "4"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(["node", str(self._program), *options], stdout=log, stderr=log)
        until = time.monotonic() + _START_S
        while not self.root:
            if self._process.poll() is not None or time.monotonic() > until:
                self.__exit__()
                raise RuntimeError(f"aimock did not start: {self._log.read_text()}")
            _, found, rest = self._log.read_text().partition("http://")
            if found and "\n" in rest:
                self.root = "http://" + rest.split()[0]
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)

    def asked(self, path: str) -> list[dict[str, Any]]:
        """What it was asked there, by its own record."""
        with urllib.request.urlopen(f"{self.root}/__aimock/journal?path={path}", timeout=5) as reply:
            return json.load(reply)  # type: ignore[no-any-return]
