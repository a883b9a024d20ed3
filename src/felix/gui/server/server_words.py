"""What the status bar says of the server, in words that change with its state and not in colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from felix.gui.banner import DEMO
from felix.gui.composer.model_menu import context_words
from felix.gui.server.server_watch import ServerWatch
from felix.gui.status_bar import Health


@dataclass(frozen=True, slots=True)
class ServerWords:
    server: str
    health: Health
    beside: str
    """Its model and context, or what is missing."""
    icon: str


def server_words(watch: ServerWatch, *, runs_demo: bool = False) -> ServerWords:
    """For the server that runs would use now; `runs_demo`: the run that goes on uses the demo model all the same."""
    if runs_demo or watch.uses_demo:
        return ServerWords(DEMO, "demo", "LM Studio not found" if watch.is_silent and watch.is_usual else "", "")
    if not watch.is_known:
        return ServerWords(f"Looking for {watch.address}…", "unknown", "", "")
    if watch.server is None:
        trouble = "not reachable" if watch.is_silent else "cannot be used"
        return ServerWords(f"{watch.address} {trouble}", "down", "", "")
    model = watch.model
    if model is None:
        wanted = watch.wanted_model
        beside = f"{wanted} is not on this server" if wanted else "no model is loaded"
    else:
        room = context_words(model.context_length)
        beside = f"{model.name} · {room} context" if room else model.name
    return ServerWords(f"{watch.name_of(watch.server)} {watch.address}", "up", beside, "cpu")
