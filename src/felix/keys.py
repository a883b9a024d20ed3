"""API keys: from the environment or the operating system's key store, never from or to a file of Felix's own.

A key belongs to an origin (scheme, host and port), so a changed address never takes the old key along. A variable of
the environment is read for the endpoint whose settings say so, and `FELIX_API_KEY` for the server in use; no other is
ever looked at. Whatever is found or put here is kept out of the log from that moment on.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from felix import log
from felix.endpoints import Endpoint
from felix.errors import SettingsError

VARIABLE = "FELIX_API_KEY"
"""For the server in use, that is the one at `Settings.base_url` when Felix was started."""
VARIABLES = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "groq": "GROQ_API_KEY",
    "lmstudio": "LM_API_TOKEN",
}
"""As the makers of each kind of server call it; read for an endpoint of that kind whose key is "environment"."""

_SERVICE = "felix"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeyState:
    """What may be shown of the key for one server."""

    base_url: str
    place: Literal["none", "store", "session", "environment"]
    """Where the key is kept; `session` means until Felix is closed."""
    masked: str = ""
    variable: str = ""
    """Of the environment, where the key is kept there."""
    fault: str = ""
    """One sentence when the key that was found cannot be used, or one could not be removed."""


def clean_key(text: str) -> str:
    """A key as typed or pasted. Raises SettingsError for what no key can hold.

    Blanks and line breaks are refused, not stripped: half of a pasted key is worse than a sentence.
    """
    if not text:
        raise SettingsError("The key is empty; paste it again, or press Remove to use none.")
    if any(c.isspace() for c in text):
        raise SettingsError("A key has no blanks or line breaks; copy it again without them.")
    if not text.isascii() or not text.isprintable():
        raise SettingsError("A key has only plain letters, digits and signs; copy it again.")
    return text


def masked(key: str) -> str:
    """What may be shown of a key: its last four characters, of a long one."""
    return f"…{key[-4:]}" if len(key) > 8 else "…"


class KeyStore:
    """Keys by origin. Without a usable store of the operating system a key holds for this session.

    Any thread may call it, one is served at a time; the store of the operating system can take as long as it takes the
    user to unlock it, so the thread that draws the window should not.
    """

    def __init__(self) -> None:
        self._session: dict[str, str] = {}
        self._known: dict[str, str] = {}
        self._stuck: set[str] = set()
        """Origins whose key the store did not give up."""
        self._meant = ""
        """The origin that `FELIX_API_KEY` was set for: the first that was in use."""
        self._lock = threading.Lock()

    def key_for(self, endpoint: Endpoint, *, is_in_use: bool = False) -> str:
        """The key for an endpoint, empty when there is none.

        For the one in use `FELIX_API_KEY` wins, unless what it holds is no key.
        """
        key = self._from_outside(endpoint)[0] if is_in_use else ""
        if key or endpoint.key == "none":
            return key
        if endpoint.key == "environment":
            return _from_environment(VARIABLES.get(endpoint.kind, ""))[0]
        with self._lock:
            return self._kept(origin_of(endpoint.base_url))[0]

    def state_of(self, endpoint: Endpoint, *, is_in_use: bool = False) -> KeyState:
        """Where the key for an endpoint is kept, without the key."""
        base_url = endpoint.base_url
        key, fault = self._from_outside(endpoint) if is_in_use else ("", "")
        if key:
            return KeyState(base_url, "environment", masked(key), VARIABLE)
        if endpoint.key == "none":
            return KeyState(base_url, "none", fault=fault)
        if endpoint.key == "environment":
            variable = VARIABLES.get(endpoint.kind, "")
            key, own_fault = _from_environment(variable)
            fault = own_fault or fault or ("" if key else _missing(variable))
            return KeyState(base_url, "environment", masked(key) if key else "", variable, fault)
        with self._lock:
            origin = origin_of(base_url)
            key, place = self._kept(origin)
            if origin in self._stuck:
                fault = fault or "The key store of this system still holds the key; remove it there."
        return KeyState(base_url, place, masked(key) if key else "", fault=fault)

    def put(self, base_url: str, key: str) -> bool:
        """Keep a key. False when it is kept for this session only. Raises SettingsError as `clean_key`."""
        key, origin = clean_key(key), origin_of(base_url)
        log.hide(key)
        with self._lock:
            self._known.pop(origin, None)
            self._stuck.discard(origin)
            if _write(origin, key):
                self._session.pop(origin, None)
                self._known[origin] = key
                return True
            self._session[origin] = key
            return False

    def remove(self, base_url: str) -> bool:
        """Forget a key. False when the operating system's store may still hold it; this session uses it no more."""
        origin = origin_of(base_url)
        with self._lock:
            self._session.pop(origin, None)
            self._known[origin] = ""
            if _delete(origin):
                self._stuck.discard(origin)
                return True
            self._stuck.add(origin)
            return False

    def _from_outside(self, endpoint: Endpoint) -> tuple[str, str]:
        """(key, fault): what `FELIX_API_KEY` holds. An address that is set later in the session does not get it."""
        key, fault = _from_environment(VARIABLE)
        origin = origin_of(endpoint.base_url)
        with self._lock:
            self._meant = self._meant or origin
            if not key or origin == self._meant:
                return key, fault
        return "", f"{VARIABLE} was set for {self._meant} and is not sent here; start Felix again if it is meant to be."

    def _kept(self, origin: str) -> tuple[str, Literal["none", "store", "session"]]:
        if origin in self._session:
            return self._session[origin], "session"
        if origin not in self._known:
            self._known[origin] = _read(origin)
        key = self._known[origin]
        return key, "store" if key else "none"


