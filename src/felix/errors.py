"""The exception tree. Every message is one sentence that says what happened and what the user can do next."""

from __future__ import annotations

from typing import Literal

ServerFault = Literal[
    "unreachable",  # refused, no such host, closed or reset before anything came
    "not_a_model_server",  # something answers, but not with the protocol
    "redirected",  # it points elsewhere; never followed, the prompt would go along
    "no_model",  # nothing is loaded and nothing can be
    "unknown_model",
    "key",  # a key is wanted, or the one sent was refused
    "context",  # the prompt is longer than the context as loaded
    "rate_limit",
    "overloaded",
    "loading",  # the model is being loaded; asking again until it stands is enough
    "silent",  # no content for longer than the limit
    "cut",  # the connection ended in the middle of an answer
    "rejected",  # the server refused the request for another reason
    "server",  # the server's own failure
    "protocol",  # what came could not be read
]


class FelixError(Exception):
    """The root: an expected failure, told in one sentence.

    `str(error)` is that sentence. It never holds a key, and never stands inside an answer.
    """


class SettingsError(FelixError):
    """A value in settings.json that is not allowed; the message names the key and what is."""


class WorkflowError(FelixError):
    """A fault in a workflow file."""

    def __init__(self, sentence: str, *, line: int | None = None, key: str | None = None) -> None:
        super().__init__(sentence)
        self.line = line
        """1-based line of the fault in the file, where one is known."""
        self.key = key
        """Path of the faulty key, as `agents.2.role`."""


class LedgerError(FelixError):
    """The ledger could not be read, or not be changed as asked."""


class ToolError(FelixError):
    """A tool that is not there, may not be used, or could not do what it was asked to."""


class CannotStream(FelixError):
    """Raised by a client before its first delta when its server cannot stream; the caller asks for the whole answer."""


class ServerError(FelixError):
    """A model server that could not be reached, refused, or failed."""

    def __init__(
        self,
        sentence: str,
        *,
        fault: ServerFault,
        retryable: bool = False,
        retry_after_s: float | None = None,
        status_code: int | None = None,
    ) -> None:
        super().__init__(sentence)
        self.fault = fault
        self.retryable = retryable
        """True when asking again may help. Whether it is done also depends on nothing having come yet."""
        self.retry_after_s = retry_after_s
        """Seconds the server asked to wait, None when it did not say."""
        self.status_code = status_code
