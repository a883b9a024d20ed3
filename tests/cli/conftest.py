"""Commands without the second that a process of their own takes to start. What is about the process has one."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from subprocess import CompletedProcess

import pytest

from felix.__main__ import main

COMMAND = [sys.executable, "-m", "felix"]


@pytest.fixture
def carry_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., CompletedProcess[str]]:
    """`subprocess.run` for a command of Felix, in this process: `piped` is what stands in its stdin."""

    def run(command: Sequence[str], *, piped: str = "") -> CompletedProcess[str]:
        assert list(command[:3]) == COMMAND
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped.encode())))
        try:
            status = main(command[3:])
        except SystemExit as wrong_usage:
            status = int(wrong_usage.code or 0)
        said = capsys.readouterr()
        return CompletedProcess(command, status, said.out, said.err)

    return run
