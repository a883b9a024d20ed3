"""What importing may cost, and what an old Python can still read."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

READ_BY_ANY_PYTHON = (
    "run_gui.py",
    "src/felix/__init__.py",
    "src/felix/bootstrap.py",
    "tests/__init__.py",
    "tests/__main__.py",
)

LAUNCHER = ("bootstrap", "desktop", "display", "environment", "machine", "setup_window")


@pytest.mark.parametrize("path", READ_BY_ANY_PYTHON)
def test_what_an_old_python_runs_first_parses_on_3_6(path: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"), feature_version=(3, 6))
    assert ast.get_docstring(tree), "that is a module, and not an empty file"


def test_what_an_old_python_imports_first_is_in_3_6() -> None:
    wanted = {"os", "sys", "typing"}
    tree = ast.parse((ROOT / "src/felix/bootstrap.py").read_text(encoding="utf-8"))
    assert {name.name for node in tree.body if isinstance(node, ast.Import) for name in node.names} <= wanted
    assert {node.module for node in tree.body if isinstance(node, ast.ImportFrom)} <= wanted


def loaded_by(statement: str) -> set[str]:
    """The modules a fresh Python has after `statement` that it had not before."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "src")})
    return set(done.stdout.split())


def test_importing_felix_imports_nothing_else() -> None:
    assert loaded_by("import felix") == {"felix"}


def test_the_command_line_imports_no_face_before_one_is_asked_for() -> None:
    loaded = loaded_by("import felix.__main__")
    assert {name for name in loaded if name.startswith("felix.")} == {"felix.__main__", "felix.sharing"}
    assert not loaded & {"tkinter", "openai", "pydantic", "platformdirs", "asyncio"}


@pytest.mark.parametrize("module", LAUNCHER)
def test_what_runs_before_the_installation_needs_nothing_installed(module: str) -> None:
    loaded = {name.partition(".")[0] for name in loaded_by(f"import felix.{module}")}
    assert loaded - {"felix"} <= sys.stdlib_module_names
    assert {name for name in loaded_by(f"import felix.{module}") if name.startswith("felix.")} <= {
        f"felix.{name}" for name in LAUNCHER
    }


def test_a_warm_start_takes_only_what_it_uses() -> None:
    dear = {"dataclasses", "subprocess", "socket", "pathlib", "tomllib", "tkinter", "asyncio", "shutil", "glob"}
    assert (
        not loaded_by("from felix import bootstrap, environment, machine; machine.has('tk', environment.find())") & dear
    )


def test_the_window_is_up_before_the_model_client_is_imported() -> None:
    assert "openai" not in loaded_by("import felix.gui, felix.gui.window")


@pytest.mark.slow
def test_a_run_that_is_not_shown_on_a_wall_does_not_wait_for_rich() -> None:
    loaded = loaded_by("import felix.cli.run, felix.cli.replay")
    assert not [name for name in loaded if name.partition(".")[0] == "rich"]
