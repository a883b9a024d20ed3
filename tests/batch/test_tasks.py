"""Files of tasks as users write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from felix.batch.tasks import Task, read_tasks
from felix.errors import WorkflowError
from felix.team.workflow import AgentSpec, Workflow

SHORT = Workflow(name="Short", agents=(AgentSpec(id="research", role="research"),), checkpoints=(0.0,))


def find(name: str) -> Workflow:
    if name not in ("", "short"):
        raise WorkflowError(f"There is no workflow called {name}; there are: short.")
    return SHORT


def read(tmp_path: Path, content: bytes) -> list[Task]:
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(content)
    return read_tasks(path, find)


def test_a_line_is_a_text_or_an_object_and_blank_lines_are_nothing(tmp_path: Path) -> None:
    tasks = read(
        tmp_path,
        b'\xef\xbb\xbf"Why?"\r\n\n{"task": "How?", "id": [1, null], "workflow": "short", "more": 1}\n  \n"End"',
    )
    assert [(task.line, task.text, task.id, task.fault) for task in tasks] == [
        (1, "Why?", None, ""),
        (3, "How?", [1, None], ""),
        (5, "End", None, ""),
    ]
    assert all(task.workflow == SHORT for task in tasks)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"Why?", "is no JSON"),
        (b'{"task": "Why?"', "is no JSON"),
        (b'{"task": "Why?", "id": NaN}', "is no JSON"),
        (b'"\xff\xfe"', "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"7", "has no task"),
        (b'["Why?"]', "has no task"),
        (b'{"prompt": "Why?"}', "has no task"),
        (b'{"task": "  "}', "has no task"),
        (b'{"task": 7}', "has no task"),
        (b'{"task": "Why?", "workflow": 7}', "names a workflow that is no text"),
        (b'{"task": "Why?", "workflow": "long"}', "There is no workflow called long"),
        (b'{"task": "Again?", "id": "a"}', "has the id of line 1"),
    ],
)
def test_a_bad_line_is_one_sentence_with_its_number_and_costs_the_others_nothing(
    tmp_path: Path, line: bytes, says: str
) -> None:
    before, bad, after = read(tmp_path, b'{"task": "One", "id": "a"}\n' + line + b'\n{"task": "Two"}\n')
    assert not before.fault and not after.fault and after.text == "Two"
    assert bad.fault.startswith("Line 2 of tasks.jsonl ") and says in bad.fault
    assert bad.fault.count(".jsonl") == 1 and bad.fault.endswith(".") and not bad.fault.endswith("..")
    assert bad.workflow is None and len(bad.text) <= 500


def test_an_id_is_known_again_wherever_it_stands_and_without_one_line_and_text_count(tmp_path: Path) -> None:
    first = read(tmp_path, b'{"task": "One", "id": {"b": 1, "a": 2}}\n"Two"\n"Three"\n')
    moved = read(tmp_path, b'"Two"\n"Three!"\n{"task": "One", "id": {"a": 2, "b": 1}}\n"Three"')
    assert first[0].key == moved[2].key
    assert not {task.key for task in first[1:]} & {task.key for task in moved}
    same = read(tmp_path, b'"Why?"\n"Why?"\n{"task": "Why?", "id": 1}\n{"task": "Why?", "id": "1"}\n')
    assert len({task.key for task in same}) == 4