def environment_fault() -> str:
    """Why the key in `FELIX_API_KEY` is not used, in one sentence; empty when it is, or there is none."""
    return _from_environment(VARIABLE)[1]


def origin_of(base_url: str) -> str:
    """`http://127.0.0.1:1234` of `http://127.0.0.1:1234/v1`, and of the same at `localhost`."""
    try:
        parts = urlsplit(base_url.strip())
    except ValueError:  # such as a host in brackets that is no address; no server, so no key either
        return base_url.strip().lower()
    host, colon, port = parts.netloc.rpartition("@")[2].partition(":")
    if host.lower() == "localhost":  # addresses are repaired to the number
        host = "127.0.0.1"
    return f"{parts.scheme}://{host}{colon}{port}".lower()


def _from_environment(variable: str) -> tuple[str, str]:
    """(key, fault): one of them empty. What no key can hold is not sent: the errors about it would quote it."""
    text = os.environ.get(variable, "").strip() if variable else ""
    if not text:
        return "", ""
    log.hide(text)
    try:
        return clean_key(text), ""
    except SettingsError as error:
        return "", f"{variable} is not used: {str(error)[:1].lower()}{str(error)[1:]}"


def _missing(variable: str) -> str:
    if variable:
        return f"{variable} is not set; set it and start Felix again, or keep the key in the key store."
    return "Only OpenAI, Anthropic, Groq and LM Studio name a variable for their key; choose one of them as the kind."


def _read(origin: str) -> str:
    try:
        import keyring

        key = keyring.get_password(_SERVICE, origin) or ""
    except Exception as error:  # noqa: BLE001  a key store may fail in any way of its own; then there is no key
        _log.debug("no key store: %s", type(error).__name__)
        return ""
    log.hide(key)
    return key


def _write(origin: str, key: str) -> bool:
    """False when the operating system has no usable store."""
    try:
        import keyring

        keyring.set_password(_SERVICE, origin, key)
        return keyring.get_password(_SERVICE, origin) == key  # the null store takes everything and keeps nothing
    except Exception as error:  # noqa: BLE001  see _read
        _log.debug("key not stored: %s", type(error).__name__)
        return False


def _delete(origin: str) -> bool:
    """False when the store may hold the key all the same."""
    try:
        import keyring
        from keyring.errors import NoKeyringError
    except ImportError:
        return True
    try:
        if keyring.get_password(_SERVICE, origin) is not None:
            keyring.delete_password(_SERVICE, origin)
    except NoKeyringError:
        return True
    except Exception as error:  # noqa: BLE001  see _read
        _log.debug("key not removed: %s", type(error).__name__)
        return False
    return True
