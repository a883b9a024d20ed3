"""What is said of an endpoint in a line: its name, where it is, and how it is, each state in a word and a shape."""

from __future__ import annotations

from typing import NamedTuple

from felix.endpoints import Endpoint
from felix.gui.server.roster import address_words
from felix.llm.condition import Grade, Said, condition
from felix.llm.models import NAMES, ServerReport

__all__ = ["Said", "StateWords", "name_of", "place_words", "state_words"]

_LOOKS: dict[Grade, tuple[str, str]] = {
    "well": ("done", "circle-fill"),
    "wanting": ("stop", "exclamation-circle-fill"),
    "down": ("fail", "x-circle-fill"),
    "unknown": ("queue", "circle"),
}


class StateWords(NamedTuple):
    """`state` is one of the kit's, for the colour; `icon` its shape."""

    words: str
    state: str
    icon: str


def state_words(said: Said, *, is_file: bool = False) -> StateWords:
    """`answers · 12 models, 2 loaded`, `does not answer`, `wants a key`; of a model file `ready` or `loaded`."""
    words, grade = condition(said, is_file=is_file)
    return StateWords(words, *_LOOKS[grade])


def place_words(endpoint: Endpoint, said: Said) -> str:
    """`LM Studio · 127.0.0.1:1234`; what is found out by asking fills in for what the settings leave open."""
    kind = endpoint.kind if endpoint.kind != "auto" else said.kind if isinstance(said, ServerReport) else None
    name = NAMES[kind] if kind and kind != "other" else ""
    if name == name_of(endpoint, said):
        name = ""
    pool = f"pool {endpoint.pool}" if endpoint.pool else ""
    return " · ".join(part for part in (name, address_words(endpoint), pool) if part)


def name_of(endpoint: Endpoint, said: Said) -> str:
    """As the list calls it: the server in use has no name before it is given one."""
    return endpoint.name or (said.name if isinstance(said, ServerReport) else NAMES["other"])
