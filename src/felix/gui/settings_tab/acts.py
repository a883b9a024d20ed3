"""What the Settings tab asks of the rest of the program; answers come back by the tab's methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from felix.gui.settings_tab.sharing import SharingActs
from felix.gui.settings_tab.storage import StorageActs
from felix.gui.settings_tab.tools import ToolActs


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
    on_ask_endpoints: Callable[[], object]
    """Ask all endpoints how they are: `endpoints_report` hears of it."""
    on_find: Callable[[], object]
    """Look which servers run on this machine: `servers_found` hears of it."""
    on_ask_figures: Callable[[], object]
    """Look up how the endpoints have done: `figures_report` hears of it."""
    on_load: Callable[[str, str, int], object]
    """Have the server at a base URL load a model with so many tokens of context: `model_ended` hears of it."""
    on_unload: Callable[[str, str], object]
    on_examine: Callable[[str], object]
    """Open the connection doctor on the endpoint of that name; empty is the one in use."""
    ask_model_file: Callable[[], Path | None]
    """Ask the user for a model file; None when they thought better of it."""
    on_show_log: Callable[[], object]
    storage: StorageActs
    tools: ToolActs
    sharing: SharingActs
