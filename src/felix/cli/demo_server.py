"""`felix demo-server`: the demo model by itself, for whatever speaks to an OpenAI-compatible server."""

from __future__ import annotations

import argparse

from felix.demo import serve_forever


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl+C. The first line on stdout is the base URL, so that a script can read it."""
    return serve_forever(options.port, announce=lambda base_url: print(base_url, flush=True))
