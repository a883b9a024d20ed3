"""Where Ollama listens: the address in `OLLAMA_HOST`, in all the forms Ollama itself reads there."""

from __future__ import annotations

from collections.abc import Mapping

from felix.llm.address import AddressError, repair_base_url

PORT = 11434
DEFAULT = f"http://127.0.0.1:{PORT}/v1"

_EVERYWHERE = frozenset({"0.0.0.0", "::", "[::]", ""})  # noqa: S104  read, not bound
"""What a server binds to be reached from all sides; a client on the same machine asks the loopback."""


def from_environment(environment: Mapping[str, str]) -> str:
    """The base URL in `OLLAMA_HOST`, as `repair_base_url` leaves it; Ollama's own where there is none or it is no
    address. Forms: `host`, `host:port`, `:port`, `0.0.0.0`, `[::]:port`, each with a scheme or without, quoted or not.
    """
    value = environment.get("OLLAMA_HOST", "").strip().strip("\"'").strip()
    scheme, given, rest = value.partition("://")
    if not given:
        scheme, rest = ("https://ollama.com" if value == "ollama.com" else f"http://{value}").split("://")
    where, _, path = rest.partition("/")
    host, port = _split(where)
    if not (port.isdigit() and int(port) < 65_536):
        # With a scheme, and only then, Ollama takes the port that the scheme stands for.
        port = "" if given or scheme == "https" else str(PORT)
    host = "127.0.0.1" if host in _EVERYWHERE else host
    try:
        return repair_base_url(f"{scheme}://{host}{':' if port else ''}{port}/{path}")
    except AddressError:
        return DEFAULT


def native_root(base_url: str) -> str:
    """The part of a base URL that `/api` follows: users enter it with `/v1` and without."""
    return base_url.rstrip("/").removesuffix("/v1").rstrip("/")


def _split(where: str) -> tuple[str, str]:
    """Host and port; an IPv6 address without brackets is all host."""
    if where.startswith("["):
        host, bracket, rest = where.partition("]")
        return host + bracket, rest.removeprefix(":")
    if where.count(":") > 1:
        return (where if where in _EVERYWHERE else f"[{where}]"), ""
    host, _, port = where.partition(":")
    return host, port
