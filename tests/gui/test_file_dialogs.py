"""Where the dialogs for files open; the dialogs themselves belong to the desktop."""

from __future__ import annotations

import tkinter as tk
from pathlib import Path

import platformdirs
import pytest

from felix.gui.file_dialogs import FileDialogs


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """The folders in which dialogs opened; whoever reads chooses a file of `tmp_path/read`, who writes nothing."""
    folders: list[Path] = []

    def read(**options: object) -> tuple[str, ...]:
        folders.append(Path(str(options["initialdir"])))
        return (str(tmp_path / "read" / "a.txt"), str(tmp_path / "read" / "b.txt"))

    def write(**options: object) -> str:
        folders.append(Path(str(options["initialdir"])))
        return ""

    monkeypatch.setattr("tkinter.filedialog.askopenfilenames", read)
    monkeypatch.setattr("tkinter.filedialog.asksaveasfilename", write)
    return folders


def test_they_open_in_the_documents_and_then_where_the_last_file_was(
    asked: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: tk.Toplevel
) -> None:
    monkeypatch.setattr(platformdirs, "user_documents_path", lambda: tmp_path)
    (tmp_path / "read").mkdir()
    dialogs = FileDialogs()
    assert dialogs.save_markdown(window, "Save", "a.md") is None
    assert [path.name for path in dialogs.open_several(window, "Add")] == ["a.txt", "b.txt"]
    dialogs.save_markdown(window, "Save", "a.md")
    assert asked == [tmp_path, tmp_path, tmp_path / "read"]


def test_who_has_no_documents_begins_at_home(
    asked: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: tk.Toplevel
) -> None:
    monkeypatch.setattr(platformdirs, "user_documents_path", lambda: tmp_path / "none")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    FileDialogs().save_markdown(window, "Save", "a.md")
    assert asked == [tmp_path]
