"""The files of the page: read once, compressed once, the same for everybody.

Its look – colours, cards, the shapes of badges – is that of a run that was exported as a page.
"""

from __future__ import annotations

import base64
import gzip
import re
from functools import partial
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from felix import places
from felix.web import replies

if TYPE_CHECKING:
    from starlette.requests import Request

FOLDER = Path(__file__).parent / "page"
_HTML, _SCRIPT, _STYLE = "text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/css; charset=utf-8"
_SPRITE = re.compile(r'<svg class="sprite".*?</svg>', re.DOTALL)


def routes() -> list[Route]:
    exported = places.assets() / "export"
    files = {"/": (_page(exported), _HTML), "/shared.css": ((exported / "page.css").read_bytes(), _STYLE)}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in {".js", ".css"}:
            files[f"/{path.name}"] = (path.read_bytes(), _SCRIPT if path.suffix == ".js" else _STYLE)
    return [
        Route(address, partial(_file, body, gzip.compress(body, mtime=0), media_type), methods=["GET"])
        for address, (body, media_type) in files.items()
    ]


def _page(exported: Path) -> bytes:
    icon = base64.b64encode((places.assets() / "icons" / "felix.svg").read_bytes()).decode()
    sprite = _SPRITE.search((exported / "page.html").read_text(encoding="utf-8"))
    text = Template((FOLDER / "index.html").read_text(encoding="utf-8"))
    return text.substitute(icon=icon, sprite=sprite[0] if sprite else "").encode()


async def _file(body: bytes, packed: bytes, media_type: str, request: Request) -> Response:
    headers = {"Vary": "Accept-Encoding"}
    if replies.takes_gzip(request):
        return Response(packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=media_type)
    return Response(body, headers=headers, media_type=media_type)
