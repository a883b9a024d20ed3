from __future__ import annotations

import os
import subprocess
import sys

LIGHT = ("chat", "address", "batching", "models")


def test_what_the_window_needs_at_its_start_brings_no_sdk_along() -> None:
    imports = "; ".join(f"import felix.llm.{name}" for name in LIGHT)
    heavy = "{'openai', 'httpx2', 'pydantic', 'jiter'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {imports}; print({heavy})"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"
