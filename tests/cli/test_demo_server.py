"""`felix demo-server` as a script starts it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request

COMMAND = [sys.executable, "-m", "felix", "demo-server"]


def test_its_first_line_is_the_base_url_and_an_interrupt_ends_it_well() -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        base_url = process.stdout.readline().strip()
        with urllib.request.urlopen(f"{base_url}/models", timeout=10) as reply:
            assert json.load(reply)["data"][0]["id"] == "demo"
        process.send_signal(signal.SIGINT)
        assert (process.wait(10), process.stderr.read()) == (0, "")


def test_a_port_it_cannot_have_is_one_sentence_and_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for port in ("99999", str(taken.getsockname()[1])):
            done = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=60, check=False)
            assert (done.returncode, done.stdout) == (1, "")
            assert port in done.stderr and "Traceback" not in done.stderr
