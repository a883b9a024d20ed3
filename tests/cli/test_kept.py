"""`felix runs`, `show`, `export` and `replay`, as a shell starts them, on a real ledger."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from felix.__main__ import main
from felix.events import Record, RunStarted
from felix.ledger.export import records_of
from tests.ledger.runs import kept, records, with_texts

Felix = Callable[..., tuple[int, str, str]]
FIRST, SECOND = "20261120-090000-1", "20261121-090000-1"


def about(task: str, run: str, *, began: float) -> list[Record]:
    told = records(run=run)
    later = began - told[0].at
    return [
        replace(
            record,
            at=record.at + later,
            event=replace(record.event, task=task) if isinstance(record.event, RunStarted) else record.event,
        )
        for record in told
    ]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Two runs, a day apart."""
    yesterday = about("Which boat to buy?", FIRST, began=1_795_165_200)
    today = about("Why do we test?\nAnd how?", SECOND, began=1_795_251_600)
    return kept(tmp_path / "ledger.db", yesterday, today)


@pytest.fixture
def felix(ledger: Path, capsys: pytest.CaptureFixture[str]) -> Felix:
    """Carry a command out: exit status, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main([*arguments, "--ledger", str(ledger)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def test_runs_are_listed_the_newest_first(felix: Felix) -> None:
    status, out, err = felix("runs")
    first, second = out.splitlines()
    assert (status, err) == (0, "")
    assert first.startswith(f"{SECOND}  ") and first.endswith("  Why do we test?")
    assert second.startswith(f"{FIRST}  ") and "  complete  1:00  " in second


def test_runs_are_found_by_words_anywhere_in_them(felix: Felix) -> None:
    assert [line.split()[0] for line in felix("runs", "--search", "boat")[1].splitlines()[:1]] == [FIRST]
    assert len(felix("runs", "--search", "says another", "--json")[1].splitlines()) == 2
    assert felix("runs", "--search", "submarine") == (0, "", "No run holds “submarine”.\n")


def test_a_script_gets_a_run_per_line_as_json(felix: Felix) -> None:
    rows = [json.loads(line) for line in felix("runs", "--json")[1].splitlines()]
    assert [row["run"] for row in rows] == [SECOND, FIRST]
    assert rows[0] | {"status": "complete", "duration_s": 60, "model": "m", "is_pinned": False} == rows[0]
    assert rows[0]["task"] and rows[0]["ended_at"] > rows[0]["started_at"]
    assert {"server", "follows"} <= set(rows[0])


def test_no_run_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    assert capsys.readouterr().err == "No runs are kept yet.\n"
    assert main(["runs", "--ledger", str(kept(tmp_path / "empty.db"))]) == 0
    assert capsys.readouterr().err == "No runs are kept yet.\n"


def test_a_run_is_read_by_id_by_its_beginning_or_as_the_last(felix: Felix) -> None:
    for name in (SECOND, "20261121", "last"):
        status, out, _ = felix("show", name)
        assert status == 0 and out.startswith("# Task\n\nWhy do we test?")
    assert "Secretly" not in out and "Secretly" in felix("show", "last", "--thinking")[1]


def test_a_run_says_what_it_cost_where_there_are_prices(felix: Felix, tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    plan = next(r.event for r in records(run=FIRST) if isinstance(r.event, RunStarted))
    prices = {"prompt_price": 1_000.0, "completion_price": 1_000.0}
    settings.write_text(json.dumps({"endpoints": [{"name": "Own", "base_url": plan.server, **prices}]}))
    _, _, err = felix("show", "last", "--settings", str(settings))
    assert "Cost by your prices: " in err
    _, _, err = felix("show", "last", "--settings", str(tmp_path / "none.json"))
    assert "Cost" not in err


def test_the_graph_of_a_run_is_mermaid(felix: Felix) -> None:
    status, out, _ = felix("show", "last", "--graph")
    assert status == 0 and out.startswith("flowchart TD\n") and " --> s1" in out


@pytest.mark.parametrize("kind", ["md", "json", "html"])
def test_a_run_is_written_to_a_file_that_is_not_there_yet(felix: Felix, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"run.{kind}"
    assert felix("export", "last", "--format", kind, "-o", str(path)) == (0, "", f"Exported to {path}\n")
    text = path.read_text(encoding="utf-8")
    assert "Why do we test?" in text
    status, _, err = felix("export", FIRST, "--format", kind, "-o", str(path))
    assert (status, path.read_text(encoding="utf-8")) == (2, text) and "is there already" in err
    assert felix("export", FIRST, "--format", kind, "-o", str(path), "--force")[0] == 0
    assert "Which boat to buy?" in path.read_text(encoding="utf-8")


def test_a_format_goes_without_saying_where_the_file_says_it(felix: Felix, tmp_path: Path) -> None:
    assert felix("export", "last", "-o", str(tmp_path / "run.json"))[0] == 0
    assert records_of((tmp_path / "run.json").read_text())[0].run == SECOND
    assert felix("export", "last", "-o", str(tmp_path / "run"))[0] == 2
    assert felix("export", "last")[0] == 2


def test_a_pipe_gets_the_events_as_they_are(felix: Felix) -> None:
    status, out, err = felix("export", "last", "--format", "json", "--thinking")
    assert (status, err) == (0, "") and "Secretly" in out
    assert records_of(out)[-1].event.type == "run_finished"


def test_a_replay_says_what_the_run_said(felix: Felix) -> None:
    status, out, err = felix("replay", "last", "--speed", "1000")
    assert status == 0
    for words in (
        "── research-1 · round 1",
        "**research-2** says 😀 one thing,\nand another.",
        "── synthesis ──\n## Do it",
    ):
        assert words in out
    assert "Test: 2 agents, 4 calls in 2 rounds" in err


def test_a_replay_takes_its_time(felix: Felix) -> None:
    began = time.monotonic()
    felix("replay", "last", "--speed", "100")
    assert 0.55 <= time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "2026"], f"fits 2 runs ({SECOND}, {FIRST}) – give more of the id."),
        (["show", "nobody"], "No run is called “nobody” – `felix runs` lists them."),
        (["show", ""], "No run is called “”"),
        (["replay", "last", "--speed", "0"], "--speed is 0.1 to 1000"),
        (["replay", "last", "--speed", "nan"], "--speed is 0.1 to 1000"),
        (["export", "last", "-o", "{tmp}/none.txt"], "--format"),
        (["export", "last", "--format", "md", "-o", "{tmp}"], "is there already"),
        (["export", "\x1b[2Jx", "--format", "md"], "No run is called “\ufffd[2Jx”"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(felix: Felix, tmp_path: Path, arguments: list[str], says: str) -> None:
    status, out, err = felix(*(each.format(tmp=tmp_path) for each in arguments))
    assert (status, out) == (2, "") and says in err and err.count("\n") == 1


@pytest.mark.parametrize("make", [None, b"", b"no ledger at all", bytes(5_000)], ids=["none", "empty", "text", "zeros"])
def test_a_file_that_is_no_ledger_is_one_sentence_and_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: bytes | None
) -> None:
    path = tmp_path / "other.db"
    if make is not None:
        path.write_bytes(make)
    for command in (["runs"], ["show", "last"], ["export", "last", "--format", "md"], ["replay", "last"]):
        assert main([*command, "--ledger", str(path)]) == 2
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1 and "ledger" in said.err
    assert (path.read_bytes() if path.exists() else None) == make


def test_settings_say_where_the_ledger_is(ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"ledger_path": str(ledger)}))
    assert main(["runs", "--settings", str(settings)]) == 0
    assert FIRST in capsys.readouterr().out
    settings.write_text('{"keep_days": "many"}')
    assert main(["runs", "--settings", str(settings)]) == 2
    assert "keep_days" in capsys.readouterr().err


def test_nothing_of_a_run_commands_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = with_texts(records(), "\x1b]52;c;eA==\x07\x9b2J\u202ex \x7f\ud800", agent="\x1b[31mred")
    path = kept(tmp_path / "hostile.db", told)
    for command in (["runs"], ["runs", "--json"], ["show", "last"], ["show", "last", "--graph"], ["replay", "last"]):
        assert main([*command, "--ledger", str(path), *(["--speed", "1000"] if command[0] == "replay" else [])]) == 0
        said = capsys.readouterr()
        shown = set(said.out + said.err)
        assert not {char for char in shown if ord(char) < 32 or 0x7F <= ord(char) < 0xA0} - {"\n", "\t"}
        assert "\u202e" not in shown


def test_interrupting_a_replay_ends_it_quietly(ledger: Path) -> None:
    command = [sys.executable, "-m", "felix", "replay", "last", "--ledger", str(ledger), "--speed", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        while "research" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert "Traceback" not in process.stderr.read()


def test_a_reader_that_leaves_ends_it_quietly(ledger: Path) -> None:
    command = [sys.executable, "-m", "felix", "replay", "last", "--ledger", str(ledger), "--speed", "20"]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 130
        assert "Traceback" not in process.stderr.read()


def test_tokens_that_no_server_counted_are_an_estimate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = [
        replace(each, event=replace(each.event, usage=None)) if hasattr(each.event, "usage") else each
        for each in records()
    ]
    count = sum(each.event.trace.tokens for each in told if getattr(each.event, "trace", None))  # type: ignore[union-attr]
    assert count and main(["runs", "--ledger", str(kept(tmp_path / "uncounted.db", told))]) == 0
    assert f"  ~{count:,} tok  " in capsys.readouterr().out
