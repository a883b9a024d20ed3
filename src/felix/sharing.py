"""How a run is shown to others over HTTP, as those who offer it see it: what is asked for, and what is then going on.

`felix.web` does it; the window and the terminal are handed it by `__main__` and know no more than this.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from felix.engine import Engine

LOOPBACK = "127.0.0.1"
USUAL = "*"
"""Instead of an address: the one that others in the network usually reach this machine by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """Loopback only and read-only, unless somebody says otherwise."""

    port: int = 0
    """0 takes a free one."""
    lan: str = ""
    """The address of this machine to listen at instead of the loopback, or `USUAL`; empty: the loopback."""
    allow_control: bool = False
    """Whether whoever has the token may start runs and stop answers."""
    workflow: str = ""
    """Name or file of the one for chats that name none; empty: the default one."""
    demo: bool = False
    """Whether chats are answered by the demo model."""

    @property
    def host(self) -> str:
        """What to listen at. A name may be looked up for it, which takes a moment."""
        return suggested() if self.lan == USUAL else self.lan or LOOPBACK


class Serving(Protocol):
    """A server that goes on. Every member may be used on any thread."""

    @property
    def address(self) -> str:
        """Where it listens, as `http://127.0.0.1:8123`: without any token, of no use to whoever has none."""

    @property
    def token(self) -> str:
        """What a program sends as `Authorization: Bearer …`, until the server ends."""

    @property
    def watchers(self) -> int:
        """How many streams are open at this moment."""

    @property
    def is_running(self) -> bool:
        """False when it has broken off by itself."""

    def link(self) -> str:
        """A new address for one browser: good for one opening within a minute."""

    def link_left_s(self, link: str) -> float:
        """For how many seconds it still lets a browser in; 0 when it has been used, or is too old."""

    def close(self) -> None:
        """End it: its tokens die, and every connection with them. Takes a moment; a second call does nothing."""


class Serve(Protocol):
    """Starts such a server over an engine; FelixError when that cannot be."""

    def __call__(self, engine: Engine, sharing: Sharing) -> Serving: ...


def own() -> list[str]:
    """Addresses of this machine that others may reach it by, the one towards the internet first; often just one."""
    found = [_towards("192.0.2.1")]  # a documentation address: nothing is sent, only a way is looked up
    try:
        found += [str(each[4][0]) for each in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    except OSError:
        pass  # a machine that does not know its own name
    return [each for each in dict.fromkeys(found) if each and not ipaddress.ip_address(each).is_loopback]


def suggested() -> str:
    """The address that somebody means who names none; the loopback where there is no network."""
    return next(iter(own()), LOOPBACK)


def _towards(host: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect((host, 9))
        except OSError:
            return ""
        return str(asked.getsockname()[0])
