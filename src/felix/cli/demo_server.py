"""`felix demo-server`: the demo model by itself, for whatever speaks to an OpenAI-compatible server."""

from __future__ import annotations

import argparse
import sys

from felix.demo import serve_forever
from felix.errors import FelixError


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl+C. The first line on stdout is the base URL, so that a script can read it."""
    try:
        serve_forever(options.port, announce=lambda base_url: print(base_url, flush=True))
    except FelixError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
