from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from felix import log
from felix.events import RunStarted, ThoughtComplete
from felix.llm.chat import ChatRequest
from tests.team.scripted import Line, says, workflow
from tests.team.test_runner import Watched


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    log.stop()
    logging.getLogger("felix").propagate = True


def test_a_key_never_reaches_the_log_not_even_in_a_traceback(tmp_path: Path) -> None:
    log.hide("sk-very-secret")
    assert log.start(tmp_path / "logs" / "felix.log") == ""
    try:
        raise ValueError("header Bearer sk-very-secret")
    except ValueError:
        logging.getLogger("felix.x").warning("sent sk-very-secret", exc_info=True)
    text = (tmp_path / "logs" / "felix.log").read_text()
    assert "sk-very-secret" not in text and "sent [key]" in text and "Bearer [key]" in text


def test_nor_does_one_that_a_library_spells_in_its_own_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = "sk/very+secret\\'\"k"
    log.hide(key)
    log.hide(key[:8])
    log.start(tmp_path / "felix.log")
    try:
        try:
            raise ValueError(f"Illegal header value {key.encode()!r}")
        except ValueError as error:
            raise RuntimeError({"authorization": f"Bearer {key}"}) from error
    except RuntimeError:
        logging.getLogger("httpx2").warning("%s %s", json.dumps({"key": key}), quote(key), exc_info=True)
    text = (tmp_path / "felix.log").read_text()
    assert "RuntimeError" in text and "ValueError" in text and "[key]" in text
    assert "secret" not in text
    assert capsys.readouterr().err == "", "a library's warning does not go past the filter"


def test_a_log_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    trouble = log.start(tmp_path / "file" / "felix.log")
    assert trouble.startswith("No log is written") and trouble.count(".") >= 1


def test_verbose_lines_also_go_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.start(tmp_path / "felix.log", verbosity=1)
    logging.getLogger("felix.x").info("a line")
    logging.getLogger("felix.x").debug("a detail")
    assert "a line" in capsys.readouterr().err
    assert "a detail" not in (tmp_path / "felix.log").read_text()


def test_what_a_server_wrote_is_one_line_that_commands_no_terminal(tmp_path: Path) -> None:
    log.start(tmp_path / "felix.log")
    logging.getLogger("felix.x").info("model %s", "tiny\x1b]0;title\x07\n2026-01-01 forged")
    text = (tmp_path / "felix.log").read_text()
    assert text.count("\n") == 1 and "\x1b" not in text and "\x07" not in text and "forged" in text


def test_a_detailed_log_says_more_in_the_file_and_nothing_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.start(tmp_path / "felix.log", detailed=True)
    logging.getLogger("felix.x").debug("a detail")
    assert "a detail" in (tmp_path / "felix.log").read_text() and capsys.readouterr().err == ""


def test_a_run_whose_server_did_not_answer_names_no_empty_model(tmp_path: Path) -> None:
    run = Watched(lambda request: says("x"), workflow("{id: research, role: research}", checkpoints="[0]"))
    begun = next(record for record in run.records if isinstance(record.event, RunStarted))
    log.start(tmp_path / "felix.log")
    log.RunLog()(replace(begun, event=replace(begun.event, model="")))
    assert ", the first model loaded, streaming on" in (tmp_path / "felix.log").read_text()


def test_each_step_of_a_run_is_one_line(tmp_path: Path) -> None:
    def script(request: ChatRequest) -> list[Line]:
        return says(f"Words of {request.agent_id}.\nConfidence: 0.72", usage=(100, 12))

    run = Watched(script, workflow("{id: research, role: research}", checkpoints="[0, 0.5]"))
    log.start(tmp_path / "felix.log")
    tell = log.RunLog()
    for record in run.records:
        tell(record)
    text = (tmp_path / "felix.log").read_text()
    lines = [line.partition(" INFO    ")[2] for line in text.splitlines()]
    for expected in (
        "run r starts: Test on Scripted http://127.0.0.1:1/v1, model m, streaming on, every 0 ms",
        "round 2 of 2 at 0.50: research-1",
        "research-1 enters at depth 0.00",
        "research-1 crosses checkpoint 0.00",
        "research-1 crosses checkpoint 0.50",
        "research-1#2 asks m, having read 1",
        "research-1#2 has its first token",
        "synthesis of 2 thoughts: All rounds are done.",
        "synthesis asks m, having read 2",
        "synthesis has its first token",
    ):
        assert lines.count(expected) == 1, f"{expected!r} in {lines}"
    assert sum(line.startswith("research-1#2 ends complete: 12 tokens") for line in lines) == 1
    assert sum("confidence 0.72" in line for line in lines) == 2
    assert sum(line.startswith("synthesis ends complete: 12 tokens") for line in lines) == 1
    assert lines[-1].startswith("run r ends complete after ")
    assert "Words of" not in text, "never a model's text"


def test_a_rate_that_nobody_counted_is_marked_as_an_estimate(tmp_path: Path) -> None:
    log.start(tmp_path / "felix.log")
    run = Watched(lambda request: says("Words.", usage=None), workflow(checkpoints="[0]"))
    end = next(r for r in run.records if isinstance(r.event, ThoughtComplete))
    assert isinstance(end.event, ThoughtComplete)
    log.RunLog()(replace(end, event=replace(end.event, tokens_per_s=40.0)))
    assert "tokens not counted, ~40.0 tok/s" in (tmp_path / "felix.log").read_text()
