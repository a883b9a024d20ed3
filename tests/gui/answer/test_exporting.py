"""The export menu of the run on screen, in the whole window, on a real ledger."""

from __future__ import annotations

import gc
import tkinter as tk
from collections.abc import Iterator
from pathlib import Path

import pytest

from felix.events import RunId
from felix.gui.answer.exporting import OPEN_FOLDER
from felix.ledger.export import records_of
from tests.gui.ledgers import keep
from tests.gui.opened import Opened, write_settings
from tests.ledger.runs import records


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keep(tmp_path_factory.mktemp("ledger") / "ledger.db", records())


class Exported:
    """A window on a run of the ledger, and a user who saves to `path`."""

    def __init__(self, folder: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path: Path | None = folder / "run.one"
        self.offered: list[str] = []
        monkeypatch.setattr("tkinter.filedialog.asksaveasfilename", self._ask)
        self.felix = Opened(write_settings(folder / "settings.json"), demo=True, ledger=ledger)
        self.window = self.felix.window
        self.window.keeping.shelf.open(RunId("20261121-101010-1"))
        self.felix.until(lambda: self.window.bridge.state.synthesis is not None)

    @property
    def menu(self) -> tk.Menu:
        menu = self.window.synthesis.head.export.menu
        self.felix.app.tk.eval(str(menu.cget("postcommand")))
        return menu

    def choose(self, label: str) -> str:
        """Take a line of the menu; what the status bar says then."""
        assert self.path is not None
        name = self.path.name
        self.menu.invoke(label)
        self.felix.until(lambda: name in self.said)
        return self.said

    @property
    def said(self) -> str:
        return self.felix.words(self.window.status.frame)

    def _ask(self, **options: object) -> str:
        self.offered.append(str(options["initialfile"]))
        return str(self.path) if self.path else ""


@pytest.fixture(scope="module")
def window(display: str, ledger: Path) -> Iterator[Exported]:
    with pytest.MonkeyPatch.context() as patch:
        exported = Exported(ledger.parent, ledger, patch)
        yield exported
        exported.felix.close()
        vars(exported.felix).clear()  # pytest keeps the rest until later, and then any thread may be the one to collect
        vars(exported).clear()
        gc.collect()


@pytest.fixture
def exported(window: Exported, tmp_path: Path) -> Exported:
    """Nothing has been said yet."""
    window.path, window.offered[:] = tmp_path / "run.one", []
    window.window.status.say("")
    return window


def test_a_run_is_written_in_each_format_and_its_place_said(exported: Exported, tmp_path: Path) -> None:
    assert exported.menu.entrycget(OPEN_FOLDER, "state") == "disabled", "nothing was exported yet"
    for label, ending in (("Markdown…", "md"), ("JSON, all events…", "json"), ("Page that replays it…", "html")):
        exported.path = tmp_path / f"run.{ending}"
        assert f"Exported to {exported.path}" in exported.choose(label)
        assert "Why?" in exported.path.read_text(encoding="utf-8")
    assert exported.offered == ["why.md", "why.json", "why.html"]
    assert exported.menu.entrycget(OPEN_FOLDER, "state") == "normal"


def test_thinking_goes_along_when_it_is_asked_for(exported: Exported) -> None:
    assert exported.path is not None
    for is_asked in (False, True):
        if is_asked:
            exported.menu.invoke("With what the models thought")
        exported.path.unlink(missing_ok=True)
        exported.choose("JSON, all events…")
        exported.felix.until(exported.path.exists)
        text = exported.path.read_text(encoding="utf-8")
        assert ("Secretly" in text) is is_asked and records_of(text)


def test_a_place_that_cannot_be_written_is_said(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    exported.path = tmp_path / "file" / "run.md"
    assert "run.md could not be written" in exported.choose("Markdown…")


def test_who_thinks_better_of_it_gets_no_file(exported: Exported, tmp_path: Path) -> None:
    exported.path = None
    exported.menu.invoke("Markdown…")
    exported.felix.settle()
    assert "Exported" not in exported.said and exported.offered == ["why.md"]


def test_the_window_goes_on_while_a_long_run_is_written(exported: Exported) -> None:
    exported.menu.invoke("Page that replays it…")
    assert "Exported" not in exported.said  # it is not written yet: Tk's thread has only asked for it
    exported.felix.until(lambda: "Exported" in exported.said)
