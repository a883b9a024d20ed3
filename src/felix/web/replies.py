"""Answers that are whole: JSON, text and files, compressed where the other side takes it.

What is streamed is not made here, and never compressed: a piece would wait in the compressor for the next.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

WORTH_IT, LARGE = 512, 1 << 16
"""Bytes from which on an answer is compressed, and from which on that is done aside."""

POLICY = (
    "default-src 'none'; connect-src 'self'; img-src data:; style-src 'self'; script-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
"""On every answer, also on those of the server itself."""


async def reply(
    request: Request, body: bytes, media_type: str, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """An answer with a body; `media_type` with its charset."""
    headers = {"Vary": "Accept-Encoding", **(headers or {})}
    if len(body) >= WORTH_IT and takes_gzip(request):
        body = _packed(body) if len(body) < LARGE else await asyncio.to_thread(_packed, body)
        headers["Content-Encoding"] = "gzip"
    return Response(body, status, headers, media_type)


def takes_gzip(request: Request) -> bool:
    codings = [each.replace(" ", "") for each in request.headers.get("accept-encoding", "").lower().split(",")]
    return any(each == "gzip" or (each.startswith("gzip;") and not each.endswith("q=0")) for each in codings)


async def as_json(request: Request, value: object) -> Response:
    return await reply(request, encoded(value), "application/json")


def encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()


def fault(sentence: str, status: int) -> Response:
    """One sentence instead of what was asked for."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Response(json.dumps({"error": sentence}), status, headers, "application/json")


def _packed(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=6, mtime=0)


async def refuse(scope: Scope, receive: Receive, send: Send, status: int, sentence: str) -> None:
    """The same where there is no request yet. A socket is not opened: its 403 has no room for a sentence."""
    if scope["type"] == "websocket":
        await receive()  # `websocket.connect`
        await send({"type": "websocket.close"})
        return
    await fault(sentence, status)(scope, receive, send)
