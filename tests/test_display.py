"""Displays: which answer, and a private one that ends with whoever asked for it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from felix import display

ROOT = Path(__file__).parent.parent


def test_a_display_that_nobody_serves_does_not_answer() -> None:
    assert not display.answers(":9871")
    assert not display.answers("unix:9871.0")


def test_a_forwarded_display_is_asked_over_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1] - 6000
        assert display.answers(f"127.0.0.1:{number}.0")
    assert not display.answers(f"127.0.0.1:{number}.0")


def test_a_name_in_an_unknown_form_is_left_to_tk() -> None:
    assert display.answers("/private/tmp/launch.1/org.xquartz:x")


@pytest.fixture
def owner() -> Iterator[subprocess.Popen[str]]:
    """A process that has started a private display, become another program, and waits."""
    if not shutil.which("Xvfb"):
        pytest.skip("Xvfb is not installed")
    code = (
        "import os, sys; from felix import display; os.environ['SEEN'] = display.start_private();"
        "os.execv(sys.executable, [sys.executable, '-c',"
        " 'import os, sys; print(os.environ[\"SEEN\"], flush=True); sys.stdin.read()'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src")},
    ) as process:
        yield process
        process.kill()


def test_a_private_display_outlives_exec_and_ends_with_its_process(owner: subprocess.Popen[str]) -> None:
    assert owner.stdout
    name = owner.stdout.readline().strip()
    assert display.answers(name)
    owner.kill()
    owner.wait()
    for _ in range(2000):
        if not display.answers(name):
            return
    pytest.fail("the display outlived its process")


def test_a_display_that_does_not_start_is_an_error_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "Xvfb").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "Xvfb").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match="did not start"):
        display.start_private()
