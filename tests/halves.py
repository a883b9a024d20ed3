"""python -m tests.halves [pytest arguments]: all tests in two processes at once, most of the window's in one of them.

Each has a display of its own, so neither takes the other's keyboard. What the second one says is shown when the first
one has ended, and both must pass. A few tests that failed are tried once more, alone, and that is said: with both
halves at work a small machine stalls now and then, and what waits for the window runs out of time; a real fault fails
again.
"""

from __future__ import annotations

import json
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
LENT = ("course", "text")
"""Folders of the window's tests that go with the others, so that both halves take about as long."""
BESIDE = ("tests/web",)
"""Folders that go with the window's, for the same reason."""
CACHE = ".pytest_cache/{}"
"""Where a half remembers what has failed."""
MOST_AGAIN = 3
"""Failures of a half that are tried once more; more than these are no accident."""


def main(arguments: Sequence[str]) -> int:
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        colour = ["--color=yes"] if sys.stdout.isatty() else []
        kept, lent = _without(GUI, LENT), _without(GUI, [each for each in _parts(GUI) if each not in LENT])
        screens = os.environ.get("DISPLAY", ""), _another_display()
        beside = [f"--ignore={each}" for each in BESIDE]
        chosen = ["window", GUI, *BESIDE, *kept, *arguments], ["rest", "tests", *beside, *lent, *arguments, *colour]
        window, rest = _start(chosen[0], screens[0], None), _start(chosen[1], screens[1], said)
        try:
            codes = window.wait(), rest.wait()
        except KeyboardInterrupt:  # a terminal tells both of them too, and they have something to put away
            codes = window.wait(), rest.wait()
        said.seek(0)
        shutil.copyfileobj(said, sys.stdout)
    codes = _again(chosen[0], screens[0], codes[0]), _again(chosen[1], screens[1], codes[1])
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    failed = [name for name, code in zip(("the window's", "the others"), codes, strict=True) if code]
    print(f"\n{' and '.join(failed) + ' failed' if failed else 'all passed'} in {minutes}:{seconds:02} minutes")
    return max(codes)


def _again(chosen: Sequence[str], screen: str, code: int) -> int:
    """The exit code of a half, after those of its tests that failed have had another try."""
    if code != 1:  # all passed, or it was not the tests that failed
        return code
    failed = json.loads((ROOT / CACHE.format(chosen[0]) / "v/cache/lastfailed").read_text(encoding="utf-8"))
    if len(failed) > MOST_AGAIN:
        return code
    print(f"\nonce more, alone: {', '.join(failed)}", flush=True)
    return _start([*chosen, "--last-failed"], screen, None).wait()


def _parts(folder: str) -> list[str]:
    """What stands in a folder of tests, by name."""
    return sorted(each.name for each in (ROOT / folder).iterdir() if each.is_dir() or each.name.startswith("test_"))


def _without(folder: str, parts: Sequence[str]) -> list[str]:
    return [f"--ignore={folder}/{each}" for each in parts]


def _start(arguments: Sequence[str], screen: str, output: IO[str] | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-o", f"cache_dir={CACHE.format(arguments[0])}", *arguments[1:]],
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
