"""Settings, Storage: the real page in the real window, on a real ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from felix.gui.header import SETTINGS
from felix.gui.settings_tab.storage import StorageRows
from felix.ledger.export import records_of
from felix.ledger.reader import Reader
from tests.gui.ledgers import finished, keep
from tests.gui.opened import Opened, write_settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("storage")


@pytest.fixture(scope="module")
def opened(display: str, folder: Path) -> Iterator[Opened]:
    """One window for all: none of these tests minds what another has changed."""
    ledger = keep(
        folder / "ledger.db", *(finished(f"run-{n}", "Move the clinic", at=time.time() - n) for n in range(3))
    )
    settings = write_settings(folder / "settings.json", ledger_path=str(ledger))
    opened = Opened(settings, demo=True, ledger=ledger)
    opened.window.header.turn_to(SETTINGS)
    opened.settle()
    opened.window.settings_page.tab.go_to(4)
    opened.settle()
    yield opened
    opened.close()


def rows(felix: Opened) -> StorageRows:
    return felix.window.settings_page.tab.storage


def words(felix: Opened) -> str:
    return felix.words(felix.window.header.settings)


def test_it_says_where_runs_are_how_many_and_how_large(opened: Opened, folder: Path) -> None:
    opened.until(lambda: "3 runs, " in words(opened))
    assert rows(opened).file.entry.get() == str(folder / "ledger.db")
    opened.screenshot("storage-light")
    opened.click(rows(opened).compact)
    opened.until(lambda: "Compacting" not in words(opened) and "3 runs, " in words(opened))


def test_another_file_is_for_the_next_start_and_a_folder_is_refused(opened: Opened, folder: Path) -> None:
    opened.until(lambda: "3 runs, " in words(opened))
    field = rows(opened).file
    for text, said in ((str(folder), "must be a file"), (str(folder / "other.db"), "From the next start on")):
        field.entry.focus_force()
        field.entry.delete(0, "end")
        field.entry.insert(0, text)
        opened.press("<Return>", field.entry)
        assert said in words(opened)
    assert opened.window.settings.current.ledger_path == str(folder / "other.db")
    with Reader(folder / "ledger.db") as reader:
        assert len(reader.runs()) == 3
    opened.window.settings_page.tab.change(ledger_path=str(folder / "ledger.db"))


def test_how_long_runs_are_kept_is_chosen_and_kept(opened: Opened, folder: Path) -> None:
    rows(opened).keep._value.set("90")
    rows(opened).keep._chosen()
    assert opened.window.settings.current.keep_days == 90
    assert "90 days" in words(opened) or rows(opened).keep.button.cget("text") == "90 days"
    assert json.loads((folder / "settings.json").read_text())["keep_days"] == 90


def test_all_runs_go_into_a_folder_or_one_file(opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Callable[..., str]] = {
        "askdirectory": lambda **_: str(tmp_path / "all"),
        "asksaveasfilename": lambda **_: str(tmp_path / "all.json"),
    }
    for name, answer in asked.items():
        monkeypatch.setattr(f"tkinter.filedialog.{name}", answer)
    opened.click(rows(opened).exports["md"])
    opened.until(lambda: f"3 runs written to {tmp_path / 'all'}" in words(opened))
    documents = sorted((tmp_path / "all").iterdir())
    assert len(documents) == 3
    assert all("Patients first" in each.read_text() for each in documents)
    opened.click(rows(opened).exports["json"])
    opened.until(lambda: f"3 runs written to {tmp_path / 'all.json'}" in words(opened))
    whole = json.loads((tmp_path / "all.json").read_text())
    assert [len(records_of(json.dumps(run))) > 3 for run in whole["runs"]] == [True] * 3


def test_a_place_that_cannot_be_written_is_said(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("tkinter.filedialog.askdirectory", lambda **_: str(tmp_path / "file" / "inside"))
    opened.click(rows(opened).exports["md"])
    opened.until(lambda: "could not be written" in words(opened))
    assert str(tmp_path / "file" / "inside") in words(opened)
    assert "runs written to" not in words(opened)
    assert (tmp_path / "file").read_text() == ""
