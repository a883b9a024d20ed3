"""Where Felix's files are, from a checkout and from an installed package.

What ships with Felix is read from the checkout or from inside the package; what a user makes is kept in the folders the
operating system means for it. No function here creates or reads a file; platformdirs is imported when first asked.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
# Linux folders are in lower case by custom, the others carry the program's name as written.
_APP = "felix" if sys.platform.startswith("linux") else "Felix"


@functools.cache
def checkout() -> Path | None:
    """The project's folder when Felix runs from one, None when it is installed."""
    root = _PACKAGE.parent.parent
    return root if _PACKAGE.parent.name == "src" and (root / "pyproject.toml").is_file() else None


def assets() -> Path:
    """Icons, fonts, demo scripts and the workflows that ship with Felix; read only."""
    root = checkout()
    return root / "assets" if root else _PACKAGE / "assets"


def icon() -> Path:
    """The icon as a PNG, for windows and desktop entries."""
    return assets() / "icons" / "felix.png"


def builtin_workflows() -> Path:
    return assets() / "workflows"


def user_workflows() -> Path:
    return data() / "workflows"


def default_settings() -> Path:
    """The settings.json that ships with Felix. From a checkout it is also the one in force."""
    root = checkout()
    return root / "settings.json" if root else _PACKAGE / "settings.json"


def settings_file() -> Path:
    """The settings.json that is in force unless another is named.

    A checkout keeps its own. An installed Felix, and a checkout that cannot be written, save in the config folder;
    while nothing is saved there, `default_settings()` is what holds.
    """
    root = checkout()
    if root and os.access(root, os.W_OK):
        return root / "settings.json"
    return _folder("config") / "settings.json"


def data() -> Path:
    """What a user makes: workflows, runs."""
    return _folder("data")


def ledger_file(chosen: str = "") -> Path:
    """Where runs are kept: the file that the settings or the command line choose, else the usual one."""
    return Path(chosen).expanduser() if chosen else data() / "ledger.db"


def session_file() -> Path:
    """What the window was like when it was last open: the unsent task, the open tab, its place and layout."""
    return state() / "session.json"


def state() -> Path:
    """What Felix keeps for itself: the log, the window's size."""
    return _folder("state")


def log_file() -> Path:
    return state() / "felix.log"


def _folder(kind: str) -> Path:
    import platformdirs

    dirs = platformdirs.PlatformDirs(_APP, appauthor=False)
    match kind:
        case "config":
            return dirs.user_config_path
        case "state":
            return dirs.user_state_path
        case _:
            return dirs.user_data_path
