"""python -m tests.parallel [pytest arguments]: all tests in two processes at once, a file of tests in one of them.

Each has a display of its own, so neither takes the other's keyboard. A few tests that failed are tried once more,
alone, and that is said: with both at work a small machine stalls now and then, and what waits for the window runs out
of time; a real fault fails again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from felix import display

ROOT = Path(__file__).parents[1]
PROCESSES = 2
FAILED = ROOT / ".pytest_cache/v/cache/lastfailed"
MOST_AGAIN = 3
"""Failures that are tried once more; more than these are no accident."""
DISPLAYS = "FELIX_TESTS_DISPLAYS"
"""In the environment: the name of each process's display."""


def main(arguments: Sequence[str]) -> int:
    began = time.monotonic()
    if sys.platform == "linux" and (first := os.environ.get("DISPLAY")):
        os.environ[DISPLAYS] = " ".join([first, *(display.start_private() for _ in range(PROCESSES - 1))])
    FAILED.unlink(missing_ok=True)
    # by files, in the order of their names: the long ones stand in front
    code = _pytest("-n", str(PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder", *arguments)
    if code == 1 and len(failed := json.loads(FAILED.read_text(encoding="utf-8"))) <= MOST_AGAIN:
        print(f"\nonce more, alone: {', '.join(failed)}", flush=True)
        code = _pytest("--last-failed", *arguments)
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    print(f"\n{'not all' if code else 'all'} passed in {minutes}:{seconds:02} minutes")
    return code


def _pytest(*arguments: str) -> int:
    program = subprocess.Popen([sys.executable, "-m", "pytest", *arguments], cwd=ROOT)
    try:
        return program.wait()
    except KeyboardInterrupt:  # a terminal tells it too, and it has something to put away
        return program.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
