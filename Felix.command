#!/bin/sh
# Double-click in macOS's Finder to start Felix.
cd "$(dirname "$0")" && exec python3 run_gui.py "$@"
