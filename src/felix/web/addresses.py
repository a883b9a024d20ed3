"""Where the server listens, and by which names a browser may then call it: exactly these, compared as a whole.

A page elsewhere whose name is made to point here (DNS rebinding) calls this server by its own name, and is refused.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass

from felix.errors import FelixError
from felix.sharing import LOOPBACK, suggested

_HTTP_PORT = 80
"""Browsers leave it out of the names they call a server by."""


@dataclass(frozen=True, slots=True)
class Address:
    """`host` is the IP address or name that it was bound by."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{_bracketed(self.host)}:{self.port}"

    @property
    def names(self) -> frozenset[str]:
        """What may stand in the `Host` header."""
        hosts = {LOOPBACK, "localhost", "[::1]", _bracketed(self.host).lower()}
        names = {f"{host}:{self.port}" for host in hosts}
        return frozenset(names | hosts if self.port == _HTTP_PORT else names)


def listen(host: str, port: int) -> tuple[socket.socket, Address]:
    """A socket that listens there and nowhere else; port 0 takes a free one. Raises FelixError, with what to do."""
    if not 0 <= port <= 65_535:
        raise FelixError(f"There is no port {port} – choose one between 1024 and 65535.")
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise FelixError(
            f"This machine knows no address “{host}” – name one of its own, such as {suggested()}."
        ) from None
    if ipaddress.ip_address(str(place[0]).partition("%")[0]).is_unspecified:
        raise FelixError(
            f"{host} means every network at once – name one address of this machine, such as {suggested()}."
        )
    listener = socket.socket(family, kind)
    try:
        if os.name == "posix":  # elsewhere it would let another program take the port away
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise FelixError(f"Felix cannot listen at {host}, port {port} ({error.strerror}) – choose another.") from None
    return listener, Address(host, listener.getsockname()[1])


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
