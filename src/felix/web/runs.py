"""The runs that are kept, as JSON and as files to take away; what is asked often is asked of the ledger once."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast, get_args

from felix.errors import FelixError
from felix.events import Record, RunId, to_json
from felix.ledger.export import FORMATS, Format, file_stem, rendered
from felix.ledger.reader import Reader, RunDetails, RunRow
from felix.web import replies

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from felix.web.feeds import Feeds

MOST_LISTED = 200
"""Unless `?limit=` says otherwise."""
FRESH_S = 2.0
"""A list is as old as this at most: names and deletions are not told to anybody."""
NO_RUN = "There is no such run – ask /runs for those there are."
_TYPES: dict[Format, str] = {
    "md": "text/markdown; charset=utf-8",
    "json": "application/json",
    "html": "text/html; charset=utf-8",
}


class Runs:
    """The endpoints."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds
        self._list: list[dict[str, object]] = []
        self._edition = -1
        """Of the feeds' when the list was read."""
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    async def all(self, request: Request) -> Response:
        """`GET /runs`: the newest first; `?q=` those in which all of these words stand."""
        given = request.query_params.get("limit", str(MOST_LISTED))
        if not (given.isascii() and given.isdigit() and len(given) < 7):
            return replies.fault("Say with a number how many runs are wanted, as ?limit=50.", 400)
        words = request.query_params.get("q", "")
        try:
            listed = await self._found(words) if words.strip() else await self._listed()
        except FelixError as error:
            return replies.fault(str(error), 503)
        return await replies.as_json(request, {"runs": listed[: int(given)]})

    async def one(self, request: Request) -> Response:
        """`GET /runs/{id}`: what the list says of it, its task, and all its durable events."""
        found = await self._run(request)
        if found is None:
            return replies.fault(NO_RUN, 404)
        row, details, records = found

        def encode() -> bytes:
            events = [to_json(record) for record in records]
            return replies.encoded({**_json(row), **details._asdict(), "events": events})

        return await replies.reply(request, await asyncio.to_thread(encode), "application/json")

    async def export(self, request: Request) -> Response:
        """`GET /runs/{id}/export.{md,json,html}`: as `felix export` writes it; `?thinking=1` with what was thought."""
        kind = request.path_params["kind"]
        if kind not in FORMATS:
            return replies.fault(f"A run is exported as {', '.join(get_args(Format))} – ask for one of these.", 404)
        found = await self._run(request)
        if found is None:
            return replies.fault(NO_RUN, 404)
        row, details, records = found
        wanted = cast("Format", kind)
        with_thinking = request.query_params.get("thinking", "0") not in {"", "0"}
        text = await asyncio.to_thread(rendered, records, wanted, include_thinking=with_thinking)
        name = f"{file_stem(row.name or details.task)}.{kind}".encode("ascii", "ignore").decode().replace('"', "")
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        body = text.encode("utf-8", "replace")
        return await replies.reply(request, body, _TYPES[wanted], headers=headers)

    async def _run(self, request: Request) -> tuple[RunRow, RunDetails, list[Record]] | None:
        run = RunId(request.path_params["run"])

        def look(reader: Reader) -> tuple[RunRow, RunDetails, list[Record]] | None:
            row, details = reader.row(run), reader.details(run)
            return None if row is None or details is None else (row, details, reader.records(run))

        return cast("tuple[RunRow, RunDetails, list[Record]] | None", await self._feeds.ask(look))

    async def _listed(self) -> list[dict[str, object]]:
        async with self._reading:  # a hundred who ask at once make one question
            edition = self._feeds.edition
            if edition != self._edition or time.monotonic() - self._read_at > FRESH_S:
                self._list = await self._found("")
                self._edition, self._read_at = edition, time.monotonic()
            return self._list

    async def _found(self, words: str) -> list[dict[str, object]]:
        rows = cast("list[RunRow]", await self._feeds.ask(lambda reader: reader.runs(words)))
        return [_json(row) for row in rows]


def _json(row: RunRow) -> dict[str, object]:
    return {**row._asdict(), "is_pinned": bool(row.is_pinned), "is_demo": bool(row.is_demo)}
