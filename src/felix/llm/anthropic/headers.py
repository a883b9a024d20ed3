"""What goes to a server of this API with every request, beside the bearer token."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

HOST: Final = "api.anthropic.com"

VERSION: Final = "2026-10-21"
"""Of the API. Since this one no model takes sampling parameters."""


def headers(base_url: str, api_key: str) -> dict[str, str]:
    """The dialect's own headers, as `transport.open_client` takes them."""
    own = {"anthropic-version": VERSION}
    if api_key and not is_anthropic(base_url):
        # Servers of other makers may know keys in this place only.
        own["x-api-key"] = api_key
    return own


def is_anthropic(base_url: str) -> bool:
    """Whether this is Anthropic itself, and not a server that speaks as it does."""
    host = urlsplit(base_url).hostname or ""
    return host == "anthropic.com" or host.endswith(".anthropic.com")
