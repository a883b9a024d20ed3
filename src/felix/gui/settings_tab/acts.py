"""What the Settings tab asks of the rest of the program; answers come back by the tab's methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from felix.gui.settings_tab.storage import StorageActs


@dataclass(frozen=True, slots=True)
class Acts:
    """Callables, all called on Tk's thread. Each returns at once."""

    on_change: Callable[[frozenset[str]], object]
    """These keys have new values, in force and saved: the window follows (theme, text size, log, another server)."""
    on_saved: Callable[[str], object]
    """Empty when the file was written, else one sentence why not."""
    on_check: Callable[[str], object]
    """Ask the server at a base URL what it is: `server_report` hears of it."""
    on_test: Callable[[str, str], object]
    """Try a base URL and a model by the way a run would go: `test_result` hears of it."""
    on_ask_key: Callable[[str], object]
    """Say where the key of a base URL is kept: `key_report` hears of it, as after the two below. A key store may block
    until the user has unlocked it, so this belongs on the worker."""
    on_put_key: Callable[[str, str], object]
    on_remove_key: Callable[[str], object]
    on_show_log: Callable[[], object]
    storage: StorageActs
