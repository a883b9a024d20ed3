"""The entry that starts Felix from a desktop's menu."""

from __future__ import annotations

import configparser
import re
import sys
from pathlib import Path

import pytest

from felix import desktop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="desktop entries are Linux's")


def read(text: str) -> dict[str, str]:
    """The values of an entry, as a desktop reads them."""
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return {name: re.sub(r"\\(.)", r"\1", value) for name, value in parser["Desktop Entry"].items()}


def arguments(command: str) -> list[str]:
    """What a desktop makes of an Exec line whose arguments are all quoted."""
    return [re.sub(r"\\(.)", r"\1", part).replace("%%", "%") for part in re.findall(r'"((?:\\.|[^"\\])*)"', command)]


@pytest.mark.parametrize("folder", ["plain", "Félix copy", 'a "quoted" one', "100 % $HOME `x`", "back\\slash"])
def test_the_entry_starts_this_checkout_wherever_it_is(folder: str, tmp_path: Path) -> None:
    root = tmp_path / folder
    entry = read(desktop.desktop_entry(str(root)))
    python, script = arguments(entry["Exec"])
    assert Path(python).exists()
    assert script == str(root / "run_gui.py")
    assert entry["StartupWMClass"] == "Felix"


def test_the_icon_is_named_once_it_is_there(tmp_path: Path) -> None:
    icon = tmp_path / "assets" / "icons" / "felix.png"
    assert read(desktop.desktop_entry(str(tmp_path)))["Icon"] != str(icon)
    icon.parent.mkdir(parents=True)
    icon.touch()
    assert read(desktop.desktop_entry(str(tmp_path)))["Icon"] == str(icon)


def test_the_entry_is_written_once_and_again_only_when_it_would_differ(home: Path, tmp_path: Path) -> None:
    entry = home / "data" / "applications" / "felix.desktop"
    desktop.offer_launcher(str(tmp_path))
    first = entry.stat()
    desktop.offer_launcher(str(tmp_path))
    assert entry.stat().st_ino == first.st_ino
    desktop.offer_launcher(str(tmp_path / "moved"))
    assert str(tmp_path / "moved") in entry.read_text()


def test_a_home_that_takes_no_entry_keeps_nobody_from_starting(home: Path, tmp_path: Path) -> None:
    (home / "data" / "applications").write_text("a file where the folder would be")
    desktop.offer_launcher(str(tmp_path))
    assert (home / "data" / "applications").is_file()
