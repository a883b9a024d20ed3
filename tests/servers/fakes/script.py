"""What a fake server says in one answer, in words that know no dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fault = Literal["context", "key", "model", "rate", "server", "busy"]


@dataclass(frozen=True, slots=True)
class Say:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Think:
    """A piece of the thinking."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. Dialects that send arguments in fragments send `pieces`; the others their sum."""

    name: str
    pieces: tuple[str, ...]
    """The arguments, as JSON."""


@dataclass(frozen=True, slots=True)
class End:
    """The regular end, with all that the dialect sends there."""

    reason: Literal["stop", "length", "tools", "refused"] = "stop"


@dataclass(frozen=True, slots=True)
class Break:
    """An error inside the stream, as this server tells one; nothing follows but what the dialect says must."""

    fault: Literal["crashed", "busy", "context"] = "crashed"


@dataclass(frozen=True, slots=True)
class Refuse:
    """An HTTP error in place of the answer; only as the first step."""

    fault: Fault
    retry_after: str = ""
    """The header, where it shall be there."""
    param: str = ""
    """With no documented fault: the server does not take this parameter."""


@dataclass(frozen=True, slots=True)
class Load:
    """The model is loaded so far, 0 to 1; dialects that cannot say it say nothing."""

    fraction: float


@dataclass(frozen=True, slots=True)
class Read:
    """The prompt is read so far, 0 to 1; dialects that cannot say it say nothing."""

    fraction: float


@dataclass(frozen=True, slots=True)
class Keep:
    """A sign of life without content, as the dialect has it."""


@dataclass(frozen=True, slots=True)
class Hush:
    """Nothing more, for ever, with the connection open."""


@dataclass(frozen=True, slots=True)
class Endless:
    """This piece of answer again and again until the client goes."""

    text: str


@dataclass(frozen=True, slots=True)
class Raw:
    """These bytes as they are."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends here: in the middle of a chunked body, by a reset, or by an orderly end of the body."""

    how: Literal["middle", "reset", "orderly"] = "middle"


Step = Say | Think | Call | End | Break | Refuse | Load | Read | Keep | Hush | Endless | Raw | Cut


class Script:
    """One answer."""

    def __init__(
        self,
        *steps: Step,
        prompt_tokens: int = 24,
        completion_tokens: int = 2,
        model: str = "",
        in_bytes: bool = False,
        cuts: tuple[int, int] = (0, 0),
        late_head: bool = False,
    ) -> None:
        self.steps = steps
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens
        self.model = model
        """Who answers; empty: who was asked."""
        self.in_bytes = in_bytes
        """Every byte of the body travels alone."""
        self.cuts = cuts
        """The whole body travels in pieces of so many bytes, the first as long as the first number says."""
        self.late_head = late_head
        """Status and headers come with the first byte of the body; some dialects do that always."""
