"""A real llama.cpp server on a tiny model of our own making: what every test of the main job runs against."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

_HERE = Path(__file__).parent
START_S = 60.0


def make_model(path: Path) -> Path:
    """Write the model (2 MB, no weights are downloaded; the same file every time)."""
    subprocess.run([sys.executable, str(_HERE / "tiny_gguf.py"), str(path)], check=True, stdout=subprocess.DEVNULL)
    return path


class LlamaServer:
    """One server process; use it in a `with`."""

    def __init__(self, model: str | Path, *, slots: int = 4, think: bool = False, api_key: str = "") -> None:
        self._options = [str(model), "--slots", str(slots)]
        if think:
            self._options.append("--think")
        if api_key:
            self._options += ["--api-key", api_key]
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def model(self) -> str:
        """What a request calls the model."""
        return "tiny-babble"

    def __enter__(self) -> Self:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._process = subprocess.Popen(
            [sys.executable, str(_HERE / "serve_llamacpp.py"), *self._options, "--port", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        until = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.__exit__()
                raise RuntimeError("llama.cpp's server did not start")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=1) as reply:
                return reply.status == 200
        except (OSError, urllib.error.URLError):
            return False
