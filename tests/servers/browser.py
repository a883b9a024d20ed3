"""A real browser without a window, driven through its debugging pipe: file descriptors 3 and 4, JSON ended by NUL.

The protocol: https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from felix.machine import BROWSERS

ANSWER_S = 60.0

Json = dict[str, Any]  # Any: whatever the browser says


def needed() -> str:
    """Where a browser of the right kind is. Without one the test is left out; in `.ci/run` it fails."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    sentence = "There is no Chromium here: install chromium (or chromium-headless-shell) and run it again."
    if os.environ.get("FELIX_TESTS_NEED_BROWSER"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


class Browser:
    """One page. A context manager; `said` holds what it wrote on its console, errors of its policy included."""

    def __init__(self, program: str, folder: Path, *, size: tuple[int, int] = (1400, 900)) -> None:
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
            f"--user-data-dir={folder}", f"--window-size={size[0]},{size[1]}", "about:blank",
        ]  # fmt: skip

        def take_pipe() -> None:
            held = os.dup(to_browser), os.dup(from_browser)  # 3 and 4 may be among those that are moved
            os.dup2(held[0], 3)
            os.dup2(held[1], 4)

        self._process = subprocess.Popen(
            command,
            pass_fds=(3, 4),
            preexec_fn=take_pipe,  # noqa: PLW1509  it takes no lock
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        os.set_blocking(self._read, False)
        self._buffer = b""
        self._number = 0
        self._session = ""
        self._events: list[Json] = []
        self.said: list[str] = []
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._write)  # it ends when nobody drives it
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)

    def open(self, page: Path, *, dark: bool = False) -> None:
        """Load a file and wait until it is there."""
        self.go(page.absolute().as_uri(), dark=dark)

    def go(self, url: str, *, dark: bool = False) -> None:
        """The same with any address."""
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._events.clear()
        self.call("Page.navigate", url=url)
        self._until(lambda: any(event["method"] == "Page.loadEventFired" for event in self._events))

    def value(self, expression: str) -> Any:  # Any: a value of JavaScript's
        """What an expression comes to; an exception in it is an AssertionError."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until an expression is true."""
        end = time.monotonic() + ANSWER_S
        while not self.value(condition):
            assert time.monotonic() < end, f"{condition} did not come true"
            time.sleep(0.02)

    def resize(self, width: int, height: int, *, is_phone: bool = False) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if is_phone else 1,
            mobile=is_phone,
        )

    def key(self, key: str, *, shift: bool = False) -> None:
        for kind in ("keyDown", "keyUp"):
            text = key if len(key) == 1 and kind == "keyDown" else None
            more = {"text": text} if text else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, modifiers=8 if shift else 0, **more)

    def run_scripts(self, *, allowed: bool) -> None:
        """Whether pages may run their scripts from now on."""
        self.call("Emulation.setScriptExecutionDisabled", value=not allowed)

    def requests(self) -> list[str]:
        """Addresses asked for since the page was opened, whether they were let out or not."""
        return [
            event["params"]["request"]["url"]
            for event in self._events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def picture(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def printed(self, path: Path) -> None:
        """The page on paper, as a PDF."""
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"]))

    def call(self, method: str, **params: Any) -> Json:  # Any: as the protocol has it
        self._number += 1
        number = self._number
        message: Json = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        answers: list[Json] = []
        self._until(lambda: answers, answers=answers, number=number)
        assert "error" not in answers[0], f"{method}: {answers[0]['error']}"
        result: Json = answers[0]["result"]
        return result

    def _until(self, holds: Any, *, answers: list[Json] | None = None, number: int = 0) -> None:
        end = time.monotonic() + ANSWER_S
        while not holds():
            assert time.monotonic() < end and self._process.poll() is None, "the browser does not answer"
            try:
                self._buffer += os.read(self._read, 1 << 16)
            except BlockingIOError:
                time.sleep(0.002)
                continue
            *messages, self._buffer = self._buffer.split(b"\0")
            for raw in messages:
                message: Json = json.loads(raw)
                if message.get("id") == number and answers is not None:
                    answers.append(message)
                elif "method" in message:
                    self._hear(message)

    def _hear(self, event: Json) -> None:
        self._events.append(event)
        match event["method"]:
            case "Log.entryAdded":
                self.said.append(event["params"]["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.said.append(json.dumps(event["params"]["exceptionDetails"]))
            case "Runtime.consoleAPICalled":
                self.said.append(json.dumps(event["params"]["args"]))
