"""The address of a model server, its base URL: repaired where that is sure, refused in one sentence where it is not."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit
from urllib.request import url2pathname

from felix.errors import SettingsError

SILENCE_LOOPBACK_S = 600.0
"""A model on this machine may load for minutes before its first token."""
SILENCE_REMOTE_S = 120.0

_ASKING = re.compile(r"(/chat/completions|(?<=/v1)/messages|/api/(chat|generate|tags))$")
"""Where OpenAI's, Anthropic's and Ollama's questions go."""


class AddressError(SettingsError, ValueError):
    """What was entered is no server address, and no sure repair makes it one."""


def repair_base_url(text: str) -> str:
    """`text` as a base URL: http or https, a host, a port if one was given, and a path without a slash at its end.

    Blanks around it go, a missing scheme becomes http, an empty path becomes /v1, localhost becomes 127.0.0.1 (on
    Windows the name costs two seconds per request). Raises AddressError, also for blanks inside: words are no address.
    The path of a model file, or its file: address, becomes that address with everything escaped that has to be.
    """
    url = text.strip().strip("\"'<>").strip()
    if not url:
        raise AddressError("The server address is empty – enter one such as http://127.0.0.1:1234/v1.")
    if is_file(url) or url.lower().endswith(".gguf"):
        return file_address(_path_in(url))
    if len(url.split()) > 1:
        raise AddressError(f"“{_shown(text)}” is no server address – enter one such as http://127.0.0.1:1234/v1.")
    if not re.match(r"[a-z][a-z0-9+.-]*://", url, re.IGNORECASE):
        url = f"http://{url.removeprefix('//')}"
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        raise AddressError(f"“{_shown(text)}” is no server address – correct its host or port.") from None
    if parts.scheme not in ("http", "https"):
        raise AddressError(f"A server address begins with http:// or https://, not {parts.scheme}:// – correct it.")
    if parts.username is not None or parts.password is not None:
        raise AddressError(
            "The server address holds a user name or password – remove it, and enter a key as the API key."
        )
    if port == 0 or not _is_host(host):
        raise AddressError(f"“{_shown(text)}” is no server address – correct its host or port.")
    if host in ("localhost", "localhost."):
        host = "127.0.0.1"
    where = f"[{host}]" if ":" in host else host
    if port is not None:
        where = f"{where}:{port}"
    path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
    # Pasted from an example of a request: the client adds this part itself.
    path = _ASKING.sub("", path)
    return urlunsplit(SplitResult(parts.scheme, where, path or "/v1", "", ""))


def is_file(base_url: str) -> bool:
    """Whether it is the address of a model file, served by Felix itself."""
    return base_url[:5].lower() == "file:"


def file_address(path: Path) -> str:
    """The base URL of a model file. Raises AddressError for a path that is not absolute."""
    try:
        return path.expanduser().as_uri()
    except (ValueError, RuntimeError):
        raise AddressError(
            f"“{_shown(str(path))}” does not say in which folder it is – enter its whole path."
        ) from None


def file_path(base_url: str) -> Path:
    """The path of a model file, by its address as `repair_base_url` leaves it."""
    return Path(url2pathname(urlsplit(base_url).path))


def is_loopback(base_url: str) -> bool:
    """Whether the server is on this machine: never proxied, and given more patience."""
    if is_file(base_url):
        return True
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_near(base_url: str) -> bool:
    """Whether a server lies on this machine or in a network of its own, rather than out on the internet."""
    if is_loopback(base_url):
        return True
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        return False
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".home.arpa"))


def default_silence_timeout_s(base_url: str) -> float:
    """Seconds without content after which an answer is given up, unless the user set a limit."""
    return SILENCE_LOOPBACK_S if is_loopback(base_url) else SILENCE_REMOTE_S


def origin(base_url: str) -> str:
    """Scheme, host and port: what a server's other interfaces share with its base URL."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}"


def _path_in(url: str) -> Path:
    """The path in a file: address that somebody wrote, escaped or not; or the path itself."""
    if not is_file(url):
        return Path(url)
    host, slash, path = url[5:].removeprefix("//").partition("/")
    if not slash or host not in ("", "localhost") or not path.lower().endswith(".gguf"):
        raise AddressError(f"“{_shown(url)}” is no model file – enter one such as file:///home/me/model.gguf.")
    return Path(url2pathname(f"/{path}"))


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        return True
    if re.fullmatch(r"[0-9.]+", host):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True
    try:
        ascii_host = host.encode("idna").decode()
    except UnicodeError:
        return False
    return bool(re.fullmatch(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", ascii_host, re.IGNORECASE))


def _shown(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 40 else words[:39] + "…"
