"""What it costs a run that many watch it: the same run by itself, and before a hundred readers of its stream.

The readers are a process of their own, as they are in life. Two runs are measured: one at the pace of real models,
whose length should not change at all, and one whose server writes as fast as it is read, where every moment that
somebody else takes is lost to the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from felix.engine import Engine
from felix.events import Record, RunFinished, RunId
from felix.settings import SettingsFile
from felix.team.workflow import AgentSpec, SynthesisSpec, Workflow

WATCHERS = 100
ROUNDS = 3
AGENTS = 8
GOAL = 1.10
WAIT_S = 1
"""Before the first token, for the watchers to come in; it does not count."""
PACES = {
    "8 x 60 tokens/s": f"rate=60,tokens=180,wait={WAIT_S}",
    "8 x as fast as it goes": f"rate=0,tokens=4000,wait={WAIT_S}",
}
MOST_S = 120.0


def measure(base_url: str, root: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Seconds of a run with and without watchers, the shortest of `ROUNDS`, and how far behind the readers were."""
    results: dict[str, Any] = {}
    for name, order in PACES.items():
        alone, watched, read = [], [], []
        for _ in range(ROUNDS):
            alone.append(_run(base_url, order, 0, root, environment)[0])
            took, got = _run(base_url, order, WATCHERS, root, environment)
            watched.append(took)
            read.append(got)
        ratio = min(watched) / min(alone)
        results[name] = {
            "alone_s": round(min(alone), 3),
            "watched_s": round(min(watched), 3),
            "ratio": round(ratio, 3),
            "whole": min(each["whole"] for each in read),
            "behind_s": round(max(each["behind_s"] for each in read), 3),
        }
    return results


def _run(
    base_url: str, order: str, watchers: int, root: Path, environment: dict[str, str]
) -> tuple[float, dict[str, Any]]:
    """(seconds of the run, what its readers say)."""
    from felix.web import start

    workflow = Workflow(
        name="Watched",
        agents=(AgentSpec(id="research", role="research", count=AGENTS),),
        checkpoints=(0.0,),
        synthesis=SynthesisSpec(model="rate=0,tokens=1"),
    )
    with tempfile.TemporaryDirectory(prefix="felix-watchers-") as folder:
        settings = SettingsFile(Path(folder) / "settings.json")
        settings.override(base_url=base_url, model=order, max_parallel=AGENTS)
        with Engine(settings, ledger=Path(folder) / "ledger.db") as engine:
            serving = start(engine)
            command = [sys.executable, "-m", "benchmarks.watchers", serving.address, serving.token, str(watchers)]
            try:
                with _readers(command, root, environment) as readers:
                    mailbox = engine.subscribe()
                    run = engine.start("Why?", workflow)
                    print(run, file=readers.stdin, flush=True)
                    took = _duration(mailbox, run)
                    ended = time.monotonic()
                    assert readers.stdout is not None
                    said = json.loads(readers.stdout.readline())
                    said["behind_s"] = max(0.0, said.pop("ended") - ended) if watchers else 0.0
                    return took, said
            finally:
                serving.close()


def _duration(mailbox: Any, run: RunId) -> float:  # Any: Mailbox, whose module is the engine's affair
    until = time.monotonic() + MOST_S
    while time.monotonic() < until:
        for item in mailbox.take():
            if isinstance(item, Record) and item.run == run and isinstance(item.event, RunFinished):
                assert item.event.status == "complete", item.event.reason
                return item.event.duration_s - WAIT_S
        time.sleep(0.01)
    raise TimeoutError("the run did not end")


@contextlib.contextmanager
def _readers(command: list[str], root: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=root
    ) as readers:
        assert readers.stdout is not None
        readers.stdout.readline()  # it is there
        yield readers


async def _watch(address: str, token: str, run: str) -> bool:
    """Whether the stream came to the end of the run."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 22)
    request = f"GET /runs/{run}/events HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
    writer.write(request.encode())
    tail = b""
    while data := await reader.read(1 << 16):
        tail = (tail + data)[-2_000:]
        if tail.endswith(b"0\r\n\r\n"):
            break
    writer.close()
    return b"event: run_finished" in tail


async def _watchers(address: str, token: str, count: int) -> dict[str, Any]:
    run = (await asyncio.to_thread(sys.stdin.readline)).strip()
    await asyncio.sleep(0.2)  # until the run has begun, of which nobody is told before
    whole = await asyncio.gather(*(_watch(address, token, run) for _ in range(count)))
    return {"whole": sum(whole), "ended": time.monotonic()}


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(19)  # in life they have machines of their own
    print("ready", flush=True)
    print(json.dumps(asyncio.run(_watchers(sys.argv[1], sys.argv[2], int(sys.argv[3])))), flush=True)
