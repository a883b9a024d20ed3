"""Who may come in: a link is good for one browser within a minute, a session and the program's token until the end.

Each is 256 bits of chance, so nobody guesses one; they are looked up by their hash, so no time tells of them either.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable

LINK_S = 60.0
"""How long a link waits for the browser that it was made for."""
MOST_SESSIONS = 256
"""The oldest goes when another browser comes."""


class Tokens:
    """Of one server. Links are made on any thread; everything else happens on the server's own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.program = secrets.token_urlsafe(32)
        """What programs send with every request."""
        self._program: bytes | None = _hash(self.program)
        self._links: dict[bytes, float] = {}
        """Until when each is good."""
        self._sessions: dict[bytes, None] = {}
        """In the order in which they were begun."""

    def link(self) -> str:
        """A token for one exchange within `LINK_S`."""
        token = secrets.token_urlsafe(32)
        if self._program is not None:
            self._links[_hash(token)] = self._clock() + LINK_S
        return token

    def left_s(self, link: str) -> float:
        """For how many seconds a link still waits; 0 when it is spent, or late."""
        return max(0.0, self._links.get(_hash(link), 0.0) - self._clock())

    def exchange(self, link: str) -> str | None:
        """A session for a link, which is then spent; None when it is spent, late, or was never given."""
        now = self._clock()
        good_until = self._links.pop(_hash(link), 0.0)
        for late in [each for each, until in self._links.copy().items() if until <= now]:
            self._links.pop(late, None)
        if good_until <= now:
            return None
        session = secrets.token_urlsafe(32)
        self._sessions[_hash(session)] = None
        while len(self._sessions) > MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return session

    def knows(self, session: str) -> bool:
        return _hash(session) in self._sessions

    def is_program(self, token: str) -> bool:
        return _hash(token) == self._program

    def revoke(self) -> None:
        """From now on nobody comes in, whatever they have."""
        self._program = None
        self._links.clear()
        self._sessions.clear()


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
