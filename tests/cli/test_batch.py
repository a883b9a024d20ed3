"""`felix batch` as a user's shell starts it: in its own process, killed, stopped and started again."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from felix import places
from felix.__main__ import main
from felix.ledger.file import Ledger
from felix.ledger.reader import Reader
from tests.cli.calling import calling
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import GOOD, ROLE, event, events, text
from tests.test_engine import listing

CALLS = 3
"""Of a task: two agents, then the synthesis."""


class Server(FaultServer):
    """Answers, but holds the request with this number, and every later one, until the gate is set."""

    def __init__(self) -> None:
        super().__init__({"m": listing(self._answer)})
        self.held = 10_000

    @property
    def asked(self) -> int:
        return len(self.posts("m"))

    def _answer(self, client: Connection) -> None:
        if self.posts("m").index(client.request) + 1 >= self.held and not self.gate.is_set():
            client.head()
            client.send(event(ROLE) + event(text("Half an")))
            client.wait(self.gate)
        events(*GOOD)(client)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def felix(tmp_path: Path, server: Server) -> list[str]:
    (tmp_path / "settings.json").write_text("{}")
    (tmp_path / "short.yaml").write_text(
        "name: Short\nagents: [{id: research, role: research, count: 2}]\ncheckpoints: [0]\n"
    )
    return [
        *(sys.executable, "-m", "felix", "batch", str(tmp_path / "tasks.jsonl"), "-o", str(tmp_path / "out.jsonl")),
        *("--workflow", str(tmp_path / "short.yaml"), "--settings", str(tmp_path / "settings.json")),
        *("--base-url", server.url("m")),
    ]


def write_tasks(tmp_path: Path, *tasks: object) -> None:
    (tmp_path / "tasks.jsonl").write_text("".join(f"{json.dumps(task)}\n" for task in tasks))


def results(tmp_path: Path) -> list[dict[str, Any]]:  # Any: JSON
    return [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]


Batch = Callable[..., tuple[int, str]]


@pytest.fixture
def batch(felix: list[str], capsys: pytest.CaptureFixture[str]) -> Batch:
    """The same command in this process: its exit status, and what it said on stderr."""

    def run(*more: str) -> tuple[int, str]:
        status = main([*felix[3:], *more])
        said = capsys.readouterr()
        assert said.out == ""
        return status, said.err

    return run


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_after_a_kill_nothing_that_was_finished_is_asked_again(
    felix: list[str], batch: Batch, tmp_path: Path, server: Server
) -> None:
    write_tasks(tmp_path, "One?", {"task": "Two?", "id": "b"}, "Three?")
    server.held = 2 * CALLS  # the synthesis of the second task
    with subprocess.Popen(felix, stderr=subprocess.DEVNULL) as process:
        server.wait_for("m", server.held, 60)
        process.send_signal(signal.SIGKILL)
    assert [line["task"] for line in results(tmp_path)] == ["One?"]
    server.wait_until_idle()
    server.gate.set()

    status, said = batch()
    assert status == 0 and "1 of 3 is done already" in said
    assert server.asked == 2 * CALLS + 1 + CALLS, "one synthesis again, and the third task"
    lines = results(tmp_path)
    assert [(line["task"], line["id"], line["line"], line["status"]) for line in lines] == [
        ("One?", None, 1, "complete"),
        ("Two?", "b", 2, "complete"),
        ("Three?", None, 3, "complete"),
    ]
    assert all(line["answer"] and line["tokens"] and line["model"] and line["duration_s"] >= 0 for line in lines)
    with Reader(places.ledger_file()) as reader:
        assert {row.run: row.status for row in reader.runs()} == {line["run"]: "complete" for line in lines}
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.jsonl"]

    (tmp_path / "out.jsonl").write_bytes((tmp_path / "out.jsonl").read_bytes()[:-20])
    assert batch()[0] == 0 and server.asked == 3 * CALLS + 1 + CALLS, "the torn line's task was done again"
    assert [line["task"] for line in results(tmp_path)] == ["One?", "Two?", "Three?"]
    status, said = batch()
    assert status == 0 and server.asked == 3 * CALLS + 1 + CALLS and "3 of 3 are done already" in said


def test_a_task_whose_run_ended_without_its_line_takes_the_line_from_the_ledger(
    batch: Batch, tmp_path: Path, server: Server
) -> None:
    write_tasks(tmp_path, "One?", "Two?")
    assert batch()[0] == 0
    first, second = results(tmp_path)
    (tmp_path / "out.jsonl").write_text(json.dumps(first)[:50])
    begun = [{"key": json.dumps([each["line"], each["task"]]), "run": each["run"]} for each in (first, second)]
    (tmp_path / "out.jsonl.begun").write_text("".join(f"{json.dumps(each)}\n" for each in begun) + '{"key": "to')
    assert batch()[0] == 0
    assert results(tmp_path) == [first, second] and server.asked == 2 * CALLS


@pytest.mark.slow
def test_a_tool_that_could_not_ask_is_told_on_the_tasks_line(batch: Batch, tmp_path: Path) -> None:
    write_tasks(tmp_path, "What is 6*7?")
    (tmp_path / "settings.json").write_text('{"tool_trust": {"calculator": "ask"}}')
    (tmp_path / "short.yaml").write_text(
        "name: Short\ntools: [calculator]\nagents: [{id: one, role: research}]\ncheckpoints: [0]\n"
        "synthesis: {skip: true}\n"
    )
    with calling() as server:
        status, said = batch("--base-url", server.url("calls"))
    assert status == 0 and "1 tool call was refused" in said
    assert "1 tool call was refused: calculator asks before it is used" in results(tmp_path)[0]["note"]


@pytest.mark.slow
def test_interrupting_keeps_what_is_done_and_the_same_command_goes_on(
    felix: list[str], batch: Batch, tmp_path: Path, server: Server
) -> None:
    write_tasks(tmp_path, "One?", "Two?", "Three?")
    server.held = CALLS + 1
    with subprocess.Popen(felix, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        server.wait_for("m", server.held + 1, 60)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(20) == 130
    assert "2 tasks are not done – the same command goes on with them." in said and "Traceback" not in said
    assert [line["task"] for line in results(tmp_path)] == ["One?"]
    server.wait_until_idle()
    server.gate.set()
    assert batch()[0] == 0
    assert [line["status"] for line in results(tmp_path)] == ["complete"] * 3
    with Reader(places.ledger_file()) as reader:
        assert [row.status for row in reader.runs()] == ["complete"] * 3, "the stopped run went on"


@pytest.mark.slow
def test_interrupting_twice_quits(felix: list[str], tmp_path: Path, server: Server) -> None:
    write_tasks(tmp_path, "One?")
    server.held = 1
    with subprocess.Popen(felix, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        server.wait_for("m", 1, 60)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert "Traceback" not in process.stderr.read()


def test_bad_lines_are_told_and_the_others_are_done(batch: Batch, tmp_path: Path, server: Server) -> None:
    (tmp_path / "tasks.jsonl").write_text('nonsense\n"Two?"\n{"task": "Three?", "workflow": "unknown"}\n')
    status, said = batch()
    assert status == 1 and server.asked == CALLS
    for words in ("Line 1 of tasks.jsonl is no JSON", "Line 3 of tasks.jsonl cannot be carried out", "2 of 3 did not"):
        assert words in said
    assert {line["line"]: line["status"] for line in results(tmp_path)} == {1: "failed", 2: "complete", 3: "failed"}
    assert "is no JSON" in results(tmp_path)[0]["reason"]
    # mended, they are other tasks than those that the results tell of
    write_tasks(tmp_path, "One?", "Two?", {"task": "Three?"})
    status, said = batch()
    assert status == 0 and server.asked == 3 * CALLS
    assert "2 lines of" in said and "belong to none of them any more" in said


def test_a_changed_task_with_the_same_id_is_told_and_not_done_again(
    batch: Batch, tmp_path: Path, server: Server
) -> None:
    write_tasks(tmp_path, {"task": "One?", "id": 1})
    batch()
    write_tasks(tmp_path, {"task": "One or two?", "id": 1})
    status, said = batch()
    assert status == 0 and server.asked == CALLS
    assert "1 task was changed since being done" in said


def test_a_run_of_an_earlier_start_is_taken_up_only_for_the_same_task_and_workflow(
    batch: Batch, tmp_path: Path, server: Server
) -> None:
    write_tasks(tmp_path, {"task": "One?", "id": 1})
    batch()
    (first,) = results(tmp_path)
    (tmp_path / "out.jsonl").unlink()
    (tmp_path / "out.jsonl.begun").write_text(json.dumps({"key": '{"id": 1}', "run": first["run"]}))
    write_tasks(tmp_path, {"task": "Two?", "id": 1})
    assert batch()[0] == 0
    (second,) = results(tmp_path)
    assert second["run"] != first["run"] and second["task"] == "Two?" and server.asked == 2 * CALLS


def test_a_server_that_is_down_costs_no_task_its_turn(batch: Batch, tmp_path: Path) -> None:
    write_tasks(tmp_path, "One?", "Two?")
    status, said = batch("--base-url", "http://127.0.0.1:9/v1")
    assert status == 1 and results(tmp_path) == []
    assert "127.0.0.1:9" in said and "2 tasks are not done" in said


def test_beside_another_felix_it_runs_and_says_that_nothing_is_kept(batch: Batch, tmp_path: Path) -> None:
    write_tasks(tmp_path, "One?")
    other = Ledger.open(places.ledger_file())
    try:
        status, said = batch()
    finally:
        other.close()
    assert status == 0 and "so these runs are not kept – --ledger FILE" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--workflow", "unknown"], "unknown"),
        (["--at-once", "-1"], "from 1 to"),
        (["-o", "{tmp}/tasks.jsonl"], "holds the tasks"),
        (["-o", "{tmp}/none/out.jsonl"], "cannot be written"),
        (["-o", "{tmp}/settings.json"], "no result of a batch"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(batch: Batch, tmp_path: Path, arguments: list[str], says: str) -> None:
    write_tasks(tmp_path, "One?")
    status, said = batch(*(each.format(tmp=tmp_path) for each in arguments))
    assert status == 2 and says in said and said.count("\n") == 1


def test_tasks_that_are_not_there_are_one_sentence(batch: Batch, tmp_path: Path) -> None:
    status, said = batch()
    assert status == 2 and "tasks.jsonl cannot be read" in said
    write_tasks(tmp_path)
    status, said = batch()
    assert status == 2 and "holds no tasks" in said


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal")
def test_on_a_terminal_one_line_is_drawn_again(
    felix: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pty

    write_tasks(tmp_path, "One?", "Two?")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert main(felix[3:]) == 0
    shown = b""
    while select.select([ours], [], [], 0)[0]:
        try:
            shown += os.read(ours, 65_536)
        except OSError:  # as Linux says that nobody writes any more
            break
    os.close(ours)
    assert b"\r\x1b[K[" in shown and b"2/2 done" in shown and shown.count(b"\n") == 1
