"""What somebody posted: one JSON object, of bounded length."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from felix.errors import FelixError
from felix.web.gate import MOST_BYTES

if TYPE_CHECKING:
    from starlette.requests import Request


class UnfitError(FelixError):
    """What was asked for is not put as it must be."""


async def posted(request: Request) -> dict[str, object]:
    """The object. Raises UnfitError when there is none."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                raise UnfitError(f"This is too long – send {MOST_BYTES:,} bytes at most.")
    except ClientDisconnect:
        raise UnfitError("The connection ended before everything was sent – send it again.") from None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UnfitError("This is no JSON object – send one, such as {}.")
    return value


def text_in(body: dict[str, object], name: str, *, most: int = MOST_BYTES) -> str:
    """A text that may be missing. Raises UnfitError for anything else."""
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most:
        raise UnfitError(f"`{name}` is to be a text of {most:,} characters at most.")
    # half characters cannot be kept, nor sent to a model
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
