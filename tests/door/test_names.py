"""What `import felix` promises: each name is there, for people and for type checkers, and costs nothing before."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import felix

SOURCE = Path(felix.__file__)


@pytest.mark.parametrize("name", felix.__all__)
def test_each_name_is_there(name: str) -> None:
    assert getattr(felix, name) is not None
    assert name in dir(felix)


def test_a_type_checker_is_told_the_same_names() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name))
    told = {
        (f"felix.{alias.name}" if each.module == "felix" else each.module, alias.name)
        for each in block.body
        if isinstance(each, ast.ImportFrom)
        for alias in each.names
    }
    homes = {(home, name) for home, names in felix._HOMES.items() for name in names}
    assert told == homes | {("felix.events", "events")}
    assert {name for _, name in told} == set(felix.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        felix.nonsense  # noqa: B018
    assert not hasattr(felix, "__path_of_nobody__")


def test_a_run_needs_no_window_no_engine_and_no_sdk() -> None:
    code = "import sys, felix; felix.run, felix.Agent, felix.ScriptedClient; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(SOURCE.parent.parent)},
    )
    assert not set(done.stdout.split()) & {"tkinter", "openai", "httpx2", "felix.gui", "felix.cli", "felix.engine"}
