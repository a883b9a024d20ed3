"""`felix tools`, for people and as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import mcp_server

pytestmark = pytest.mark.slow


def test_tools_are_listed_with_what_they_may_do_and_a_server_is_tested(
    tmp_path: Path, carry_out: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    settings = tmp_path / "settings.json"
    good = {"command": sys.executable, "args": ["-u", mcp_server.__file__]}
    bad = {"command": sys.executable, "args": ["-u", mcp_server.__file__, "--gone"]}
    settings.write_text(json.dumps({"mcp_servers": {"one": good, "bad": bad}, "tool_trust": {"one/fail": "never"}}))
    command = [sys.executable, "-m", "felix", "tools", "--settings", str(settings)]
    done = carry_out(command)
    assert done.returncode == 0, done.stderr
    assert "  calculator  allow, reads nothing private and sends nothing away" in done.stdout
    assert "one  ready · 15 tools" in done.stdout
    assert "  one/fail  never, unknown: counts as private data, text by strangers and a way out" in done.stdout
    assert "      its server says: only reads, deals with nothing outside" in done.stdout
    assert "ended before it was ready (exit status 5: no licence found)" in done.stdout
    assert "\x1b" not in done.stdout
    tested = carry_out([*command, "--test", "bad", "--json"])
    assert tested.returncode == 1
    report = json.loads(tested.stdout)
    assert report["state"] == "failed" and "here I am" in report["log"]
    missing = carry_out([*command, "--test", "nobody"])
    assert missing.returncode == 2 and "(there: one, bad)" in missing.stderr
