"""The command line: `felix` and `python -m felix`. Each command imports its face when it is asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from felix import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    options = _parser().parse_args(arguments)
    from felix.gui import open_window

    return open_window(options)


def main_window() -> int:
    """The entry without a console (`felix-window`): the window, with the same options as `felix gui`."""
    return main(["gui", *sys.argv[1:]])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="felix", description="Watch several language models think at once.")
    parser.add_argument("--version", action="version", version=f"Felix {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    gui = commands.add_parser("gui", help="open the window")
    gui.add_argument("--task", default="", help="what the agents shall work on")
    gui.add_argument("--workflow", default="", help="name or file of the workflow")
    gui.add_argument("--start", action="store_true", help="begin the run at once")
    gui.add_argument("--demo", action="store_true", help="use the demo model")
    gui.add_argument("--settings", type=Path, help="the settings file to use")
    return parser


if __name__ == "__main__":
    sys.exit(main())
