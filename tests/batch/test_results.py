"""The file of results, as crashes and users leave it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from felix.batch.results import Results
from felix.batch.tasks import Task
from felix.errors import FelixError

TASKS = [Task(1, "Wh\x7fy \ud800?", fault="bad"), Task(2, "How?", id="b", fault="worse")]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    path = tmp_path / "out.jsonl"
    with Results.open(path) as results:
        for task in TASKS:
            results.add(task)
    return path


def test_each_task_is_one_line_and_known_again(out: Path) -> None:
    lines = out.read_bytes().splitlines()
    assert [json.loads(line)["line"] for line in lines] == [1, 2]
    assert list(json.loads(lines[1])) == [
        "id",
        "line",
        "task",
        "run",
        "status",
        "answer",
        "reason",
        "note",
        "tokens",
        "duration_s",
        "model",
    ]
    assert out.read_bytes().isascii() and b"\x7f" not in out.read_bytes()
    with Results.open(out) as results:
        assert set(results.done) == {task.key for task in TASKS}


def test_a_line_torn_at_any_byte_is_cut_off_and_nothing_else(out: Path) -> None:
    whole = out.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole) - 1):
        out.write_bytes(whole[:cut])
        with Results.open(out) as results:
            assert set(results.done) == {TASKS[0].key}
            results.add(TASKS[1])
        assert out.read_bytes() == whole
    out.write_bytes(whole[:first] + b"\0" * 50)  # as some file systems leave it after a power cut
    with Results.open(out) as results:
        assert set(results.done) == {TASKS[0].key}
    assert out.read_bytes() == whole[:first]


def test_a_whole_line_without_its_break_counts_and_gets_one(out: Path) -> None:
    whole = out.read_bytes()
    out.write_bytes(whole[:-1])
    with Results.open(out) as results:
        assert len(results.done) == 2
    assert out.read_bytes() == whole


@pytest.mark.parametrize("content", [b"Dear diary", b"Dear diary\n", b'{"a": 1}\n', b'{"a": 1}', b"[]\n"])
def test_a_file_that_holds_anything_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "diary.txt"
    path.write_bytes(content)
    with pytest.raises(FelixError, match=r"Line 1 of .*diary\.txt is no result of a batch"):
        Results.open(path)
    assert path.read_bytes() == content


def test_two_batches_do_not_share_a_file(out: Path) -> None:
    with Results.open(out), pytest.raises(FelixError, match="Another batch writes to"):
        Results.open(out.parent / "." / out.name)
    Results.open(out).__exit__()


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "out.jsonl"):
        with pytest.raises(FelixError, match=r"cannot be written .* – name another file"):
            Results.open(path)


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files as POSIX systems do")
def test_a_full_disk_leaves_no_half_line(out: Path) -> None:
    import resource
    import signal

    before, soft = out.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Results.open(out) as results:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, soft[1]))
        try:
            with pytest.raises(FelixError, match="make room, then start again"):
                results.add(Task(3, "More?", fault="none"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, soft)
            signal.signal(signal.SIGXFSZ, handler)
        assert len(results.done) == 2
    assert out.read_bytes() == before
