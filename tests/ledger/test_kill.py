"""Two hundred engines killed in the middle of their runs: nothing they told is lost, nothing unfinished is complete."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.ledger.doomed import ANSWER
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import DONE, ROLE, STOP, event, text
from tests.test_engine import listing

ROOT = Path(__file__).parents[2]
TRIALS = 200
AT_ONCE = 2


def word_by_word(client: Connection) -> None:
    """The answer within some 40 ms."""
    client.head()
    client.send(event(ROLE))
    for word in re.findall(r"\S+ ?", ANSWER):
        client.send(event(text(word)))
        client.server.stopping.wait(0.001)
    client.send(event(STOP) + DONE)
    client.end()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, for two hundred engines in less than a minute")
def test_two_hundred_kills_lose_nothing_that_was_told_and_take_nothing_for_complete(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.ledger.doomed"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    found: Counter[str] = Counter()
    with FaultServer({"slow": listing(word_by_word)}) as server:
        trials = [
            subprocess.Popen(
                [*command, tmp_path / str(seed) / "ledger.db", str(TRIALS // AT_ONCE), str(seed), server.url("slow")],
                cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
            )
            for seed in range(AT_ONCE)
        ]  # fmt: skip
        for trial in trials:
            out, _ = trial.communicate(timeout=120)
            assert trial.returncode == 0
            found.update(json.loads(out))
    assert found["trials"] == TRIALS
    bad = ("lost", "corrupt", "unusable", "taken for complete", "still live", "renumbered", "wrong text")
    assert {name: found[name] for name in bad} == dict.fromkeys(bad, 0), found
    # the trials were worth something
    assert found["acknowledged"] > 5 * TRIALS and found["unfinished"] > TRIALS / 2, found
    assert found["recovered characters"] > TRIALS, found
