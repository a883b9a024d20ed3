"""The processes in which Felix serves model files, among all that a test session has started."""

from __future__ import annotations

import psutil

from felix.llm.local import child


def file_servers() -> list[psutil.Process]:
    """Those that run now."""
    found = []
    for process in psutil.Process().children():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and child.__file__ in process.cmdline():
                found.append(process)
        except psutil.NoSuchProcess:
            pass
    return found
