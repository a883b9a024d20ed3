"""The files of the page: read once, compressed once, the same for everybody."""

from __future__ import annotations

import gzip
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from felix import places
from felix.web import replies

if TYPE_CHECKING:
    from starlette.requests import Request

FOLDER = Path(__file__).parent / "page"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def routes() -> list[Route]:
    files = {"/": FOLDER / "index.html", "/icon.svg": places.assets() / "icons" / "felix.svg"}
    files |= {f"/{path.name}": path for path in sorted(FOLDER.iterdir()) if path.suffix in {".js", ".css"}}
    return [Route(address, partial(_file, *_read(path)), methods=["GET"]) for address, path in files.items()]


def _read(path: Path) -> tuple[bytes, bytes, str]:
    body = path.read_bytes()
    return body, gzip.compress(body, mtime=0), _TYPES[path.suffix]


async def _file(body: bytes, packed: bytes, media_type: str, request: Request) -> Response:
    headers = {"Vary": "Accept-Encoding"}
    if replies.takes_gzip(request):
        return Response(packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=media_type)
    return Response(body, headers=headers, media_type=media_type)
