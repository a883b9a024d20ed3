"""Whether the package of the protocol is there, and what to type when it is not."""

from __future__ import annotations

import importlib
import sys

from felix.errors import ToolError

INSTALL = f"{sys.executable} -m pip install --upgrade mcp"
"""Not `felix[tools]`: that means this Felix only where it was installed under its name, and never in a checkout."""


def load_package() -> None:
    """Import it, which takes a second or two, so not on the loop.

    Raises ToolError, with the command, when it is missing.
    """
    try:
        for part in ("mcp", "mcp.client.stdio", "mcp.client.streamable_http"):
            importlib.import_module(part)
        is_new = hasattr(importlib.import_module("mcp"), "Client")
    except ImportError:
        raise ToolError(
            "Servers of tools need the package mcp (the extra felix[tools]), which is not installed – install it with "
            f"`{INSTALL}`, then try again."
        ) from None
    if not is_new:
        raise ToolError(f"The package mcp that is installed is too old – install a new one with `{INSTALL}`.")
