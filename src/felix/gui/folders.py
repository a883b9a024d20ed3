"""Showing a folder in the desktop's own file manager."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path


def show_folder(folder: Path) -> str:
    """Open `folder` without waiting. Returns a sentence when that cannot be done, else nothing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"{folder} cannot be made ({error.strerror}); check the permissions around it."
    if sys.platform == "win32":
        os.startfile(folder)  # noqa: S606  there is no other way
        return ""
    opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    if opener is None:
        return f"No program here opens folders; it is {folder}."
    # somebody has to wait for the child, or it stays a zombie for as long as Felix runs
    threading.Thread(target=_run, args=([opener, str(folder)],), name="show-folder", daemon=True).start()
    return ""


def _run(command: list[str]) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
