"""`felix endpoints`, for people and as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from felix.ledger.file import Ledger
from tests.ledger.test_figures import Run
from tests.servers.fault_server import FaultServer
from tests.test_servers import listing


def test_endpoints_are_listed_with_how_they_are_and_have_done(
    tmp_path: Path, carry_out: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    Run(ledger).answers(endpoint="Desk", ttft_s=0.75, tokens_per_s=40.0).answers(
        endpoint="Desk", status="failed", ttft_s=None
    ).over()
    ledger.close()
    settings = tmp_path / "settings.json"
    with FaultServer({"s": listing}) as server:
        entries = [
            {"name": "Desk", "base_url": server.url("s"), "pool": "fast"},
            {"name": "Gone", "base_url": "http://127.0.0.1:9/v1", "kind": "vllm"},
            {"name": "Broken"},
        ]
        settings.write_text(json.dumps({"base_url": server.url("s"), "endpoints": entries}))
        command = [sys.executable, "-m", "felix", "endpoints", "--settings", str(settings)]
        command += ["--ledger", str(tmp_path / "ledger.db")]
        done = carry_out(command)
        as_json = carry_out([*command, "--json"])
    assert done.returncode == 0, done.stderr
    desk, *about = done.stdout.split("\n  Gone")[0].splitlines()
    assert desk == "* Desk  answers · 1 model"
    assert about[:2] == [f"    {server.url('s')}  pool fast", "    models: m"]
    assert about[2].startswith("    2 answers, 1 not to the end, first word 0.75 s (slow), 40.0 tok/s")
    assert about[2].endswith("cost unknown")
    assert "  Gone  does not answer\n    http://127.0.0.1:9/v1  vLLM\n" in done.stdout
    assert "endpoints.2.base_url is missing. It is left out." in done.stderr

    one, two = map(json.loads, as_json.stdout.splitlines())
    assert (one["name"], one["in_use"], one["answers"], one["kind"]) == ("Desk", True, True, "other")
    assert one["models"][0]["id"] == "m" and one["figures"]["calls"] == 2 and one["figures"]["cost"] is None
    assert (two["answers"], two["state"], two["figures"]) == (False, "does not answer", None)
    assert "127.0.0.1:9" in two["error"]
