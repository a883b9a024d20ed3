"""Showing a folder in the desktop's own file manager, and a file in the program that shows such files."""

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
    return _open(folder, "folders")


def show_file(file: Path) -> str:
    """Open `file` without waiting. Returns a sentence when that cannot be done, else nothing."""
    if not file.is_file():
        return f"{file} is no longer there; what the model was given of it stands in the card."
    return _open(file, "such files")


def _open(path: Path, what: str) -> str:
    if sys.platform == "win32":
        os.startfile(path)  # noqa: S606  there is no other way
        return ""
    opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    if opener is None:
        return f"No program here opens {what}; it is {path}."
    # somebody has to wait for the child, or it stays a zombie for as long as Felix runs
    threading.Thread(target=_run, args=([opener, str(path)],), name="show-folder", daemon=True).start()
    return ""


def _run(command: list[str]) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
