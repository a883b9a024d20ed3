"""Start Felix: python3 run_gui.py [--task T] [--workflow W] [--start] [--demo] [--settings FILE]

The first start sets everything up by itself, in .venv beside this file; later ones open the window at once.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "src"))

from felix import bootstrap

if __name__ == "__main__":
    sys.exit(bootstrap.open_window(sys.argv[1:]))
