"""What is said of an endpoint in a line: where it is, and how it is, each state in a word and a colour."""

from __future__ import annotations

from typing import NamedTuple

from felix.endpoints import Endpoint, ServerKind
from felix.errors import FelixError, ServerError, ServerFault
from felix.gui.server.roster import NAMES, address_words
from felix.llm.models import ServerReport

HOSTED: frozenset[ServerKind] = frozenset({"openai", "groq", "anthropic"})
"""Where "loaded" means nothing to a user."""

_FAULTS: dict[ServerFault, tuple[str, str]] = {
    "unreachable": ("does not answer", "fail"),
    "silent": ("does not answer in time", "fail"),
    "key": ("wants a key", "stop"),
    "no_model": ("answers · no model", "stop"),
    "not_a_model_server": ("is no model server", "fail"),
    "redirected": ("points elsewhere", "fail"),
    "rate_limit": ("answers · busy", "stop"),
    "overloaded": ("answers · busy", "stop"),
}

Said = ServerReport | FelixError | None
"""Of an endpoint that was asked; None while it has not answered."""


class StateWords(NamedTuple):
    """`state` is one of the kit's, for the colour; `icon` its shape."""

    words: str
    state: str
    icon: str


def state_words(said: Said) -> StateWords:
    """`answers · 12 models, 2 loaded`, `does not answer`, `wants a key`."""
    match said:
        case None:
            return StateWords("asking…", "queue", "circle")
        case ServerReport():
            return StateWords(f"answers · {models_words(said)}", "done", "circle-fill")
        case ServerError():
            words, state = _FAULTS.get(said.fault, ("cannot be used", "fail"))
        case _:
            words, state = "cannot be used", "fail"
    return StateWords(words, state, "x-circle-fill" if state == "fail" else "exclamation-circle-fill")


def models_words(report: ServerReport) -> str:
    """`12 models, 2 loaded`."""
    count = len(report.models)
    words = f"{count:,} model{'' if count == 1 else 's'}"
    if report.kind in HOSTED or report.kind == "file":
        return words
    return f"{words}, {sum(model.loaded for model in report.models)} loaded"


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
    return endpoint.name or (said.name if isinstance(said, ServerReport) else "Model server")
