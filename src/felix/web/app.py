"""All there is to ask for, in one table; the gate stands in front of every line of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args, get_type_hints

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from felix import __version__
from felix.errors import FelixError
from felix.events import Event
from felix.ledger import words
from felix.ledger.export.drawing import ACTIVITIES, BARS, OF_ALL, OF_TOOLS
from felix.ledger.export.markup import TONES
from felix.web import page_files, replies
from felix.web.gate import EXCHANGE, VISITOR, Gate
from felix.web.posted import UnfitError, posted, text_in
from felix.web.runs import Runs
from felix.web.streams import Streams

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from felix.web.addresses import Address
    from felix.web.chat import Chat
    from felix.web.feeds import Feeds
    from felix.web.messages import Messages
    from felix.web.tokens import Tokens


_ASKING = ("stop", "Asks its user")
"""Tone and word of an agent that waits for leave: whoever watches cannot give it."""


def routes(
    feeds: Feeds, tokens: Tokens, address: Address, chat: Chat, messages: Messages
) -> list[Route | WebSocketRoute]:
    """Every one there is."""
    runs, streams, door = Runs(feeds), Streams(feeds), _Door(feeds, tokens, address, chat)
    return [
        *page_files.routes(),
        Route(EXCHANGE, door.exchange, methods=["POST"]),
        Route("/link", door.link, methods=["POST"]),
        Route("/status", door.status, methods=["GET"]),
        Route("/runs", runs.all, methods=["GET"]),
        Route("/runs/{run}", runs.one, methods=["GET"]),
        Route("/runs/{run}/export.{kind}", runs.export, methods=["GET"]),
        Route("/runs/{run}/stop", chat.stop, methods=["POST"]),
        Route("/runs/{run}/events", streams.run, methods=["GET"]),
        Route("/events", streams.news, methods=["GET"]),
        Route("/chat/stream", chat.stream, methods=["POST"]),
        WebSocketRoute("/ws", messages.talk),
    ]


def application(table: list[Route | WebSocketRoute], tokens: Tokens, address: Address) -> ASGIApp:
    app = Starlette(routes=table, exception_handlers={404: _nothing, 405: _nothing, FelixError: _told})
    app.router.redirect_slashes = False
    return Gate(app, tokens, address)


class _Door:
    """What is about the server itself."""

    def __init__(self, feeds: Feeds, tokens: Tokens, address: Address, chat: Chat) -> None:
        self._feeds, self._tokens, self._address, self._chat = feeds, tokens, address, chat

    async def exchange(self, request: Request) -> Response:
        """`POST /session {"token"}`: a link's token becomes a cookie that no script can read."""
        session = self._tokens.exchange(text_in(await posted(request), "token"))
        if session is None:
            return replies.fault("This link has been used, or is older than a minute: each lets one browser in.", 403)
        response = Response(status_code=204)
        name = f"felix-{self._address.port}"
        response.set_cookie(name, session, httponly=True, samesite="strict", path="/")
        return response

    async def link(self, request: Request) -> Response:
        """`POST /link`: a new link for one browser, for whoever has the program's token."""
        if request.scope[VISITOR] != "program":
            return replies.fault("Only whoever started the server gives links – ask them for one.", 403)
        return await replies.as_json(request, {"link": f"{self._address.url}/#t={self._tokens.link()}"})

    async def status(self, request: Request) -> Response:
        """`GET /status`: what a face needs to know before it shows anything."""
        return await replies.as_json(
            request,
            {
                "felix": __version__,
                "watchers": len(self._feeds.watchers),
                "allow_control": self._chat.may_control,
                "workflows": await self._chat.workflows(),
                "events": [get_args(get_type_hints(each)["type"])[0] for each in get_args(Event)],
                "activities": {**ACTIVITIES, "asking": _ASKING},
                "bars": BARS,
                "keys": {"all": OF_ALL, "tools": OF_TOOLS},
                "tones": TONES,
                "endings": words.ENDINGS,
                "run_endings": {status or "running": word for status, word in words.RUN_ENDINGS.items()},
            },
        )


async def _nothing(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    if status == 405:
        return replies.fault("This address is not asked in this way – GET reads, POST sends.", 405)
    return replies.fault("There is nothing at this address – ask / for the page, or /runs.", 404)


async def _told(request: Request, error: Exception) -> Response:
    return replies.fault(str(error), 400 if isinstance(error, UnfitError) else 503)
