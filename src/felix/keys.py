"""API keys: from the environment or the operating system's key store, never from or to a file of Felix's own.

A key belongs to an origin (scheme, host and port), so a changed address never takes the old key along.
"""

from __future__ import annotations

import logging
import os
from urllib.parse import urlsplit

from felix.errors import SettingsError

VARIABLE = "FELIX_API_KEY"
_SERVICE = "felix"
_log = logging.getLogger(__name__)


def clean_key(text: str) -> str:
    """A key as typed or pasted. Raises SettingsError for what no key can hold.

    Blanks and line breaks are refused, not stripped: half of a pasted key is worse than a sentence.
    """
    if not text:
        raise SettingsError(
            "The key is empty; paste it again, or press Remove to use none."
        )
    if any(c.isspace() for c in text):
        raise SettingsError(
            "A key has no blanks or line breaks; copy it again without them."
        )
    if not text.isascii() or not text.isprintable():
        raise SettingsError(
            "A key has only plain letters, digits and signs; copy it again."
        )
    return text


def masked(key: str) -> str:
    """What may be shown of a key: its last four characters."""
    return f"…{key[-4:]}" if len(key) > 8 else "…"


class KeyStore:
    """Keys by origin. Without a usable store of the operating system a key holds for this session.

    May be called from any one thread at a time; the store of the operating system can take a while to answer.
    """

    def __init__(self) -> None:
        self._session: dict[str, str] = {}
        self._known: dict[str, str] = {}

    def get(self, base_url: str) -> str:
        """The key for a server, empty when there is none. The environment wins."""
        if from_environment := os.environ.get(VARIABLE, "").strip():
            return from_environment
        origin = origin_of(base_url)
        if origin in self._session:
            return self._session[origin]
        if origin not in self._known:
            self._known[origin] = _read(origin)
        return self._known[origin]

    def put(self, base_url: str, key: str) -> bool:
        """Keep a key that `clean_key` has passed. False when it is kept for this session only."""
        origin = origin_of(base_url)
        self._known.pop(origin, None)
        if _write(origin, key):
            self._session.pop(origin, None)
            return True
        self._session[origin] = key
        return False

    def remove(self, base_url: str) -> None:
        origin = origin_of(base_url)
        self._session.pop(origin, None)
        self._known[origin] = ""
        _write(origin, "")

    def is_from_environment(self) -> bool:
        return bool(os.environ.get(VARIABLE, "").strip())


def origin_of(base_url: str) -> str:
    """`http://127.0.0.1:1234` of `http://127.0.0.1:1234/v1`."""
    parts = urlsplit(base_url.strip())
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def _read(origin: str) -> str:
    try:
        import keyring

        return keyring.get_password(_SERVICE, origin) or ""
    except Exception as error:  # noqa: BLE001  a key store may fail in any way of its own; then there is no key
        _log.debug("no key store: %s", type(error).__name__)
        return ""


def _write(origin: str, key: str) -> bool:
    """False when the operating system has no usable store."""
    try:
        import keyring

        if key:
            keyring.set_password(_SERVICE, origin, key)
            return keyring.get_password(_SERVICE, origin) == key
        keyring.delete_password(_SERVICE, origin)
        return True
    except Exception as error:  # noqa: BLE001  see _read
        _log.debug("key not stored: %s", type(error).__name__)
        return False
