"""The one test command: python3 -m tests [--all] [pytest arguments]

It sets everything up by itself, then runs pytest on private displays: in two processes, or, when it is told which tests
or how, in one. Slow tests wait for --all.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "src"))

from felix import bootstrap


def main(arguments):
    rest = [argument for argument in arguments if argument != "--all"]
    selection = [] if "--all" in arguments else ["-m", "not slow"]
    os.chdir(ROOT)
    return bootstrap.run_tests(selection + rest, "pytest" if rest else "tests.parallel")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
