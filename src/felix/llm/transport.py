"""The HTTP rules every request to a model server obeys, and its failures in words.

A server on this machine is never reached through a proxy; redirects are never followed, the prompt would go along; and
what leaves is this list of headers and nothing else, whatever the environment tells an SDK to add.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import anyio
import httpx2

from felix.errors import ServerError
from felix.llm.address import is_loopback
from felix.llm.merging import merge_chunks

CONNECT_LOOPBACK_S = 3.0
CONNECT_REMOTE_S = 10.0

_IDLE_S = 4.0
"""LM Studio drops connections that were idle for 5 s; one dropped while we write to it looks like a dead server."""

ERRORS = (httpx2.RequestError, ssl.SSLError, anyio.EndOfStream)
"""What a broken connection may raise; the last two slip through httpx2 from a broken TLS connection."""

_BROKE_OFF = re.compile("disconnected|peer closed")
"""In the words of a protocol error: it was HTTP as far as it went."""

Stage = Literal["opening", "before_any_event", "answering"]

_SENT = frozenset(
    {"host", "accept", "connection", "content-type", "content-length", "transfer-encoding", "user-agent"}
    # The SDK looks this one up in the request to know that it shall hand over the raw response.
    | {"x-stainless-raw-response"}
)
_NONE: Final[Mapping[str, str]] = {}


def open_client(base_url: str, api_key: str, *, headers: Mapping[str, str] = _NONE) -> httpx2.AsyncClient:
    """A connection pool for one server. No read timeout: a model may think for minutes, the caller watches for silence.

    `api_key` goes as a bearer token, unless it is empty; `headers` are the dialect's own and go with every request,
    such as `anthropic-version`. Raises ServerError when the key cannot be sent.
    """
    check_key(api_key)
    loopback = is_loopback(base_url)

    async def only_what_we_mean(request: httpx2.Request) -> None:
        sent = request.headers
        for name in [name for name in sent if name not in _SENT]:
            del sent[name]
        # The SDKs take headers from the environment, and with them even these.
        sent["host"] = request.url.netloc.decode("ascii")
        sent["accept"] = "*/*"
        sent["connection"] = "keep-alive"
        if "content-type" in sent:
            sent["content-type"] = "application/json"
        sent["user-agent"] = "Felix"
        # Compressed streams come in blocks; a token should come when it is written.
        sent["accept-encoding"] = "identity"
        if api_key:
            sent["authorization"] = f"Bearer {api_key}"
        sent.update(headers)

    client = httpx2.AsyncClient(
        trust_env=not loopback,
        # Reading the system's certificates takes a quarter of a second; without TLS none are needed, and none trusted.
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if base_url.startswith("http://") else True,
        follow_redirects=False,
        timeout=httpx2.Timeout(None, connect=CONNECT_LOOPBACK_S if loopback else CONNECT_REMOTE_S),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=_IDLE_S),
        event_hooks={"request": [only_what_we_mean]},
    )
    merge_chunks(client)
    return client


def check_key(api_key: str) -> None:
    """Refuse a key that no HTTP header can carry; the libraries below would quote it in their errors."""
    if api_key and (not api_key.isascii() or any(c.isspace() or not c.isprintable() for c in api_key)):
        raise ServerError(
            "The API key holds blanks, line breaks or letters no key has – enter it again in Settings.", fault="key"
        )


def failure(error: BaseException, base_url: str, *, stage: Stage) -> ServerError:
    """What a network error means, by how far the call had come. Before the first event asking again is safe."""
    causes = list(_causes(error))
    if stage == "answering":
        return ServerError(
            "The connection was lost in the middle of the answer – ask again, or look whether the server still runs.",
            fault="cut",
        )
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        reason = next(cause.reason for cause in causes if isinstance(cause, ssl.SSLError)) or "handshake failed"
        return ServerError(
            f"No secure connection to {base_url} ({reason.replace('_', ' ').lower()})"
            " – check whether the address should begin with http:// or the server's certificate is trusted.",
            fault="unreachable",
        )
    what, advice = (
        "The server closed the connection without an answer",
        "see whether it is a model server and try again",
    )
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        what, advice = f"No such host: {base_url}", "check the server address in Settings and the network"
    elif any(isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED for cause in causes):
        what, advice = (
            f"Connection refused: nothing listens at {base_url}",
            "start the server there, or change the server address in Settings",
        )
    elif isinstance(error, httpx2.ConnectTimeout):
        what, advice = f"No connection to {base_url} in time", "check the address and whether the machine is on"
    elif isinstance(error, httpx2.ConnectError):
        what, advice = f"No connection to {base_url}", "check the server address in Settings and the network"
    elif isinstance(error, httpx2.RemoteProtocolError) and not _BROKE_OFF.search(str(error)):
        return ServerError(
            f"{base_url} answers, but not with HTTP – check the port in Settings.",
            fault="not_a_model_server",
            retryable=True,
        )
    elif isinstance(error, httpx2.UnsupportedProtocol | httpx2.InvalidURL | httpx2.LocalProtocolError):
        return ServerError(f"{base_url} cannot be asked – correct the server address in Settings.", fault="unreachable")
    return ServerError(f"{what} – {advice}.", fault="unreachable", retryable=True)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _causes(inner)
        error = error.__cause__ or error.__context__
