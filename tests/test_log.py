from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from felix import log


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
