"""python -m tests.halves [pytest arguments]: all tests in two processes at once, most of the window's in one of them.

Each has a display of its own, so neither takes the other's keyboard. What the second one says is shown when the first
one has ended, and both must pass.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from felix import display

ROOT = Path(__file__).parents[1]
GUI = "tests/gui"
LENT = ("course", "text", "wall")
"""Folders of the window's tests that go with the others, so that both halves take about as long."""


def main(arguments: Sequence[str]) -> int:
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        colour = ["--color=yes"] if sys.stdout.isatty() else []
        kept, lent = _without(GUI, LENT), _without(GUI, [each for each in _parts(GUI) if each not in LENT])
        window = _start([GUI, *kept, *arguments], os.environ.get("DISPLAY", ""), None)
        rest = _start(["tests", *lent, *arguments, *colour], _another_display(), said)
        try:
            codes = window.wait(), rest.wait()
        except KeyboardInterrupt:  # a terminal tells both of them too, and they have something to put away
            codes = window.wait(), rest.wait()
        said.seek(0)
        shutil.copyfileobj(said, sys.stdout)
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    failed = [name for name, code in zip(("the window's", "the others"), codes, strict=True) if code]
    print(f"\n{' and '.join(failed) + ' failed' if failed else 'all passed'} in {minutes}:{seconds:02} minutes")
    return max(codes)


def _parts(folder: str) -> list[str]:
    """What stands in a folder of tests, by name."""
    return sorted(each.name for each in (ROOT / folder).iterdir() if each.is_dir() or each.name.startswith("test_"))


def _without(folder: str, parts: Sequence[str]) -> list[str]:
    return [f"--ignore={folder}/{each}" for each in parts]


def _start(arguments: Sequence[str], screen: str, output: IO[str] | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=ROOT,
        env={**os.environ, "DISPLAY": screen},
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        preexec_fn=display.end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  no threads yet
    )


def _another_display() -> str:
    """Empty where the first one has none either, or needs none."""
    return display.start_private() if sys.platform == "linux" and os.environ.get("DISPLAY") else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
