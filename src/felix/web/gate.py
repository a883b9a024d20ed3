"""The one way in: every request of every route passes here, and nothing gets past that is not let in by name.

First where it comes from – a page of another site shall not reach this server through the user's own browser –, then
who it is. The files of the page are open, for they say nothing; so is the place where a link is exchanged.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from felix.web.line import line_of
from felix.web.replies import refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from felix.web.addresses import Address
    from felix.web.tokens import Tokens

OPEN = frozenset({"/", "/app.js", "/fold.js", "/helix.js", "/markdown.js", "/parts.js", "/style.css", "/shared.css"})
"""What is read without a token: the page as it is before it knows anything."""
EXCHANGE = "/session"
"""Where a link becomes a session."""
MOST_BYTES = 1_000_000
"""Of what is posted."""

WHERE = "`felix serve` prints it beside the link, the window has it under Settings, Sharing"
"""Where the token is found."""

VISITOR = "felix.visitor"
"""Under which the app finds out in a request's scope who is asking: `STRANGER`, `browser` or `program`."""
STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why somebody does not get in, with what would help."""

    status: int
    sentence: str


class Gate:
    """An ASGI application around the whole other one."""

    def __init__(self, app: ASGIApp, tokens: Tokens, address: Address) -> None:
        self._app = app
        self._tokens = tokens
        self._names = address.names
        self.cookie = f"felix-{address.port}"
        """Its name: cookies do not know ports, and another Felix may run beside this one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        verdict = self.judge(scope)
        if isinstance(verdict, Refusal):
            await refuse(scope, receive, send, verdict.status, verdict.sentence)
            return
        scope[VISITOR] = verdict
        if verdict != STRANGER:
            line_of(scope).let_in()
        with contextlib.suppress(asyncio.CancelledError):  # the server ends, and nobody is there any more
            await self._app(scope, receive, send)

    def judge(self, scope: Scope) -> str | Refusal:
        """Who is asking, or why they are sent away."""
        headers = _headers(scope)
        is_socket = scope["type"] == "websocket"
        if foreign := self._foreign(headers, is_socket=is_socket):
            return foreign
        method, path = "GET" if is_socket else scope["method"], scope["path"]
        if path in OPEN and method in {"GET", "HEAD"} and not is_socket:
            return STRANGER
        is_exchange = path == EXCHANGE and method == "POST"
        visitor = STRANGER if is_exchange else self._visitor(headers)
        if isinstance(visitor, Refusal):
            return visitor
        if method not in {"GET", "HEAD"}:
            return _unfit(headers, needs_mark=visitor != "program") or visitor
        return visitor

    def _foreign(self, headers: dict[str, list[str]], *, is_socket: bool) -> Refusal | None:
        """What tells that the request was made by, or through, somebody else's page."""
        hosts = [each.lower() for each in headers.get("host", [])]
        if len(hosts) != 1 or hosts[0] not in self._names:
            return Refusal(403, "This server answers only under its own address – use the one that Felix shows.")
        origins = headers.get("origin", [])
        if origins != [f"http://{hosts[0]}"] and (origins or is_socket):
            return Refusal(403, f"This comes from another page – only one from http://{hosts[0]} may ask.")
        if any(site not in {"same-origin", "none"} for site in headers.get("sec-fetch-site", [])):
            return Refusal(403, "Another page led here – paste the address into the browser's address line instead.")
        return None

    def _visitor(self, headers: dict[str, list[str]]) -> str | Refusal:
        if given := headers.get("authorization"):
            kind, _, token = given[0].partition(" ")
            if len(given) == 1 and kind.lower() == "bearer" and self._tokens.is_program(token.strip()):
                return "program"
            return Refusal(401, f"This is not the token of this server – {WHERE}.")
        if self._tokens.knows(self._session(headers)):
            return "browser"
        return Refusal(401, f"You are not let in (any more) – open a new link, or send the token as a Bearer: {WHERE}.")

    def _session(self, headers: dict[str, list[str]]) -> str:
        # by hand: the standard library's parser stops at the first cookie of another program that it does not like
        pairs = (each.strip().partition("=") for line in headers.get("cookie", []) for each in line.split(";"))
        return next((value for name, _, value in pairs if name == self.cookie), "")


def _unfit(headers: dict[str, list[str]], *, needs_mark: bool) -> Refusal | None:
    """What a form of another page could not be made to send, and what is too long."""
    kinds = [each.partition(";")[0].strip().lower() for each in headers.get("content-type", [])]
    if kinds != ["application/json"]:
        return Refusal(415, "Send JSON, with the header Content-Type: application/json.")
    if needs_mark and headers.get("x-app") != ["1"]:
        return Refusal(403, "Send the header X-App: 1 as well – only Felix's own page does.")
    lengths = headers.get("content-length", ["0"])
    if not lengths[0].isascii() or not lengths[0].isdigit() or int(lengths[0]) > MOST_BYTES:
        return Refusal(413, f"This is too long – send {MOST_BYTES:,} bytes at most.")
    return None


def _headers(scope: Scope) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").strip())
    return headers
