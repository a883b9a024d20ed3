"""What the connection doctor says: one finding for each check, in the order in which the checks build on each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from felix.endpoints import ServerKind

Check = Literal[
    "address",  # it can be an address, and is written as it should be
    "name",  # how long looking up the host's name takes
    "proxy",  # whether a proxy stands in between
    "listening",  # somebody takes connections there
    "server",  # it is a model server, under this path
    "key",  # it takes the key, or wants none
    "model",  # it has the model, loaded
    "context",  # what the workflow needs fits
    "answer",  # one token through the code of a run
]

State = Literal["ok", "warning", "fault", "skipped"]
"""`warning`: it works, though not well; `skipped`: an earlier fault leaves nothing to check."""

TITLES: dict[Check, str] = {
    "address": "Address",
    "name": "Host name",
    "proxy": "Proxy",
    "listening": "Listening",
    "server": "Model server",
    "key": "API key",
    "model": "Model",
    "context": "Context",
    "answer": "Answer",
}
"""As a face heads the line of a check."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What would surely mend a finding, for one click: put what is set here in force, and ask again."""

    what: str
    """On the button: “Use 127.0.0.1”."""
    base_url: str = ""
    """Empty: it stays as it is; so for all fields."""
    kind: ServerKind | None = None
    model: str = ""
    load: bool = False
    """Have the server load `model`, with `context_length` if that is set."""
    context_length: int = 0
    """Without `load`: what the endpoint shall ask for from now on."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and what came of it."""

    check: Check
    state: State
    sentence: str
    """What was found."""
    advice: str = ""
    """The next step; empty when there is nothing to do."""
    repair: Repair | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """How one of the two answers of a comparison went."""

    text: str
    first_s: float | None
    """Seconds to the first word; of a whole answer, to all of it. None when nothing came."""
    total_s: float
    tokens: int | None
    """As the server counted them, thinking included; None when it did not."""
    tokens_per_s: float | None
    """Those by the whole time, reading the prompt included: both answers are measured alike."""
    error: str = ""
    """One sentence when it failed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same question asked twice: streamed, and for the whole answer at once."""

    model: str
    streamed: Course
    whole: Course
    is_same_text: bool
    sentence: str
    """What the figures say, for a user."""
