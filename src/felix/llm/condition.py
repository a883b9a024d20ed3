"""How an endpoint is that was asked, in a few words that fit into a line."""

from __future__ import annotations

from typing import Literal, NamedTuple

from felix.endpoints import HOSTED, ServerKind
from felix.errors import FelixError, ServerError, ServerFault
from felix.llm.models import ServerReport

Said = ServerReport | FelixError | None
"""Of an endpoint that was asked; None while it has not answered."""

Grade = Literal["well", "wanting", "down", "unknown"]
"""`wanting`: somebody is there, and needs something: a key, a model, time."""


class Condition(NamedTuple):
    """`words` as `answers · 12 models, 2 loaded`."""

    words: str
    grade: Grade


_FAULTS: dict[ServerFault, Condition] = {
    "unreachable": Condition("does not answer", "down"),
    "silent": Condition("does not answer in time", "down"),
    "key": Condition("wants a key", "wanting"),
    "no_model": Condition("answers · no model", "wanting"),
    "loading": Condition("answers · loading", "wanting"),
    "not_a_model_server": Condition("is no model server", "down"),
    "redirected": Condition("points elsewhere", "down"),
    "rate_limit": Condition("answers · busy", "wanting"),
    "overloaded": Condition("answers · busy", "wanting"),
}


def condition(said: Said, *, is_file: bool = False) -> Condition:
    """What its report, or the error instead of one, comes to; a model file answers nobody before it is loaded."""
    match said:
        case None:
            return Condition("asking…", "unknown")
        case ServerReport(models=models) if is_file:
            return Condition("loaded" if any(model.loaded for model in models) else "ready", "well")
        case _ if is_file:
            return Condition("cannot be opened", "down")
        case ServerReport():
            return Condition(f"answers · {models_words(said)}", "well")
        case ServerError(fault=fault) if fault in _FAULTS:
            return _FAULTS[fault]
        case _:
            return Condition("cannot be used", "down")


def tells_loaded(kind: ServerKind) -> bool:
    """Whether servers of this kind say what is loaded; others list what they answer with, one way or another."""
    return kind not in HOSTED and kind != "other"


def models_words(report: ServerReport) -> str:
    """`12 models, 2 loaded`, as far as the server tells."""
    count = len(report.models)
    words = f"{count:,} model{'' if count == 1 else 's'}"
    return f"{words}, {sum(model.loaded for model in report.models)} loaded" if tells_loaded(report.kind) else words
