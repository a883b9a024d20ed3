"""The wheel: installed somewhere else, it finds what a checkout finds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from felix.web import gate

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow

QUESTIONS = """
import json
from felix import places
from felix.events import Record, RunId, WrapUpAsked
from felix.ledger.export import html
from felix.web import page_files
print(json.dumps({
    "checkout": places.checkout(),
    "workflows": sorted(path.name for path in places.builtin_workflows().glob("*.yaml")),
    "icon": places.icon().is_file(),
    "page": html([Record(1, 1.0, RunId("r"), WrapUpAsked())]),
    "web": sorted(route.path for route in page_files.routes()),
    "defaults": json.loads(places.default_settings().read_text(encoding="utf-8")),
    "settings": str(places.settings_file()),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    done = subprocess.run([sys.executable, "-m", "pip", *build], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("felix-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs' folder of an environment with the wheel in it, and what it depends on from this one."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    into = ["--python", str(programs / "python"), "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    done = subprocess.run([sys.executable, "-m", "pip", *into], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    # A plain path: the link to the checkout that lies there too is not followed from here.
    (Path(paths["purelib"]) / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return programs


def outside(*command: str | Path) -> str:
    """What a command prints when nothing points it at the checkout."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd="/", env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_installed_felix_finds_what_ships_with_it(installed: Path, home: Path) -> None:
    found = json.loads(outside(installed / "python", "-c", QUESTIONS))
    assert found["checkout"] is None
    assert found["workflows"] == sorted(path.name for path in (ROOT / "assets" / "workflows").glob("*.yaml"))
    assert found["workflows"]
    assert set(found["web"]) == gate.OPEN
    assert found["icon"]
    assert "You asked for the synthesis now." in found["page"]
    assert found["defaults"] == json.loads((ROOT / "settings.json").read_text(encoding="utf-8"))
    assert Path(found["settings"]).is_relative_to(home / "config")


def test_an_installed_felix_has_its_commands(installed: Path) -> None:
    assert outside(installed / "felix", "--version").startswith("Felix ")
    assert "--task" in outside(installed / "felix-window", "--help")


def test_an_installed_felix_is_a_library(installed: Path) -> None:
    code = "import felix; print(felix.run_sync('A task', client=felix.ScriptedClient('Said.')).text)"
    assert outside(installed / "python", "-c", code) == "Said.\n"


def test_the_wheel_holds_felix_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"felix"}
    assert "felix/py.typed" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith((".part", ".bad"))]
