"""The same runs over HTTP: for others in the room, a phone, or a program. Off until somebody starts it.

Whoever watches reads; what a model wrote can only become text. Needs the extra `felix[web]` (starlette, uvicorn and
websockets), which is imported when a server is started and not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from felix.web.serving import Serving, start

__all__ = ["Serving", "start"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from felix.web import serving

        return getattr(serving, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
