"""Errors of the Messages API in words: in a stream they have types instead of statuses, and some mean more here."""

from __future__ import annotations

from collections.abc import Mapping

from felix.errors import ServerError
from felix.llm import faults

_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The status that an error of this type has when it comes before the stream."""


def from_event(event: object) -> ServerError:
    """The error that came as an event of a stream which had begun well."""
    match event:
        case {"error": {"type": str() as kind}} if kind in _STATUSES:
            return in_words(
                faults.from_status(_STATUSES[kind], faults.error_text(event), address="The server"), event, {}
            )
        case _:
            return faults.from_stream(event)


def in_words(error: ServerError, body: object, headers: Mapping[str, str]) -> ServerError:
    """A refusal as a user of this API can act on it. `body` as parsed; `headers` of the response, none for an event."""
    said = faults.error_text(body)
    quoted = f": “{said.rstrip('.')}”" if said else ""
    fault = error.fault
    match error.status_code:
        case 402:
            sentence = f"The account cannot pay for the request{quoted} – see to its billing at the provider."
        case 400 if "credit balance" in said:
            sentence = f"The account has no credit left{quoted} – see to its billing at the provider."
        case 400 if "prompt is too long" in said:
            fault = "context"
            sentence = f"The prompt does not fit the model's context{quoted} – shorten the task."
        case 403:
            sentence = (
                f"The API key may not do this{quoted}"
                " – give it access to the model at the provider, or choose another model."
            )
        case 404 if said.startswith("model:"):
            fault = "unknown_model"
            sentence = f"The server does not know this model{quoted} – choose another model in Settings."
        case 429 if headers and "retry-after" not in headers:
            # A rate that will be free again is told with a time; a limit of the account is not.
            sentence = (
                f"The account's spending limit is reached{quoted} – raise it at the provider, or use another endpoint."
            )
        case _:
            return error
    return ServerError(sentence, fault=fault, status_code=error.status_code)
